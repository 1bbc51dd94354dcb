"""What runs: the project is written, g++ compiles it twice, both compute the project's vectors; then AMD's tools."""

from __future__ import annotations

import json
from math import prod

from backends.hls.blueprint import blueprint, to_json
from backends.hls.resolve import design
from backends.hls.synthesis import hls_project
from backends.protocol import Job
from backends.vendor import steps as vendor
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from models.reference import REFERENCE, reference_step

VECTORS = 64
"""Frames back to back: faults at the border between frames show from the third on."""
PROJECT, LIBRARY, OUTPUTS, AP_TYPES = "project", "simulation.so", "outputs.json", "ap_types"
CPP = Output("generate", PROJECT)
SOURCES = ("flows.core", "models", "backends")
FLAGS = ("-std=c++14", "-O2", "-fPIC", "-shared", "-fno-gnu-unique", "-Wno-unknown-pragmas")
SIMULATED = ("src/top.cpp", "tb/simulate.cpp")
NATIVE, AP_INT = "native", "ap_int"


def plan(job: Job) -> Plan:
    made, weights = design(job), Asset(job.weights.path, job.weights.digest)
    expected = reference_step("expected", made.quantised, weights, VECTORS)
    ask = {**to_json(blueprint(made)), "weights": "weights.safetensors", "reference": REFERENCE}
    generate = Step(
        name=CPP.step,
        about="the HLS project, from templates",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.hls.workers.generate", "job.json"),
        files={
            "job.json": json.dumps(ask, indent=1),
            "weights.safetensors": weights,
            REFERENCE: Output(expected.name, REFERENCE),
        },
        makes=(PROJECT,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=SOURCES,
    )
    headers = Step(
        name=AP_TYPES,
        about="AMD's arbitrary-precision integers, as hls4ml's package carries them",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.hls.workers.ap_types"),
        makes=(AP_TYPES,),
        packages=("hls4ml",),
        sources=SOURCES,
    )
    native = _compile(NATIVE, f"{PROJECT}/tb/native", {})
    ap_int = _compile(AP_INT, AP_TYPES, {AP_TYPES: Output(headers.name, AP_TYPES)})
    results = prod(job.network.shapes[made.quantised.output])
    simulate = Step(
        name="simulate",
        about=f"C simulation of {VECTORS} frames back to back, with native integers and with ap_int",
        tool=PYTHON,
        argv=(PYTHON, "-m", "backends.hls.workers.simulate", "job.json"),
        files={
            "job.json": json.dumps({"shape": job.network.input_shape, "results": results, "vectors": VECTORS}),
            f"{NATIVE}.so": Output(native.name, LIBRARY),
            f"{AP_INT}.so": Output(ap_int.name, LIBRARY),
        },
        makes=(OUTPUTS, "speed.json"),
        packages=("numpy",),
        sources=SOURCES,
    )
    limit_s = job.options.vendor_timeout * 3600
    synthesis = vendor.steps("vitis", hls_project(CPP, job.network), job.target, job.options.vendor, limit_s)
    steps = (expected, generate, headers, native, ap_int, simulate, *synthesis)
    return Plan(steps, Output("simulate", OUTPUTS), "C simulation of the generated code (g++ and ap_int)", VECTORS)


def _compile(integers: str, folder: str, headers: dict[str, Output]) -> Step:
    """With the integers in `folder`."""
    includes = [f"-I{PROJECT}/src", f"-I{folder}", f"-I{PROJECT}/tb/stand_in", f"-I{PROJECT}/tb"]
    quiet = ("-w",) if headers else ()  # AMD's headers have warnings of their own
    return Step(
        name=f"compile {integers}",
        about=f"g++ compiles the C simulation with {integers} integers",
        tool="g++",
        argv=("g++", *FLAGS, *quiet, *includes, *(f"{PROJECT}/{name}" for name in SIMULATED), "-o", LIBRARY),
        files={PROJECT: CPP, **headers},
        makes=(LIBRARY,),
    )
