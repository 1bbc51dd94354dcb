"""What is no file, or one without end, wherever a command takes a file: refused at once."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from flows import imports
from flows.core.errors import InputError
from flows.jobs import PRETRAINED
from models import cifar10
from tests.hostile.conftest import ErrorLine

LIMIT_S = 30


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """What hangs, fails."""

    def fail(number: int, frame: object) -> None:
        raise AssertionError(f"not refused within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


KINDS = ("pipe", "device", "folder", "proc", "sparse")


def odd(kind: str, path: Path) -> Path:
    """At `path`, or a link from there."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "proc":
            path.symlink_to("/proc/self/pagemap")
        case "sparse":
            with path.open("wb") as file:
                file.truncate(6 << 30)
    return path


EVIDENCE = ("top_cosim.rpt", "top.bit", "top.xsa", "top.hwh", "board.toml", "post_synth_resources.json")
COMMANDS = {
    "model.onnx": ("estimate", "hls4ml", "--network", "{}"),
    "model.keras": ("estimate", "hls4ml", "--network", "{}"),
    "checked.onnx": ("check", "finn", "{}"),
    "weights.safetensors": ("estimate", "hls", "--weights", "{}"),
    "config.yml": ("estimate", "hls4ml", "--config", "{}"),
    "folding.json": ("estimate", "hls", "--folding", "{}"),
    "finn.json": ("estimate", "finn", "--folding", "{}"),
    "csynth.rpt": ("estimate", "hls4ml", "--report", "{}"),
    "policy.toml": ("gate", "--policy", "{}"),
    "record.json": ("diff", "{}", "{}"),
    **dict.fromkeys(
        ("top_cosim.rpt", "top.bit", "top.xsa", "top.hwh", "board.toml", "post_synth_resources.json"), ("import", "{}")
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_what_is_no_file(name: str, kind: str, error_line: ErrorLine, tmp_path: Path) -> None:
    place = odd(kind, tmp_path / name)
    started, most = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert name in error_line(*(word.format(place) for word in COMMANDS[name]))
    assert time.monotonic() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < most + (300 << 10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".ranges.json", ".card.json"])
def test_what_lies_beside_weights(ending: str, kind: str, error_line: ErrorLine, tmp_path: Path) -> None:
    for each in (".safetensors", ".ranges.json", ".card.json"):
        if each != ending:
            (tmp_path / f"own{each}").write_bytes((PRETRAINED / f"arch8{each}").read_bytes())
    odd(kind, tmp_path / f"own{ending}")
    assert f"own{ending}" in error_line("estimate", "hls", "--weights", tmp_path / "own.safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_images(kind: str, error_line: ErrorLine, tmp_path: Path) -> None:
    odd(kind, tmp_path / "test_batch.bin")
    assert "test_batch.bin" in error_line("evaluate", "arch8", "--data", tmp_path)
    with pytest.raises(InputError):
        cifar10.check(tmp_path / "test_batch.bin")
    with pytest.raises(InputError):
        imports.asset(odd(kind, tmp_path / "images.npy"), "give a .npy file", imports.IMAGES_LIMIT)
    with pytest.raises(InputError):
        imports.beside(tmp_path / "model.onnx", odd(kind, tmp_path / "weights.bin").name)


def test_a_batch_of_no_whole_records(tmp_path: Path) -> None:
    for size in (0, 1, cifar10.RECORD_BYTES + 1):
        (tmp_path / "own.bin").write_bytes(bytes(size))
        with pytest.raises(InputError, match=rf"{size:,} bytes, where a record of one image has 3,073"):
            cifar10.check(tmp_path / "own.bin")


SHAPE = (6, 6, 3)


def header(text: str, version: bytes = b"\1\0") -> bytes:
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode()


def array(shape: str, dtype: str = "|u1") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n"


ARRAYS = {
    "larger than the file": (header(array("(1000000000000, 6, 6, 3)")) + bytes(108), "no plain array"),
    "overflowing": (header(array(f"({1 << 62}, {1 << 62}, 6, 3)")), "no plain array"),
    "negative": (header(array("(-1, 6, 6, 3)")) + bytes(108), "no plain array"),
    "huge number": (header(array(f"({'9' * 5000}, 6, 6, 3)")), "no plain array"),
    "objects": (header(array("(1, 6, 6, 3)", "|O")) + bytes(108), "no plain array"),
    "nested": (header("[" * 3000), "no plain array"),
    "no header": (header("x" * 20), "no plain array"),
    "a call": (header("__import__('os').system('true')"), "no plain array"),
    "unclosed": (header("{'descr': (("), "no plain array"),
    "cut off": (header(array("(2, 6, 6, 3)")) + bytes(108), "no plain array"),
    "more": (header(array("(1, 6, 6, 3)")) + bytes(109), "1 bytes behind its array"),
    "empty": (b"", "no plain array"),
    "a zip": (b"PK\3\4" + bytes(40), "no plain array"),
    "a pickle": (b"\x80\4\x95" + bytes(40), "no plain array"),
    "version 9": (header(array("(1, 6, 6, 3)"), b"\x09\0") + bytes(108), "no plain array"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_none(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from models.imported.workers.measure import read_images

    content, fact = ARRAYS[name]
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(InputError, match=fact) as refusal:
        read_images(tmp_path / "images.npy", SHAPE)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_that_are_images(order: Literal["C", "F"], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from models.imported.workers.measure import read_images

    images = np.arange(2 * 108, dtype=np.uint8).reshape(2, *SHAPE)
    np.save(tmp_path / "c.npy", images)
    np.save(tmp_path / "images.npy", np.asarray(images, order=order))
    pixels, digest = read_images(tmp_path / "images.npy", SHAPE)
    assert np.array_equal(pixels, images) and pixels.flags.c_contiguous
    assert digest == read_images(tmp_path / "c.npy", SHAPE)[1]
