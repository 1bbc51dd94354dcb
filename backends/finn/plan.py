"""What runs: the QONNX graph is written, judged for FINN and executed on the project's vectors, and so is the network
in Brevitas; then the hand-over is written, and finn-plus, where it is at hand, takes it up to its estimates.
"""

from __future__ import annotations

import json

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.handover.finn_plus import finn_plus_step
from backends.finn.handover.step import handover_step
from backends.finn.readiness.step import readiness_step
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from models import vectors
from models.serial import quantised_to_json

MODEL, OUTPUTS = Output("export", "model.onnx"), Output("execute", "outputs.json")
SOURCES = ("flows.core", "models", "backends.finn.workers")


def plan(solved: Solved[FinnDesign]) -> Plan:
    design, job = solved.design, solved.design.job
    quantised = design.quantised
    ask = {"quantised": quantised_to_json(quantised), "weights": "weights.safetensors"}
    export = Step(
        name=MODEL.step,
        about="the QONNX graph, as FINN takes it",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.finn.workers.export", "job.json"),
        files={
            "job.json": json.dumps(ask, indent=1),
            "weights.safetensors": Asset(job.weights.path, job.weights.digest),
        },
        makes=(MODEL.file,),
        packages=("onnx", "numpy", "safetensors"),
        sources=SOURCES,
    )
    brevitas = Step(
        name="brevitas",
        about=f"Brevitas computes every code of {vectors.COUNT} vectors as the graph does",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.finn.workers.brevitas_codes", "job.json"),
        files={
            "job.json": json.dumps({"quantised": ask["quantised"], "vectors": vectors.COUNT}),
            "weights.safetensors": Asset(job.weights.path, job.weights.digest),
            "model.onnx": MODEL,
        },
        makes=("codes.json",),
        packages=("brevitas", "torch", "qonnx", "onnx", "onnxruntime", "numpy", "safetensors"),
        sources=SOURCES,
    )
    ready = readiness_step(MODEL, job.network, required=True)
    execute = Step(
        name=OUTPUTS.step,
        about=f"qonnx executes the graph on {vectors.COUNT} vectors",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.finn.workers.execute", "job.json"),
        files={
            "job.json": json.dumps({"quantised": ask["quantised"], "vectors": vectors.COUNT}),
            "model.onnx": MODEL,
        },
        makes=(OUTPUTS.file,),
        packages=("qonnx", "onnx", "onnxruntime", "numpy"),
        sources=SOURCES,
    )
    handover = handover_step(design, MODEL, OUTPUTS)
    steps = (export, ready, execute, brevitas, handover, finn_plus_step())
    return Plan(steps, OUTPUTS, "qonnx's executor on the QONNX graph")
