"""What ``flows estimate`` would have predicted for each design before it was built: the same models are used.

An hls4ml design is predicted from its network, types and reuse factors; a FINN design from the attributes of its nodes;
whatever has a csynth report of its core also from that report (and its configuration, where that is known), or from
what its core took when the HLS tool routed it alone; a shell alone from its IPs. Each is charged the shell of its own
block design, where the row lists its IPs. What cannot be predicted has a reason.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, prod
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from backends.cost.amounts import Total, joined, summed
from backends.cost.block_design import shell_of
from backends.cost.clock import modelled_fmax
from backends.cost.shell import DMA, NONE, SMARTCONNECT, IpBlock, Range, Shell, find_shell
from backends.cost.synthesis import built_of, is_surer
from backends.cost.system import BEST, USUAL, WORST, seconds, with_system
from backends.finn import clock as finn_clock
from backends.finn.resources import models
from backends.hls4ml import BACKEND, built
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, Unbuildable
from benchmarks.whole_designs.fitted import Fitted
from benchmarks.whole_designs.networks import Unreadable, network_of, precision_of, reuse_of
from benchmarks.whole_designs.rows import UNTOLD, Row
from calibration.finn.rows import Sample
from flows.core.clock import Clock, judge_clock, seen_on
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.part import Part, Target, find_part
from flows.registry import load
from models.network import INPUT, Network
from models.ranges import Ranges
from models.weights import open_weights, save_weights

CONFIGURATION, NODES, CSYNTH, SHELL = "configuration", "nodes", "csynth report", "IPs"
BOTH, CORE = "configuration and csynth report", "core, routed alone"
CORE_CSYNTH, REVISED = "csynth report, core alone", "csynth report of another revision"
"""What a prediction starts from. The last but one predicts the core alone, without a shell; the last is of other code
than was built, and no measure of the models."""
SUREST = CORE, BOTH, CONFIGURATION, NODES, SHELL, CSYNTH
"""For a whole design, from the most certain to the least certain."""
OWN = re.compile(
    "(?!Streaming|axi|axis|smartconnect|proc|xl|util|clk|mig|mdm|micro|lmb|blk|ila|vio|v_|dvi|rgb|color|pixel)"
)
"""Names of IPs that are none of AMD's nor FINN's: the accelerator, and what else its author wrote."""

STAND_IN = "xc7z020clg400-1"
DEVICE = re.compile(r"x[acq](7z0[0-9]+s?|7z100)")
"""A Zynq-7000 of any grade, automotive and defence too, whose dies are those of commercial parts."""
REASONS = {
    UNTOLD: "its flow is not recorded",
    "hand-written HLS": "code of somebody's own, which is not in the row",
    "finn-hls (2018)": "layers of FINN's HLS library of 2018, before its compiler; no model of them",
}
"""Why a design without a report of its core is not predicted, by flow."""
IMAGE = re.compile(r"\b(\d+)x(\d+)x(\d+)\b|\b(\d+)-\d+-")
"""What a FINN design takes: an image, or as many values as the first layer."""
UNTOLD_SHELL = Shell(
    "a shell that is not recorded",
    (IpBlock("from an AXI-Lite port to wide DMAs", Range(350, 2934, 9177), Range(383, 3838, 12000), Range(0, 8, 37)),),
)
"""For hand-written designs whose IPs are not listed. It spans every such shell that was seen."""


@dataclass(frozen=True)
class Prediction:
    """`totals` of the whole design by resource; empty where nothing is said, for the `reason`.

    `clock` is the verdict on the clock of the row, `rate` the images a second of the core at that clock, `system` those
    of the board at `Row.batch` images a call; None where nothing is said of them.
    """

    row: Row
    start: str
    totals: Mapping[Metric, Total]
    reason: str = ""
    clock: Clock | None = None
    rate: float | None = None
    system: Total | None = None


def predictions(row: Row, builds: Mapping[str, Sequence[Sample]], fitted: Fitted) -> Iterator[Prediction]:
    """All that can be said of a design. `builds` are the nodes of FINN builds, by the name of their file."""
    configured: Mapping[Metric, Total] = {}
    if row.hidden:
        yield Prediction(row, CONFIGURATION, {}, row.hidden)
    elif row.flow == "hls4ml" and not row.is_core:
        own = _of_hls4ml(row, fitted)
        configured = own.totals
        yield own
    elif row.flow == "finn":
        yield _of_finn(row, builds, fitted)
    elif row.flow == "shell only" and row.ips is not None:
        yield Prediction(row, SHELL, _with_shell(row, {metric: Total(0, 0, 0) for metric in RESOURCES}))
    elif not row.csynth and not row.core:
        reason = REASONS.get(row.flow, f"no model of {row.flow}") + ", and no report of its core is in the row"
        yield Prediction(row, CONFIGURATION, {}, reason)
    if row.csynth:
        yield _of_csynth(row, fitted, configured)
    if row.core:
        core = {metric: Total(count, count, count) for metric, count in row.core.items()}
        yield Prediction(row, CORE, _with_shell(row, core))


def _of_hls4ml(row: Row, fitted: Fitted) -> Prediction:
    try:
        network = network_of("design", row.net)
        options = {
            "precision": precision_of(row.precision),
            "reuse_factor": reuse_of(network, row.reuse),
            "strategy": row.strategy or "resource",
            "io_type": row.io_type or "io_stream",
            "backend": "vivado" if row.is_vivado_hls else "vitis",
            "fifo_depth": "hls4ml",
            "fifo_storage": "tool",
            "softmax": "keep",
            "shell": NONE,
        }
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(built, "shipped", lambda: fitted.hls4ml):
            job = _job(network, Path(folder), row, options)
            if refusals := BACKEND.check(job):
                return Prediction(row, CONFIGURATION, {}, f"{refusals[0].culprit}: {refusals[0].fact}")
            design = BACKEND.resolve(job)
            readings = BACKEND.estimate(design)
    except (Unreadable, FlowsError, ValueError) as error:  # of options: a strategy that hls4ml has not
        return Prediction(row, CONFIGURATION, {}, str(error))
    except Unbuildable as error:
        return Prediction(row, CONFIGURATION, {}, error.refusals[0].fact)
    totals = {
        reading.metric: Total(reading.value, *reading.ends, reading.at_least)
        for reading in readings
        if reading.scope == TOTAL and reading.metric in RESOURCES and reading.stage is Tier.ROUTED
    }
    readings = with_system(readings, BACKEND.lower(design), job.target.clock_ns, row.batch)
    rates = {reading.metric: reading for reading in readings if reading.scope == TOTAL}
    rate, board = rates.get(Metric.THROUGHPUT_FPS), rates.get(Metric.SYSTEM_FPS if row.batch > 1 else Metric.SINGLE_FPS)
    system = Total(board.value, *board.ends) if board else None
    reason = "" if totals else f"no model of {options['io_type']} of this network"
    whole = _with_shell(row, totals, (design.design.converters,) if row.has_converters else ()) if totals else {}
    clock = _clock(row, "hls4ml", readings)
    return Prediction(row, CONFIGURATION, whole, reason, clock, rate.value if rate else None, system)


def _job(network: Network, folder: Path, row: Row, options: Mapping[str, Any]) -> Job[Hls4mlOptions]:
    """On seeded weights, since none are published with a bitstream; every tensor reaches -1 to 1.

    Accumulators that round, which the exact reference does not follow, are left to the flow.
    """
    random = np.random.default_rng(1)
    tensors = {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in network.weight_shapes()}
    path = folder / "weights.safetensors"
    save_weights(path, tensors, network)
    weights = open_weights(path, network)
    reach = dict.fromkeys(network.shapes, (-1.0, 1.0)) | {INPUT: (-1.0, 1.0)}
    ranges = Ranges(network.digest, weights.digest, "images", 1, reach)
    job = Job(network, weights, ranges, _target(row), Hls4mlOptions(**options))
    if any(refusal.culprit == "--precision" for refusal in BACKEND.check(job)):
        wide = re.sub(r",\*\.accum=[^>]*>", "", options["precision"])
        job = replace(job, options=Hls4mlOptions(**{**options, "precision": wide}))
    return job


def part_of(name: str) -> Part:
    """The part of a row, without its package and speed grade where these are not known. Raises `FlowsError` of a part
    of another fabric."""
    try:
        return find_part(name)
    except FlowsError:
        if device := DEVICE.match(name.lower()):
            return find_part(f"xc{device[1]}")
        raise


def _target(row: Row) -> Target:
    """Raises `FlowsError` of a part of another fabric. An Artix-7 has that of the Zynq-7020, which stands in for it."""
    part = find_part(STAND_IN) if row.part.lower().startswith("xc7a") else part_of(row.part)
    return Target(part, 1000 / (row.clock_mhz or 100))


def _of_finn(row: Row, builds: Mapping[str, Sequence[Sample]], fitted: Fitted) -> Prediction:
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
    return Prediction(row, NODES, _with_shell(row, totals), "", _clock_of_finn(row, nodes), rate, system)


def _clock_of_finn(row: Row, nodes: Sequence[Sample]) -> Clock | None:
    try:
        part = _target(row).part
        limits = finn_clock.predicted([(node.row.layer, node.row.config) for node in nodes], part)
    except (FlowsError, ValueError):  # another fabric, or a LabelSelect that is not wholly recorded
        return None
    return _clock(row, "finn", limits)


def _clock_by_hand(row: Row) -> Clock | None:
    """What is known of placement and routing alone."""
    try:
        return _clock(row, "hls", modelled_fmax(_target(row).part))
    except FlowsError:
        return None


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


def _of_csynth(row: Row, fitted: Fitted, configured: Mapping[Metric, Total]) -> Prediction:
    """For each resource the more certain of two predictions: from the configuration or from the report, as in ``flows
    estimate``."""
    ratios = fitted.hls4ml_ratios if row.flow == "hls4ml" else fitted.ratios
    counts = {metric: (count, count, count) for metric, count in row.csynth.items()}
    core = {metric: Total(*built_of(metric, counts, ratios)) for metric in counts}
    whole = core if row.is_core else _with_shell(row, core)
    for metric, own in configured.items():
        if metric not in whole or is_surer((own.low, own.high), (whole[metric].low, whole[metric].high)):
            whole[metric] = own
    start = CORE_CSYNTH if row.is_core else BOTH if configured else REVISED if row.is_revised else CSYNTH
    return Prediction(row, start, whole, clock=None if row.flow == "hls4ml" else _clock_by_hand(row))


def _with_shell(row: Row, core: Mapping[Metric, Total], also: Sequence[IpBlock] = ()) -> dict[Metric, Total]:
    """With the shell of the row's IPs, the usual one of its flow where they are not listed, and other blocks beside."""
    own = _shell(row)
    charged = replace(own, blocks=(*own.blocks, *also)).amounts()
    totals = {}
    for metric, total in core.items():
        shell = summed(charged[metric])
        low, high = total.low + shell.low, inf if shell.at_least else total.high + shell.high
        totals[metric] = Total(total.value + shell.value, low, high, total.at_least or shell.at_least)
    return totals


def _shell(row: Row) -> Shell:
    if row.ips is None and row.flow not in ("finn", "hls4ml"):
        return UNTOLD_SHELL
    if row.ips is None:
        return find_shell(SMARTCONNECT, own_dma=True) if row.flow == "finn" else find_shell(DMA)
    by_hand = row.flow not in ("finn", "hls4ml", "shell only")
    return shell_of(row.ips, [name for name in row.ips if OWN.match(name)], any_width=by_hand)


def _clock(row: Row, flow: str, readings: Sequence[Reading]) -> Clock | None:
    """None of a design whose clock is not recorded."""
    if row.clock_mhz is None:
        return None
    fmax = [reading for reading in readings if reading.metric is Metric.FMAX_MHZ]
    seen = load(flow).seen_clock
    known = seen_on(_target(row).part, seen) if seen else None
    return judge_clock([*fmax, *([known] if known else [])], 1000 / row.clock_mhz)
