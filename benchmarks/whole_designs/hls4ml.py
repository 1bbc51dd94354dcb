"""An hls4ml design, predicted from its network, types and reuse factors."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from backends.cost.amounts import Total
from backends.cost.shell import NONE
from backends.cost.system import with_system
from backends.hls4ml import BACKEND, built
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, Unbuildable
from benchmarks.whole_designs.fitted import Fitted
from benchmarks.whole_designs.networks import Unreadable, network_of, precision_of, reuse_of
from benchmarks.whole_designs.prediction import CONFIGURATION, Prediction
from benchmarks.whole_designs.rows import Row
from benchmarks.whole_designs.shells import with_shell
from benchmarks.whole_designs.targets import clock_verdict, target
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES, TOTAL, Metric, Tier
from models.network import INPUT, Network
from models.ranges import Ranges
from models.weights import open_weights, save_weights


def of_hls4ml(row: Row, fitted: Fitted) -> Prediction:
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
    whole = with_shell(row, totals, (design.design.converters,) if row.has_converters else ()) if totals else {}
    clock = clock_verdict(row, "hls4ml", readings)
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
    job = Job(network, weights, ranges, target(row), Hls4mlOptions(**options))
    if any(refusal.culprit == "--precision" for refusal in BACKEND.check(job)):
        wide = re.sub(r",\*\.accum=[^>]*>", "", options["precision"])
        job = replace(job, options=Hls4mlOptions(**{**options, "precision": wide}))
    return job
