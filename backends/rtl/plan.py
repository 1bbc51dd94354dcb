"""What runs: the project is written, Yosys translates it to C++, g++ compiles that, and it runs cycle by cycle; then
what open tools build of its stages."""

from __future__ import annotations

from math import prod

from backends.dataflow.layers.blueprint import blueprint, to_json
from backends.dataflow.layers.names import top_name
from backends.dataflow.space import Solved
from backends.rtl import built
from backends.rtl.design.design import RtlDesign
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.worker import worker
from models.reference import REFERENCE, reference_step

FRAMES, STALLED = 64, 24
"""Frames back to back, and how many of them, the last, with random stalls at both ends."""
PROJECT, MODEL, LIBRARY, OUTPUTS = "project", "model", "simulation.so", "outputs.json"
RTL = Output("generate", PROJECT)
CYCLES = Output("simulate", "cycles.json")
SOURCES = ("flows.core", "models", "backends")
FLAGS = ("-std=c++14", "-O1", "-DNDEBUG", "-fPIC", "-shared")
"""-O1: what -O2 and -O3 gain in simulation they lose many times in compilation."""


def plan(solved: Solved[RtlDesign]) -> Plan:
    design = solved.design
    job, weights = design.job, Asset(design.job.weights.path, design.job.weights.digest)
    expected = reference_step("expected", design.quantised, weights, FRAMES)
    interval = design.simulation.interval
    widths = {"sums": dict(design.sums), "sharing": dict(design.sharing)}
    asked = {**widths, "interval": interval, "weights": "weights.safetensors", "reference": REFERENCE}
    generate = worker(
        name=RTL.step,
        about="the RTL project: top.sv, the library, memories, test bench and scripts",
        module="backends.rtl.workers.generate",
        ask={**to_json(blueprint(design)), **asked},
        files={"weights.safetensors": weights, REFERENCE: Output(expected.name, REFERENCE)},
        makes=(PROJECT,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=SOURCES,
    )
    translate = worker(
        name="translate",
        about="Yosys translates the RTL to C++ (CXXRTL)",
        module="backends.rtl.workers.translate",
        ask={"top": top_name(job.network, verilog=True)},
        files={PROJECT: RTL},
        makes=(MODEL,),
        packages=("pyosys",),
        sources=SOURCES,
    )
    compile = Step(
        name="compile",
        about="g++ compiles the translated RTL",
        tool="g++",
        argv=("g++", *FLAGS, f"-I{MODEL}", f"{PROJECT}/tb/cxxrtl.cpp", "-o", LIBRARY),
        files={PROJECT: RTL, MODEL: Output(translate.name, MODEL)},
        makes=(LIBRARY,),
    )
    tables = [list(table) for table in design.quantised.input.tables]
    results = prod(job.network.shapes[design.quantised.output])
    frames = {"frames": FRAMES, "stalled": STALLED, "interval": interval}
    simulate = worker(
        name=CYCLES.step,
        about=f"RTL simulation: {FRAMES} frames back to back, the last {STALLED} with random stalls at both ends",
        module="backends.rtl.workers.simulate",
        ask={"shape": job.network.input_shape, "tables": tables, "results": results, **frames},
        files={LIBRARY: Output(compile.name, LIBRARY)},
        makes=(OUTPUTS, CYCLES.file),
        packages=("numpy", "pyosys"),
        sources=SOURCES,
    )
    steps = (expected, generate, translate, compile, simulate, *built.steps(design, RTL))
    return Plan(steps, Output(CYCLES.step, OUTPUTS), "RTL simulation (Yosys CXXRTL and g++)", FRAMES)
