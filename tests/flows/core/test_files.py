"""Reading with limits, writing whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.core.digest import digest_bytes
from flows.core.errors import InputError, SetupError
from flows.core.files import digest, read_bytes, read_text, write_atomic


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes("Größe\r\n".encode())
    assert read_text(tmp_path / "one.txt", "") == "Größe\r\n"
    assert read_bytes(tmp_path / "one.txt", 9, "") == "Größe\r\n".encode()


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe", "device", "proc", "null", "large", "binary"])
def test_what_cannot_be_read_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "input"
    match kind:
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case "device":
            place = Path("/dev/zero")
        case "proc":
            place = Path("/proc/self/pagemap")  # 256 GB
        case "null":
            place = Path("a\0b")
        case "large":
            with place.open("wb") as file:
                file.truncate(1 << 40)  # sparse
        case "binary":
            place.write_bytes(b"\xff")
    with pytest.raises(InputError, match="Take another"):
        read_text(place, "take another")
    if kind != "binary":
        with pytest.raises(InputError, match="Take another"):
            digest(place, 1 << 20, "take another")


def test_a_digest_read_in_pieces_is_that_of_the_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "large").write_bytes(content)
    assert digest(tmp_path / "large", len(content), "") == digest_bytes(content)


def test_a_file_is_written_whole_or_stays(tmp_path: Path) -> None:
    place = tmp_path / "result.json"
    write_atomic(place, "first")
    place.chmod(0o600)
    write_atomic(place, "second")
    assert place.read_text() == "second" and place.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError):
        write_atomic(tmp_path / "absent" / "result.json", "third")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_full_disk_leaves_the_old_file() -> None:
    with pytest.raises(SetupError, match="no room left"):
        write_atomic(Path("/dev/full"), "text")
