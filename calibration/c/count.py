"""Counts instructions of the C flow's programs under qemu: ``python -m calibration.c.count``.

It needs gcc, arm-linux-gnueabihf-gcc and qemu-arm on PATH, and writes ``calibration/rows/c.json``: for each network and
each variant the turns of its loops and the instructions of an image.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.c.check import resolve
from backends.c.generate.facts import ARM_FLAGS, LEVEL, WARNINGS
from backends.c.instructions import turns, variant
from backends.c.options import COptions
from backends.c.plan import COUNTED
from backends.c.tools import ARM_GCC, QEMU
from backends.c.workers.generate import TEMPLATES, files
from backends.protocol import Job
from calibration.c.networks import SHIPPED, fitted
from flows.conformance.networks import job_on
from flows.core.part import Target, find_part
from flows.jobs import find_trained

ROWS = Path("calibration/rows/c.json")
WIDTHS = (("Q1.7", 8), ("Q1.7", 12), ("Q1.11", 8))
"""Formats of weights and bits of activations: elements of 8 and of 16 bits by the NEON path, and weights of 16 bits."""


def jobs(folder: Path) -> Iterator[tuple[Job[COptions], bool]]:
    """(a job, whether it is held out)."""
    for network in fitted():
        yield job_on(network, folder, COptions()), False
    for name in SHIPPED:
        yield find_trained(name, None).job(Target(find_part("xc7z020")), COptions()), True


def rows(job: Job[COptions], held_out: bool, folder: Path) -> Iterator[dict[str, Any]]:
    for format, bits in WIDTHS:
        options = replace(job.options, weight_format=format, activation_bits=bits)
        design = resolve(replace(job, options=options))
        results = [[0] * job.network.shapes[design.quantised.output][-1]] * COUNTED
        for name, text in files(design.quantised, job.weights.tensors(), results):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield {
            "network": job.network.name,
            "held_out": held_out,
            "variant": variant(design.program),
            "turns": dict(turns(design.quantised, design.program)),
            "instructions": counted(folder),
        }


def counted(project: Path) -> float:
    """Instructions of one image."""
    compile_plugin(project)
    sources = ["test/repeat.c", "src/network.c"]
    compile = [ARM_GCC, *WARNINGS, LEVEL, *ARM_FLAGS, "-static", *sources, "-o", "program"]
    subprocess.run(compile, cwd=project, check=True)
    return (run_counted(project, str(COUNTED)) - run_counted(project, "0")) / COUNTED


def compile_plugin(folder: Path) -> None:
    """Compiles what counts into `folder`, for `run_counted`."""
    source = (TEMPLATES / "test" / "count_instructions.c").resolve()
    subprocess.run(["gcc", "-std=c99", "-O2", "-shared", "-fPIC", source, "-o", folder / "count.so"], check=True)


def run_counted(folder: Path, *words: str, stack: Sequence[str] = ()) -> int:
    """Instructions of ``program`` in `folder`, run with `words`."""
    command = [QEMU, *stack, "-plugin", "./count.so,out=count.txt", "./program", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return int((folder / "count.txt").read_text())


def version(tool: str) -> str:
    return subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]


def main() -> None:
    counts: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for job, held_out in jobs(Path(folder)):
            with tempfile.TemporaryDirectory() as project:
                counts += rows(job, held_out, Path(project))
            print(f"{job.network.name}: {counts[-1]['instructions']:,.0f}", flush=True)
    tools = {tool: version(tool) for tool in (ARM_GCC, QEMU)}
    lines = ",\n  ".join(json.dumps(row) for row in counts)
    ROWS.write_text(f'{{\n "tools": {json.dumps(tools)},\n "rows": [\n  {lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
