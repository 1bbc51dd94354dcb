"""Jobs of the RTL flow on small networks with seeded weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.nodes import MATRIX_VECTOR, nodes
from backends.dataflow.pe_simd import legal
from backends.protocol import Job
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import RtlOptions
from models.layers import ReLU
from models.network import INPUT, Network
from tests.backends import jobs
from tests.backends.hls.networks import PLAIN, random_network

FOLDING = "conv1=2x3,shortcut=1x1,conv2=3x4,dense=2x2"
"""Of `tests.backends.hls.networks.SMALL`, which has every kind of stage; its five results go two by two."""
PADDED = "conv1=2x2,shortcut=1x1,conv2=3x8,dense=2x2"
"""The columns of its windows, 9 and 12 values, do not come out even either."""


def job_on(network: Network, folder: Path, part: str = "xc7z020", seed: int = 8, **options: Any) -> Job[RtlOptions]:
    """On weights of both signs, tensors reaching -4 .. 4, and 0 .. 4 behind a ReLU."""
    rectified = {INPUT, *(layer.name for layer in network.layers if isinstance(layer, ReLU))}
    reach = {tensor: (0.0 if tensor in rectified else -4.0, 4.0) for tensor in network.shapes}
    return jobs.job_with(network, jobs.random_weights(network, 0.5, seed), reach, folder, RtlOptions(**options), part)


def random_job(seed: int, folder: Path) -> Job[RtlOptions]:
    """A random network in random folds, with weights and activations of 2 to 8 bits."""
    random = Random(seed)
    network = random_network(random, PLAIN)
    bits, format = random.choice((2, 3, 4, 8, 8)), random.choice(("Q1.7", "Q1.3", "Q1.1", "Q2.6"))
    part = random.choice(("xc7z010", "xc7z020"))
    job = job_on(network, folder, part, seed, activation_bits=bits, weight_format=format)
    stages = [node for node in nodes(lower(job)) if node.kind == MATRIX_VECTOR]
    folding = ",".join(f"{node.name}={random.choice(legal(RtlDesign.ways(node)))}" for node in stages)
    return replace(job, options=replace(job.options, folding=folding))
