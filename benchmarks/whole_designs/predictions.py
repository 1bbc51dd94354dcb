"""What ``flows estimate`` would have predicted for each design before it was built: the same models are used.

An hls4ml design is predicted from its network, types and reuse factors; a FINN design from the attributes of its nodes;
whatever has a csynth report of its core also from that report (and its configuration, where that is known), or from
what its core took when the HLS tool routed it alone; a shell alone from its IPs. Each is charged the shell of its own
block design, where the row lists its IPs. What cannot be predicted has a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backends.cost.amounts import Total
from backends.cost.clock import modelled_fmax
from backends.cost.synthesis import built_of, is_surer
from benchmarks.whole_designs.finn import of_finn
from benchmarks.whole_designs.fitted import Fitted
from benchmarks.whole_designs.hls4ml import of_hls4ml
from benchmarks.whole_designs.prediction import (
    BOTH,
    CONFIGURATION,
    CORE,
    CORE_CSYNTH,
    CSYNTH,
    REVISED,
    SHELL,
    Prediction,
)
from benchmarks.whole_designs.rows import UNTOLD, Row
from benchmarks.whole_designs.shells import with_shell
from benchmarks.whole_designs.targets import clock_verdict, target
from calibration.finn.rows import Sample
from flows.core.clock import Clock
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES, Metric

REASONS = {
    UNTOLD: "its flow is not recorded",
    "hand-written HLS": "code of somebody's own, which is not in the row",
    "finn-hls (2018)": "layers of FINN's HLS library of 2018, before its compiler; no model of them",
}
"""Why a design without a report of its core is not predicted, by flow."""


def predictions(row: Row, builds: Mapping[str, Sequence[Sample]], fitted: Fitted) -> Iterator[Prediction]:
    """All that can be said of a design. `builds` are the nodes of FINN builds, by the name of their file."""
    configured: Mapping[Metric, Total] = {}
    if row.hidden:
        yield Prediction(row, CONFIGURATION, {}, row.hidden)
    elif row.flow == "hls4ml" and not row.is_core:
        own = of_hls4ml(row, fitted)
        configured = own.totals
        yield own
    elif row.flow == "finn":
        yield of_finn(row, builds, fitted)
    elif row.flow == "shell only" and row.ips is not None:
        yield Prediction(row, SHELL, with_shell(row, {metric: Total(0, 0, 0) for metric in RESOURCES}))
    elif not row.csynth and not row.core:
        reason = REASONS.get(row.flow, f"no model of {row.flow}") + ", and no report of its core is in the row"
        yield Prediction(row, CONFIGURATION, {}, reason)
    if row.csynth:
        yield _of_csynth(row, fitted, configured)
    if row.core:
        core = {metric: Total(count, count, count) for metric, count in row.core.items()}
        yield Prediction(row, CORE, with_shell(row, core))


def _of_csynth(row: Row, fitted: Fitted, configured: Mapping[Metric, Total]) -> Prediction:
    """For each resource the more certain of two predictions: from the configuration or from the report, as in ``flows
    estimate``."""
    ratios = fitted.hls4ml_ratios if row.flow == "hls4ml" else fitted.ratios
    counts = {metric: (count, count, count) for metric, count in row.csynth.items()}
    core = {metric: Total(*built_of(metric, counts, ratios)) for metric in counts}
    whole = core if row.is_core else with_shell(row, core)
    for metric, own in configured.items():
        if metric not in whole or is_surer((own.low, own.high), (whole[metric].low, whole[metric].high)):
            whole[metric] = own
    start = CORE_CSYNTH if row.is_core else BOTH if configured else REVISED if row.is_revised else CSYNTH
    return Prediction(row, start, whole, clock=None if row.flow == "hls4ml" else _clock_by_hand(row))


def _clock_by_hand(row: Row) -> Clock | None:
    """What is known of placement and routing alone."""
    try:
        return clock_verdict(row, "hls", modelled_fmax(target(row).part))
    except FlowsError:
        return None
