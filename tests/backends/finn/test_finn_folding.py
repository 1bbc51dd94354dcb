"""Foldings: FINN's search as measured, the fastest that fits, a rate, and FINN's folding files."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backends.dataflow.space import Problem
from backends.finn.check import check
from backends.finn.design import folding_file
from backends.finn.design.design import FinnDesign
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import MatrixVector
from backends.finn.design.search import set_folding, slowest
from backends.finn.estimate import estimate
from backends.finn.options import folding_text
from backends.finn.resolve import folding_problem
from backends.finn.resources import formulas
from backends.finn.resources.formulas import MemoryStyle
from backends.protocol import Refusal, Unbuildable
from flows.conformance.networks import TINY
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric, total
from flows.core.fit import Verdict, judge
from flows.core.margins import MARGINS
from models.quantised import QuantisedNetwork
from models.zoo import ARCH8
from tests.backends.finn.w4a4 import job, quantised, solved, with_folding

W4A4 = quantised(ARCH8)
NODES = nodes(W4A4)


@pytest.mark.parametrize(
    ("target", "rate", "dsp", "bram18"),
    [(100, 110.7, 25, 18), (500, 762, 60, 22), (1000, 1163, 108, 39), (2000, 2672, 207, 77)],
)
def test_the_search_finds_what_finn_finds(target: int, rate: float, dsp: int, bram18: int) -> None:
    """finn-plus 1.6.1 on the residual network at 100 MHz (its ``estimate_network_performance`` and resources)."""
    folding = set_folding(NODES, 1e8 / target)
    assert 1e8 / slowest(NODES, folding) == pytest.approx(rate, abs=0.5)
    assert sum(formulas.dsp(node, folding[node.name]) for node in NODES) == dsp
    assert sum(formulas.bram18(node, folding[node.name], MemoryStyle()) for node in NODES) == bram18


def test_beyond_reach_the_search_balances_on_what_it_can() -> None:
    folding = set_folding(NODES, 10)
    assert folding == set_folding(NODES, slowest(NODES, folding))


def problem(part: str = "xc7z020", arithmetic: QuantisedNetwork = W4A4) -> Problem[FinnDesign]:
    return folding_problem(job(arithmetic, part), arithmetic)


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_fastest_leaves_the_margin_and_no_faster_one_does(part: str) -> None:
    here = problem(part)
    fastest = here.first.fastest()
    assert fastest
    cycles = slowest(NODES, here.build(fastest).folding)
    quicker = [interval for interval in here.first.intervals if interval < cycles]
    assert quicker or cycles == here.first.quickest
    for interval in quicker[-1:]:
        with_it = here.build(here.first.lightest(interval))
        usable = with_it.job.target.part.device
        readings = estimate(with_folding(W4A4, with_it.folding, part))
        assert any(
            (reading := total(readings, metric)) and reading.value > usable.available(metric) * (1 - MARGINS.of(metric))
            for metric in RESOURCES
        )


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_auto_fits_with_its_fifos(part: str) -> None:
    device = job(W4A4, part=part).target.part.device
    readings = estimate(solved(part=part))
    assert judge(readings, device).verdict in (Verdict.FITS, Verdict.UNDECIDED)
    for metric in RESOURCES:
        reading = total(readings, metric)
        assert reading and reading.value <= device.available(metric) * (1 - MARGINS.of(metric))


@pytest.mark.parametrize(("part", "interval", "dsp"), [("xc7z010", 259328, 63), ("xc7z020", 29204, 193)])
def test_the_fastest_is_as_fast_as_it_was(part: str, interval: int, dsp: int) -> None:
    design = solved(part=part)
    reading = total(estimate(design), Metric.DSP)
    assert design.answer and not design.answer.lacking and reading
    assert (design.design.interval, reading.value) == (interval, dsp)


def test_the_larger_part_is_faster_than_finns_own_search() -> None:
    larger, smaller = (solved(part=part).design.interval for part in ("xc7z020", "xc7z010"))
    assert larger < smaller
    assert larger < slowest(NODES, set_folding(NODES, 1e8 / 2000))


def test_a_rate_is_reached_with_the_fifos_and_no_heavier_than_finns() -> None:
    asked = solved(target_fps="500").design
    finn = solved(target_fps="500", folding="finn").design
    assert 1e8 / asked.interval >= 500
    units = [node for node in NODES if isinstance(node, MatrixVector)]
    assert sum(formulas.dsp(unit, asked.folding[unit.name]) for unit in units) <= sum(
        formulas.dsp(unit, finn.folding[unit.name]) for unit in units
    )


SMALL = problem(arithmetic=quantised(TINY))


@given(some.floats(3000, 1e7))
def test_the_lightest_is_as_fast_as_asked(cycles: float) -> None:
    design = SMALL.build(SMALL.first.lightest(cycles))
    assert slowest(design.nodes, design.folding) <= cycles


def refused(**options: str) -> list[Refusal]:
    try:
        solved(**options)
    except Unbuildable as error:
        return [*error.refusals]
    return []


def test_what_is_beyond_reach_is_refused_with_the_highest() -> None:
    (beyond,) = refused(target_fps="1e9")
    highest = float(beyond.nearest.split()[-1])
    assert not refused(target_fps=f"{highest:g}")
    assert refused(target_fps=f"{highest * 1.01:g}")
    (finn,) = refused(target_fps="1e6", folding="finn")
    assert finn.nearest == "--target-fps 3487"
    here = problem()
    assert slowest(NODES, here.build(here.first.lightest(inf)).folding) >= 7225344


@pytest.mark.parametrize(
    ("options", "culprit", "said"),
    [
        ({"folding": "finn"}, "--folding finn", "needs a rate"),
        ({"folding": "{}", "target_fps": "500"}, "--target-fps", "leaves nothing to choose"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, str], culprit: str, said: str) -> None:
    (refusal,) = check(job(W4A4, **options))
    assert refusal.culprit == culprit and said in refusal.fact


def test_a_folding_file_comes_back_as_it_went() -> None:
    asked = solved(target_fps="1000", folding="finn").design
    again = solved(folding=folding_text(asked.folding_file())).design
    assert again.folding == asked.folding
    written = json.loads(asked.folding_file())
    assert written["MVAU_rtl_1"]["PE"] == 14 and written["MVAU_rtl_1"]["SIMD"] == 9
    assert written["ElementwiseAdd_hls_0"]["inFIFODepths"] == [56, 448]


def test_the_memories_of_a_folding_file_are_those_of_its_nodes() -> None:
    """Others follow the options, and what is written says both."""
    first, second = "MVAU_rtl_0", "MVAU_rtl_1"
    by_names = {first: {"ram_style": "distributed"}, "ConvolutionInputGenerator_rtl_0": {"ram_style": "block"}}
    plain = solved(folding="{}", weight_style="block").design
    asked = solved(folding=json.dumps(by_names), weight_style="block").design
    assert asked.memories[first].weight_style == "distributed" and asked.memories[second].weight_style == "block"
    blocks, after = dict(plain.costs()), dict(asked.costs())
    assert after[first] != blocks[first] and after[second] == blocks[second]
    written = json.loads(asked.folding_file())
    assert written[first]["ram_style"] == "distributed" and written[second]["ram_style"] == "block"
    assert written["ConvolutionInputGenerator_rtl_0"]["ram_style"] == "block"
    assert dict(solved(folding=folding_text(asked.folding_file())).design.costs()) == after


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"MVAU_rtl_0": {"SIMD": 2}}, "SIMD 2 does not divide 27"),
        ({"MVAU_rtl_0": {"PE": 3}}, "PE 3 does not divide 4"),
        ({"MVAU_rtl_9": {"PE": 1}}, "no such node"),
        ({"MVAU_rtl_0": {"PE": "many"}}, "PE is 'many'"),
        ({"MVAU_rtl_0": {"PE": True}}, "PE is True"),
        ({"MVAU_rtl_0": {"PE": 0}}, "PE 0 does not divide"),
        ({"MVAU_rtl_0": {"pe": 2}}, "no attribute 'pe'"),
        ({"Thresholding_rtl_0": {"SIMD": 2}}, "no attribute 'SIMD'"),
        ({"Pool_hls_0": {"PE": 2}}, "fold alike"),
        ({"ConvolutionInputGenerator_rtl_1": {"SIMD": 2, "parallel_window": 1}}, "parallel window"),
        ({"Defaults": {"PE": [2, ["all"]]}}, "not read here"),
        ({"MVAU_rtl_0": {"mem_mode": "external"}}, "mem_mode is 'external'.*The nearest is internal_"),
        ({"MVAU_rtl_0": {"mem_mode": "decoupled"}}, "The nearest is internal_decoupled"),
        ({"MVAU_rtl_0": {"ram_style": "ultra"}}, "ram_style is 'ultra'.*auto, block, distributed"),
        ({"MVAU_rtl_0": {"ram_style": ["block"]}}, r"ram_style is \['block'\]"),
        ({"MVAU_rtl_0": {"resType": "lut"}}, "resType is 'lut'; the model of MVAU_rtl knows auto, dsp"),
        ({"ConvolutionInputGenerator_rtl_0": {"ram_style": "ultra"}}, "ram_style is 'ultra'"),
        ({"Thresholding_rtl_0": {"ram_style": "block"}}, "not modelled by that. Leave ram_style out"),
    ],
)
def test_a_folding_that_is_not_for_these_nodes_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        folding_file.read(json.dumps(config), nodes(quantised(TINY)))


def test_what_follows_from_the_folding_may_stand_in_the_file() -> None:
    asked = {"Defaults": {}, "StreamingFIFO_rtl_0": {"depth": 32}, "MVAU_rtl_0": {"PE": 2}}
    design = nodes(quantised(TINY))
    folds = folding_file.read(json.dumps(asked), design)
    assert folds["MVAU_rtl_0"].pe == 2 and folds["MVAU_rtl_1"].pe == 1


@pytest.mark.parametrize("content", ["[1]", "nonsense", '{"MVAU_rtl_0": 5}', "\x00", "[" * 100000])
def test_what_is_no_folding_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "folding.json"
    path.write_text(content)
    with pytest.raises(InputError):
        folding_text(str(path))


def test_texts_of_options() -> None:
    assert (folding_text("auto"), folding_text("finn")) == ("auto", "finn")
    with pytest.raises(InputError, match="no such file"):
        folding_text("nowhere.json")


def test_narrow_arithmetic_has_no_lut_reading_less_than_wide() -> None:
    def lut(bits: int) -> float:
        arithmetic = quantised(TINY, activations=bits)
        reading = total(estimate(with_folding(arithmetic, set_folding(nodes(arithmetic), 1e4))), Metric.LUT)
        assert reading
        return reading.value

    assert lut(4) <= lut(8)
