"""What runs: the QONNX graph is written, judged for FINN and executed on the project's vectors, and so is the network
in Brevitas; then the hand-over is written, and finn-plus, where it is at hand, takes it up to its estimates.
"""

from __future__ import annotations

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.handover.finn_plus import finn_plus_step
from backends.finn.handover.step import handover_step
from backends.finn.readiness.step import readiness_step
from flows.core.plan import Asset, Output, Plan
from flows.core.worker import worker
from models import vectors
from models.serial import quantised_to_json

MODEL, OUTPUTS = Output("export", "model.onnx"), Output("execute", "outputs.json")
SOURCES = ("flows.core", "models", "backends.finn.workers")


def plan(solved: Solved[FinnDesign]) -> Plan:
    design, job = solved.design, solved.design.job
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
