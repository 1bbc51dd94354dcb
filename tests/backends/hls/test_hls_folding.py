"""PE and SIMD of each layer: what the solver finds, what may be asked for, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.dataflow.folding import cheapest, fastest, intervals
from backends.dataflow.layers.costs import LayerCosts
from backends.dataflow.layers.folds import divides
from backends.dataflow.layers.nodes import MATRIX_VECTOR, pixels, turns
from backends.dataflow.layers.resolve import folding_problem, taken, tried
from backends.dataflow.layers.schedule import EXPECTED
from backends.dataflow.pe_simd import Fold, legal
from backends.dataflow.space import Space
from backends.hls.design.design import HlsDesign
from backends.hls.estimate import estimate
from flows.core.evidence import RESOURCES, TOTAL, Metric
from flows.core.margins import KEPT, MARGINS
from tests.backends.hls.eight_bit import budgets_around, only_refusal, solved


def compute_bound(design: HlsDesign) -> int:
    """Cycles of the busiest layer, were it to do nothing but its products."""
    return max(turns(node, design.folds[node.name]) * pixels(node.shape) for node in design.weighted)


@pytest.mark.parametrize(("dsp", "cycles"), [(40, 516_096), (77, 258_048), (152, 129_024), (179, 112_896)])
def test_the_bounds_under_a_budget_of_dsp(dsp: int, cycles: int) -> None:
    """FACTS: 40, 77 and 152 DSP48E1. For 112,896 cycles it needs 181 where all folds divide, and 207 where SIMD divides
    the channels alone."""
    fewest_dsp(solved(packing="off").design, dsp, cycles)


@pytest.mark.parametrize(("dsp", "cycles"), [(40, 258_048), (67, 150_528), (77, 129_024), (195, 50_176)])
def test_two_products_a_dsp_take_half_the_cycles(dsp: int, cycles: int) -> None:
    """By hand: 150,528 cycles with 67 DSP48E1 and 50,176 with 195."""
    fewest_dsp(solved("xc7z010").design, dsp, cycles)


def everything(costs: NDArray[Any]) -> NDArray[Any]:
    return np.ones(len(costs), bool)


def fewest_dsp(design: HlsDesign, dsp: int, cycles: int) -> None:
    """The foldings of at most `cycles` take no fewer than `dsp`, and those of fewer cycles take more."""
    choices = budgets_around(design)(False, KEPT).choices
    place = RESOURCES.index(Metric.DSP)
    enough = cheapest(choices, everything, lambda costs: costs[:, [place]], cycles + EXPECTED.restart)
    assert enough and enough.cost[place] == dsp
    faster = cheapest(choices, everything, lambda costs: costs[:, [place]], cycles + EXPECTED.restart - 1)
    assert faster and faster.cost[place] > dsp


def test_simd_that_divides_the_channels_alone_takes_more() -> None:
    """So do the 207 DSP48E1 of FACTS come about."""
    multipliers = 0
    for node in solved().design.weighted:
        ways = [fold for fold in legal(node.foldable) if turns(node, fold) * pixels(node.shape) <= 112_896]
        multipliers += min(
            fold.multipliers for fold in ways if node.taken[-1] % fold.simd == 0 and node.size[1] % fold.pe == 0
        )
    assert multipliers == 207


@pytest.mark.parametrize(("dsp", "cycles", "divided"), [(60, 172_032, 193_536), (72, 150_528, 150_528)])
def test_lanes_that_are_filled_up_pay_between_the_numbers_that_divide(dsp: int, cycles: int, divided: int) -> None:
    """DSP48E1 alone. What is tried with them is never slower than without."""
    design = solved("xc7z020", packing="auto", folding="auto").design
    every, _ = tried(design, {node.name: node.foldable for node in design.weighted}, {})
    even = {node.name: [fold for fold in every[node.name] if divides(node, fold)] for node in design.weighted}
    assert [fastest_of(design, folds, dsp) for folds in (every, even)] == [cycles, divided]


def fastest_of(design: HlsDesign, folds: Mapping[str, Sequence[Fold]], dsp: int) -> int:
    """The fewest cycles with so many DSP48E1, were nothing else scarce."""
    choices = folding_problem(design.job, design.quantised, folds, HlsDesign).around(design)(False, KEPT).choices
    place = RESOURCES.index(Metric.DSP)
    folding = fastest(choices, lambda costs: costs[:, place] <= dsp, lambda costs: costs[:, [place]])
    assert folding
    return folding.cycles - EXPECTED.restart


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_interval_is_within_five_percent_of_the_bound(part: str) -> None:
    design = solved(part).design
    assert design.interval <= compute_bound(design) / 0.95


def test_the_larger_part_is_faster_than_the_published_bound() -> None:
    """fpgaConvNet's folding of 386 multipliers does the work of 2,820 images/s at 143 MHz, which is 1,970 at 100."""
    resolved = solved("xc7z020")
    assert resolved.answer and resolved.answer.sure
    assert 1e8 / resolved.design.interval >= 1_970
    assert not any(fold.in_luts for fold in solved("xc7z010").design.folds.values()), "it would be no faster"
    assert 1e8 / solved("xc7z010").design.interval >= 655


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_no_shorter_interval_fits(part: str) -> None:
    """Every folding of the next shorter interval takes too much of something."""
    design, answer = solved(part).design, solved(part).answer
    assert answer and not answer.lacking
    space = budgets_around(design)(answer.sure, KEPT)
    shorter = max(cycles for cycles in intervals(space.choices) if cycles < answer.folding.cycles)
    assert fits_at_most(space, answer.folding.cycles) and not fits_at_most(space, shorter)
    assert answer.stops and (part == "xc7z010" or answer.stops == (Metric.DSP,))


def fits_at_most(space: Space, cycles: float) -> bool:
    """Whether a folding of at most `cycles` takes no more than is usable."""
    return (
        cheapest(space.choices, lambda costs: (costs + space.rest(cycles) <= space.usable).all(1), np.array, cycles)
        is not None
    )


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_what_is_said_to_fit_does(part: str) -> None:
    design, answer = solved(part).design, solved(part).answer
    device = design.job.target.part.device
    assert answer
    for reading in estimate(solved(part)):
        if reading.scope == TOTAL and reading.metric in RESOURCES and reading.metric not in answer.lacking:
            assert reading.value <= device.available(reading.metric) * (1 - MARGINS.of(reading.metric))
            assert reading.high is not None
            assert not answer.sure or reading.high <= device.available(reading.metric)
    for metric, least in answer.lacking.items():
        assert least > device.available(metric) * (1 - MARGINS.of(metric))


def test_of_folds_that_take_as_long_the_lightest_is_kept() -> None:
    """The solver is given one fold for each number of cycles, and one in LUTs."""
    place = RESOURCES.index(Metric.DSP)
    for choices in budgets_around(solved().design)(False, KEPT).choices.values():
        assert len(set(zip(choices.cycles, choices.costs[:, place] > 0, strict=True))) == len(choices.cycles)


def test_smaller_layers_multiply_in_luts_where_dsp_slices_stop_a_design() -> None:
    """The largest then have all of the xc7z020's 220; without LUTs 36,864 cycles would take more."""
    design = solved().design
    assert compute_bound(design) == 36_864
    in_luts = {name for name, fold in design.folds.items() if fold.in_luts}
    assert "block2_conv1" in in_luts and not in_luts & {"block1_conv2", "block2_conv2"}
    assert compute_bound(solved(packing="off").design) > compute_bound(design)
    assert not any(fold.in_luts for fold in solved(packing="off").design.folds.values())


def test_a_rate_that_dsp_slices_alone_do_not_reach_takes_luts_as_well() -> None:
    """The cheapest folding of DSP slices for it takes more than there are."""
    design = solved(target_fps="2300").design
    assert any(fold.in_luts for fold in design.folds.values())
    cost = dict(zip(RESOURCES, taken(design, False), strict=True))
    assert all(cost[metric] <= design.job.target.usable(metric) for metric in RESOURCES)


def test_products_in_luts_may_be_asked_for() -> None:
    design = solved(folding="dense=1x8:lut").design
    assert design.folds["dense"] == Fold(1, 8, in_luts=True)
    refusal = only_refusal(folding="block1_conv2=14x14:lut")
    assert (refusal.culprit, refusal.nearest) == ("--folding", "block1_conv2=14x14")


def test_what_is_asked_for_is_built() -> None:
    design = solved(folding="block1_conv2=4x9,dense=10x8").design
    assert (design.folds["block1_conv2"], design.folds["dense"]) == (Fold(4, 9), Fold(10, 8))
    assert design.folds.keys() == {node.name for node in design.weighted}


def test_where_every_fold_is_asked_for_nothing_is_solved() -> None:
    folds = ",".join(f"{name}={fold}" for name, fold in solved().design.folds.items())
    resolved = solved(folding=folds)
    assert resolved.answer is None and resolved.design.folds == solved().design.folds


@pytest.mark.parametrize("rate", [50, 380, 700])
def test_a_rate_that_is_asked_for_is_reached(rate: int) -> None:
    assert 1e8 / solved("xc7z010", target_fps=str(rate)).design.interval >= rate


def test_a_rate_beyond_reach_is_refused_with_the_highest() -> None:
    refusal = only_refusal(target_fps="1000000")
    highest = refusal.nearest.split()[-1]
    assert refusal.culprit == "--target-fps" and f"{int(highest):,} images/s" in refusal.fact
    assert 1e8 / solved(target_fps=highest).design.interval >= int(highest)
    assert only_refusal(target_fps=str(int(highest) + 1)).culprit == "--target-fps"


def test_what_is_no_fold_is_refused_with_the_nearest() -> None:
    refusal = only_refusal(folding="block1_conv1=5x8")
    assert "5x8 is no fold of block1_conv1" in refusal.fact
    assert solved(folding=refusal.nearest)


def test_a_folding_of_another_network_is_refused() -> None:
    refusal = only_refusal(folding="block1_conv9=1x1")
    assert "block1_conv9" in refusal.fact
    assert "block1_conv1" in refusal.nearest


def test_fifos_too_shallow_are_refused_with_enough() -> None:
    refusal = only_refusal(fifo_depth="4")
    assert refusal.culprit == "--fifo-depth" and "with 4 words the design deadlocks" in refusal.fact
    assert solved(fifo_depth=refusal.nearest.split()[-1])


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_a_rate_and_fifos_too_shallow_are_refused_for_the_fifos(part: str) -> None:
    """A design that deadlocks has no interval that could be compared with the rate."""
    assert only_refusal(part, target_fps="100", fifo_depth="4").culprit == "--fifo-depth"


def test_weights_stand_in_matrix_vector_stages_alone() -> None:
    design = solved().design
    assert {node.kind for node in design.weighted} == {MATRIX_VECTOR}
    assert design.roms.keys() == design.folds.keys()


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_no_other_fold_of_a_layer_makes_the_stages_lighter(part: str) -> None:
    """Words behind a layer are as wide as its PE: what the solver took for one layer is lightened with all in view."""
    design = solved(part).design
    folds, _ = tried(design, {node.name: node.foldable for node in design.weighted}, {})
    tried_ways = {name: [*ways, design.folds[name]] for name, ways in folds.items()}
    assert LayerCosts(design).lightened(design.folds, tried_ways) == design.folds


def test_a_fold_costs_what_its_words_make_of_the_stages_behind_it() -> None:
    """PE 28 in place of 2 widens the addition, the pool and the average behind the last convolution."""
    design = solved("xc7z010", folding="block2_conv2=2x28,block2_shortcut=1x4,dense=1x1").design
    costs, folds, wider = LayerCosts(design), design.folds, Fold(28, 2)
    luts = RESOURCES.index(Metric.LUT)
    ways = costs.ways(design, "block2_conv2", [folds["block2_conv2"], wider])
    before, after = (way.sums[luts].value for way in ways)
    available = design.job.target.part.device.available(Metric.LUT)
    together = costs.shares({**folds, "block2_conv2": wider})[luts] - costs.shares(folds)[luts]
    assert after - before == pytest.approx(together * available, rel=0.1)
