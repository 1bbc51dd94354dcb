"""The steps: write and compile the project, compute its vectors here, then run it as an ARM binary under qemu."""

from __future__ import annotations

from math import prod

from backends.c import keras2c
from backends.c.design import CDesign
from backends.c.generate.facts import ARM_FLAGS, LEVEL, WARNINGS
from backends.c.generate.names import top_name
from backends.c.options import AUTO
from backends.c.tools import ARM_GCC, LIMIT_S, QEMU
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.worker import worker
from models.reference import REFERENCE, reference_step
from models.serial import quantised_to_json

VECTORS = 64
COUNTED = 4
"""Images whose instructions are counted; each takes the same number, as no loop depends on data."""
PROJECT, LIBRARY, OUTPUTS = "project", "network.so", "outputs.json"
SOURCES = ("flows.core", "models", "backends")
C = Output("generate", PROJECT)
NETWORK = f"{PROJECT}/src/network.c"
OBJECT = Output("compile arm", "network.o")
"""The network alone, relocatable: its sections are its memory."""
EQUAL = Output("prove arm", "equal.json")
NONE_COUNTED, COUNT = Output("count nothing", "count.txt"), Output("count", "count.txt")
PLUGIN = Output("compile plugin", "count.so")


def plan(design: CDesign) -> Plan:
    job = design.job
    weights = Asset(job.weights.path, job.weights.digest)
    network = job.network
    expected = reference_step("expected", design.quantised, weights, VECTORS)
    results = Output(expected.name, REFERENCE)
    generate = worker(
        name=C.step,
        about="the C project",
        module="backends.c.workers.generate",
        ask={
            "quantised": quantised_to_json(design.quantised),
            "weights": "weights.safetensors",
            "reference": REFERENCE,
        },
        files={"weights.safetensors": weights, REFERENCE: results},
        makes=(PROJECT,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=SOURCES,
    )
    compile = Step(
        name="compile",
        about="gcc compiles the network for this machine",
        tool="gcc",
        argv=("gcc", *WARNINGS, LEVEL, "-fPIC", "-shared", NETWORK, "-o", LIBRARY),
        files={PROJECT: C},
        makes=(LIBRARY,),
    )
    simulate = worker(
        name="simulate",
        about=f"{VECTORS} images through the compiled network",
        module="backends.c.workers.simulate",
        ask={
            "library": LIBRARY,
            "function": top_name(network),
            "shape": network.input_shape,
            "results": prod(network.shapes[design.quantised.output]),
            "vectors": VECTORS,
        },
        files={LIBRARY: Output(compile.name, LIBRARY)},
        makes=(OUTPUTS,),
        packages=("numpy",),
        sources=SOURCES,
    )
    arm = (*_arm(results), *keras2c.steps(design, PLUGIN)) if job.options.arm == AUTO else ()
    steps = (expected, generate, compile, simulate, *arm)
    return Plan(steps, Output(simulate.name, OUTPUTS), "the compiled C (gcc)", VECTORS)


def _arm(results: Output) -> tuple[Step, ...]:
    """The ARM binary: its size, results and instructions. Skipped where there is no compiler for it, or no qemu."""
    flags = (*WARNINGS, LEVEL, *ARM_FLAGS)
    network = Step(
        name=OBJECT.step,
        about="gcc compiles the network for the Cortex-A9",
        tool=ARM_GCC,
        argv=(ARM_GCC, *flags, "-c", NETWORK, "-o", OBJECT.file),
        files={PROJECT: C},
        makes=(OBJECT.file,),
    )
    test, repeat = _linked("test", flags), _linked("repeat", flags)
    run = Step(
        name="run arm",
        about=f"{VECTORS} images through the ARM binary",
        tool=QEMU,
        argv=(QEMU, "./test", OUTPUTS),
        files={"test": Output(test.name, "test")},
        makes=(OUTPUTS,),
        limit_s=LIMIT_S,
    )
    prove = worker(
        name=EQUAL.step,
        about="the ARM binary against the exact reference",
        module="backends.c.workers.compare",
        ask={"outputs": OUTPUTS, "reference": REFERENCE},
        files={OUTPUTS: Output(run.name, OUTPUTS), REFERENCE: results},
        makes=(EQUAL.file,),
        sources=SOURCES,
    )
    plugin = Step(
        name=PLUGIN.step,
        about="gcc compiles what counts instructions in qemu",
        tool="gcc",
        argv=("gcc", "-std=c99", "-O2", "-shared", "-fPIC", f"{PROJECT}/test/count_instructions.c", "-o", PLUGIN.file),
        files={PROJECT: C},
        makes=(PLUGIN.file,),
    )
    counted = (
        _counted(NONE_COUNTED, "the start and the end of the program", repeat, 0),
        _counted(COUNT, f"{COUNTED} images", repeat, COUNTED),
    )
    return (network, test, run, prove, repeat, plugin, *counted)


def _linked(program: str, flags: tuple[str, ...]) -> Step:
    return Step(
        name=f"link {program}",
        about=f"gcc links {program}.c for the Cortex-A9",
        tool=ARM_GCC,
        argv=(ARM_GCC, *flags, "-static", f"{PROJECT}/test/{program}.c", OBJECT.file, "-o", program),
        files={PROJECT: C, OBJECT.file: OBJECT},
        makes=(program,),
    )


def _counted(count: Output, what: str, program: Step, images: int) -> Step:
    (binary,) = program.makes
    return Step(
        name=count.step,
        about=f"qemu counts the instructions of {what}",
        tool=QEMU,
        argv=(QEMU, "-plugin", f"./{PLUGIN.file},out={count.file}", f"./{binary}", str(images)),
        files={binary: Output(program.name, binary), PLUGIN.file: PLUGIN},
        makes=(count.file,),
        limit_s=LIMIT_S,
    )
