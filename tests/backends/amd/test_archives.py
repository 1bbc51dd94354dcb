"""Archives and hardware handoffs around a bitstream: what is read of them, and what is refused."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd.bitstream import archive, handoff
from flows.core.errors import InputError

HANDOFF = """<?xml version="1.0"?>
<EDKSYSTEM EDWVERSION="1.2" VIVADOVERSION="2022.2">
 <SYSTEMINFO ARCH="zynq" BOARD="tul.com.tw:pynq-z2" DEVICE="7z020" NAME="top" PACKAGE="clg400" SPEEDGRADE="-1"/>
 <MODULES>
  <MODULE MODTYPE="processing_system7"><PORTS>
   <PORT CLKFREQUENCY="142857132" DIR="O" NAME="FCLK_CLK0"/>
   <PORT CLKFREQUENCY="50000000" DIR="I" NAME="M_AXI_GP0_ACLK"/>
  </PORTS></MODULE>
  <MODULE MODTYPE="axi_dma"/><MODULE MODTYPE="axi_dma"/>
 </MODULES>
</EDKSYSTEM>
"""
INNER = HANDOFF.replace("processing_system7", "axi_smc").replace('NAME="top"', 'NAME="smc"')


def packed(members: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as held:
        for name, content in members.items():
            held.writestr(name, content)
    return file.getvalue()


def test_a_handoff_tells_part_clock_and_cores() -> None:
    members = handoff.parse(HANDOFF.encode(), "x.hwh")
    assert (members.design, members.part, members.tool) == ("top", "xc7z020clg400-1", "2022.2")
    assert members.clocks_mhz == {"FCLK_CLK0": 142.857132}
    assert members.ips == {"axi_dma": 2, "processing_system7": 1} and members.is_whole
    for written, mhz in (("1e+08", 100), ("1.5e+08", 150), ("5e7", 50)):
        assert handoff.parse(HANDOFF.replace("142857132", written).encode(), "x.hwh").clocks_mhz == {"FCLK_CLK0": mhz}


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (HANDOFF[:200], "damaged XML"),
        ("<html/>", "no hardware handoff"),
        (HANDOFF.replace("<EDK", '<!DOCTYPE a [<!ENTITY b "c">]><EDK', 1), "document type"),
        (HANDOFF.replace("142857132", "fast"), "'fast' where the frequency"),
        (HANDOFF.replace("142857132", "0"), "'0' where the frequency"),
        (HANDOFF.replace("142857132", "1e999"), "'1e999' where the frequency"),
    ],
)
def test_what_is_no_handoff_is_refused(content: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        handoff.parse(content.encode(), "x.hwh")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_handoff_or_an_error(content: bytes) -> None:
    with pytest.raises(InputError):
        handoff.parse(content, "x.hwh")


def test_an_archive_gives_its_bitstream_and_the_handoff_of_the_whole_design() -> None:
    members = {"top.bit": b"bits", "design_1.hwh": HANDOFF.encode(), "smc.hwh": INNER.encode(), "ps7_init.c": b"//"}
    result = archive.parse(packed(members), "x.xsa")
    assert (result.name, result.bitstream) == ("top.bit", b"bits")
    assert result.handoff and result.handoff.design == "top"


BAD = {
    "a path outside": ({"../../etc/top.bit": b"bits"}, "leads out of it"),
    "an absolute path": ({"/tmp/top.bit": b"bits"}, "leads out of it"),
    "a path of Windows": ({"..\\top.bit": b"bits"}, "leads out of it"),
    "a drive": ({"C:top.bit": b"bits"}, "leads out of it"),
    "no bitstream": ({"design_1.hwh": HANDOFF.encode()}, "no bitstreams in it"),
    "two bitstreams": ({"a.bit": b"", "b.bit": b""}, "2 bitstreams in it"),
    "two designs": ({"a.bit": b"", "a.hwh": HANDOFF.encode(), "b.hwh": HANDOFF.encode()}, "2 designs"),
    "a bomb": ({"a.bit": bytes(30 << 20)}, "unpacks to more than"),
    "a bomb beside it": ({"a.bit": b"", "a.hwh": bytes(17 << 20)}, "unpacks to more than"),
}


@pytest.mark.parametrize("case", BAD)
def test_archives_that_do_harm_or_tell_nothing_are_refused(case: str) -> None:
    members, fact = BAD[case]
    with pytest.raises(InputError, match=fact):
        archive.parse(packed(members), "x.xsa")


def test_an_encrypted_member_is_refused() -> None:
    content = bytearray(packed({"a.bit": b"bits"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    with pytest.raises(InputError, match="encrypted"):
        archive.parse(bytes(content), "x.xsa")


@given(st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(packed({"top.bit": b"bits" * 50, "design_1.hwh": HANDOFF.encode()}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        archive.parse(bytes(content), "x.hdf")
    except InputError as error:
        assert "\n" not in str(error)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_an_error(content: bytes) -> None:
    with pytest.raises(InputError):
        archive.parse(content, "x.xsa")
