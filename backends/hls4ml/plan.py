"""What runs: hls4ml converts, g++ compiles its C simulation, that computes the project's vectors; then AMD's tools."""

from __future__ import annotations

from dataclasses import asdict

from backends.amd import steps as amd
from backends.dataflow.space import Solved
from backends.hls4ml.amd import CPP, PROJECT, hls_project, uncertainty
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.option_texts import STOCK, parse_precision
from backends.hls4ml.options import TOOL
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.worker import worker
from models import vectors
from models.serial import quantised_to_json

LIBRARY, OUTPUTS = "simulation.so", "outputs.json"
SOURCES = ("flows.core", "models", "backends")
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fno-gnu-unique", "-w")
"""-O2 builds a third faster than hls4ml's -O3, and the few vectors run as fast."""


def plan(solved: Solved[Hls4mlDesign]) -> Plan:
    design = solved.design
    job, quantised = design.job, quantised_to_json(design.quantised)
    options = asdict(job.options)
    spare = uncertainty(options["backend"], options["clock_uncertainty"])
    ask = {
        "quantised": quantised,
        "weights": "weights.safetensors",
        "reuse": dict(design.reuse),
        "unrolled": sorted(design.unrolled),
        "fifos": [[*buffer.fifo, buffer.depth, buffer.storage] for buffer in design.buffers],
        "pragmas": options["fifo_storage"] != TOOL,
        "backend": options["backend"].title(),
        "io_type": options["io_type"],
        "pinned": parse_precision(options["precision"])[0] != STOCK,
        "part": job.target.part.full_name,
        "clock_ns": job.target.clock_ns,
        "clock_uncertainty": spare,
    }
    convert = worker(
        name="convert",
        about="hls4ml writes the project; every type is read back",
        module="backends.hls4ml.workers.convert",
        ask=ask,
        files={"weights.safetensors": Asset(job.weights.path, job.weights.digest)},
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
    simulate = worker(
        name="simulate",
        about=f"C simulation of {vectors.COUNT} vectors, back to back",
        module="backends.hls4ml.workers.simulate",
        ask={"quantised": quantised, "vectors": vectors.COUNT},
        files={LIBRARY: Output("compile", LIBRARY), PROJECT: Output("convert", PROJECT)},
        makes=(OUTPUTS,),
        packages=("numpy",),
        sources=SOURCES,
    )
    tool, limit_s = options["backend"], options["vendor_timeout"] * 3600
    synthesis = amd.steps(tool, hls_project(CPP, spare), job.target, options["vendor"], limit_s)
    return Plan((convert, compile, simulate, *synthesis), Output("simulate", OUTPUTS), "hls4ml's C simulation (g++)")
