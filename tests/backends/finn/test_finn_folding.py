"""Foldings: FINN's search as measured, the fastest that fits, a rate, and FINN's folding files."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backends.finn import folding_file, formulas, resolve
from backends.finn.design import Design
from backends.finn.estimate import readings
from backends.finn.folding import Space, lightest, quickest
from backends.finn.folding_notes import folding_notes
from backends.finn.folding_options import folding_text, target_text
from backends.finn.formulas import Memory
from backends.finn.graph import nodes
from backends.finn.nodes import MatrixVector, Node
from backends.finn.search import set_folding, slowest
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric, total
from flows.core.fit import MARGIN, Verdict, judge
from flows.core.part import find_part
from models.quantised import QuantisedNetwork
from models.zoo import ARCH8

from .w4a4 import TINY, job, quantised

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
    assert sum(formulas.bram18(node, folding[node.name], Memory()) for node in NODES) == bram18


def test_beyond_reach_the_search_balances_on_what_it_can() -> None:
    folding = set_folding(NODES, 10)
    assert folding == set_folding(NODES, slowest(NODES, folding))


def space(part: str, made: tuple[Node, ...] = NODES) -> Space:
    return Space(made, Memory(), find_part(part).device, ())


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_fastest_leaves_the_margin_and_no_faster_one_does(part: str) -> None:
    here = space(part)
    found = next(quickest(here, False, lambda _: ()))
    cycles = slowest(NODES, found)
    quicker = [one for one in here.intervals if one < cycles]
    assert quicker or cycles == here.intervals[0]
    for choice in (lightest(here, quicker[-1]),) if quicker else ():
        assert choice
        with_it = Design(job(W4A4, part=part), W4A4, choice)
        usable = with_it.job.target.part.device
        assert any(
            (reading := total(readings(with_it), metric)) and reading.value > usable.available(metric) * (1 - MARGIN)
            for metric in RESOURCES
        )


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_auto_fits_with_its_fifos(part: str) -> None:
    asked = job(W4A4, part=part)
    found = readings(resolve.design(asked, W4A4))
    assert judge(found, asked.target.part.device).verdict in (Verdict.FITS, Verdict.AT_RISK)
    for metric in RESOURCES:
        reading = total(found, metric)
        assert reading and reading.value <= asked.target.part.device.available(metric) * (1 - MARGIN)


def test_the_larger_part_is_faster_than_finns_own_search() -> None:
    larger, smaller = (
        resolve.design(job(W4A4, part=part), W4A4).simulation.interval for part in ("xc7z020", "xc7z010")
    )
    assert larger < smaller
    assert larger < slowest(NODES, set_folding(NODES, 1e8 / 2000))


def test_a_rate_is_reached_with_the_fifos_and_no_heavier_than_finns() -> None:
    asked = resolve.design(job(W4A4, target_fps="500"), W4A4)
    finn = resolve.design(job(W4A4, target_fps="500", folding="finn"), W4A4)
    assert 1e8 / asked.simulation.interval >= 500
    units = [node for node in NODES if isinstance(node, MatrixVector)]
    assert sum(formulas.dsp(one, asked.folding[one.name]) for one in units) <= sum(
        formulas.dsp(one, finn.folding[one.name]) for one in units
    )


@given(some.floats(3000, 1e7))
def test_the_lightest_is_as_fast_as_asked(cycles: float) -> None:
    made = nodes(quantised(TINY))
    found = lightest(space("xc7z020", made), cycles)
    assert found and slowest(made, found) <= cycles


def test_what_is_beyond_reach_is_refused_with_the_highest() -> None:
    (refused,) = resolve.refusals(job(W4A4, target_fps="1e9"), W4A4)
    highest = float(refused.nearest.split()[-1])
    assert not [*resolve.refusals(job(W4A4, target_fps=f"{highest:g}"), W4A4)]
    assert [*resolve.refusals(job(W4A4, target_fps=f"{highest * 1.01:g}"), W4A4)]
    assert resolve.design(job(W4A4, target_fps=f"{highest:g}"), W4A4)
    (finn,) = resolve.refusals(job(W4A4, target_fps="1e6", folding="finn"), W4A4)
    assert finn.nearest == "--target-fps 3487"
    (alone,) = resolve.refusals(job(W4A4, folding="finn"), W4A4)
    assert "needs a rate" in alone.fact
    assert lightest(space("xc7z020"), 10) is None
    assert slowest(NODES, lightest(space("xc7z020"), inf) or {}) >= 7225344


def test_a_folding_file_comes_back_as_it_went() -> None:
    asked = resolve.design(job(W4A4, target_fps="1000", folding="finn"), W4A4)
    again = resolve.design(job(W4A4, folding=folding_text(asked.folding_file())), W4A4)
    assert again.folding == asked.folding
    written = json.loads(asked.folding_file())
    assert written["MVAU_rtl_1"]["PE"] == 14 and written["MVAU_rtl_1"]["SIMD"] == 9
    assert written["ElementwiseAdd_hls_0"]["inFIFODepths"] == [56, 56]


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
    ],
)
def test_a_folding_that_is_not_for_these_nodes_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        folding_file.read(json.dumps(config), nodes(quantised(TINY)))


def test_what_follows_from_the_folding_may_stand_in_the_file() -> None:
    given = {"Defaults": {}, "StreamingFIFO_rtl_0": {"depth": 32}, "MVAU_rtl_0": {"PE": 2}}
    made = nodes(quantised(TINY))
    found = folding_file.read(json.dumps(given), made)
    assert found["MVAU_rtl_0"].pe == 2 and found["MVAU_rtl_1"].pe == 1


@pytest.mark.parametrize("content", ["[1]", "nonsense", '{"MVAU_rtl_0": 5}', "\x00", "[" * 100000])
def test_what_is_no_folding_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "folding.json"
    path.write_text(content)
    with pytest.raises(InputError):
        folding_text(str(path))


def test_texts_of_options() -> None:
    assert (folding_text("auto"), folding_text("finn"), target_text("none"), target_text("500.0")) == (
        "auto",
        "finn",
        "none",
        "500",
    )
    for wrong in ("0", "-3", "nan", "fast"):
        with pytest.raises(ValueError):
            target_text(wrong)
    with pytest.raises(InputError, match="no such file"):
        folding_text("nowhere.json")


def test_narrow_arithmetic_has_no_lut_reading_less_than_wide() -> None:
    def lut(bits: int) -> float:
        arithmetic: QuantisedNetwork = quantised(TINY, activations=bits)
        reading = total(readings(Design(job(arithmetic), arithmetic, set_folding(nodes(arithmetic), 1e4))), Metric.LUT)
        assert reading
        return reading.value

    assert lut(4) <= lut(8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target_fps": "500"}, "the lightest folding for 500 images/s"),
        ({"target_fps": "500", "folding": "finn"}, "FINN's own search for 500 images/s"),
        ({"folding": "{}"}, "the folding is the file's"),
        ({"folding": '{"MVAU_rtl_1": {"mem_mode": "external"}}'}, "file's; left aside in it: mem_mode"),
        ({}, "the fastest folding found"),
        ({"target_fps": "1162", "folding": "finn"}, "warning: with its FIFOs the design reaches 1,151 of the 1162"),
    ],
)
def test_notes_say_how_the_folding_was_found(options: dict[str, str], said: str) -> None:
    found = [*folding_notes(resolve.design(job(W4A4, **options), W4A4))]
    assert any(said in note for note in found)
    assert found[0].startswith("PE x SIMD: block1_conv1 ")
    assert "FIFOs in" in found[-1]


def test_notes_name_a_faster_folding_that_may_fit() -> None:
    made = resolve.design(job(W4A4, part="xc7z010"), W4A4)
    (said,) = (note for note in folding_notes(made) if "by its estimates alone" in note)
    faster = resolve.bolder(made)
    assert faster and f"in {faster.simulation.interval:,} cycles" in said
    assert faster.simulation.interval < made.simulation.interval
    verdicts = [judge(readings(one), made.job.target.part.device).verdict for one in (made, faster)]
    assert verdicts == [Verdict.FITS, Verdict.AT_RISK]


def test_notes_warn_of_wide_weights() -> None:
    given = {"MVAU_rtl_1": {"PE": 1, "SIMD": 36}}
    made = resolve.design(job(W4A4, folding=json.dumps(given)), W4A4)
    assert [note for note in folding_notes(made) if "wider than the 36 bits" in note and "block1_conv2" in note]
