"""Counts instructions of the C flow's programs under qemu: ``python -m calibration.c.count``.

It needs gcc, arm-linux-gnueabihf-gcc and qemu-arm on PATH, and writes ``calibration/rows/c.json``: for each network and
each variant the turns of its loops and the instructions of an image.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.c.check import resolve
from backends.c.generate.facts import ARM_FLAGS, LEVEL, WARNINGS
from backends.c.instructions import turns, variant
from backends.c.options import COptions
from backends.c.plan import ARM_GCC, COUNTED, QEMU
from backends.c.workers.generate import files
from backends.protocol import Job
from calibration.c.networks import SHIPPED, fitted
from flows.conformance.networks import job_on
from flows.core.part import Target, find_part
from flows.jobs import find_trained

ROWS = Path("calibration/rows/c.json")
FORMATS = "Q1.7", "Q1.11"
"""Weights of 8 bits, for which there is a NEON path, and of 16."""


def jobs(folder: Path) -> Iterator[tuple[Job[COptions], bool]]:
    """(a job, whether it is held out)."""
    for network in fitted():
        yield job_on(network, folder, COptions()), False
    for name in SHIPPED:
        yield find_trained(name, None).job(Target(find_part("xc7z020")), COptions()), True


def rows(job: Job[COptions], held_out: bool, folder: Path) -> Iterator[dict[str, Any]]:
    for format in FORMATS:
        design = resolve(replace(job, options=replace(job.options, weight_format=format)))
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
    plugin, program, count = project / "count.so", project / "repeat", project / "count.txt"
    source = [project / "test" / "count_instructions.c"]
    subprocess.run(["gcc", "-std=c99", "-O2", "-shared", "-fPIC", *source, "-o", plugin], check=True)
    sources = [project / "test" / "repeat.c", project / "src" / "network.c"]
    subprocess.run([ARM_GCC, *WARNINGS, LEVEL, *ARM_FLAGS, "-static", *sources, "-o", program], check=True)
    totals = []
    for images in (0, COUNTED):
        subprocess.run([QEMU, "-plugin", f"{plugin},out={count}", program, str(images)], check=True)
        totals.append(int(count.read_text()))
    return (totals[1] - totals[0]) / COUNTED


def version(tool: str) -> str:
    return subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]


def main() -> None:
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for job, held_out in jobs(Path(folder)):
            with tempfile.TemporaryDirectory() as project:
                found += rows(job, held_out, Path(project))
            print(f"{job.network.name}: {found[-1]['instructions']:,.0f}", flush=True)
    tools = {tool: version(tool) for tool in (ARM_GCC, QEMU)}
    lines = ",\n  ".join(json.dumps(row) for row in found)
    ROWS.write_text(f'{{\n "tools": {json.dumps(tools)},\n "rows": [\n  {lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
