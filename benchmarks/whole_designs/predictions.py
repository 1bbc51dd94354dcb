"""What the project would have said of each design before it was built, by the models that ``flows estimate`` uses.

An hls4ml design is predicted from its network, types and reuse factors; a FINN design from the attributes of its nodes;
whatever has a csynth report of its core also from that report; a shell alone from its IPs. What cannot be predicted has
a reason.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backends.cost.amounts import Total, joined, shell_amounts, summed
from backends.cost.synthesis import HLS4ML, NETWORKS, with_routed
from backends.finn.resources.models import shipped
from backends.hls4ml import BACKEND
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, Unbuildable
from benchmarks.whole_designs.networks import Unreadable, network_of, precision_of, reuse_of
from benchmarks.whole_designs.rows import Row
from calibration.finn.rows import Sample
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from flows.core.part import Target, find_part
from models.network import INPUT, Network
from models.ranges import Ranges
from models.weights import open_weights, save_weights

CONFIGURATION, NODES, CSYNTH, SHELL = "configuration", "nodes", "csynth report", "IPs"
"""What a prediction starts from."""


@dataclass(frozen=True)
class Prediction:
    """`totals` of the whole design by resource; empty where nothing is said, for the `reason`."""

    row: Row
    start: str
    totals: Mapping[Metric, Total]
    reason: str = ""


def predictions(row: Row, builds: Mapping[str, Sequence[Sample]]) -> Iterator[Prediction]:
    """All that can be said of a design. `builds` are the nodes of FINN builds, by the name of their file."""
    if row.hidden:
        yield Prediction(row, CONFIGURATION, {}, row.hidden)
    elif row.flow == "hls4ml" and not row.is_core:
        yield _of_hls4ml(row)
    elif row.flow == "finn":
        yield _of_finn(row, builds)
    elif row.flow == "shell only":
        yield Prediction(row, SHELL, {}, "the shell's IPs are not modelled one by one")
    elif not row.csynth:
        yield Prediction(
            row, CONFIGURATION, {}, f"{row.flow}: no model of designs that others wrote, and no csynth report"
        )
    if row.csynth:
        yield _of_csynth(row)


def _of_hls4ml(row: Row) -> Prediction:
    try:
        network = network_of("design", row.net)
        options = {
            "precision": precision_of(row.precision),
            "reuse_factor": reuse_of(network, row.reuse),
            "strategy": row.strategy or "resource",
            "io_type": row.io_type or "io_stream",
            "backend": "vivado" if row.is_vivado_hls else "vitis",
            "fifo_depth": "hls4ml",
        }
        with tempfile.TemporaryDirectory() as folder:
            job = _job(network, Path(folder), row, options)
            if refusals := BACKEND.check(job):
                return Prediction(row, CONFIGURATION, {}, f"{refusals[0].culprit}: {refusals[0].fact}")
            readings = BACKEND.estimate(BACKEND.resolve(job))
    except (Unreadable, FlowsError) as error:
        return Prediction(row, CONFIGURATION, {}, str(error))
    except Unbuildable as error:
        return Prediction(row, CONFIGURATION, {}, error.refusals[0].fact)
    found = totals_of(with_routed(readings, BACKEND.csynth_ratios))
    return Prediction(row, CONFIGURATION, found, "" if found else f"no model of {options['io_type']}")


def _job(network: Network, folder: Path, row: Row, options: Mapping[str, Any]) -> Job[Hls4mlOptions]:
    """On seeded weights, since none are published with a bitstream; every tensor reaches -1 to 1."""
    random = np.random.default_rng(1)
    tensors = {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in network.weight_shapes()}
    path = folder / "weights.safetensors"
    save_weights(path, tensors, network)
    weights = open_weights(path, network)
    reach = dict.fromkeys(network.shapes, (-1.0, 1.0)) | {INPUT: (-1.0, 1.0)}
    ranges = Ranges(network.digest, weights.digest, "images", 1, reach)
    target = Target(find_part(row.part), 1000 / (row.clock_mhz or 100))
    return Job(network, weights, ranges, target, Hls4mlOptions(**options))


def _of_finn(row: Row, builds: Mapping[str, Sequence[Sample]]) -> Prediction:
    file = re.search(r"finn_\w+", row.folding)
    nodes = builds.get(file[0], ()) if file else ()
    if not nodes:
        return Prediction(row, NODES, {}, "its folding is not recorded, or not in a file that was given")
    parts = [amounts for sample in nodes if (amounts := sample.amounts(shipped()))]
    whole = joined(*parts, shell_amounts())
    return Prediction(row, NODES, {metric: summed(whole[metric]) for metric in RESOURCES})


def _of_csynth(row: Row) -> Prediction:
    on, ratios = row.part, HLS4ML if row.flow == "hls4ml" else NETWORKS
    reported = [Reading(metric, value, Tier.HLS, on, "csynth") for metric, value in row.csynth.items()]
    return Prediction(row, CSYNTH, totals_of(with_routed(reported, ratios)))


def totals_of(readings: Sequence[Reading]) -> dict[Metric, Total]:
    """The post-route totals among readings."""
    return {
        one.metric: Total(one.value, _end(one.low, one.value), _end(one.high, one.value), one.at_least)
        for one in readings
        if one.scope == TOTAL and one.metric in RESOURCES and one.stage is Tier.ROUTED
    }


def _end(end: float | None, value: float) -> float:
    return value if end is None else end
