"""What logic synthesis, placement and routing leave of what csynth counts.

csynth adds up operators one by one, before logic is optimised. Fit is judged on what is built, of every flow alike
(docs/adr/0014-one-stage.md); so csynth's LUTs and FFs are divided by how far they were off where both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, inf, log

from flows.core.evidence import BUILT, DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier


@dataclass(frozen=True, slots=True)
class Ratio:
    """A tool's count over what was built: the geometric mean of `designs`, and what 90 % of new projects keep to."""

    value: float
    low: float
    high: float
    designs: str

    def built(self, value: float, low: float, high: float) -> tuple[float, float, float]:
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


Ratios = Mapping[Metric, Ratio]

NETWORKS: Ratios = {
    Metric.LUT: Ratio(2.4, 1.1, 5.3, "38 HLS designs of networks in 21 projects"),
    Metric.FF: Ratio(1.3, 0.8, 2.1, "33 HLS designs of networks in 18 projects"),
}
"""Hand-written and generated, of Vivado HLS and Vitis HLS (``calibration/csynth_ratios.py``). DSP slices are built as
csynth counts them, and so is block RAM whose memories are told where to go."""


HLS4ML: Ratios = {
    Metric.LUT: Ratio(2.3, 1.1, 4.7, "24 hls4ml designs in 13 projects"),
    Metric.FF: Ratio(1.3, 0.8, 2.0, "23 hls4ml designs in 12 projects"),
    Metric.BRAM18: Ratio(2.2, 0.5, 10.4, "22 hls4ml designs in 11 projects"),
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

    A report is of the design alone: the whole has the shell beside it. A csynth report counts before a model of its own
    or of what is routed. Nothing is derived from csynth where somebody saw what is built, or where the flow's own laws
    predict it.
    """
    resources = [one for one in readings if one.metric in RESOURCES]
    shells = {one.metric: one for one in resources if one.scope == SHELL}
    if any(one.tier in BUILT for one in resources):
        alone = [one for one in _without_totals(resources) if one.tier in BUILT and one.scope == DESIGN]
        return [*readings, *(_with_shell(one, shells.get(one.metric)) for one in alone)]
    counts = [one for one in _without_totals(resources) if one.stage is Tier.HLS]
    reported = [one for one in counts if one.tier is Tier.HLS]
    foretold = [one for one in resources if one.tier is Tier.MODELLED and one.stage is Tier.ROUTED]
    if reported:
        others = [one for one in readings if one not in foretold or one.scope == SHELL]
        return [*others, *(_routed(one, ratios, shells.get(one.metric)) for one in reported)]
    if any(one.scope == TOTAL for one in foretold):
        return readings
    return [*readings, *(_routed(one, ratios, shells.get(one.metric)) for one in counts)]


def _without_totals(resources: Sequence[Reading]) -> Sequence[Reading]:
    """Of what a report says of the whole and of the design alone, what it says of the design alone."""
    alone = {(one.metric, one.tier) for one in resources if one.scope == DESIGN}
    return [one for one in resources if one.scope != TOTAL or (one.metric, one.tier) not in alone]


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


def _routed(count: Reading, ratios: Ratios, shell: Reading | None) -> Reading:
    """A model's total has the shell, which is routed already and stays as it is; a report has it not."""
    how = f"csynth's count ({'modelled' if count.tier is Tier.MODELLED else 'reported'})"
    routed = replace(count, tier=Tier.MODELLED, predicts=Tier.ROUTED, source=f"{how}: {count.source}")
    charged = shell.value if shell and count.scope == TOTAL else 0
    ends = tuple(end - charged for end in (count.value, *count.ends))
    if ratio := ratios.get(count.metric):
        ends = ratio.built(*ends)
        named = f"; and {shell.source.partition(':')[0]}" if shell and count.scope == TOTAL else ""
        over = f"over {ratio.value:g} ({ratio.low:g} to {ratio.high:g})"
        routed = replace(routed, source=f"{how} {over}, as {ratio.designs} were overstated{named}")
    value, low, high = (float(round(charged + one)) for one in ends)
    built = replace(routed, value=value, low=low, high=high)
    return _with_shell(built, shell) if count.scope == DESIGN else built
