"""Translates the design to C++ with Yosys: ``python -m backends.rtl.workers.translate JOB.json``, in the step's folder.

JOB.json: ``top``, the module. Beside it lies ``project``. Writes ``model``: ``design.cpp`` and the headers of CXXRTL.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyosys
from pyosys import libyosys

from backends.rtl.generate.cxxrtl import in_parts
from flows.core.errors import StepFailed
from flows.core.worker import run_worker

RUNTIME = Path(pyosys.__file__).parent / "share" / "include" / "backends" / "cxxrtl" / "runtime" / "cxxrtl"
CLEAN = ("proc", "flatten", "opt", "clean -purge", "splitnets -driver", "clean -purge")
"""So that the C++ is short and a cycle one pass: bits that depend on others of their wire get wires of their own."""


def main(ask: Mapping[str, Any]) -> None:
    project, model = Path("project"), Path("model")
    for memory in project.glob("mem/*.mem"):
        shutil.copy(memory, memory.name)  # $readmemh looks here
    sources = " ".join(str(path) for path in (*sorted(project.glob("rtl/library/*.sv")), project / "rtl" / "top.sv"))
    model.mkdir()
    passes = (
        f"read_verilog -sv -defer -nosynthesis {sources}",
        f"hierarchy -check -top {ask['top']}",
        *CLEAN,
        f"write_cxxrtl -g1 {model / 'design.cpp'}",
    )
    design = libyosys.Design()
    for command in passes:
        try:
            libyosys.run_pass(command, design)
        except Exception as reason:
            advice = "please report it with job.json of step generate"
            raise StepFailed(f"yosys, {command.split()[0]}", str(reason)[:200], advice) from None
    design_cpp = model / "design.cpp"
    design_cpp.write_text(in_parts(design_cpp.read_text()))
    shutil.copytree(RUNTIME, model / "cxxrtl")


if __name__ == "__main__":
    run_worker(main)
