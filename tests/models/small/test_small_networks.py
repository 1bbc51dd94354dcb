"""A small ResNet-8 and a small MobileNet, as torch and Keras write them: read, exact in integers, proven in C++."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.dataflow.layers.arithmetic import lower
from backends.hls import BACKEND
from backends.hls.options import HlsOptions
from backends.hls4ml import BACKEND as HLS4ML
from backends.protocol import Job
from flows.core.part import Target, find_part
from models.folding import folded, folded_weights
from models.layers import AveragePool2D, Clip, Conv2D, GlobalAveragePool, GroupedConv2D, Softmax
from models.network import Network
from models.ranges import Ranges
from models.weights import open_weights, save_weights
from tests.backends.hls.test_hls_simulation import compare

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("h5py")
from models.evaluation.fast import FastNetwork  # noqa: E402
from models.imported.workers.keras_layers import read_keras  # noqa: E402
from models.imported.workers.onnx_nodes import read_onnx  # noqa: E402
from models.training.torch_network import TorchNetwork, as_input, reach  # noqa: E402

HERE = Path(__file__).parent
FILES = "resnet8.onnx", "resnet8.keras", "mobilenet.onnx", "mobilenet.keras"


def read(name: str) -> tuple[Network, dict[str, np.ndarray]]:
    """As hardware has it, in single precision."""
    reader = read_keras if name.endswith(".keras") else read_onnx
    network, tensors = reader(HERE / name, name.partition(".")[0])
    whole = folded_weights(network, tensors)
    return folded(network), {key: np.ascontiguousarray(tensor, np.float32) for key, tensor in whole.items()}


def job_on(name: str, folder: Path, **options: Any) -> Job[HlsOptions]:
    """On the ranges of the images beside the files."""
    network, tensors = read(name)
    save_weights(folder / "weights.safetensors", tensors, network)
    weights, pixels = open_weights(folder / "weights.safetensors", network), np.load(HERE / "images.npy")
    reached = reach(TorchNetwork(network).load(tensors), pixels)
    ranges = Ranges(network.digest, weights.digest, "images", len(pixels), reached)
    return Job(network, weights, ranges, Target(find_part("xc7z020")), replace(HlsOptions(), **options))


@pytest.mark.parametrize("name", FILES)
def test_both_are_read_as_they_are(name: str) -> None:
    network, _ = read(name)
    kinds = [type(layer) for layer in network.layers if not isinstance(layer, Softmax)]
    if name.startswith("resnet8"):
        assert kinds.count(Conv2D) == 9 and kinds.count(GlobalAveragePool) == 1
        assert [layer.strides for layer in network.layers if isinstance(layer, Conv2D)].count((2, 2)) == 4
    else:
        assert (kinds.count(GroupedConv2D), kinds.count(Conv2D), kinds.count(Clip)) == (3, 4, 7)
        assert AveragePool2D in kinds and GlobalAveragePool in kinds


@pytest.mark.parametrize("name", FILES)
def test_integers_are_near_the_floats(name: str, tmp_path: Path) -> None:
    """At twelve bits: an order of channels that differs in the two would show."""
    job = job_on(name, tmp_path, activation_bits=12, accumulator_bits=48)
    job = replace(job, options=replace(job.options, weight_format="Q1.11"))
    quantised, pixels = lower(job), np.load(HERE / "images.npy")
    with torch.no_grad():
        floats = TorchNetwork(job.network).load(job.weights.tensors()).eval()(as_input(pixels)).numpy()
        codes = FastNetwork(quantised, job.weights.tensors())(pixels)[quantised.output].numpy()
    exact = codes * 2.0 ** -quantised.type_of(quantised.output).fraction
    assert np.ptp(floats, axis=0).max() > 0.1, "the images must be told apart"
    assert abs(exact - floats).max() < 0.02 * np.ptp(floats)


def test_the_mobilenet_is_proven_in_cpp(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    if not shutil.which("g++"):
        pytest.skip("g++ is absent")
    compare(job_on("mobilenet.onnx", tmp_path), tmp_path / "project", bounded=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_each_is_proven_in_cpp_and_through_its_fifos(name: str, tmp_path: Path) -> None:
    compare(job_on(name, tmp_path), tmp_path / "project")


@pytest.mark.parametrize(("name", "units"), [("resnet8-w4a4", 0), ("mobilenet-w4a4", 3)])
def test_finn_builds_them_of_four_bits(name: str, units: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Brevitas exports them; `flows run finn` with finn-plus 1.6.1 makes these nodes, and proves them."""
    pytest.importorskip("qonnx")
    import onnx

    from backends.finn import BACKEND as FINN
    from tests.backends.finn.test_finn_own_graph import job_on as finn_job

    job = finn_job(onnx.load(HERE / f"{name}.onnx"), tmp_path, monkeypatch)
    assert FINN.check(job) == ()
    solved = FINN.resolve(job)
    assert [node.op for node in solved.design.nodes].count("VVAU_hls") == units
    assert {row.at_least for row in FINN.estimate(solved) if row.metric.key == "lut" and row.scope == "total"} == {
        units > 0
    }


@pytest.mark.parametrize("name", FILES)
def test_hls4ml_has_a_design_of_each(name: str, tmp_path: Path) -> None:
    options: Any = HLS4ML.options()
    job: Any = replace(job_on(name, tmp_path), options=options)
    assert HLS4ML.check(job) == ()
    solved = HLS4ML.resolve(job)
    assert HLS4ML.estimate(solved) and solved.design.interval > 0


@pytest.mark.parametrize("name", FILES)
def test_each_has_a_design_for_the_smallest_part(name: str, tmp_path: Path) -> None:
    job = replace(job_on(name, tmp_path), target=Target(find_part("xc7z010")))
    solved = BACKEND.resolve(job)
    assert BACKEND.estimate(solved) and solved.design.interval > 0
