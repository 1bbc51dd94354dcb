"""What runs: the QONNX graph is written, judged for FINN and executed on the project's vectors, and so is the network
in Brevitas; then the hand-over is written, and finn-plus, where it is at hand, takes it up to its estimates. A QONNX
file of the user's takes the place of the graph: it is compared with its own integers.
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
from models.integer_network import IntegerNetwork
from models.serial import quantised_to_json

MODEL, OUTPUTS = Output("export", "model.onnx"), Output("execute", "outputs.json")
ORDER = Output(MODEL.step, "order.json")
CODES = Output(OUTPUTS.step, "codes.json")
SOURCES = ("flows.core", "models", "backends.finn.workers")


def plan(solved: Solved[FinnDesign]) -> Plan:
    design = solved.design
    integer = design.job.integer
    return _of_file(design, integer) if isinstance(integer, IntegerNetwork) else _of_weights(design)


def _of_file(design: FinnDesign, integer: IntegerNetwork) -> Plan:
    """The graph is the user's own, and must compute the integers that its thresholds give."""
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
    return Plan(steps, OUTPUTS, "qonnx's executor on your graph")


def observations(solved: Solved[FinnDesign], products: Products) -> Sequence[Note]:
    """How many codes of the user's graph were compared, and on how many single precision rounded otherwise."""
    integer = isinstance(solved.design.job.integer, IntegerNetwork)
    if not integer or (path := products.path(CODES)) is None:
        return ()
    counts = json.loads(path.read_text())
    told = f"qonnx's executor gives {counts['compared']:,} codes and logits of your graph as the integers do"
    if counts["rounded"]:
        told += (
            f", but for {counts['rounded']:,} that single precision rounds to the neighbour: each lies within the "
            f"error of its sums, {counts['furthest']:.1g} of a step at most, of the point where codes change"
        )
    return (Note(told),)


def _of_weights(design: FinnDesign) -> Plan:
    job = design.job
    quantised = design.quantised
    weights = Asset(job.weights.path, job.weights.digest)
    ask = {"quantised": quantised_to_json(quantised), "weights": "weights.safetensors"}
    check = {"quantised": ask["quantised"], "vectors": vectors.COUNT}
    export = worker(
        name=MODEL.step,
        about="the QONNX graph, as FINN takes it",
        module="backends.finn.workers.export",
        ask=ask,
        files={"weights.safetensors": weights},
        makes=(MODEL.file,),
        packages=("onnx", "numpy", "safetensors"),
        sources=SOURCES,
    )
    brevitas = worker(
        name="brevitas",
        about=f"Brevitas computes every code of {vectors.COUNT} vectors as the graph does",
        module="backends.finn.workers.brevitas_codes",
        ask=check,
        files={"weights.safetensors": weights, "model.onnx": MODEL},
        makes=("codes.json",),
        packages=("brevitas", "torch", "qonnx", "onnx", "onnxruntime", "numpy", "safetensors"),
        sources=SOURCES,
    )
    ready = readiness_step(MODEL, job.network, required=True)
    execute = worker(
        name=OUTPUTS.step,
        about=f"qonnx executes the graph on {vectors.COUNT} vectors",
        module="backends.finn.workers.execute",
        ask=check,
        files={"model.onnx": MODEL},
        makes=(OUTPUTS.file,),
        packages=("qonnx", "onnx", "onnxruntime", "numpy"),
        sources=SOURCES,
    )
    handover = handover_step(design, MODEL, OUTPUTS)
    steps = (export, ready, execute, brevitas, handover, finn_plus_step())
    return Plan(steps, OUTPUTS, "qonnx's executor on the QONNX graph")
