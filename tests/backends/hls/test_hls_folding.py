"""PE and SIMD of each layer: what the solver finds, what may be asked for, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.fold import cheapest, intervals
from backends.hls.estimate import estimate
from backends.hls.folding import Ways, legal, nearest
from backends.hls.folding_options import AUTO, Fold, depth_text, folding_json, folding_text, parse_folding, target_text
from backends.hls.nodes import MATRIX_VECTOR, divisors, pixels
from backends.hls.refusals import refusals
from backends.hls.remarks import folding_notes
from backends.hls.resolve import Resolved, resolved
from backends.hls.schedule import EXPECTED, turns
from backends.hls.timing import simulation
from backends.protocol import Job
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, TOTAL, Metric
from flows.core.fit import MARGIN
from models.folding import folded
from models.network import Network
from models.quantised import QuantisedNetwork
from models.zoo import ARCH8, NETWORKS

JobFor = Callable[..., Job]
EightBit = Callable[[Network], QuantisedNetwork]
WAYS = st.tuples(st.integers(1, 600).map(divisors), st.integers(1, 128).map(divisors))


def compute_bound(found: Resolved) -> int:
    """Cycles of the busiest layer, were it to do nothing but its products."""
    design = found.design
    return max(turns(node.size, design.folds[node.name]) * pixels(node.shape) for node in design.weighted)


@pytest.mark.parametrize(("dsp", "cycles"), [(40, 516_096), (77, 258_048), (152, 129_024), (181, 112_896)])
def test_the_bounds_under_a_budget_of_dsp(dsp: int, cycles: int, job_for: JobFor, eight_bit: EightBit) -> None:
    """FACTS: 40, 77 and 152 DSP48E1. For 112,896 cycles it needs 207 where SIMD divides the channels alone."""
    space = resolved(job_for(), eight_bit(ARCH8)).space
    place = RESOURCES.index(Metric.DSP)
    found = cheapest(space.layers, lambda cost: True, lambda cost: cost[place], cycles + EXPECTED.restart)
    assert found and found.cost[place] == dsp
    fewer = cheapest(space.layers, lambda cost: True, lambda cost: cost[place], cycles + EXPECTED.restart - 1)
    assert fewer and fewer.cost[place] > dsp


def test_simd_that_divides_the_channels_alone_takes_more(eight_bit: EightBit, job_for: JobFor) -> None:
    """So do the 207 DSP48E1 of FACTS come about."""
    total = 0
    for node in resolved(job_for(), eight_bit(ARCH8)).design.weighted:
        ways = [fold for fold in legal(node.foldable) if turns(node.size, fold) * pixels(node.shape) <= 112_896]
        total += min(fold.multipliers for fold in ways if node.taken[-1] % fold.simd == 0)
    assert total == 207


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_interval_is_within_five_percent_of_the_bound(part: str, job_for: JobFor, eight_bit: EightBit) -> None:
    found = resolved(job_for(part), eight_bit(ARCH8))
    assert simulation(found.design).interval <= compute_bound(found) / 0.95


def test_the_larger_part_is_faster_than_the_published_bound(job_for: JobFor, eight_bit: EightBit) -> None:
    """886 images/s at 100 MHz on the xc7z020, with what every estimate may take at most left within the margin."""
    found = resolved(job_for("xc7z020"), eight_bit(ARCH8))
    assert found.answer.sure
    assert 1e8 / simulation(found.design).interval > 886


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_no_shorter_interval_fits(part: str, job_for: JobFor, eight_bit: EightBit) -> None:
    """Every folding of the next shorter interval takes too much of something that this one does not lack."""
    found = resolved(job_for(part), eight_bit(ARCH8))
    space, answer = found.space, found.answer
    shorter = max(cycles for cycles in intervals(space.layers) if cycles < answer.folding.cycles)
    but = frozenset(answer.lacking)
    judged = replace(space, sure=answer.sure)
    none = cheapest(judged.layers, lambda cost: judged.within(cost, but), judged.share, shorter)
    assert none is None
    assert answer.stops and (part == "xc7z010" or answer.stops == (Metric.DSP,))


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_what_is_said_to_fit_does(part: str, job_for: JobFor, eight_bit: EightBit) -> None:
    found = resolved(job_for(part), eight_bit(ARCH8))
    device, answer = found.design.job.target.part.device, found.answer
    for one in estimate(found.design):
        if one.scope == TOTAL and one.metric in RESOURCES and one.metric not in answer.lacking:
            reached = one.high if answer.sure else one.value
            assert reached is not None
            assert reached <= device.available(one.metric) * (1 - MARGIN)
    for metric, least in answer.lacking.items():
        assert least > device.available(metric) * (1 - MARGIN)


def test_what_is_asked_for_is_built(job_for: JobFor, eight_bit: EightBit) -> None:
    job = job_for(folding="block1_conv2=4x9,dense=10x8")
    folds = resolved(job, eight_bit(ARCH8)).design.folds
    assert (folds["block1_conv2"], folds["dense"]) == (Fold(4, 9), Fold(10, 8))
    assert folds.keys() == {node.name for node in resolved(job, eight_bit(ARCH8)).design.weighted}


@pytest.mark.parametrize("rate", [50, 380, 700])
def test_a_rate_that_is_asked_for_is_reached(rate: int, job_for: JobFor, eight_bit: EightBit) -> None:
    job = job_for("xc7z010", target_fps=str(rate))
    assert not list(refusals(job, eight_bit(ARCH8)))
    found = resolved(job, eight_bit(ARCH8))
    assert 1e8 / simulation(found.design).interval >= rate


def test_a_rate_beyond_reach_is_refused_with_the_highest(job_for: JobFor, eight_bit: EightBit) -> None:
    (refusal,) = refusals(job_for(target_fps="1000000"), eight_bit(ARCH8))
    highest = refusal.nearest.split()[-1]
    assert f"{int(highest):,} images/s" in refusal.fact
    assert not list(refusals(job_for(target_fps=highest), eight_bit(ARCH8)))
    found = resolved(job_for(target_fps=highest), eight_bit(ARCH8))
    assert 1e8 / simulation(found.design).interval >= int(highest)
    assert list(refusals(job_for(target_fps=str(int(highest) + 1)), eight_bit(ARCH8)))


def test_a_folding_that_does_not_divide_is_refused_with_the_nearest(job_for: JobFor, eight_bit: EightBit) -> None:
    (refusal,) = refusals(job_for(folding="block1_conv1=5x8"), eight_bit(ARCH8))
    assert "5x8 does not divide block1_conv1" in refusal.fact
    assert not list(refusals(job_for(folding=refusal.nearest), eight_bit(ARCH8)))


def test_a_folding_of_another_network_is_refused(job_for: JobFor, eight_bit: EightBit) -> None:
    (refusal,) = refusals(job_for(folding="block1_conv9=1x1"), eight_bit(ARCH8))
    assert "block1_conv9" in refusal.fact
    assert "block1_conv1" in refusal.nearest


def test_fifos_too_shallow_are_refused_with_enough(job_for: JobFor, eight_bit: EightBit) -> None:
    (refusal,) = refusals(job_for(fifo_depth="4"), eight_bit(ARCH8))
    enough = refusal.nearest.split()[-1]
    assert not list(refusals(job_for(fifo_depth=enough), eight_bit(ARCH8)))


@given(WAYS, st.integers(1, 700), st.integers(1, 200))
def test_nearest_is_legal_and_nothing_is_nearer(ways: Ways, pe: int, simd: int) -> None:
    found = nearest(ways, Fold(pe, simd))
    assert found in legal(ways)
    assert all(abs(one.pe - pe) >= abs(found.pe - pe) for one in legal(ways))
    assert all(abs(one.simd - simd) >= abs(found.simd - simd) for one in legal(ways))


FOLDS = st.dictionaries(
    st.from_regex(r"[a-z_0-9]+", fullmatch=True), st.builds(Fold, st.integers(1, 999), st.integers(1, 999)), min_size=1
)


@given(folds=FOLDS)
def test_a_folding_is_the_same_as_text_and_as_a_file(
    folds: dict[str, Fold], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("folding") / "folding.json"
    file.write_text(folding_json(folds))
    text = ", ".join(f"{name}={fold}" for name, fold in folds.items())
    assert parse_folding(folding_text(str(file))) == parse_folding(folding_text(text)) == folds


def test_a_file_says_pe_and_simd(tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    file.write_text('{"block1_conv1": {"pe": 4, "simd": 9}}')
    assert folding_text(str(file)) == "block1_conv1=4x9"


def test_auto_gives_no_fold() -> None:
    assert folding_text(" auto ") == AUTO
    assert parse_folding(AUTO) == {}


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("{", "not JSON"),
        ("[]", "is a list, where an object"),
        ("{}", "names no layer"),
        ('{"conv": 4}', "conv is 4, where an object belongs"),
        ('{"conv": {"pe": 4}}', "conv.simd is missing"),
        ('{"conv": {"pe": 4, "simd": 1.5}}', "conv.simd is 1.5, where a whole number from 1"),
        ('{"conv": {"pe": true, "simd": 1}}', "conv.pe is true"),
        ('{"conv": {"pe": 4, "simd": 1, "SIMD": 2}}', "conv.SIMD is no field that is known"),
        ('{"conv": {"pe": 4, "simd": 0}}', "conv.simd is 0"),
        ('{"a=b": {"pe": 4, "simd": 1}}', "a=b is no name of a layer"),
    ],
)
def test_a_damaged_file_is_named(content: str, fact: str, tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    file.write_text(content)
    with pytest.raises(InputError, match=fact):
        folding_text(str(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        folding_text(str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match="not a regular file"):
        folding_text(str(tmp_path))


@pytest.mark.parametrize(
    ("check", "text"),
    [(folding_text, "conv=0x1"), (target_text, "fast"), (target_text, "-1"), (target_text, "nan"), (depth_text, "0")],
)
def test_numbers_out_of_range(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r"give|at least"):
        check(text)


def test_packing_halves_the_multipliers_and_is_paid_in_luts(job_for: JobFor, eight_bit: EightBit) -> None:
    found = resolved(job_for(folding="block1_conv2=4x18"), eight_bit(ARCH8))
    packed = replace(found.space, packed=True)
    (one,), (two,) = found.space.layers["block1_conv2"], packed.layers["block1_conv2"]
    lut, dsp = (RESOURCES.index(metric) for metric in (Metric.LUT, Metric.DSP))
    assert (one.cost[dsp], two.cost[dsp]) == (72, 36)
    assert two.cost[lut] > one.cost[lut]


def test_the_notes_say_what_stops_it_and_what_packing_brings(job_for: JobFor, eight_bit: EightBit) -> None:
    said = "\n".join(folding_notes(resolved(job_for("xc7z020"), eight_bit(ARCH8))))
    assert "more DSP48E1 would let it be faster" in said
    assert "two 8-bit products in one DSP48E1 (not built)" in said


def test_what_is_lacking_is_told(job_for: JobFor, eight_bit: EightBit) -> None:
    """A part that cannot hold the design is a result: the fastest folding that fits but for what it lacks."""
    network = folded(NETWORKS["arch3"])
    found = resolved(job_for("xc7z010", network), eight_bit(network))
    assert Metric.BRAM18 in found.answer.lacking
    assert "no folding fits. This is the fastest that does but for" in "\n".join(folding_notes(found))


def test_weights_stand_in_matrix_vector_stages_alone(job_for: JobFor, eight_bit: EightBit) -> None:
    design = resolved(job_for(), eight_bit(ARCH8)).design
    assert {node.kind for node in design.weighted} == {MATRIX_VECTOR}
    assert design.roms.keys() == design.folds.keys()
