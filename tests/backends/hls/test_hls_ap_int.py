"""The stand-in for AMD's ap_int.h: integers of any width, whose ranges are those of Python's integers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd.workers import ap_types
from backends.hls.workers.generate import TEMPLATES

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="g++ is absent")

SOURCE, WORDS = (Path(__file__).with_name(name) for name in ("ap_integers.cpp", "words.cpp"))
WIDTHS, PARTS = (1, 7, 22, 32, 63, 64, 65, 128, 129, 337, 1024), (5, 8, 64, 65, 200)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ctypes.CDLL]:
    built = tmp_path_factory.mktemp("ap_int") / "ap_integers.so"
    flags = ["-std=c++14", "-O1", "-Wall", "-Werror", "-fPIC", "-shared", "-fsanitize=undefined,bounds"]
    stops = ["-fno-sanitize-recover=all"]
    subprocess.run(["g++", *flags, *stops, f"-I{TEMPLATES}/tb/native", SOURCE, "-o", built], check=True)
    loaded = ctypes.CDLL(str(built))
    loaded.check.restype = ctypes.c_longlong
    yield loaded


def signed(bits: int, number: int) -> int:
    number &= (1 << bits) - 1
    return number - (number >> bits - 1 << bits)


@given(st.sampled_from(WIDTHS), st.sampled_from(PARTS), st.data())
def test_ranges_are_those_of_an_integer(library: ctypes.CDLL, bits: int, part_bits: int, data: st.DataObject) -> None:
    """Of one that is shorter than the part that is put there, or longer; at every place of it."""
    low = data.draw(st.integers(0, bits - 1))
    high = data.draw(st.integers(low, bits - 1))
    word, part = data.draw(st.integers(0, (1 << bits) - 1)), data.draw(st.integers(0, (1 << part_bits) - 1))
    buffers = [
        ctypes.create_string_buffer(number.to_bytes((width + 7) // 8, "little"), (width + 7) // 8)
        for number, width in ((word, bits), (part, part_bits))
    ]
    sign = library.check(bits, part_bits, *buffers, high, low)
    mask = (1 << high - low + 1) - 1
    written = word & ~(mask << low) | (part & mask) << low
    read = (written >> low & mask) & (1 << part_bits) - 1
    assert int.from_bytes(buffers[0].raw, "little") == written
    assert int.from_bytes(buffers[1].raw, "little") == read
    assert sign == signed(min(part_bits, 64), read)


@given(st.integers(-(2**21), 2**21 - 1), st.integers(-(2**21), 2**21 - 1))
def test_what_does_not_fit_wraps(library: ctypes.CDLL, start: int, other: int) -> None:
    assert library.wrapped(start, other, 1) == signed(22, start + other + 1)
    assert library.wrapped(start, other, 0) == (start + other + 1) % 2**22


def test_words_hold_their_values_in_order_and_counters_know_their_last(tmp_path: Path) -> None:
    assert faults(tmp_path, TEMPLATES / "tb/native") == 0


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("hls4ml"), reason="hls4ml, which carries AMD's ap_int, is absent")
def test_they_do_with_amds_header_beyond_its_usual_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ap_types.main({"folder": "ap_types"})
    assert faults(tmp_path, tmp_path / "ap_types") == 0


def faults(folder: Path, headers: Path) -> int:
    program = folder / "words"
    flags = ["-std=c++14", "-O1", "-w", f"-I{headers}", f"-I{TEMPLATES}/src"]
    subprocess.run(["g++", *flags, WORDS, "-o", program], check=True)
    return subprocess.run([program]).returncode
