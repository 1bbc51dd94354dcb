"""The steps: write the project, compile it with g++, compute the project's vectors, then run AMD's tools."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from backends.amd import steps as amd
from backends.amd.ap_types import AP_TYPES, ap_types_step
from backends.dataflow.layers.blueprint import blueprint, to_json
from backends.dataflow.space import Solved
from backends.hls.amd import hls_project
from backends.hls.design.design import HlsDesign
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.worker import worker
from models.reference import REFERENCE, reference_step

VECTORS = 64
"""Frames back to back: faults at frame borders show from the third frame on."""
PROJECT, LIBRARY, OUTPUTS = "project", "simulation.so", "outputs.json"
CPP = Output("generate", PROJECT)
SOURCES = ("flows.core", "models", "backends")
FLAGS = ("-std=c++14", "-O2", "-fPIC", "-shared", "-fno-gnu-unique", "-Wno-unknown-pragmas")
SIMULATED, BOUNDED = ("src/top.cpp", "tb/simulate.cpp"), ("tb/fifos.cpp",)
SIMULATE = "simulate"
NATIVE, AP_INT, FIFOS = "native", "ap_int", "fifos"
ABOUT = {NATIVE: "native integers", AP_INT: "ap_int", FIFOS: "FIFOs of their real depths"}
FIFO_FRAMES, MARKS = 4, "fifos.json"
"""The number of frames that pass FIFOs of their real depths, and the file that says how full these became."""


def plan(solved: Solved[HlsDesign]) -> Plan:
    design = solved.design
    job, weights = design.job, Asset(design.job.weights.path, design.job.weights.digest)
    expected = reference_step("expected", design.quantised, weights, VECTORS)
    ask = {**to_json(blueprint(design)), "weights": "weights.safetensors", "reference": REFERENCE}
    generate = worker(
        name=CPP.step,
        about="the HLS project, from templates",
        module="backends.hls.workers.generate",
        ask=ask,
        files={"weights.safetensors": weights, REFERENCE: Output(expected.name, REFERENCE)},
        makes=(PROJECT,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=SOURCES,
    )
    native = _compile(NATIVE, SIMULATED, (f"{PROJECT}/tb/native",))
    # -w: AMD's headers have warnings of their own
    ap_int = _compile(AP_INT, SIMULATED, (AP_TYPES.file,), ("-w",), {AP_TYPES.file: AP_TYPES})
    bounded = f"{PROJECT}/tb/native", f"{PROJECT}/tb/bounded"
    fifos = _compile(FIFOS, BOUNDED, bounded, ("-Wno-maybe-uninitialized",))
    tables = [list(table) for table in design.quantised.input.tables]
    results = prod(job.network.shapes[design.quantised.output])
    frames = {"vectors": VECTORS, "fifo_frames": FIFO_FRAMES}
    simulate = worker(
        name=SIMULATE,
        about=f"C simulation: {VECTORS} frames back to back with native integers and with ap_int, "
        f"{FIFO_FRAMES} through FIFOs of their real depths",
        module="backends.hls.workers.simulate",
        ask={"shape": job.network.input_shape, "tables": tables, "results": results, **frames},
        files={
            f"{NATIVE}.so": Output(native.name, LIBRARY),
            f"{AP_INT}.so": Output(ap_int.name, LIBRARY),
            f"{FIFOS}.so": Output(fifos.name, LIBRARY),
        },
        makes=(OUTPUTS, MARKS, "speed.json"),
        packages=("numpy",),
        sources=SOURCES,
    )
    limit_s = job.options.vendor_timeout * 3600
    synthesis = amd.steps("vitis", hls_project(CPP, job.network), job.target, job.options.vendor, limit_s)
    steps = (expected, generate, ap_types_step(), native, ap_int, fifos, simulate, *synthesis)
    return Plan(steps, Output(SIMULATE, OUTPUTS), "C simulation of the generated code (g++ and ap_int)", VECTORS)


def _compile(
    name: str,
    sources: tuple[str, ...],
    folders: tuple[str, ...],
    flags: tuple[str, ...] = (),
    headers: Mapping[str, Output] | None = None,
) -> Step:
    """The step that compiles a shared library; headers in `folders` take precedence over the stand-ins."""
    includes = [f"-I{folder}" for folder in (*folders, f"{PROJECT}/src", f"{PROJECT}/tb/stand_in", f"{PROJECT}/tb")]
    files = [f"{PROJECT}/{source}" for source in sources]
    return Step(
        name=f"compile {name}",
        about=f"g++ compiles the C simulation with {ABOUT[name]}",
        tool="g++",
        argv=("g++", *FLAGS, *flags, *includes, *files, "-o", LIBRARY),
        files={PROJECT: CPP, **(headers or {})},
        makes=(LIBRARY,),
    )
