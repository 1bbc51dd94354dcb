"""The generated RTL, cycle by cycle: the integers of the exact reference, the cycles of the stream simulation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from backends.dataflow.layers.blueprint import blueprint
from backends.dataflow.layers.names import top_name
from backends.dataflow.layers.stream import sent
from backends.protocol import Job
from backends.rtl import BACKEND
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import RtlOptions
from backends.rtl.plan import FLAGS
from backends.rtl.simulated import fifo_names
from backends.rtl.workers.generate import files
from backends.rtl.workers.simulate import simulated
from flows.core.errors import MismatchError
from models.folding import folded
from models.pixels import parse_pixels
from models.vectors import vectors
from models.zoo import NETWORKS
from tests.backends.hls.networks import SMALL
from tests.backends.rtl.networks import FOLDING, PADDED, job_on, random_job

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    not (find_spec("pyosys") and find_spec("torch") and shutil.which("g++")), reason="pyosys, torch or g++ is absent"
)
FRAMES = 6


def reference(design: RtlDesign) -> np.ndarray:
    import torch

    from models.evaluation.fast import FastNetwork

    images = vectors(design.job.network.input_shape, FRAMES)
    with torch.no_grad():
        tensors = FastNetwork(design.quantised, design.job.weights.tensors())(images)
        return tensors[design.quantised.output].long().reshape(len(images), -1).numpy()


def built(job: Job[RtlOptions], folder: Path) -> tuple[RtlDesign, np.ndarray, Path]:
    """(the design, the exact reference's results, its simulation)."""
    assert BACKEND.check(job) == ()
    design = BACKEND.resolve(job).design
    results = reference(design)
    tensors = design.job.weights.tensors()
    rows = files(blueprint(design), design.sums, design.simulation.interval, tensors, results.tolist(), design.sharing)
    for name, text in rows:
        place = folder / "project" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "job.json").write_text(json.dumps({"top": top_name(job.network, verilog=True)}))
    command = [sys.executable, "-m", "backends.rtl.workers.translate", "job.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    command = ["g++", *FLAGS, "-O0", f"-I{folder / 'model'}", str(folder / "project/tb/cxxrtl.cpp"), "-o"]
    subprocess.run([*command, str(folder / "simulation.so")], check=True)
    return design, results, folder / "simulation.so"


def compare(design: RtlDesign, results: np.ndarray, library: Path) -> None:
    images = sent(vectors(design.job.network.input_shape, FRAMES), design.quantised.input.tables)
    expected = design.simulation
    quiet = simulated(library, images, results.shape[1], 0, expected.interval)
    assert np.array_equal(quiet.results, results)
    ends = quiet.last - quiet.first[0]
    assert abs(ends[0] - expected.latency) <= 0.005 * expected.latency + 8
    assert abs(ends[-1] - ends[-2] - expected.interval) <= 0.005 * expected.interval
    names = fifo_names(design)
    assert set(names.values()) == set(quiet.marks)
    on_their_way = 8 + max((2 * search.steps for search in design.searches.values()), default=0)
    for fifo, name in names.items():
        assert abs(quiet.marks[name] - expected.fill[fifo]) <= on_their_way, fifo
    rough = simulated(library, images, results.shape[1], FRAMES, expected.interval)
    assert np.array_equal(rough.results, results)
    assert rough.last[-1] > quiet.last[-1], "stalls take time"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[RtlDesign, np.ndarray, Path]:
    folder = tmp_path_factory.mktemp("small")
    return built(job_on(SMALL, folder, folding=PADDED), folder)


def test_a_network_with_every_kind_of_stage(small: tuple[RtlDesign, np.ndarray, Path]) -> None:
    """In folds that divide neither results nor products: what fills the last groups and parts changes nothing."""
    compare(*small)


@pytest.mark.parametrize(
    ("faults", "said"),
    [(-1, "nothing moves for 100,100 cycles"), (-2, "does not settle"), (3, "3 beats lack their TKEEP or TLAST")],
)
def test_a_faulty_design_is_an_error(tmp_path: Path, faults: int, said: str) -> None:
    source, library = tmp_path / "faulty.cpp", tmp_path / "faulty.so"
    source.write_text(f'extern "C" int simulate(...) {{ return {faults}; }}\n')
    subprocess.run(["g++", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    with pytest.raises(MismatchError, match=said):
        simulated(library, np.zeros((1, 4), np.uint8), 1, 0, 10)


@pytest.mark.skipif(not (shutil.which("iverilog") and shutil.which("make")), reason="iverilog or make is absent")
def test_the_test_bench_says_what_it_saw(small: tuple[RtlDesign, np.ndarray, Path]) -> None:
    """In four states: a bit that is never set would not be equal."""
    design, _, library = small
    project = library.parent / "project"
    done = subprocess.run(["make", "icarus", "FRAMES=3"], cwd=project, capture_output=True, text=True)
    assert "PASS" in done.stdout, done.stdout + done.stderr
    assert f"latency {design.simulation.latency} cycles\ninterval {design.simulation.interval} cycles" in done.stdout
    expected = project / "mem" / "expected.mem"
    first, *others = expected.read_text().splitlines()
    expected.write_text("\n".join([f"{int(first, 16) ^ 1:08x}", *others]) + "\n")
    done = subprocess.run(["make", "icarus", "FRAMES=3"], cwd=project, capture_output=True, text=True)
    assert "FAIL: frame 0 result 0" in done.stdout and "PASS" not in done.stdout and done.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_random_network(tmp_path: Path, seed: int) -> None:
    compare(*built(random_job(seed, tmp_path), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["raw", "0.485,0.456,0.406,0.229,0.224,0.225"])
def test_bytes_of_any_scaling(tmp_path: Path, scaling: str) -> None:
    """The host sends codes of 8 bits, of either sign; convolutions pad with the number 0."""
    network = replace(SMALL, pixels=parse_pixels(scaling))
    compare(*built(job_on(network, tmp_path, folding=FOLDING, accumulator_bits=40), tmp_path))


@pytest.mark.slow
def test_arch8(tmp_path: Path) -> None:
    """The network of the README, on seeded weights: minutes of g++."""
    compare(*built(job_on(folded(NETWORKS["arch8"]), tmp_path), tmp_path))
