"""What runs: the QONNX graph is made what FINN takes, judged, and executed on the project's vectors, where every code
must be the integer that the thresholds give. Then the hand-over is written, and finn-plus, where it is at hand, takes
it up to its estimates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.handover.finn_plus import finn_plus_step
from backends.finn.handover.step import handover_step
from backends.finn.readiness.step import readiness_step
from backends.protocol import Note
from flows.core.plan import Asset, Output, Plan, Products
from flows.core.worker import worker
from models import vectors

MODEL, OUTPUTS = Output("export", "model.onnx"), Output("execute", "outputs.json")
ORDER = Output(MODEL.step, "order.json")
CODES = Output(OUTPUTS.step, "codes.json")
SOURCES = ("flows.core", "models", "backends.finn.workers")


def plan(solved: Solved[FinnDesign]) -> Plan:
    design = solved.design
    integer = design.integer
    graph = worker(
        name=MODEL.step,
        about=f"{design.job.network.name} as FINN takes it",
        module="backends.finn.workers.own_graph",
        ask={},
        files={"graph.onnx": integer.graph},
        makes=(MODEL.file, ORDER.file),
        packages=("qonnx", "onnx", "onnxruntime", "numpy"),
        sources=(*SOURCES, "backends.finn.readiness"),
    )
    ready = readiness_step(MODEL, required=True)
    prove = worker(
        name=OUTPUTS.step,
        about=f"qonnx computes every code of {vectors.COUNT} vectors as the integer thresholds do",
        module="backends.finn.workers.prove",
        ask={"integers": integer.facts, "vectors": vectors.COUNT},
        files={"integers.safetensors": Asset(integer.weights.path, integer.weights.digest), "model.onnx": MODEL},
        makes=(OUTPUTS.file, CODES.file),
        packages=("torch", "qonnx", "onnx", "onnxruntime", "numpy", "safetensors"),
        sources=SOURCES,
    )
    steps = (graph, ready, prove, handover_step(design, MODEL, OUTPUTS, ORDER), finn_plus_step())
    return Plan(steps, OUTPUTS, "qonnx's executor on the QONNX graph")


def observations(solved: Solved[FinnDesign], products: Products) -> Sequence[Note]:
    """How many codes of the graph were compared, and on how many single precision rounded otherwise."""
    if (path := products.path(CODES)) is None:
        return ()
    counts = json.loads(path.read_text())
    fact = f"qonnx's executor gives {counts['compared']:,} codes and logits of the graph as the integers do"
    if counts["rounded"]:
        fact += (
            f", but for {counts['rounded']:,} that single precision rounds to the neighbour: each lies within the "
            f"error of its sums, {counts['furthest']:.1g} of a step at most, of the point where codes change"
        )
    return (Note(fact),)
