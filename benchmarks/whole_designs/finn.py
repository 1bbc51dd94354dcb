"""A FINN design, predicted from the attributes of its nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

from backends.cost.amounts import Total, joined, summed
from backends.cost.system import BEST, USUAL, WORST, seconds
from backends.finn import clock as finn_clock
from backends.finn.resources import models
from benchmarks.whole_designs.fitted import Fitted
from benchmarks.whole_designs.prediction import NODES, Prediction
from benchmarks.whole_designs.rows import Row
from benchmarks.whole_designs.shells import with_shell
from benchmarks.whole_designs.targets import clock_verdict, target
from calibration.finn.rows import Sample
from flows.core.clock import Clock
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES

IMAGE = re.compile(r"\b(\d+)x(\d+)x(\d+)\b|\b(\d+)-\d+-")
"""What a FINN design takes: an image, or as many values as the first layer."""


def of_finn(row: Row, builds: Mapping[str, Sequence[Sample]], fitted: Fitted) -> Prediction:
    file = re.search(r"finn_\w+", row.folding)
    nodes = builds.get(file[0], ()) if file else ()
    if not nodes:
        return Prediction(row, NODES, {}, "its folding is not recorded, or not in a file that was given")
    parts = [sample.amounts(fitted.finn) for sample in nodes if sample.part is not None]
    whole = joined(*(models.of_sum(amounts, fitted.finn) for amounts in parts))
    totals = {metric: summed(whole[metric]) for metric in RESOURCES}
    cycles = max((amount.value for node in nodes if (amount := node.amount("cycles", fitted.finn))), default=None)
    rate = 1e6 * (row.clock_mhz or 100) / cycles if cycles else None
    system = _system(row, rate) if rate else None
    return Prediction(row, NODES, with_shell(row, totals), "", _clock_of_finn(row, nodes), rate, system)


def _clock_of_finn(row: Row, nodes: Sequence[Sample]) -> Clock | None:
    try:
        part = target(row).part
        limits = finn_clock.predicted([(node.row.layer, node.row.config) for node in nodes], part)
    except (FlowsError, ValueError):  # another fabric, or a LabelSelect that is not wholly recorded
        return None
    return clock_verdict(row, "finn", limits)


def _system(row: Row, rate: float) -> Total | None:
    """The system rate of a FINN design that takes one byte per pixel and returns a label; None where the row does not
    give the image size."""
    words = IMAGE.search(row.net)
    if words is None:
        return None
    values, clock_ns = prod(int(size) for size in words.groups() if size), 1000 / (row.clock_mhz or 100)
    value, high, low = (
        row.batch / seconds(row.batch, rate, 1 / rate, values, 1, host, clock_ns) for host in (USUAL, BEST, WORST)
    )
    return Total(value, low, high)
