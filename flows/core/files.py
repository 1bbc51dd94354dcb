"""Files of the user's: read from regular files only, with a limit before any work; written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from flows.core.digest import LENGTH
from flows.core.errors import InputError, SetupError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The error numbers of a full disk and of a user's full quota."""
MEBIBYTE = 1 << 20
TEXT_LIMIT = 16 * MEBIBYTE
"""Bytes of a text that a person or a tool wrote: a report, a configuration, a policy, a record."""
MODEL_LIMIT = 512 * MEBIBYTE
"""Bytes of a model, its weights included: no Zynq-7000 holds a hundredth of that."""


@contextmanager
def opened(path: Path, limit: int, advice: str, culprit: str = "") -> Iterator[BufferedReader]:
    """A regular file of at most `limit` bytes, open for reading.

    Raises `InputError` for `culprit` (the path where empty), with `advice`, where there is none, where it is a folder,
    a device, a pipe or a socket, where it is larger, or where reading it fails. Never waits for a writer.
    """
    name = culprit or str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(name, "no such file", advice) from None
    except (OSError, ValueError) as reason:  # ValueError: a null character in the name
        raise InputError(name, f"cannot be read ({getattr(reason, 'strerror', reason)})", advice) from None
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode) or status.st_size > limit:
        os.close(descriptor)
        large = f"{status.st_size:,} bytes, where at most {limit:,} are read"
        raise InputError(name, large if S_ISREG(status.st_mode) else "not a regular file", advice)
    with os.fdopen(descriptor, "rb") as file:
        try:
            if not status.st_size and file.peek(1):  # /proc: some of it has no end
                raise InputError(name, "not a file on a disk: its size is 0, and it is not empty", advice)
            yield file
        except OSError as reason:
            raise InputError(name, f"cannot be read ({reason.strerror})", advice) from None


def read_bytes(path: Path, limit: int, advice: str, culprit: str = "") -> bytes:
    """The content of a file, as `opened` gives it; raises `InputError`."""
    with opened(path, limit, advice, culprit) as file:
        return file.read(limit)


def read_text(path: Path, advice: str, culprit: str = "", limit: int = TEXT_LIMIT) -> str:
    """The text of a UTF-8 file, line ends as they are; raises `InputError`."""
    try:
        return read_bytes(path, limit, advice, culprit).decode()
    except UnicodeDecodeError:
        raise InputError(culprit or str(path), "not text in UTF-8", advice) from None


def digest(path: Path, limit: int, advice: str, culprit: str = "") -> str:
    """`flows.core.digest.digest_bytes` of a file's content, which is read in pieces; raises `InputError`."""
    with opened(path, limit, advice, culprit) as file:
        return file_digest(file, "sha256").hexdigest()[:LENGTH]


def write_atomic(path: Path, content: str | bytes) -> None:
    """Writes a file whole, or leaves what was there before; raises `SetupError`, also where the disk is full."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with writing(f"file {path}"):
        if path.exists() and not path.is_file():  # a pipe or a device, such as /dev/stdout: nothing to keep whole
            path.write_bytes(data)
            return
        target = path.resolve()  # a link stays a link
        scratch = target.with_name(f".{target.name[:60]}.{uuid4().hex[:8]}")
        try:
            with scratch.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                scratch.chmod(target.stat().st_mode & 0o7777)
            scratch.replace(target)
        except BaseException:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise


@contextmanager
def writing(culprit: str) -> Iterator[None]:
    """Where writing fails inside, a full disk or a place that forbids it: `SetupError` for `culprit`."""
    try:
        yield
    except OSError as reason:
        raise unwritable(culprit, reason) from None


def unwritable(culprit: str, reason: OSError) -> SetupError:
    """The error for what could not be written, which says so where the disk is full."""
    if reason.errno in FULL:
        return SetupError(culprit, "no room left on its disk", "make room there, or name another place")
    return SetupError(culprit, f"cannot be written ({reason.strerror or reason})", "name another place")
