"""The clock as a claim of its own: which report decides, what a rate is worth where it is missed, what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.clock import (
    ClockVerdict,
    check_clock,
    fastest_credible,
    judge_clock,
    seen,
    seen_on,
)
from flows.core.clock_rates import at_credible_clock
from flows.core.errors import RefusedError
from flows.core.evidence import AT_ASKED_CLOCK, MET_OR_NOT, RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.fit import Verdict, judge
from flows.core.part import Target, clock_limits, devices, find_part

DEVICE = devices()["xc7z020"]
SMALL = [Reading(metric, 1, Tier.ROUTED, "chip", "report") for metric in RESOURCES]
LARGE = [replace(each, value=1e6) for each in SMALL]
KNOWN = seen(100.0, Tier.ROUTED, "xc7z020clg400-1", "5 builds")
REPORTS = (Tier.HLS, Tier.SYNTHESISED, Tier.ROUTED, Tier.MEASURED)


def fmax(
    mhz: float, tier: Tier = Tier.ROUTED, scope: str = TOTAL, low: float | None = None, high: float | None = None
) -> Reading:
    return Reading(Metric.FMAX_MHZ, mhz, tier, "chip", "report", scope, low=low, high=high)


@pytest.mark.parametrize(
    ("readings", "clock_ns", "verdict"),
    [
        ([fmax(100.0)], 10, ClockVerdict.MET),
        ([fmax(1000 / 10.001)], 10, ClockVerdict.MISSED),  # a slack of -0.001 ns
        ([fmax(1000 / 6.667)], 1000 / 150, ClockVerdict.MET),  # a report rounds the period that was asked for
        ([fmax(81.2), fmax(120, Tier.SYNTHESISED)], 10, ClockVerdict.MISSED),
        ([fmax(105), fmax(70.4, Tier.HLS)], 10, ClockVerdict.MET),
        ([fmax(105), fmax(99)], 10, ClockVerdict.MISSED),  # of two reports of one stage, the slower
        ([fmax(70.4, Tier.HLS), KNOWN], 10, ClockVerdict.MISSED),
        ([fmax(137, Tier.HLS, low=110, high=137), KNOWN], 10, ClockVerdict.CREDIBLE),
        ([fmax(110, Tier.HLS, low=85, high=110), KNOWN], 10, ClockVerdict.AT_RISK),  # its uncertainty is eaten
        ([fmax(274, Tier.HLS, low=210, high=274), KNOWN], 5, ClockVerdict.AT_RISK),  # no build was so fast
        ([fmax(210), KNOWN], 5, ClockVerdict.MET),
        ([KNOWN], 10, ClockVerdict.CREDIBLE),
        ([KNOWN], 9.9, ClockVerdict.AT_RISK),
        ([fmax(90, Tier.MODELLED), KNOWN], 10, ClockVerdict.AT_RISK),
        ([fmax(104, Tier.MODELLED, low=92, high=117), KNOWN], 10, ClockVerdict.AT_RISK),  # its lower end decides
        ([fmax(139, Tier.MODELLED, low=107, high=300), KNOWN], 10, ClockVerdict.CREDIBLE),
        ([fmax(139, Tier.MODELLED, low=107, high=300), KNOWN], 9.5, ClockVerdict.AT_RISK),  # which no build has met
        ([fmax(137, Tier.HLS), fmax(84, Tier.MODELLED), KNOWN], 10, ClockVerdict.AT_RISK),  # csynth sees no routing
        ([fmax(101), fmax(84, Tier.MODELLED), KNOWN], 10, ClockVerdict.MET),
        ([fmax(110, Tier.MODELLED)], 10, ClockVerdict.UNKNOWN),
        ([fmax(0.0)], 10, ClockVerdict.MISSED),
        ([], 10, ClockVerdict.UNKNOWN),
        ([fmax(50, scope="a layer")], 10, ClockVerdict.UNKNOWN),
    ],
)
def test_the_verdict_on_a_clock(readings: list[Reading], clock_ns: float, verdict: ClockVerdict) -> None:
    assert judge_clock(readings, clock_ns).verdict is verdict


def test_two_stages_that_disagree_are_both_reported() -> None:
    met = judge_clock([fmax(70.4, Tier.HLS), fmax(105.4)], 10)
    assert met.fact == (
        "routing reaches 105.4 MHz, 100 MHz is asked for; csynth's estimate misses it, with 70.4 MHz, and counts less"
    )
    missed = judge_clock([fmax(81.2), fmax(130, Tier.SYNTHESISED), fmax(137, Tier.HLS)], 10)
    assert missed.fact.startswith("routing reaches 81.2 MHz of the 100 MHz asked for; logic synthesis meets it")
    assert "csynth's estimate meets it, with 137 MHz" in missed.fact


@pytest.mark.parametrize(
    ("clock", "resources", "verdict"),
    [
        (fmax(105), SMALL, Verdict.FITS),
        (fmax(81.2), SMALL, Verdict.CLOCK_MISSED),
        (fmax(81.2), SMALL[:2], Verdict.CLOCK_MISSED),  # whatever the others are
        (fmax(81.2), LARGE, Verdict.OVER),
        (fmax(90, Tier.MODELLED), SMALL, Verdict.AT_RISK),
        (fmax(90, Tier.MODELLED), [], Verdict.UNKNOWN),
    ],
)
def test_the_verdict_on_the_whole(clock: Reading, resources: list[Reading], verdict: Verdict) -> None:
    fit = judge([*resources, clock], DEVICE, clock_ns=10)
    assert fit.verdict is verdict and fit.clock is not None
    assert judge([*resources, clock], DEVICE).verdict is fit.resources


reports = st.lists(st.builds(fmax, st.floats(1, 1000), st.sampled_from(REPORTS)), max_size=4)


@given(reports, st.floats(1, 100), st.booleans(), st.data())
def test_a_slower_report_never_makes_it_fit(
    found: list[Reading], clock_ns: float, known: bool, data: st.DataObject
) -> None:
    others = [*SMALL, *([KNOWN] if known else [])]
    before = judge([*others, *found], DEVICE, clock_ns=clock_ns)
    slower = [replace(each, value=each.value * data.draw(st.floats(0.001, 1))) for each in found]
    after = judge([*others, *slower], DEVICE, clock_ns=clock_ns)
    order = [Verdict.FITS, Verdict.AT_RISK, Verdict.CLOCK_MISSED]
    assert order.index(after.verdict) >= order.index(before.verdict)
    for each in found:  # the order of reports changes nothing
        again = judge([each, *(other for other in found if other is not each), *others], DEVICE, clock_ns=clock_ns)
        assert again.verdict is before.verdict


def timed(metric: Metric, value: float, tier: Tier = Tier.MODELLED) -> Reading:
    return Reading(metric, value, tier, "10 ns clock", f"a model; {MET_OR_NOT}", low=value / 2, high=value)


def test_a_rate_is_at_the_fmax_of_the_report_that_misses_the_clock() -> None:
    cycles = timed(Metric.INTERVAL_CYCLES, 1_000)
    board = timed(Metric.THROUGHPUT_FPS, 777.0, Tier.MEASURED)
    readings = [timed(Metric.THROUGHPUT_FPS, 1e5), timed(Metric.LATENCY_US, 10.0), cycles, board, fmax(1000 / 14.2)]
    fps, us, *rest = at_credible_clock(readings, 10)
    assert (fps.value, fps.low, fps.high) == pytest.approx((1e9 / 14.2 / 1000, 5e8 / 14.2 / 1000, 1e9 / 14.2 / 1000))
    assert (us.value, us.low, us.high) == pytest.approx((14.2, 7.1, 14.2))
    for each in (fps, us):
        assert each.source == "a model; at the reported Fmax of 70.4 MHz, not the 100 MHz asked for"
        assert each.on == "14.2 ns clock"
    asked = [replace(each, scope=AT_ASKED_CLOCK) for each in readings[:2]]
    assert rest == [*readings[2:], *asked], "what was asked for stands beside it, and a board's rate stays"


@pytest.mark.parametrize("report", [fmax(105), fmax(139, Tier.MODELLED, low=107, high=300), KNOWN])
def test_a_rate_stays_where_the_clock_is_met_credible_or_unknown(report: Reading) -> None:
    readings = (timed(Metric.THROUGHPUT_FPS, 1e5), report)
    assert at_credible_clock(readings, 10) == readings


def test_a_rate_is_at_the_highest_credible_clock_where_the_one_asked_for_is_at_risk() -> None:
    rate = timed(Metric.THROUGHPUT_FPS, 2e5)
    slow, _, asked = at_credible_clock((rate, KNOWN), 5)
    assert slow.value == pytest.approx(1e5) and slow.scope == TOTAL
    assert slow.source == "a model; at the highest credible clock, 100 MHz, not the 200 MHz asked for"
    assert asked == replace(rate, scope=AT_ASKED_CLOCK)
    unit = fmax(84, Tier.MODELLED, low=76, high=94)
    assert at_credible_clock((rate, KNOWN, unit), 5)[0].value == pytest.approx(2e5 * 76 / 200)


@given(
    st.lists(st.builds(fmax, st.floats(1, 1000), st.sampled_from((*REPORTS, Tier.MODELLED))), max_size=4),
    st.floats(1, 100),
    st.booleans(),
)
def test_rates_are_never_above_those_of_the_clock_asked_for(found: list[Reading], clock_ns: float, known: bool) -> None:
    rate, cycles = timed(Metric.THROUGHPUT_FPS, 1e5), timed(Metric.INTERVAL_CYCLES, 1_000)
    readings = at_credible_clock([rate, cycles, *found, *([KNOWN] if known else [])], clock_ns)
    clock = judge_clock(readings, clock_ns)
    at_asked = [each for each in readings if each.scope == AT_ASKED_CLOCK]
    assert readings[0].value <= rate.value * (1 + 1e-9) and readings[1] is cycles
    assert at_asked in ([], [replace(rate, scope=AT_ASKED_CLOCK)])
    assert bool(at_asked) == (readings[0] != rate)
    if clock.verdict in (ClockVerdict.MET, ClockVerdict.CREDIBLE):
        assert clock.credible_mhz == pytest.approx(1000 / clock_ns) and readings[0] == rate
    if at_asked:
        assert clock.credible_mhz and readings[0].value == pytest.approx(
            rate.value * clock.credible_mhz * clock_ns / 1000
        )
    assert judge_clock(readings, clock_ns) == clock, "a record that is read again says the same"


@pytest.mark.parametrize(
    ("met", "part", "mhz"),
    [
        ("xc7z020clg400-1", "xc7z020", 100.0),
        ("xc7z020clg400-1", "xc7z010clg400-1", 100.0),
        ("xc7z020clg400-1", "xc7z020clg400-2", 100 / 0.88),
        ("xc7z020clg400-1", "xc7z020clg400-3", 100 / 0.88),  # what a -3 gains over a -2 could not be checked
        ("xc7z020clg400-1", "xc7z045ffg900-1", 100.0),  # a faster fabric is as fast at least
        ("xc7z020clg400-1", "xc7z045ffg900-2", 100 / 0.88),
        ("xc7z020clg400-2", "xc7z020clg400-1", None),
        ("xc7z045ffg900-2", "xc7z020clg400-2", None),
        ("a board of ours", "xc7z020", 100.0),
    ],
)
def test_a_clock_met_on_a_part_says_something_of_faster_ones_alone(met: str, part: str, mhz: float | None) -> None:
    reading = seen_on(find_part(part), [seen(100.0, Tier.ROUTED, met, "a build")])
    assert (reading and reading.value) == (pytest.approx(mhz) if mhz else None)
    if reading and mhz != 100:
        assert "100 MHz on xc7z020clg400-1, and grade -" in reading.source and "DS189" in reading.source


@pytest.mark.parametrize(
    ("part", "clock_ns", "words"),
    [
        ("xc7z020", 0.1, "block RAM is limited to 388.2 MHz"),
        ("xc7z020", 1.0, "Ask for 2.576 ns or more"),
        ("xc7z020", 2.0, "500 MHz is beyond xc7z020clg400-1"),
        ("xc7z020clg400-2", 1.5, "global clock tree (BUFG) is limited to 628 MHz"),
        ("xc7z020clg400-3", 1.3, "global clock tree (BUFG) is limited to 741 MHz"),
        ("xc7z045", 2.0, "block RAM is limited to 458 MHz"),
        ("xc7z045ffg900-2", 1.0, "741 MHz"),
    ],
)
def test_a_clock_beyond_the_part_is_refused(part: str, clock_ns: float, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check_clock(Target(find_part(part), clock_ns))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "part",
    [f"{device.name}{device.packages[0]}{grade}" for device in devices().values() for grade in device.speed_grades],
)
def test_every_part_has_a_limit_and_what_the_refusal_advises_is_taken(part: str) -> None:
    result = find_part(part)
    assert result.device.fabric in ("artix-7", "kintex-7") and clock_limits(result)
    with pytest.raises(RefusedError) as caught:
        check_clock(Target(result, 0.1))
    advised = float(str(caught.value).rpartition("Ask for ")[2].split()[0])
    check_clock(Target(result, advised))
    check_clock(Target(result, 10.0))


def test_the_fastest_clock_that_is_credible() -> None:
    """What it says of itself is credible on every part, and where no build is known the usual clock is taken."""
    assert fastest_credible(find_part("xc7z020clg400-1"), [KNOWN], 8.0) == 10.0
    assert fastest_credible(find_part("xc7z020clg400-1"), [], 8.0) == 8.0
    for name in ("xc7z020clg400-1", "xc7z020clg400-2", "xc7z010clg400-3"):
        part = find_part(name)
        period = fastest_credible(part, [KNOWN], 10.0)
        known = seen_on(part, [KNOWN])
        assert known and judge_clock([known], period).verdict is ClockVerdict.CREDIBLE
        assert judge_clock([known], period - 0.01).verdict is ClockVerdict.AT_RISK
        check_clock(Target(part, period))


def test_of_several_parts_the_next_larger_one_speaks_or_the_largest() -> None:
    """Wires are longer on a larger fabric."""
    small, large = (
        seen(mhz, Tier.ROUTED, on, "a build") for mhz, on in ((125.0, "xc7z010clg400-1"), (73.0, "xc7z020clg400-1"))
    )
    for part, known in (
        ("xc7z007s", small),
        ("xc7z010", small),
        ("xc7z015", large),
        ("xc7z020", large),
        ("xc7z045", large),
    ):
        reading = seen_on(find_part(part), [large, small])
        assert (
            reading
            and reading.value >= known.value
            and known.source in reading.source
            and reading.value < 2 * known.value - 20
        )
    assert seen_on(find_part("xc7z010"), []) is None
