"""Tiny networks through hls4ml and g++: the C simulation gives the integers of the exact reference."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from backends.hls4ml import BACKEND
from backends.hls4ml.amd import CPP, TOP, kind_of
from backends.hls4ml.amd import expected as reports_show
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.protocol import Job
from flows.core.errors import StepFailed
from flows.core.plan import Plan
from flows.executor import Executor
from flows.store import Store
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    MaxPool2D,
    ReLU,
)
from models.network import INPUT, Network
from models.pixels import CENTRED, RAW, parse_pixels
from tests.backends.hls4ml.answers import design_of, refusals
from tests.backends.jobs import job_with, measured, random_weights

pytestmark = pytest.mark.skipif(
    not (find_spec("hls4ml") and find_spec("torch") and shutil.which("g++")), reason="hls4ml, torch or g++ is absent"
)

STRIDED = Network(
    "strided",
    (9, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (2, 2), "valid", 4),
        ReLU("relu1", ("conv1",)),
        MaxPool2D("pool", ("relu1",), (2, 2), (2, 2), "valid"),
        Flatten("flatten", ("pool",)),
        Dense("dense", ("flatten",), 5),
    ),
)


AS_TORCH_PADS = Network(
    "as torch pads",
    (8, 6, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (2, 2), (1, 1, 1, 1), 4),
        ReLU("relu1", ("conv1",)),
        Conv2D("conv2", ("relu1",), (3, 3), (2, 1), (1, 0, 1, 1), 4),
        Conv2D("short", ("relu1",), (1, 1), (2, 1), "valid", 4),
        Add("add", ("conv2", "short")),
        GlobalAveragePool("gap", ("add",)),
        Dense("dense", ("gap",), 5),
    ),
    pixels=parse_pixels("0.485,0.456,0.406,0.229,0.224,0.225"),
)
"""Stride 2 with padding 1, as every ResNet of torchvision has it, on normalised pixels."""
GREY = Network(
    "grey",
    (8, 7, 1),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        AveragePool2D("average", ("conv1",), (3, 2), (3, 2), "valid"),
        Flatten("flatten", ("average",)),
        Dense("dense", ("flatten",), 5),
    ),
    pixels=RAW,
)
MOBILE = Network(
    "mobile",
    (9, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 6),
        Clip("relu1", ("conv1",), 0.0, 6.0),
        GroupedConv2D("deep1", ("relu1",), (3, 3), (1, 1), "same", 6, 6),
        Clip("relu2", ("deep1",), 0.0, 6.0),
        Conv2D("point1", ("relu2",), (1, 1), (1, 1), "valid", 4),
        GroupedConv2D("deep2", ("point1",), (2, 3), (2, 2), (1, 0, 1, 1), 4, 4),
        ReLU("relu3", ("deep2",)),
        GroupedConv2D("scale", ("relu3",), (1, 1), (1, 1), "valid", 4, 4),
        GlobalAveragePool("gap", ("scale",)),
        Dense("dense", ("gap",), 5),
    ),
)
"""Depthwise convolutions of all paddings, and ReLU6."""
VECTOR = Network(
    "vector",
    (30,),
    (Dense("one", (INPUT,), 8), ReLU("relu", ("one",)), Dense("two", ("relu",), 5)),
    pixels=CENTRED,
)


NETWORKS = {"mobile": MOBILE, "strided": STRIDED, "torch": AS_TORCH_PADS, "grey": GREY, "vector": VECTOR}


def trained(network: Network, folder: Path, size: float = 0.6, **options: Any) -> Job[Hls4mlOptions]:
    """`network` on seeded weights of this size, its ranges measured on the check images."""
    tensors = random_weights(network, size)
    return job_with(network, tensors, measured(network, tensors), folder, Hls4mlOptions(**options))


def reference(job: Job[Hls4mlOptions]) -> list[list[int]]:
    from models.evaluation.fast import FastNetwork
    from models.vectors import COUNT, vectors

    quantised = lower(job)
    tensors = FastNetwork(quantised, job.weights.tensors())(vectors(job.network.input_shape, COUNT))
    return tensors[quantised.output].long().reshape(COUNT, -1).tolist()


def executor(folder: Path) -> Executor:
    return Executor(Store(folder / "store"), 2, lambda event, step, text: None)


@pytest.mark.parametrize(
    ("network", "options"),
    [
        pytest.param("tiny", {}, id="default"),
        pytest.param("tiny", {"precision": "stock"}, id="stock"),
        pytest.param("strided", {"reuse_factor": "6"}, id="valid, strides, flatten"),
        pytest.param("torch", {"precision": "8"}, id="padding and pixels as torch has them"),
        pytest.param("grey", {}, id="grey"),
        pytest.param("mobile", {"reuse_factor": "54,deep1=3,deep2=6", "size": 1.5}, id="depthwise, ReLU6"),
        pytest.param("vector", {"precision": "8"}, id="vector"),
        pytest.param("torch", {"io_type": "io_parallel"}, id="torch, parallel", marks=pytest.mark.slow),
        pytest.param("vector", {"io_type": "io_parallel"}, id="vector, parallel", marks=pytest.mark.slow),
        pytest.param("grey", {"io_type": "io_parallel"}, id="grey, parallel", marks=pytest.mark.slow),
        *(
            pytest.param("mobile", options, id=f"depthwise, {name}", marks=pytest.mark.slow)
            for name, options in {
                "8 bits, a multiplier": {"precision": "8", "reuse_factor": "54"},
                "a channel in turn, vivado": {"reuse_factor": "1,deep1=6,deep2=4,scale=2", "backend": "vivado"},
                "channels and rows in turn": {"reuse_factor": "9,deep1=18,deep2=12", "precision": "ap_fixed<12,5>"},
                "latency": {"strategy": "latency", "reuse_factor": "3", "precision": "10"},
                "stock": {"precision": "stock"},
            }.items()
        ),
        pytest.param("tiny", {"backend": "vivado"}, id="vivado", marks=pytest.mark.slow),
        pytest.param("tiny", {"softmax": "keep"}, id="softmax", marks=pytest.mark.slow),
        pytest.param("tiny", {"softmax": "keep", "precision": "stock"}, id="stock softmax", marks=pytest.mark.slow),
        pytest.param("tiny", {"precision": "ap_fixed<10,4>"}, id="10 bits", marks=pytest.mark.slow),
        pytest.param("tiny", {"precision": "ap_fixed<4,2>"}, id="4 bits", marks=pytest.mark.slow),
        pytest.param("tiny", {"io_type": "io_parallel", "reuse_factor": "4"}, id="parallel", marks=pytest.mark.slow),
        pytest.param("tiny", {"io_type": "io_parallel", "reuse_factor": "54"}, id="snapped", marks=pytest.mark.slow),
        pytest.param("tiny", {"size": 1e-3}, id="tiny weights", marks=pytest.mark.slow),
        pytest.param("tiny", {"size": 30.0, "precision": "ap_fixed<12,4>"}, id="large weights", marks=pytest.mark.slow),
        pytest.param(
            "tiny",
            {"precision": "ap_fixed<16,6>,@Conv2D.weight=ap_int<3>,dense.weight=ap_fixed<8,3>,*.bias=ap_fixed<9,4>"},
            id="types that are given",
            marks=pytest.mark.slow,
        ),
        pytest.param("tiny", {"strategy": "latency", "reuse_factor": "4"}, id="latency", marks=pytest.mark.slow),
        pytest.param("strided", {"precision": "stock"}, id="stock, strides, flatten", marks=pytest.mark.slow),
    ],
)
def test_the_simulation_is_the_reference(tiny: Network, network: str, options: dict[str, Any], tmp_path: Path) -> None:
    job = trained({"tiny": tiny, **NETWORKS}[network], tmp_path, **options)
    assert not refusals(job)
    plan = BACKEND.plan(BACKEND.resolve(job))
    assert plan.artefact is not None
    products = executor(tmp_path).execute(plan if not options else quickly_compiled(plan))
    built, project = products.path(plan.artefact), products.path(CPP)
    assert built is not None and project is not None
    expected = reference(job)
    assert json.loads(built.read_text()) == expected
    if job.options.io_type == "io_stream":
        assert called(project / "firmware" / f"{TOP}.cpp") == expected_calls(job), (
            "reports are compared with what hls4ml calls"
        )
    # hls4ml's own types make the softmax flat: its table is read by the top bits of wide logits.
    flat = options == {"softmax": "keep", "precision": "stock"}
    assert (len({tuple(row) for row in expected}) > 4) is not flat, "the vectors must tell designs apart"


def quickly_compiled(plan: Plan) -> Plan:
    """Not optimised, which takes a third off the time of g++ and changes no integer."""
    steps = (replace(step, argv=tuple("-O0" if word == "-O2" else word for word in step.argv)) for step in plan.steps)
    return replace(plan, steps=tuple(steps))


def called(source: Path) -> Counter[str]:
    """The functions that hls4ml calls in its dataflow, by kind: each one is an instance of csynth's report."""
    kinds = [kind_of(f"{name}_array_") for name in re.findall(r"^ *nnet::(\w+)<", source.read_text(), re.MULTILINE)]
    return Counter(kind[0] for kind in kinds if kind)


def expected_calls(job: Job[Hls4mlOptions]) -> Counter[str]:
    """The instances that reports of `job` are compared with, by kind."""
    kinds: Counter[str] = Counter()
    for (kind, _), count in reports_show(design_of(job)).instances.items():
        kinds[kind] += count
    return kinds


def convert_alone(job: Job[Hls4mlOptions], change: Callable[[dict[str, Any]], None], folder: Path) -> None:
    convert = BACKEND.plan(BACKEND.resolve(job)).steps[0]
    ask = json.loads(str(convert.files["job.json"]))
    change(ask)
    step = replace(convert, files={**convert.files, "job.json": json.dumps(ask)})
    executor(folder).execute(Plan((step,)))


def test_a_type_of_hls4mls_own_is_noticed_when_read_back(tiny: Network, tmp_path: Path) -> None:
    """Unpinned, hls4ml infers its own type of the first result: the worker ends with the code of a mismatch."""
    with pytest.raises(StepFailed) as failure:
        convert_alone(trained(tiny, tmp_path), lambda ask: ask.update(pinned=False), tmp_path)
    said = str(failure.value)
    assert "exit code 7: hls4ml, conv1" in said
    assert "made ap_fixed<38,18>, not ap_fixed<16,6,AP_RND,AP_SAT>" in said
