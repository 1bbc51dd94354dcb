"""Images per CPU second of the exact reference, beside hls4ml's own C simulation of the same designs, in one run.

    python -m benchmarks.evaluation [--images N] [--simulated N] [--precision TYPE ...] [--part PART] [--store DIR]

Both compute the same integers from the project's check images, which is checked on those that both computed. CPU time
is that of all threads, user and system, less what start-up takes. Needs torch; without hls4ml or g++ the second column
is left out and says why.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from backends.dataflow.space import Solved
from backends.hls4ml import BACKEND
from backends.hls4ml.amd import PROJECT
from backends.hls4ml.design import Hls4mlDesign
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.plan import LIBRARY, OUTPUTS
from flows.core.errors import FlowsError
from flows.core.part import Target, find_part
from flows.core.plan import Output, Plan
from flows.executor import Executor
from flows.jobs import find_trained
from flows.store import Store, default_root
from models.evaluation.fast import FastNetwork
from models.evaluation.worker import BATCH, keep_memory
from models.quantised import QuantisedNetwork
from models.serial import quantised_to_json
from models.vectors import vectors

ROOT = Path(__file__).resolve().parent.parent
PRECISIONS = ("ap_fixed<16,6>", "ap_fixed<8,3>")
BUILT = {PROJECT: ("convert", PROJECT), LIBRARY: ("compile", LIBRARY)}
"""What the simulation needs: the step that makes it, and its name there."""

Codes = list[list[int]]
"""The integers of each image's result."""


def exact(quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], images: np.ndarray) -> tuple[float, Codes]:
    """(images per CPU second, the codes of each image)."""
    network = FastNetwork(quantised, weights)
    network(images[:BATCH])
    started = time.process_time()
    codes: Codes = []
    for start in range(0, len(images), BATCH):
        codes += network(images[start : start + BATCH])[quantised.output].long().tolist()
    return len(images) / (time.process_time() - started), codes


def simulation(solved: Solved[Hls4mlDesign], store: Store) -> Mapping[str, Path]:
    """The compiled C simulation and its project; raises `FlowsError` where it cannot be built."""
    steps = BACKEND.plan(solved).steps
    plan = Plan(tuple(step for step in steps if step.name in ("convert", "compile")))
    products = Executor(store, 1, lambda event, step, text: None).execute(plan)
    paths = {name: products.path(Output(*place)) for name, place in BUILT.items()}
    if None in paths.values():
        raise FlowsError("hls4ml's C simulation", products.results["compile"].reason, "install what is missing")
    return {name: path for name, path in paths.items() if path}


def simulated(quantised: QuantisedNetwork, built: Mapping[str, Path], count: int) -> tuple[float, Codes]:
    """(CPU seconds, the codes of `count` images), start-up included."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, path in built.items():
            (folder / file).symlink_to(path)
        (folder / "job.json").write_text(json.dumps({"quantised": quantised_to_json(quantised), "vectors": count}))
        command = [sys.executable, "-m", "backends.hls4ml.workers.simulate", "job.json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        codes: Codes = json.loads((folder / OUTPUTS).read_text())
        return seconds, codes


def main() -> None:
    parser = argparse.ArgumentParser(description="Images per CPU second: the exact reference, hls4ml's C simulation.")
    parser.add_argument("--images", type=int, default=2_000, help="for the exact reference (default 2,000)")
    parser.add_argument("--simulated", type=int, default=12, help="for the C simulation (default 12)")
    parser.add_argument("--precision", nargs="+", default=PRECISIONS, help="default types of the designs")
    parser.add_argument("--part", default="xc7z020")
    parser.add_argument("--store", type=Path, default=default_root())
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    keep_memory()
    trained = find_trained("arch8", None)
    target = Target(find_part(arguments.part))
    images = vectors(trained.network.input_shape, arguments.images)
    print(f"{'arch8 in':18} {'exact reference':>18} {'C simulation':>16} {'ratio':>8}   images per CPU second")
    for precision in arguments.precision:
        solved = BACKEND.resolve(trained.job(target, Hls4mlOptions(precision=precision)))
        quantised = BACKEND.lower(solved)
        rate, codes = exact(quantised, trained.weights.tensors(), images)
        line = f"{precision:18} {rate:18,.1f}"
        try:
            built = simulation(solved, Store(arguments.store))
        except FlowsError as reason:
            print(f"{line}   {reason}")
            continue
        warm_up, total = 2, 2 + arguments.simulated
        start_up, _ = simulated(quantised, built, warm_up)
        seconds, theirs = simulated(quantised, built, total)
        slow = (total - warm_up) / (seconds - start_up)
        equal = sum(ours == other for ours, other in zip(codes, theirs, strict=False))
        print(f"{line} {slow:16,.2f} {rate / slow:8,.0f}   {equal} of {len(theirs)} equal as integers")


if __name__ == "__main__":
    main()
