"""From csynth's counts to what is built after logic synthesis, placement and routing.

csynth adds up operators one by one, before logic optimisation. Fit is judged on what is built, for every flow
(docs/adr/0014-one-stage.md). So csynth's counts are divided by the ratios seen in designs where both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, floor, hypot, inf, log

from flows.core.evidence import BUILT, DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier

LUTS_A_FF = 0.4, 10.0
"""The range of LUTs per FF in csynth's counts in which the two are combined: known hand-written designs have 0.5 to
8.3."""
Ends = tuple[float, float, float]
"""(value, low, high) of a count."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A tool's count over what was built: the geometric mean over `designs`, and the 90 % interval for new projects.

    Where `luts` is given, the count is csynth's LUTs to that power times its FFs to 1 minus it (`mixed`); else it is
    the count of the same resource. `alone` is used where the other count is unknown, or where LUTs per FF are out of
    the known range (`LUTS_A_FF`).
    """

    value: float
    low: float
    high: float
    designs: str
    luts: float | None = None
    alone: Ratio | None = None

    def built(self, value: float, low: float, high: float) -> Ends:
        """(value, low, high) of what is built, where csynth counts `value` within `low` and `high`.

        The uncertainties of the count and of the ratio are independent, and both are factors.

        >>> [round(end) for end in Ratio(2, 1, 4, "").built(100, 100, 100)]
        [50, 25, 100]
        """
        if value == 0:
            return 0.0, 0.0, high / self.low
        below = hypot(log(value / low), log(self.high / self.value)) if low > 0 else inf
        above = hypot(log(high / value), log(self.value / self.low))
        return value / self.value, value / self.value / exp(below), value / self.value * exp(above)

    def of_counts(self, metric: Metric, counts: Mapping[Metric, Ends]) -> tuple[Ratio, Ends]:
        """(the ratio to use, the count that it divides) for `metric`, whose count by csynth is among `counts`."""
        if self.luts is None or not counts[metric][0]:
            return self, counts[metric]
        luts, ffs = (counts.get(resource, (0.0, 0.0, 0.0)) for resource in (Metric.LUT, Metric.FF))
        if not LUTS_A_FF[0] * ffs[0] <= luts[0] <= LUTS_A_FF[1] * ffs[0]:
            return (self.alone or self), counts[metric]
        value, low, high = (mixed(*pair, self.luts) for pair in zip(luts, ffs, strict=True))
        return self, (value, low, high)


def mixed(luts: float, ffs: float, share: float) -> float:
    """The weighted geometric mean of csynth's LUTs, of weight `share`, and its FFs; a count of 0 is taken as 1.

    >>> round(mixed(400, 100, 0.5))
    200
    """
    return float(max(luts, 1.0) ** share * max(ffs, 1.0) ** (1 - share))


Ratios = Mapping[Metric, Ratio]
FEW = {Metric.BRAM18: 3, Metric.DSP: 3}
"""The difference from csynth's count that is always possible, however small the count is: of an AXI master, csynth has
counted one block where two are built."""


def built_of(metric: Metric, counts: Mapping[Metric, Ends], ratios: Ratios) -> Ends:
    """(value, low, high) of what is built of `metric`, from csynth's `counts`, as whole numbers. Without a ratio for
    the metric, they are the count itself.

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
        *(1.79, 1.06, 3.03, "73 HLS designs of others' own code in 64 projects"),
        luts=0.62,
        alone=Ratio(2.35, 1.27, 4.34, "77 HLS designs of others' own code in 66 projects"),
    ),
    Metric.FF: Ratio(1.35, 0.79, 2.32, "73 HLS designs of others' own code in 64 projects"),
    Metric.BRAM18: Ratio(1.0, 0.88, 2.08, "46 HLS designs of others' own code in 37 projects"),
    Metric.DSP: Ratio(1.0, 0.75, 1.19, "49 HLS designs of others' own code in 41 projects"),
}
"""For Vivado HLS and Vitis HLS (``calibration/csynth_ratios.py``), from networks and programs of benchmark suites,
which csynth overstates equally. Its FFs are closer to what is built than its LUTs, and most FFs have a LUT before them.
So using FFs reduces the error of LUTs. The LUTs of expressions, multiplexers and instances, or the number of operators
of each kind, do not reduce it further. Where most of a core is of one kind, that decides: with 68 % in AXI masters
csynth counts 0.9 times the LUTs and 0.6 times the FFs, with 41 % in dividers 3.5 and 3.0 times. Block RAM and DSP
slices are mostly built as csynth counts them."""


HLS4ML: Ratios = {
    Metric.LUT: Ratio(2.28, 1.11, 4.71, "24 hls4ml designs in 13 projects"),
    Metric.FF: Ratio(1.28, 0.82, 1.99, "23 hls4ml designs in 12 projects"),
    Metric.BRAM18: Ratio(2.24, 0.48, 10.42, "22 hls4ml designs in 11 projects"),
    Metric.DSP: Ratio(1.0, 0.96, 1.08, "21 hls4ml designs in 10 projects"),
}
"""For hls4ml's own layers, where only a csynth report is known. No single ratio is right: csynth over built is 3 for
line buffers and their convolutions, 0.3 to 3 for dense layers, some hundreds for a streamed ReLU and 1.2 for FIFOs. The
flow's own predictions do not use it (`backends.hls4ml.routed`). Block RAM: Vivado puts shallow weights and FIFOs into
LUTs."""


OPEN_SYNTHESIS: Ratios = {
    Metric.LUT: Ratio(1.40, 1.21, 1.64, "4 modules of FINN's RTL, from the least to the most that was seen"),
}
"""Yosys' count of logic LUTs over Vivado's (2022.2), for identical RTL. FFs agree within 2 %, and LUT RAM is counted as
it is built. FINN's matrix unit is fitted to it (``calibration/finn``)."""


def with_routed(readings: Sequence[Reading], ratios: Ratios) -> Sequence[Reading]:
    """`readings`, and post-route predictions from reports and from csynth's counts, of the whole design and of layers.

    A report covers the design alone; a total includes the shell. Nothing is derived from csynth where a report shows
    what was built. A csynth report takes precedence over a model of csynth's counts. The flow's own resource models of
    the built design are kept beside it where they are surer and do not contradict it (`is_surer`).
    """
    resources = [reading for reading in readings if reading.metric in RESOURCES]
    shells = {resource.metric: resource for resource in resources if resource.scope == SHELL}
    if any(resource.tier in BUILT for resource in resources):
        alone = [reading for reading in _without_totals(resources) if reading.tier in BUILT and reading.scope == DESIGN]
        return [*readings, *(_with_shell(reading, shells.get(reading.metric)) for reading in alone)]
    counts = [reading for reading in _without_totals(resources) if reading.stage is Tier.HLS]
    reported = [count for count in counts if count.tier is Tier.HLS]
    predicted = [resource for resource in resources if resource.tier is Tier.MODELLED and resource.stage is Tier.ROUTED]
    if not reported and any(prediction.scope == TOTAL for prediction in predicted):
        return readings
    built = [_routed(count, counts, ratios, shells) for count in reported or counts]
    whole = {reading.metric: reading for reading in built if reading.scope == TOTAL}
    totals = [prediction for prediction in predicted if prediction.scope == TOTAL]
    surer = {total.metric for total in totals if _is_surer(total, whole.get(total.metric))}
    others = [
        reading for reading in readings if reading not in predicted or reading.scope == SHELL or reading.metric in surer
    ]
    others = [_borne_out(other, whole) if other in predicted and other.scope == TOTAL else other for other in others]
    return [*others, *(reading for reading in built if reading.metric not in surer)]


def is_surer(own: tuple[float, float], derived: tuple[float, float]) -> bool:
    """Whether the interval `own` of a flow's own resource models is kept beside that derived from a csynth report: its
    ends have a smaller ratio, and the intervals overlap.

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
    """`is_surer` of readings; a number without an interval is never surer."""
    return derived is None or (own.low is not None and is_surer(own.ends, derived.ends))


def _borne_out(own: Reading, derived: Mapping[Metric, Reading]) -> Reading:
    """`own`, with the prediction from csynth's report in its source."""
    if (beside := derived.get(own.metric)) is None:
        return own
    low, high = beside.ends
    agrees = f"csynth's report comes to {beside.value:,.0f} ({low:,.0f} to {high:,.0f}), which is less sure"
    return replace(own, source=f"{own.source}; {agrees}")


def _without_totals(resources: Sequence[Reading]) -> Sequence[Reading]:
    """`resources` without totals from reports that also count the design alone."""
    alone = {(resource.metric, resource.tier) for resource in resources if resource.scope == DESIGN}
    return [
        resource for resource in resources if resource.scope != TOTAL or (resource.metric, resource.tier) not in alone
    ]


def _with_shell(alone: Reading, shell: Reading | None) -> Reading:
    """The total of the design alone and the shell, whose ends are added up."""
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
    """The post-route prediction from `count`. `counts` are all of csynth's counts; those of the same scope may be used
    too. A model's total includes the shell, whose figures are post-route already; a report does not include it."""
    how = f"csynth's count ({'modelled' if count.tier is Tier.MODELLED else 'reported'})"
    routed = replace(count, tier=Tier.MODELLED, predicts=Tier.ROUTED, source=f"{how}: {count.source}")
    same = [other for other in counts if (other.scope, other.tier) == (count.scope, count.tier)]
    beside = {other.metric: _alone(other, shells) for other in same}
    shell = shells.get(count.metric)
    charged = shell.value if shell and count.scope == TOTAL else 0
    if known := ratios.get(count.metric):
        ratio, _ = known.of_counts(count.metric, beside)
        named = f"; and {shell.source.partition(':')[0]}" if shell and count.scope == TOTAL else ""
        mean = "" if ratio.luts is None else f", taken with its FFs (LUT^{ratio.luts:g} FF^{1 - ratio.luts:g}),"
        over = f"over {ratio.value:g} ({ratio.low:g} to {ratio.high:g})"
        routed = replace(routed, source=f"{how}{mean} {over}, as {ratio.designs} were overstated{named}")
    value, low, high = (float(round(charged + end)) for end in built_of(count.metric, beside, ratios))
    built = replace(routed, value=value, low=low, high=high)
    return _with_shell(built, shell) if count.scope == DESIGN else built


def _alone(count: Reading, shells: Mapping[Metric, Reading]) -> Ends:
    """(value, low, high) of `count`, without the shell that a model's total includes."""
    shell = shells.get(count.metric)
    charged = shell.value if shell and count.scope == TOTAL else 0
    low, high = count.ends
    return count.value - charged, low - charged, high - charged
