"""The table in docs/your-own-network.md: which flow builds which layer, as each flow's own check says it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import registry
from flows.conformance.networks import job_on
from models.layers import (
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sign,
)
from models.network import INPUT, Network

onnx = pytest.importorskip("onnx")
from onnx import ModelProto  # noqa: E402

from backends.finn.check import _layers as finn_layers  # noqa: E402
from models.integer_network import open_integers  # noqa: E402
from tests.models.imported.qonnx_graphs import Builder, binary, clipped, depthwise, read  # noqa: E402

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "backends" / "finn" / "cases"
SMALL = ROOT / "tests" / "models" / "small"
FLOWS = ("hls", "rtl", "c", "hls4ml", "finn")


def network(*layers: Layer) -> Network:
    """A convolution and a ReLU, these layers, of which the last is "odd", and a head."""
    body = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4), ReLU("relu", ("conv",)), *layers
    return Network("odd", (8, 8, 3), (*body, GlobalAveragePool("gap", ("odd",)), Dense("dense", ("gap",), 5)))


def grouped(filters: int, groups: int) -> Network:
    conv = GroupedConv2D("groups", ("relu",), (3, 3), (2, 2), "same", filters, groups)
    return network(conv, ReLU("odd", ("groups",)))


MORE = Conv2D("more", ("relu",), (3, 3), (1, 1), "same", 4)
NETWORKS: dict[str, Network] = {
    "convolution of stride 2 with `padding=1`": network(
        Conv2D("strided", ("relu",), (3, 3), (2, 2), (1, 1, 1, 1), 4), ReLU("odd", ("strided",))
    ),
    "depthwise convolution": grouped(4, 4),
    "other groups, or several filters a channel": grouped(6, 2),
    "max pool whose windows overlap or are padded": network(MaxPool2D("odd", ("relu",), (3, 3), (2, 2), "same")),
    "average of windows": network(AveragePool2D("odd", ("relu",), (2, 2), (2, 2), "valid")),
    "ReLU6": network(MORE, Clip("odd", ("more",), 0.0, 6.0)),
    "other clips, HardTanh": network(MORE, Clip("odd", ("more",), -1.0, 1.0)),
    "LeakyReLU": network(MORE, LeakyReLU("odd", ("more",), 0.1)),
    "Concat": network(Concat("odd", ("relu", INPUT))),
    "weights and activations of one bit (`BipolarQuant`)": network(Sign("odd", ("relu",))),
}
"""By the first column of the table."""


def rows() -> dict[str, dict[str, str]]:
    """By layer and flow, what the table says."""
    text = (ROOT / "docs" / "your-own-network.md").read_text()
    lines = text[text.index("| layer | `hls` |") :].partition("\n\n")[0].splitlines()
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    names = [cell.strip("`").partition("`")[0] for cell in head[1:]]
    return {cells[0]: dict(zip(names, cells[1:], strict=True)) for cells in body}


def averaged() -> ModelProto:
    """A quantised graph with an average of windows."""
    build = Builder()
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    pooled = build.node("AveragePool", [source], "p", kernel_shape=[2, 2], strides=[2, 2])
    code = build.quant(pooled, "p_q", 1 / 16, signed=0)
    vector = build.node("Flatten", [build.node("GlobalAveragePool", [code], "g")], "f")
    return build.model(build.node("Gemm", [vector, build.weights("d", 5, 3)], "y", transB=1))


QUANTISED: dict[str, Callable[[], ModelProto]] = {
    "convolution of stride 2 with `padding=1`": lambda: onnx.load(SMALL / "resnet8-w4a4.onnx"),
    "depthwise convolution": depthwise,
    "other groups, or several filters a channel": lambda: onnx.load(CASES / "group2.onnx"),
    "max pool whose windows overlap or are padded": lambda: onnx.load(CASES / "maxpool_3_2_1.onnx"),
    "average of windows": averaged,
    "ReLU6": clipped,
    "other clips, HardTanh": lambda: clipped(1.0, -1.0, signed=1),
    "LeakyReLU": lambda: onnx.load(CASES / "leaky.onnx"),
    "Concat": lambda: onnx.load(CASES / "cat.onnx"),
    "weights and activations of one bit (`BipolarQuant`)": binary,
}
"""The same of quantised graphs, for `finn`."""


def is_built(cell: str) -> bool:
    word = re.split("[,:;. ]", cell)[0]
    assert word in ("yes", "no"), f"{cell!r} begins with neither"
    return word == "yes"


def test_the_table_has_these_layers_and_all_flows() -> None:
    assert rows().keys() == NETWORKS.keys() == QUANTISED.keys()
    assert {*next(iter(rows().values()))} == {*FLOWS} == {*registry.names()}


@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow != "finn"])
@pytest.mark.parametrize("layer", NETWORKS)
def test_each_flow_builds_what_the_table_says(layer: str, flow: str, tmp_path: Path) -> None:
    backend = registry.load(flow)
    refusals = backend.check(job_on(NETWORKS[layer], tmp_path, backend.options()))
    assert (not refusals) == is_built(rows()[layer][flow]), refusals


@pytest.mark.parametrize("layer", QUANTISED)
def test_finn_builds_of_quantised_graphs_what_the_table_says(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = read(QUANTISED[layer](), tmp_path, monkeypatch)
    refused: list[Any] = []
    if (reason := folder / "not_integers.json").exists():
        refused.append(reason.read_text())
    else:
        integer = open_integers(folder, json.loads((folder / "integers.json").read_text()))
        refused += finn_layers(integer.quantised.network, True)
    assert (not refused) == is_built(rows()[layer]["finn"]), refused
