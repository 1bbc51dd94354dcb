"""What runs: hls4ml converts, g++ compiles its C simulation, that computes the project's vectors; then AMD's tools."""

from __future__ import annotations

import json
from dataclasses import asdict

from backends.hls4ml.options import STOCK, TOOL, parse_precision
from backends.hls4ml.resolve import design
from backends.hls4ml.synthesis import hls_project, uncertainty
from backends.protocol import Job
from backends.vendor import steps as vendor
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from models import vectors
from models.serial import quantised_to_json

PROJECT, LIBRARY, OUTPUTS = "project", "simulation.so", "outputs.json"
CPP = Output("convert", PROJECT)
SOURCES = ("flows.core", "models", "backends.cost", "backends.stream", "backends.hls4ml")
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fno-gnu-unique", "-w")
"""-O2 builds a third faster than hls4ml's -O3, and the few vectors run as fast."""


def plan(job: Job) -> Plan:
    made = design(job)
    quantised = quantised_to_json(made.quantised)
    options = asdict(job.options)
    spare = uncertainty(options["backend"], options["clock_uncertainty"])
    ask = {
        "quantised": quantised,
        "weights": "weights.safetensors",
        "reuse": dict(made.reuse),
        "unrolled": sorted(made.unrolled),
        "fifos": [[*buffer.fifo, buffer.depth, buffer.storage] for buffer in made.buffers],
        "pragmas": options["fifo_storage"] != TOOL,
        "backend": options["backend"].title(),
        "io_type": options["io_type"],
        "pinned": parse_precision(options["precision"])[0] != STOCK,
        "part": job.target.part.full_name,
        "clock_ns": job.target.clock_ns,
        "clock_uncertainty": spare,
    }
    convert = Step(
        name="convert",
        about="hls4ml writes the project; every type is read back",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.hls4ml.workers.convert", "job.json"),
        files={
            "job.json": json.dumps(ask, indent=1),
            "weights.safetensors": Asset(job.weights.path, job.weights.digest),
        },
        makes=(PROJECT, "types.json", "simulation.cpp"),
        packages=("hls4ml", "keras", "torch", "numpy", "safetensors"),
        sources=SOURCES,
    )
    firmware = f"{PROJECT}/firmware"
    includes = (f"-I{firmware}", f"-I{firmware}/ap_types", f'-DWEIGHTS_DIR="{firmware}/weights"')
    compile = Step(
        name="compile",
        about="g++ compiles the C simulation",
        tool="g++",
        argv=("g++", *FLAGS, *includes, f"{firmware}/myproject.cpp", "simulation.cpp", "-o", LIBRARY),
        files={PROJECT: Output("convert", PROJECT), "simulation.cpp": Output("convert", "simulation.cpp")},
        makes=(LIBRARY,),
    )
    simulate = Step(
        name="simulate",
        about=f"C simulation of {vectors.COUNT} vectors, back to back",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.hls4ml.workers.simulate", "job.json"),
        files={
            "job.json": json.dumps({"quantised": quantised, "vectors": vectors.COUNT}),
            LIBRARY: Output("compile", LIBRARY),
            PROJECT: Output("convert", PROJECT),
        },
        makes=(OUTPUTS,),
        packages=("numpy",),
        sources=SOURCES,
    )
    tool, limit_s = options["backend"], options["vendor_timeout"] * 3600
    synthesis = vendor.steps(tool, hls_project(CPP, spare), job.target, options["vendor"], limit_s)
    return Plan((convert, compile, simulate, *synthesis), Output("simulate", OUTPUTS), "hls4ml's C simulation (g++)")
