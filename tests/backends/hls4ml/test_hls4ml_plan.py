"""The plan as a value: what would run, from which files, with which job; and that making it loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from backends.hls4ml import BACKEND
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.hls4ml.reuse import legal, nearest, sizes
from backends.protocol import Job
from flows.core.plan import PYTHON, Asset, Output, Plan
from models import vectors
from models.network import Network
from models.serial import quantised_from_json
from tests.backends.hls4ml.answers import design_of, said


def plan(job: Job[Hls4mlOptions]) -> Plan:
    return BACKEND.plan(BACKEND.resolve(job))


def test_the_plan_is_the_golden_one(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    job = job_of(tiny)
    plan_of_job = plan(job)
    convert, compile, simulate, csynth = plan_of_job.steps
    assert [(step.name, step.tool, step.needs) for step in plan_of_job.steps] == [
        ("convert", PYTHON, ()),
        ("compile", "g++", ("convert",)),
        ("simulate", PYTHON, ("compile", "convert")),
        ("csynth", "vitis_hls", ("convert",)),
    ]
    assert convert.argv == (PYTHON, "-m", "backends.hls4ml.workers.convert", "job.json")
    assert convert.makes == ("project", "types.json", "simulation.cpp")
    assert convert.files["weights.safetensors"] == Asset(job.weights.path, job.weights.digest)
    assert " ".join(compile.argv) == (
        "g++ -std=c++17 -O2 -fPIC -shared -fno-gnu-unique -w -Iproject/firmware -Iproject/firmware/ap_types "
        '-DWEIGHTS_DIR="project/firmware/weights" project/firmware/myproject.cpp simulation.cpp -o simulation.so'
    )
    assert compile.files == {
        "project": Output("convert", "project"),
        "simulation.cpp": Output("convert", "simulation.cpp"),
    }
    assert compile.makes == ("simulation.so",)
    assert simulate.argv == (PYTHON, "-m", "backends.hls4ml.workers.simulate", "job.json")
    assert csynth.argv == ("vitis_hls", "-f", "csynth.tcl") and csynth.limit_s == 8 * 3600
    assert csynth.files["project"] == Output("convert", "project")
    assert plan_of_job.artefact == Output("simulate", "outputs.json") and "hls4ml" in plan_of_job.against
    assert {*convert.sources, *simulate.sources} == {"flows.core", "models", "backends"}


def test_the_workers_take_the_whole_job(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    layers = {"reuse_factor": "5,dense=20", "strategy": "resource,dense=latency"}
    job = job_of(tiny, part="zybo-z7-10", clock_ns=8.0, backend="vivado", **layers)
    convert, _, simulate, _ = plan(job).steps
    ask = json.loads(str(convert.files["job.json"]))
    assert quantised_from_json(ask.pop("quantised"), "job.json") == lower(job)
    assert ask == {
        "weights": "weights.safetensors",
        "reuse": {"conv1": 3, "conv2": 4, "shortcut": 6, "dense": 20},
        "backend": "Vivado",
        "unrolled": ["dense"],
        "fifos": [[*buffer.fifo, buffer.depth, buffer.storage] for buffer in design_of(job).buffers],
        "pragmas": True,
        "io_type": "io_stream",
        "pinned": True,
        "part": "xc7z010clg400-1",
        "clock_ns": 8.0,
        "clock_uncertainty": "12.5%",
    }
    asked = json.loads(str(simulate.files["job.json"]))
    assert quantised_from_json(asked["quantised"], "job.json") == lower(job) and asked["vectors"] == vectors.COUNT >= 16


@pytest.mark.parametrize(("vendor", "expected"), [("none", []), ("cosim", ["cosim"]), ("vsynth", ["csynth", "vsynth"])])
def test_vendor_tools_run_what_is_asked_for(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], vendor: str, expected: list[str]
) -> None:
    plan_of_job = plan(job_of(tiny, backend="vivado", vendor=vendor, vendor_timeout=0.5))
    assert [step.name for step in plan_of_job.steps[3:]] == expected
    assert [step.limit_s for step in plan_of_job.steps[3:]] == [1800.0] * len(expected)


def test_only_stock_leaves_types_to_hls4ml(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    ask = json.loads(str(plan(job_of(tiny, precision="stock")).steps[0].files["job.json"]))
    assert ask["pinned"] is False


@pytest.mark.parametrize("precision", ["ap_fixed<16,6>", "stock"])
def test_the_notes_tell_the_reuse_factors(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], precision: str
) -> None:
    job = job_of(tiny, reuse_factor="7", precision=precision)
    first, *_ = said(job)
    assert first.startswith("reuse factor 7 (asked)")
    for name, factor in design_of(job).reuse.items():
        assert factor == nearest(legal(*sizes(tiny)[name]), 7) and f"{name} {factor}" in first
    assert "they are the fastest" in said(job_of(tiny, precision=precision))[1]


def test_nothing_before_a_run_loads_what_a_run_needs() -> None:
    """Of numpy, checks know nothing either: the stream simulation alone computes in arrays."""
    code = """
import sys
from pathlib import Path
from backends.hls4ml import BACKEND
from backends.protocol import Job
from flows.core.part import Target, find_part
from models.ranges import load_ranges
from models.weights import open_weights
from models.zoo import ARCH8
import models
path = Path(models.__file__).with_name("pretrained") / "arch8.safetensors"
weights = open_weights(path, ARCH8)
ranges = load_ranges(path.with_suffix(".ranges.json"), ARCH8, weights.digest)
job = Job(ARCH8, weights, ranges, Target(find_part("xc7z020")), BACKEND.options())
assert not BACKEND.check(job) and "numpy" not in sys.modules
design = BACKEND.resolve(job)
assert all(answer(design) for answer in (BACKEND.lower, BACKEND.estimate, BACKEND.plan, BACKEND.notes))
sys.exit(", ".join({"safetensors", "torch", "hls4ml"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
