"""Random networks in random foldings through g++: the generated code gives the integers of the exact reference."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from backends.amd.workers import ap_types
from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.blueprint import Blueprint, blueprint
from backends.dataflow.layers.folds import divides
from backends.dataflow.layers.nodes import MATRIX_VECTOR, nodes
from backends.dataflow.layers.schedule import QUICKEST, stage_timing
from backends.dataflow.layers.stream import sent
from backends.dataflow.pe_simd import legal
from backends.hls import BACKEND
from backends.hls.options import HlsOptions
from backends.hls.workers.generate import files
from backends.hls.workers.simulate import marks, simulated
from backends.protocol import Job
from flows.core.errors import MismatchError
from models.layers import (
    AveragePool2D,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    LeakyReLU,
    ReLU,
)
from models.network import INPUT, Network
from models.pixels import parse_pixels
from models.vectors import vectors
from tests.backends.hls.networks import SMALL, job_on, random_network

pytestmark = pytest.mark.skipif(not (find_spec("torch") and shutil.which("g++")), reason="torch or g++ is absent")

FRAMES = 8
NATIVE, BOUNDED = ("tb/native", "tb/stand_in"), ("tb/native", "tb/bounded", "tb/stand_in")


def random_job(seed: int, folder: Path) -> Job[HlsOptions]:
    random = Random(seed)
    formats = "Q1.7", "Q1.3", "Q2.6", "Q1.11"
    options: dict[str, Any] = {
        "weight_format": f"{random.choice(formats)},dense1={random.choice(formats)}",
        "weight_scale": random.choice(("layer", "none")),
        "activation_bits": random.choice((8, 8, 4, 6, 12)),
        "accumulator_bits": random.choice((32, 40)),
    }
    job = job_on(random_network(random), folder, seed=seed, **options)
    stages = [node for node in nodes(lower(job)) if node.kind == MATRIX_VECTOR]
    folding = ",".join(f"{node.name}={random.choice(legal(node.foldable))}" for node in stages)
    return replace(job, options=replace(job.options, folding=folding))


def reference(job: Job[HlsOptions], images: np.ndarray) -> np.ndarray:
    import torch

    from models.evaluation.fast import FastNetwork

    with torch.no_grad():
        quantised = lower(job)
        tensors = FastNetwork(quantised, job.weights.tensors())(images)
        return tensors[quantised.output].long().reshape(len(images), -1).numpy()


def project_of(job: Job[HlsOptions]) -> Blueprint:
    return blueprint(BACKEND.resolve(job).design)


def write(job: Job[HlsOptions], results: np.ndarray, folder: Path) -> None:
    for name, text in files(project_of(job), job.weights.tensors(), results.tolist()):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def library(project: Path, name: str, sources: Sequence[str], headers: Sequence[str | Path]) -> Path:
    """Compiled with the warnings of the generated Makefile, which are errors here."""
    path = project / f"{name}.so"
    flags = ["-std=c++14", "-O1", "-Wall", "-Wno-unknown-pragmas", "-Wno-maybe-uninitialized", "-Werror"]
    shared = ["-fPIC", "-shared", "-fno-gnu-unique"]
    includes = [f"-I{project / folder}" for folder in ("src", *headers, "tb")]
    subprocess.run(
        ["g++", *flags, *shared, *includes, *(project / source for source in sources), "-o", path], check=True
    )
    return path


def compare(job: Job[HlsOptions], project: Path, bounded: bool = True) -> None:
    assert BACKEND.check(job) == ()
    images = vectors(job.network.input_shape, FRAMES)
    results = reference(job, images)
    write(job, results, project)
    native = library(project, "native", ("src/top.cpp", "tb/simulate.cpp"), NATIVE)
    values = sent(images, lower(job).input.tables)
    assert np.array_equal(simulated(native, values, results.shape[1]), results)
    if bounded:
        fifos = library(project, "fifos", ("tb/fifos.cpp",), BOUNDED)
        assert np.array_equal(simulated(fifos, values, results.shape[1]), results)


@pytest.mark.parametrize("scaling", ["raw", "128/255,1/255", "0.485,0.456,0.406,0.229,0.224,0.225"])
def test_bytes_of_any_scaling(tmp_path: Path, scaling: str) -> None:
    """The host sends codes of 8 bits, of either sign; convolutions pad with the number 0."""
    network = replace(SMALL, pixels=parse_pixels(scaling))
    job, project = job_on(network, tmp_path, accumulator_bits=40), tmp_path / "project"
    compare(job, project, bounded=False)
    driver = (project / "driver.py").read_text()
    compile(driver, "driver.py", "exec")
    assert ("TABLES" in driver) == (scaling != "raw") == ("TABLES" in (project / "README.md").read_text())


def test_grey_images_and_vectors(tmp_path: Path) -> None:
    grey = Network(
        "grey",
        (6, 8, 1),
        (
            Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4),
            ReLU("relu", ("conv",)),
            Flatten("flat", ("relu",)),
            Dense("dense", ("flat",), 5),
        ),
    )
    layers = (Dense("one", (INPUT,), 6), ReLU("relu", ("one",)), Dense("two", ("relu",), 3))
    for network in (grey, Network("features", (20,), layers), Network("few", (3,), layers)):
        compare(job_on(network, tmp_path, accumulator_bits=40), tmp_path / network.name)


DENSE_BLOCK = Network(
    "dense block",
    (6, 7, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 5),
        Concat("concat1", ("conv1", INPUT)),
        ReLU("relu1", ("concat1",)),
        Conv2D("conv2", ("relu1",), (3, 3), (1, 1), "same", 4),
        ReLU("relu2", ("conv2",)),
        Concat("concat2", ("relu1", "relu2")),
        Conv2D("conv3", ("concat2",), (1, 1), (1, 1), "valid", 6),
        GlobalAveragePool("gap", ("conv3",)),
        Dense("left", ("gap",), 4),
        Dense("right", ("gap",), 3),
        Concat("vector", ("left", "right")),
        Dense("dense", ("vector",), 5),
    ),
)
"""As of a DenseNet: tensors of several points side by side, images and vectors."""


@pytest.mark.parametrize(
    "folding",
    [
        pytest.param("auto", marks=pytest.mark.slow),
        "conv1=5x9,conv2=2x4,conv3=3x6,left=2x3,right=3x2,dense=5x7",
    ],
)
def test_tensors_side_by_side(tmp_path: Path, folding: str) -> None:
    job = job_on(DENSE_BLOCK, tmp_path, folding=folding)
    reach = dict(job.ranges.reach) | {"relu2": (0.0, 1.9), "left": (-16.0, 16.0)}
    compare(replace(job, ranges=replace(job.ranges, reach=reach)), tmp_path / "project")


def test_depthwise_convolutions_and_averages_of_windows(tmp_path: Path) -> None:
    """Depthwise over windows and over pixels, an average with padding, several channels at a time."""
    layers = (
        Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", 6),
        GroupedConv2D("spatial", ("conv",), (3, 3), (1, 1), "same", 6, 6),
        LeakyReLU("leaky", ("spatial",), 0.125),
        AveragePool2D("pool", ("leaky",), (3, 2), (2, 2), "same"),
        GroupedConv2D("scale", ("pool",), (1, 1), (1, 1), "same", 6, 6),
        GlobalAveragePool("gap", ("scale",)),
        Dense("dense", ("gap",), 3),
    )
    folding = "conv=3x3,spatial=2x1,scale=3x1,dense=1x2"
    compare(job_on(Network("deep", (6, 8, 3), layers), tmp_path, folding=folding), tmp_path / "project")


@pytest.mark.parametrize("seed", range(3))
def test_a_random_design_computes_what_the_reference_does(tmp_path: Path, seed: int) -> None:
    compare(random_job(seed, tmp_path), tmp_path / "project")


FILLED = "conv1=2x2,shortcut=2x2,conv2=3x8,dense=2x2", "conv1=4x6,shortcut=1x2,conv2=2x24,dense=3x1"


@pytest.mark.parametrize("folding", FILLED)
def test_lanes_that_are_filled_up_change_no_result(tmp_path: Path, folding: str) -> None:
    """Parts of one column, and of all three; 9 and 12 values of a column by 2 and 8, three of a pixel by 2, five
    results by 2 and 3."""
    job = job_on(SMALL, tmp_path, folding=folding)
    design = BACKEND.resolve(job).design
    filled = [node.name for node in design.weighted if not divides(node, design.folds[node.name])]
    assert filled == ["conv1", "shortcut", "conv2", "dense"]
    write(job, reference(job, vectors(job.network.input_shape, FRAMES)), tmp_path / "project")
    compare(job, tmp_path / "project")


def test_parts_of_pixels_that_are_filled_up_change_no_result(tmp_path: Path) -> None:
    """Of an image of 7 channels that a dense layer reads, by 3; of a vector of 11, by 4."""
    layers = (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), "same", 7),
        ReLU("relu", ("conv",)),
        Flatten("flat", ("relu",)),
        Dense("hidden", ("flat",), 11),
        Dense("dense", ("hidden",), 4),
    )
    job = job_on(Network("pixels", (6, 8, 3), layers), tmp_path, folding="conv=4x9,hidden=4x3,dense=2x4")
    design = BACKEND.resolve(job).design
    assert not any(divides(node, design.folds[node.name]) for node in design.weighted[1:])
    compare(job, tmp_path / "project")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 60))
def test_many_random_designs_do(tmp_path: Path, seed: int) -> None:
    compare(random_job(seed, tmp_path), tmp_path / "project")


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("hls4ml"), reason="hls4ml, which carries AMD's ap_int, is absent")
@pytest.mark.parametrize("seed", range(60, 70))
def test_they_do_on_ap_int(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    job, project = random_job(seed, tmp_path), tmp_path / "project"
    images = vectors(job.network.input_shape, FRAMES)
    results = reference(job, images)
    write(job, results, project)
    monkeypatch.chdir(tmp_path)
    ap_types.main({"folder": "ap_types"})
    path = project / "ap_int.so"
    flags = ["-std=c++14", "-O1", "-w", "-fPIC", "-shared", "-fno-gnu-unique"]
    folders = [tmp_path / "ap_types", project / "src", project / "tb/stand_in", project / "tb"]
    sources = [project / "src/top.cpp", project / "tb/simulate.cpp"]
    subprocess.run(["g++", *flags, *(f"-I{folder}" for folder in folders), *sources, "-o", path], check=True)
    assert np.array_equal(simulated(path, images, results.shape[1]), results)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the small network, its expected results those of the reference."""
    folder = tmp_path_factory.mktemp("small")
    job = job_on(SMALL, folder)
    write(job, reference(job, vectors(job.network.input_shape, FRAMES)), folder / "project")
    return folder / "project"


def make(project: Path, goal: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", goal, "CXXFLAGS=-std=c++14 -w"], cwd=project, capture_output=True, text=True)


def test_the_test_bench_checks_itself(small: Path, tmp_path: Path) -> None:
    """It passes as generated, and fails with one bias changed."""
    done = make(small, "csim")
    assert done.returncode == 0 and f"PASS: {FRAMES} frames, 0 wrong results" in done.stdout
    other = shutil.copytree(small, tmp_path / "other", ignore=shutil.ignore_patterns("build"))
    weights = other / "src/weights/dense.h"
    text = weights.read_text()
    assert "{591, " in text
    weights.write_text(text.replace("{591, ", "{592, "))
    done = make(other, "csim")
    assert done.returncode != 0 and f"FAIL: {FRAMES} frames, {FRAMES} wrong results" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("beat.last = turn + 1 == RESULTS && ends_transfer", "beat.last = 0"), ("beat.keep = 15", "beat.keep = 7")],
)
def test_a_frame_must_end_where_its_beats_say(small: Path, tmp_path: Path, right: str, wrong: str) -> None:
    other = shutil.copytree(small, tmp_path / "other", ignore=shutil.ignore_patterns("build"))
    ends = other / "src/axi_stream.h"
    text = ends.read_text()
    assert right in text
    ends.write_text(text.replace(right, wrong))
    done = make(other, "csim")
    faults = FRAMES * (1 if "last" in wrong else 5)
    assert done.returncode != 0
    assert f"FAIL: {FRAMES} frames, 0 wrong results, {faults} faults of the streams" in done.stdout
    sources = "src/top.cpp", "tb/simulate.cpp"
    with pytest.raises(MismatchError, match=f"{faults} beats lack their TKEEP or TLAST"):
        simulated(library(other, "wrong", sources, NATIVE), vectors(SMALL.input_shape, FRAMES), 5)


def test_several_frames_may_be_one_transfer(small: Path, tmp_path: Path) -> None:
    """TLAST then goes with the last of them alone, in both simulations."""
    other = shutil.copytree(small, tmp_path / "other", ignore=shutil.ignore_patterns("build"))
    frames = other / "tb/frames.h"
    frames.write_text(frames.read_text().replace("TRANSFER = 1;", "TRANSFER = 4;"))
    assert make(other, "csim").returncode == 0 and make(other, "fifos").returncode == 0
    frames.write_text(frames.read_text().replace("(TRANSFER * RESULTS)", "RESULTS"))
    done = make(other, "csim")
    assert done.returncode != 0 and f"0 wrong results, {FRAMES - FRAMES // 4} faults of the streams" in done.stdout


def test_fifos_that_are_too_short_are_named(small: Path, tmp_path: Path) -> None:
    """Room for 7 pixels where a 3x3 convolution needs more than a row before its first result."""
    passed = make(small, "fifos")
    assert passed.returncode == 0, passed.stderr
    held = marks(passed.stdout)
    assert len(held) == 13 and all(0 < most <= depth for most, depth in held.values())
    assert held["image_to_shortcut"][0] + held["shortcut_out"][0] > 8
    other = shutil.copytree(small, tmp_path / "other", ignore=shutil.ignore_patterns("build"))
    wiring = other / "tb/fifos.cpp"
    wiring.write_text(re.sub(r", \d+> ((image_to_)?shortcut(_out)?\()", r", 3> \1", wiring.read_text()))
    failed = make(other, "fifos")
    assert failed.returncode != 0
    assert "deadlock: clone conv1 waits, since image_to_shortcut is full" in failed.stderr
    assert "deadlock: add layer_add waits, since relu1_out is empty" in failed.stderr


COUNTER = "#pragma once\nextern int turns;\ninline void count_turn() { turns++; }\n"
COUNTING = """
int turns;

int main() {{
    {streams}
    std::vector<unsigned char> images(BYTES);
    put_images(images.data(), 1, image_beats);
    const int transfer = 1;
    {calls}
}}
"""


@pytest.mark.parametrize("network", [SMALL, DENSE_BLOCK, 4, 11], ids=lambda network: getattr(network, "name", network))
def test_the_loops_take_the_turns_of_the_schedule(tmp_path: Path, network: Network | int) -> None:
    """Every pipelined loop of the generated code counts its turns: they are the cycles of the stream simulation."""
    job = random_job(network, tmp_path) if isinstance(network, int) else job_on(network, tmp_path)
    design, project = BACKEND.resolve(job).design, tmp_path / "project"
    write(job, np.zeros((1, 1), int), project)
    for header in (project / "src").glob("*.h"):
        text = header.read_text().replace("#pragma once\n", '#pragma once\n#include "turns.h"\n')
        header.write_text(text.replace("#pragma HLS PIPELINE II=1 style=flp", "count_turn();"))
    wiring = (project / "tb/fifos.cpp").read_text()
    streams = re.findall(r"^    hls::stream<.*;$", wiring, re.MULTILINE)
    calls = re.findall(r"stages\.add\(.*\[&\] { (.*); }\);", wiring)
    counted = [f'turns = 0; {call}; std::printf("%d\\n", turns);' for call in calls]
    main = COUNTING.format(streams="\n    ".join(streams), calls="\n    ".join(counted))
    includes = wiring[: wiring.index('extern "C"')]
    (project / "tb/turns.h").write_text(COUNTER)
    (project / "tb/count.cpp").write_text(f"#include <cstdio>\n#include <vector>\n{includes}{main}")
    folders = [f"-I{project / folder}" for folder in ("tb/native", "tb/stand_in", "tb", "src")]
    program = project / "count"
    subprocess.run(["g++", "-std=c++14", "-w", *folders, project / "tb/count.cpp", "-o", program], check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    frames = [stage_timing(node, design.lanes[node.name], QUICKEST)[0] for node in design.nodes]
    assert [int(line) for line in printed.split()] == [
        sum(run.repeats * run.cycles for run in frame) for frame in frames
    ]
