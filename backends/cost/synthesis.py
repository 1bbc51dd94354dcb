"""What logic synthesis, placement and routing leave of what csynth counts.

csynth adds up operators one by one, before logic is optimised. Fit is judged on what is built, of every flow alike
(docs/adr/0014-one-stage.md); so csynth's LUTs and FFs are divided by how far they were off where both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, floor, hypot, inf, log

from flows.core.evidence import BUILT, DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier

LUTS_A_FF = 0.4, 10.0
"""Between which csynth's LUTs and FFs speak for each other: hand-written designs that are known have 0.5 to 8.3."""
Ends = tuple[float, float, float]
"""(value, low, high) of a count."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A tool's count over what was built: the geometric mean of `designs`, and what 90 % of new projects keep to.

    Where `luts` is given, the count is csynth's LUTs to that power times its FFs to the rest of 1 (`mixed`); else it is
    its own count of what the ratio is of. `alone` is for where the other count is not known, or both are further apart
    than in designs that are known (`LUTS_A_FF`).
    """

    value: float
    low: float
    high: float
    designs: str
    luts: float | None = None
    alone: Ratio | None = None

    def built(self, value: float, low: float, high: float) -> Ends:
        """(value, low, high) of what is built, where csynth counts `value` within `low` and `high`.

        What is not known of the count and of the ratio are independent of each other, and both are factors.

        >>> [round(one) for one in Ratio(2, 1, 4, "").built(100, 100, 100)]
        [50, 25, 100]
        """
        if value == 0:
            return 0.0, 0.0, high / self.low
        below = hypot(log(value / low), log(self.high / self.value)) if low > 0 else inf
        above = hypot(log(high / value), log(self.value / self.low))
        return value / self.value, value / self.value / exp(below), value / self.value * exp(above)

    def of_counts(self, metric: Metric, counts: Mapping[Metric, Ends]) -> tuple[Ratio, Ends]:
        """The ratio to go by, and the count that it divides, where csynth's of `metric` is among `counts`."""
        if self.luts is None or not counts[metric][0]:
            return self, counts[metric]
        luts, ffs = (counts.get(one, (0.0, 0.0, 0.0)) for one in (Metric.LUT, Metric.FF))
        if not LUTS_A_FF[0] * ffs[0] <= luts[0] <= LUTS_A_FF[1] * ffs[0]:
            return (self.alone or self), counts[metric]
        value, low, high = (mixed(*pair, self.luts) for pair in zip(luts, ffs, strict=True))
        return self, (value, low, high)


def mixed(luts: float, ffs: float, share: float) -> float:
    """The geometric mean of csynth's LUTs and FFs, of which LUTs weigh `share`; of none, one counts.

    >>> round(mixed(400, 100, 0.5))
    200
    """
    return float(max(luts, 1.0) ** share * max(ffs, 1.0) ** (1 - share))


Ratios = Mapping[Metric, Ratio]
FEW = {Metric.BRAM18: 2, Metric.DSP: 3}
"""By so many more or fewer what is built may differ from csynth's count, however small that is."""


def built_of(metric: Metric, counts: Mapping[Metric, Ends], ratios: Ratios) -> Ends:
    """(value, low, high) of what is built of `metric`, which csynth counts among `counts`; whole, and of a metric
    without a ratio what is counted.

    >>> built_of(Metric.DSP, {Metric.DSP: (4, 4, 4)}, {Metric.DSP: Ratio(1, 0.8, 1.25, "")})
    (4, 1, 7)
    """
    value, low, high = counts[metric]
    if ratio := ratios.get(metric):
        ratio, ends = ratio.of_counts(metric, counts)
        value, low, high = ratio.built(*ends)
        few = FEW.get(metric, 0)
        low, high = max(min(low, value - few), 0), max(high, value + few)
    return round(value), floor(low), ceil(high)


OWN_CODE: Ratios = {
    Metric.LUT: Ratio(
        *(1.81, 1.08, 3.03, "72 HLS designs of others' own code in 64 projects"),
        luts=0.63,
        alone=Ratio(2.35, 1.29, 4.30, "76 HLS designs of others' own code in 66 projects"),
    ),
    Metric.FF: Ratio(1.36, 0.80, 2.30, "72 HLS designs of others' own code in 64 projects"),
    Metric.BRAM18: Ratio(1.0, 0.88, 2.08, "45 HLS designs of others' own code in 37 projects"),
    Metric.DSP: Ratio(1.0, 0.75, 1.19, "49 HLS designs of others' own code in 41 projects"),
}
"""Of Vivado HLS and Vitis HLS (``calibration/csynth_ratios.py``): networks and programs of benchmark suites, which
csynth overstates alike. Its FFs are nearer to what is built than its LUTs, and most FFs have a LUT before them: with
them the error of LUTs is less. What expressions, multiplexers and instances take of the LUTs, or how many operators of
each kind there are, makes it no less. Block RAM and DSP slices are mostly built as csynth counts them."""


HLS4ML: Ratios = {
    Metric.LUT: Ratio(2.28, 1.11, 4.71, "24 hls4ml designs in 13 projects"),
    Metric.FF: Ratio(1.28, 0.82, 1.99, "23 hls4ml designs in 12 projects"),
    Metric.BRAM18: Ratio(2.24, 0.48, 10.42, "22 hls4ml designs in 11 projects"),
    Metric.DSP: Ratio(1.0, 0.96, 1.08, "21 hls4ml designs in 10 projects"),
}
"""Of hls4ml's own layers, for reports of csynth alone: no one ratio is right, since csynth over built is 3 for line
buffers and their convolutions, 0.3 to 3 for dense layers, some hundreds for a streamed ReLU and 1.2 for FIFOs. What the
flow predicts of its own does not pass by it (`backends.hls4ml.routed`). Block RAM: Vivado puts shallow weights and
FIFOs into LUTs."""


OPEN_SYNTHESIS: Ratios = {
    Metric.LUT: Ratio(1.40, 1.21, 1.64, "4 modules of FINN's RTL, from the least to the most that was seen"),
}
"""Of Yosys' count of LUTs of logic over Vivado's (2022.2), of identical RTL. FFs agree within 2 %, and LUT RAM is
counted as it is built. FINN's matrix unit is fitted to it (``calibration/finn``)."""


def with_routed(readings: Sequence[Reading], ratios: Ratios) -> Sequence[Reading]:
    """`readings`, and what reports and csynth's counts of the whole and of layers come to when all is built.

    A report is of the design alone: the whole has the shell beside it. Nothing is derived from csynth where somebody
    saw what is built. A csynth report counts before a model of csynth's counts; what the flow's own laws predict of
    the built design stands beside it where they are surer and do not contradict it (`is_surer`).
    """
    resources = [reading for reading in readings if reading.metric in RESOURCES]
    shells = {resource.metric: resource for resource in resources if resource.scope == SHELL}
    if any(resource.tier in BUILT for resource in resources):
        alone = [
            without_total
            for without_total in _without_totals(resources)
            if without_total.tier in BUILT and without_total.scope == DESIGN
        ]
        return [*readings, *(_with_shell(one, shells.get(one.metric)) for one in alone)]
    counts = [without_total for without_total in _without_totals(resources) if without_total.stage is Tier.HLS]
    reported = [count for count in counts if count.tier is Tier.HLS]
    foretold = [resource for resource in resources if resource.tier is Tier.MODELLED and resource.stage is Tier.ROUTED]
    if not reported and any(one.scope == TOTAL for one in foretold):
        return readings
    built = [_routed(one, counts, ratios, shells) for one in reported or counts]
    whole = {one.metric: one for one in built if one.scope == TOTAL}
    surer = {one.metric for one in foretold if one.scope == TOTAL and _is_surer(one, whole.get(one.metric))}
    others = [
        reading for reading in readings if reading not in foretold or reading.scope == SHELL or reading.metric in surer
    ]
    others = [_borne_out(other, whole) if other in foretold and other.scope == TOTAL else other for other in others]
    return [*others, *(one for one in built if one.metric not in surer)]


def is_surer(own: tuple[float, float], derived: tuple[float, float]) -> bool:
    """Whether what a flow's own laws foretell, between its ends, stands beside what follows from a csynth report: its
    ends are fewer times apart, and both can be true.

    >>> is_surer((90, 120), (50, 200)), is_surer((90, 120), (100, 110)), is_surer((90, 120), (130, 400))
    (True, False, False)
    >>> is_surer((0, 0), (0, 3)), is_surer((0, 6), (4, 5))
    (True, False)
    """
    return own[0] <= derived[1] and derived[0] <= own[1] and _apart(own) < _apart(derived)


def _apart(ends: tuple[float, float]) -> float:
    low, high = ends
    return 1.0 if low == high else high / low if low > 0 else inf


def _is_surer(own: Reading, derived: Reading | None) -> bool:
    """Of a number without an interval nobody knows how sure it is."""
    return derived is None or (own.low is not None and is_surer(own.ends, derived.ends))


def _borne_out(own: Reading, derived: Mapping[Metric, Reading]) -> Reading:
    """`own`, saying what csynth's report comes to."""
    if (beside := derived.get(own.metric)) is None:
        return own
    low, high = beside.ends
    agrees = f"csynth's report comes to {beside.value:,.0f} ({low:,.0f} to {high:,.0f}), which is less sure"
    return replace(own, source=f"{own.source}; {agrees}")


def _without_totals(resources: Sequence[Reading]) -> Sequence[Reading]:
    """Of what a report says of the whole and of the design alone, what it says of the design alone."""
    alone = {(resource.metric, resource.tier) for resource in resources if resource.scope == DESIGN}
    return [
        resource for resource in resources if resource.scope != TOTAL or (resource.metric, resource.tier) not in alone
    ]


def _with_shell(alone: Reading, shell: Reading | None) -> Reading:
    """What is known of the design alone, with the shell added end to end."""
    if shell is None:
        return replace(alone, scope=TOTAL)
    low, high = (own + charged for own, charged in zip(alone.ends, shell.ends, strict=True))
    return replace(
        alone,
        scope=TOTAL,
        value=alone.value + shell.value,
        low=low,
        high=high,
        at_least=alone.at_least or shell.at_least,
        source=f"{alone.source}; and {shell.source.partition(':')[0]}",
    )


def _routed(count: Reading, counts: Sequence[Reading], ratios: Ratios, shells: Mapping[Metric, Reading]) -> Reading:
    """What `count` comes to when it is built; `counts` are all of csynth's, of which those of the same scope may count
    as well. A model's total has the shell, which is routed already and stays as it is; a report has it not."""
    how = f"csynth's count ({'modelled' if count.tier is Tier.MODELLED else 'reported'})"
    routed = replace(count, tier=Tier.MODELLED, predicts=Tier.ROUTED, source=f"{how}: {count.source}")
    beside = {one.metric: _alone(one, shells) for one in counts if (one.scope, one.tier) == (count.scope, count.tier)}
    shell = shells.get(count.metric)
    charged = shell.value if shell and count.scope == TOTAL else 0
    if known := ratios.get(count.metric):
        ratio, _ = known.of_counts(count.metric, beside)
        named = f"; and {shell.source.partition(':')[0]}" if shell and count.scope == TOTAL else ""
        mean = "" if ratio.luts is None else f", taken with its FFs (LUT^{ratio.luts:g} FF^{1 - ratio.luts:g}),"
        over = f"over {ratio.value:g} ({ratio.low:g} to {ratio.high:g})"
        routed = replace(routed, source=f"{how}{mean} {over}, as {ratio.designs} were overstated{named}")
    value, low, high = (float(round(charged + one)) for one in built_of(count.metric, beside, ratios))
    built = replace(routed, value=value, low=low, high=high)
    return _with_shell(built, shell) if count.scope == DESIGN else built


def _alone(count: Reading, shells: Mapping[Metric, Reading]) -> Ends:
    """Without the shell that a model's total has."""
    shell = shells.get(count.metric)
    charged = shell.value if shell and count.scope == TOTAL else 0
    low, high = count.ends
    return count.value - charged, low - charged, high - charged
