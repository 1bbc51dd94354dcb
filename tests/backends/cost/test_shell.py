"""Shells, against the routed hierarchies and bitstreams that they are made of, and users' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.block_design import shell_of
from backends.cost.shell import ACCELERATOR, DMA, DMA_1X1, NAMES, NONE, SMARTCONNECT, find_shell, parse_shell
from backends.dataflow.options import shell_text
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric

HIERARCHIES = {  # routed, of public hls4ml designs: DMA, 2x1 memory interconnect, AXI-Lite interconnect, reset
    "rn06-v8": {"lut": 1416 + 998 + 363 + 16, "ff": 2094 + 1124 + 448 + 33, "bram18": 10},
    "jets-parallel-fixed": {"lut": 1402 + 995 + 504 + 18, "ff": 2010 + 1123 + 657 + 37, "bram18": 6},
    "jets-parallel-float": {"lut": 1416 + 998 + 505 + 18},
    "jets-stream": {"lut": 1417 + 989 + 505 + 18},
}
CONVERTERS = {  # routed: what the core with its converters has more than the core
    "rn06-v8": {"lut": 17_593 - 16_641, "ff": 26_590 - 25_653, "bram18": 49 - 43},
    "jets-parallel-fixed": {"lut": 14_736 - 14_358, "ff": 14_506 - 13_341, "bram18": 0},
    "jets-parallel-float": {"lut": 15_386 - 14_398, "ff": 15_157 - 13_281, "bram18": 0},
    "jets-stream": {"lut": 14_263 - 12_855, "ff": 15_275 - 14_278, "bram18": 0},
}
FINN_BUILDS = [(4420, 5414), (4434, 5414), (4432, 5414), (4430, 5414), (4433, 5414), (4419, 5414), (4429, 5414)]
FINN_BUILDS += [(3559 + 506 + 17, 4124 + 631 + 33)]
"""(LUT, FF) of SmartConnect, AXI-Lite and reset."""


@pytest.mark.parametrize("name", HIERARCHIES)
def test_the_usual_shell_is_what_hls4ml_designs_have(name: str) -> None:
    for key, built in HIERARCHIES[name].items():
        span = find_shell(DMA).range(next(each for each in RESOURCES if each.key == key))
        assert span.low <= built <= span.high, key


@pytest.mark.parametrize("name", CONVERTERS)
def test_the_converters_of_vivado_accelerator_are_in_a_shell_of_their_own(name: str) -> None:
    for key, more in CONVERTERS[name].items():
        metric = next(each for each in RESOURCES if each.key == key)
        with_them, without = (find_shell(shell).range(metric) for shell in (ACCELERATOR, DMA))
        assert with_them.low - without.low <= more <= with_them.high - without.high, key


@pytest.mark.parametrize(("lut", "ff"), FINN_BUILDS)
def test_finns_own_shell_is_what_its_builds_have(lut: int, ff: int) -> None:
    shell = find_shell(SMARTCONNECT, own_dma=True)
    assert shell.range(Metric.LUT).low <= lut <= shell.range(Metric.LUT).high
    assert shell.range(Metric.FF).low <= ff <= shell.range(Metric.FF).high


@pytest.mark.parametrize("lut", [2192, 2255])
def test_a_loopback_with_1x1_interconnects(lut: int) -> None:
    """Counted in bitstreams, up to 7 % too low; they hold a FIFO as well."""
    span = find_shell(DMA_1X1).range(Metric.LUT)
    assert span.low <= lut <= span.high


LOOPBACK = {"axi_interconnect": 3, "axis_data_fifo": 1, "axi_dma": 1, "processing_system7": 1, "proc_sys_reset": 1}


@pytest.mark.parametrize(
    ("ips", "own", "lut", "core"),
    [
        (LOOPBACK, (), 2255, (0, 0)),
        (LOOPBACK, (), 2192, (0, 0)),
        (LOOPBACK | {"axis_data_fifo": 0, "example": 1}, ("example",), 2365, (20, 400)),
        (LOOPBACK | {"axis_data_fifo": 0, "dsgn": 1}, ("dsgn",), 2506, (100, 600)),
        (
            {"processing_system7": 1, "axi_interconnect": 1, "proc_sys_reset": 1, "add": 1},
            ("add",),
            489,
            (139, 139),
        ),
        (
            {"StreamingDataflowPartition_0": 1, "StreamingDataflowPartition_1": 1, "StreamingDataflowPartition_2": 1,
             "axi_interconnect": 1, "smartconnect": 1, "proc_sys_reset": 1, "processing_system7": 1},
            (),
            4420,
            (0, 0),
        ),
    ],
)  # fmt: skip
def test_the_shell_of_a_block_design_that_was_built(
    ips: dict[str, int], own: tuple[str, ...], lut: int, core: tuple[int, int]
) -> None:
    shell = shell_of(ips, own)
    span = shell.range(Metric.LUT)
    assert not shell.unknown and span.low + core[0] <= lut <= span.high + core[1]


def test_an_ip_that_is_not_known_makes_it_a_lower_bound_and_is_named() -> None:
    shell = shell_of({"axi_dma": 1, "axi_interconnect": 2, "proc_sys_reset": 1, "axi_vdma": 1, "core": 1}, ["core"])
    assert shell.unknown == ("axi_vdma",) and "axi_vdma, of which nothing is known" in shell.words
    assert all(None in amounts for metric, amounts in shell.amounts().items() if metric is not Metric.DSP)


def test_what_a_list_of_ips_leaves_open_is_wide() -> None:
    sure = shell_of({"axi_dma": 1, "axi_interconnect": 2, "proc_sys_reset": 1}).range(Metric.LUT)
    open_ = shell_of({"axi_dma": 2, "smartconnect": 1, "proc_sys_reset": 1}).range(Metric.LUT)
    assert sure.high - sure.low < 300 < 3_000 < open_.high - open_.low


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("own_dma", [True, False])
def test_every_name_is_a_shell_that_says_what_it_is(name: str, own_dma: bool) -> None:
    shell = find_shell(name, own_dma)
    assert shell.title == ("no shell" if name == NONE else f"the shell {name}")
    for metric, (amount,) in shell.amounts().items():
        assert amount and 0 <= amount.low <= amount.value <= amount.high and amount.source == shell.words
        if metric in (Metric.LUT, Metric.FF):
            assert (amount.high > 0) == (name != NONE)


def test_a_smartconnect_has_a_dma_where_the_flow_has_none() -> None:
    with_dma, without = (find_shell(SMARTCONNECT, own) for own in (False, True))
    assert with_dma.range(Metric.LUT).value - without.range(Metric.LUT).value == 1416


ENDS = st.tuples(st.integers(0, 10_000_000), st.integers(0, 10_000_000)).map(sorted)


@given(ENDS, ENDS, ENDS)
def test_numbers_of_ones_own_are_written_one_way(lut: list[int], ff: list[int], bram18: list[int]) -> None:
    text = f"lut={lut[0]}..{lut[1]}, ff = {ff[0]}..{ff[1]},bram18={bram18[0]}..{bram18[1]}"
    written = shell_text(text)
    assert shell_text(written) == written and parse_shell(written) == parse_shell(text)
    span = find_shell(written).range(Metric.LUT)
    assert [span.low, span.high] == lut


@given(st.text(max_size=60))
def test_what_is_no_shell_is_refused_in_words(text: str) -> None:
    try:
        assert shell_text(text) in NAMES or parse_shell(text)
    except ValueError as reason:
        assert "give " in str(reason) or "needs " in str(reason)
    except InputError as reason:
        assert text.endswith(".toml") and reason.next_step


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("lut=3000", "needs ff and bram18, too"),
        ("lut=3000,ff=1,bram18=1,uram=4", "is no shell"),
        ("lut=3000,lut=3,ff=1,bram18=1", "is no shell"),
        ("lut=-1,ff=1,bram18=1", "give a whole number"),
        ("lut=9..1,ff=1,bram18=1", "give a whole number"),
        ("lut=1e3,ff=1,bram18=1", "give a whole number"),
        ("dmaa", "give dma, dma-1x1, smartconnect, none"),
    ],
)
def test_damaged_numbers_are_refused(text: str, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        shell_text(text)


def test_a_toml_file_says_the_same(tmp_path: Path) -> None:
    place = tmp_path / "mine.toml"
    place.write_text("lut = [2800, 3100]\nff = 3900\nbram18 = 4\n")
    assert shell_text(str(place)) == "lut=2800..3100,ff=3900,bram18=4"
    for damaged in ("lut = 3", "lut = 'x'\nff=1\nbram18=1", "[[[", "lut = [1, 2, 3]\nff = 1\nbram18 = 1", "lut = true"):
        place.write_text(damaged)
        with pytest.raises(InputError, match="shell"):
            shell_text(str(place))
    with pytest.raises(InputError):
        shell_text(str(tmp_path / "absent.toml"))
