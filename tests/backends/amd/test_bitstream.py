"""Bitstreams: what is counted, and what is refused, on a made-up device; and public ones, where they are at hand."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd.bitstream import archive, count, crc, packets, prjxray
from flows.core.errors import InputError, SetupError
from tests.backends.amd import fabric

BITSTREAMS = "ZYNQFLOWS_BITSTREAMS"
PUBLIC = json.loads(Path(__file__).with_name("public_bitstreams.json").read_text())


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabric.write_database(tmp_path_factory.mktemp("prjxray"))


def counted(content: bytes, database: Path) -> count.DecodedCounts:
    bitstream = packets.parse(content, "x.bit")
    return count.count(bitstream, prjxray.load(database, bitstream, "x.bit"))


def test_luts_are_recognised_by_what_they_do(database: Path) -> None:
    counts = counted(fabric.some_bitstream(), database)
    assert counts == count.DecodedCounts(lut_logic=2, lutram=1, srl=1, route_through=3, ramb18=3, dsp=1)
    assert counts.lut == 4


def test_an_empty_device_takes_nothing(database: Path) -> None:
    assert counted(fabric.bit_file(fabric.packets(fabric.frames(()))), database) == count.DecodedCounts(
        0, 0, 0, 0, 0, 0
    )


@pytest.mark.parametrize("half", (0, 1))
@pytest.mark.parametrize("kind", fabric.FEATURES)
def test_every_feature_is_read_where_it_stands_and_nowhere_else(database: Path, kind: str, half: int) -> None:
    for name in fabric.FEATURES[kind]:
        if name != "SLICEL_X0.AFF.ZINI":
            counts = counted(fabric.bit_file(fabric.packets(fabric.frames([(half, kind, name)]))), database)
            assert counts.lut + counts.route_through + counts.ramb18 + counts.dsp == 1, name


@given(pin=st.integers(0, 5), other=st.integers(0, 4), third=st.integers(0, 4))
def test_luts_that_compute_nothing_are_left_out(pin: int, other: int, third: int) -> None:
    from numpy import array, uint64

    whole, low, high = count.PASSING[pin], count.PASSING_HALF[other], count.PASSING_HALF[third]
    passing = [whole, low, high << 32, low | high << 32]
    inverted = [~each & (1 << 64) - 1 for each in passing]
    assert count._passes(array(passing, uint64)).all()
    assert not count._passes(array(inverted, uint64)).any()


def test_the_header_says_which_design_it_is() -> None:
    bitstream = packets.parse(fabric.some_bitstream(), "x.bit")
    assert bitstream.header == packets.Header("design_1_wrapper", "xc7z010clg400", "2022.1", "2026/11/28")
    assert bitstream.device == "xc7z010"


def test_a_bitstream_vouches_for_itself(database: Path) -> None:
    content = bytearray(fabric.guarded(fabric.frames(fabric.SOME, fabric.TABLES)))
    assert counted(bytes(content), database).lut == 4
    for at in range(len(content) - 4000, len(content) - 100, 777):
        edited = content.copy()
        edited[at] ^= 1
        with pytest.raises(InputError, match="its CRC is"):
            packets.parse(bytes(edited), "x.bit")


@given(st.binary(max_size=3000), st.integers(0, 31), st.integers(0, (1 << 32) - 1))
def test_sums_of_frames_are_those_of_their_words(content: bytes, register: int, start: int) -> None:
    words = content[: len(content) // 4 * 4]
    slow = start
    for at in range(0, len(words), 4):
        slow = crc.extend(slow, register, memoryview(words)[at : at + 4])
    assert crc.extend(start, register, memoryview(words)) == slow
    assert crc.extend(0, register, memoryview(words)) == fabric.summed((register, words))


def test_packets_alone_are_read_too() -> None:
    assert packets.parse(fabric.packets(fabric.frames(())), "x.bin").header == packets.Header()


FRAMES = fabric.frames(fabric.SOME, fabric.TABLES)
REFUSED = {
    "another family": (fabric.bit_file(fabric.packets(FRAMES, 0x13631093), part="7a100tcsg324"), "xc7a100tcsg324"),
    "another part than its header's": (fabric.bit_file(fabric.packets(FRAMES, 0x03727093)), "xc7z020 by its IDCODE"),
    "compressed": (fabric.packets(FRAMES, before=fabric.write(10, 0, 0)), "compressed"),
    "encrypted, by its key": (fabric.packets(FRAMES, before=fabric.write(11, 1, 2, 3, 4)), "encrypted"),
    "encrypted, by its count": (fabric.packets(FRAMES, before=fabric.write(26, 99)), "encrypted"),
    "encrypted, by its control": (fabric.packets(FRAMES, before=fabric.write(5, 1 << 6)), "encrypted"),
    "of nothing": (b"", "no synchronisation word"),
    "of text": (b"#!/bin/sh\n" * 99, "no synchronisation word"),
    "without frames": (fabric.packets(b""), "no frames in it"),
    "without its end": (fabric.packets(FRAMES, end=b""), "no command that ends it"),
    "in pieces": (fabric.packets(FRAMES, before=fabric.write(2, *[0] * 101)), "in several pieces"),
    "without its device": (fabric.SYNC + fabric.write(2, *[0] * 101) + fabric.END, "before the IDCODE"),
    "with a packet of no type": (fabric.packets(FRAMES, before=b"\xe0\0\0\0"), "unknown type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plain_bitstream_of_a_zynq_is_refused(case: str) -> None:
    content, fact = REFUSED[case]
    with pytest.raises(InputError, match=fact) as told:
        packets.parse(content, "x.bit")
    assert "\n" not in str(told.value) and told.value.exit_code == 3


def test_a_partial_bitstream_is_refused(database: Path) -> None:
    with pytest.raises(InputError, match="partial"):
        counted(fabric.bit_file(fabric.packets(FRAMES[: -404 * 4])), database)


@given(st.integers(0, len(fabric.some_bitstream()) - len(fabric.END)))
def test_a_bitstream_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(InputError):
        packets.parse(fabric.some_bitstream()[:end], "x.bit")


@given(st.binary(max_size=400), st.sampled_from(["alone", "packets", "header"]))
def test_any_bytes_are_a_bitstream_or_an_error(content: bytes, how: str) -> None:
    whole = {"alone": content, "packets": fabric.SYNC + content, "header": fabric.bit_file(b"")[:13] + content}[how]
    with pytest.raises(InputError):
        packets.parse(whole, "x.bit")


WORDS = st.sampled_from(
    [*(1 << 29 | op << 27 | register << 13 | n for op in (0, 1, 2) for register in range(32) for n in (0, 1, 2)),
     0x20000000, 0xFFFFFFFF, 0, 13, 1 << 6, fabric.IDCODE, 2 << 29 | 2 << 27 | 5, 0xAA995566, 7 << 29]
)  # fmt: skip


@given(st.lists(WORDS, max_size=60))
def test_any_packets_are_a_bitstream_or_an_error(words: list[int]) -> None:
    try:
        bitstream = packets.parse(fabric.SYNC + struct.pack(f">{len(words)}I", *words), "x.bit")
    except InputError:
        return
    assert bitstream.device == "xc7z010" and bitstream.frames


@given(st.integers(0, 1 << 32))
def test_an_edited_bitstream_gives_counts_or_an_error(database: Path, seed: int) -> None:
    random, content = Random(seed), bytearray(fabric.some_bitstream())
    for _ in range(random.randint(1, 4)):
        content[random.randrange(300)] = random.randrange(256)
    try:
        counted(bytes(content), database)
    except InputError:
        return


def test_without_the_database_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(prjxray.VARIABLE, str(tmp_path))
    with pytest.raises(SetupError, match="apt install prjxray-database") as told:
        prjxray.find()
    assert told.value.exit_code == 5
    with pytest.raises(SetupError, match="no zynq7 database"):
        prjxray.find(tmp_path / "nowhere")


def test_the_database_is_located_by_its_variable_and_by_its_folders(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(prjxray.VARIABLE, str(database))
    assert prjxray.find() == prjxray.find(database) == prjxray.find(database / "zynq7") == database
    assert prjxray.supported(database) == ("xc7z010",)


def test_a_device_that_the_database_lacks_is_named(database: Path) -> None:
    content = fabric.bit_file(fabric.packets(FRAMES, 0x03731093), part="7z045ffg900")
    with pytest.raises(InputError, match="xc7z045, of which the database"):
        counted(content, database)


@given(st.integers(0, 1 << 32))
def test_a_damaged_database_is_named(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    random, folder = Random(seed), fabric.write_database(tmp_path_factory.mktemp("damaged"))
    path = random.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(content))
        content[at : at + random.randint(0, 3)] = random.choice([b"", b"-", b"9", b"{", b"null", b"\xff"])
    path.write_bytes(content)
    try:
        counted(fabric.some_bitstream(), folder)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("row", PUBLIC, ids=[row["id"] for row in PUBLIC])
def test_public_bitstreams_have_the_counts_that_were_published_of_them(row: dict[str, object]) -> None:
    """Files ID.bit (.hdf, .xsa) in the folder `BITSTREAMS`, each from the repository, path and commit of its row."""
    folder = os.environ.get(BITSTREAMS)
    if not folder:
        pytest.skip(f"no folder of public bitstreams: name one in ${BITSTREAMS}")
    try:
        database = prjxray.find()
    except SetupError as error:
        pytest.skip(str(error))
    path = Path(folder) / f"{row['id']}{Path(str(row['path'])).suffix}"
    if not path.exists():
        pytest.skip(f"{path.name} is not in it")
    content = path.read_bytes()
    content = content if path.suffix == ".bit" else archive.parse(content, path.name).bitstream
    counts = counted(content, database)
    assert {"lut": counts.lut, **vars(counts)} == row["decoded"]
