"""What runs: the QONNX graph is written, judged for FINN, and executed on the project's vectors."""

from __future__ import annotations

import json

from backends.finn.arithmetic import lower
from backends.finn.readiness.step import readiness_step
from backends.finn.resolve import design
from backends.protocol import Job
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from models import vectors
from models.serial import quantised_to_json

MODEL, OUTPUTS = "handover/model.onnx", "outputs.json"
SOURCES = ("flows.core", "models", "backends.finn.workers")


def plan(job: Job) -> Plan:
    quantised = lower(job)
    ask = {
        "quantised": quantised_to_json(quantised),
        "weights": "weights.safetensors",
        "folding": design(job, quantised).folding_file(),
        "part": job.target.part.full_name,
        "clock_ns": job.target.clock_ns,
    }
    export = Step(
        name="export",
        about="the QONNX graph and the folding, as FINN takes them",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.finn.workers.export", "job.json"),
        files={
            "job.json": json.dumps(ask, indent=1),
            "weights.safetensors": Asset(job.weights.path, job.weights.digest),
        },
        makes=(MODEL, "handover/folding.json", "handover/README.md"),
        packages=("onnx", "numpy", "safetensors"),
        sources=SOURCES,
    )
    ready = readiness_step(Output("export", MODEL), job.network, required=True)
    execute = Step(
        name="execute",
        about=f"qonnx executes the graph on {vectors.COUNT} vectors",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.finn.workers.execute", "job.json"),
        files={
            "job.json": json.dumps({"quantised": ask["quantised"], "vectors": vectors.COUNT}),
            "model.onnx": Output("export", MODEL),
        },
        makes=(OUTPUTS,),
        packages=("qonnx", "onnx", "onnxruntime", "numpy"),
        sources=SOURCES,
    )
    return Plan((export, ready, execute), Output("execute", OUTPUTS), "qonnx's executor on the QONNX graph")
