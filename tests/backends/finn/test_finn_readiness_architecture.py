"""Whether a QONNX graph is the architecture that it should be, by structure and not by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.finn.readiness.architecture import differences
from flows.core.readiness import Finding, Status
from models.layers import Add, Layer, MaxPool2D, ReLU
from models.network import INPUT, Network
from models.zoo import ARCH3, ARCH4, ARCH5, ARCH7, ARCH8, NETWORKS

onnx = pytest.importorskip("onnx")
from onnx import ModelProto, helper  # noqa: E402

from backends.finn.workers.readiness import assess  # noqa: E402
from tests.backends.finn.graphs import find, put_behind, ready, settle, take_out  # noqa: E402

Judge = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """What says that a graph is not a network; nothing where it is."""

    def findings_of(model: ModelProto, network: Network = ARCH8) -> tuple[Finding, ...]:
        onnx.save(model, tmp_path / "own.onnx")
        verdict = assess(tmp_path / "own.onnx", (), network).verdicts[-1]
        assert verdict.condition == "architecture" and (verdict.status is Status.HELD) is not bool(verdict.findings)
        return verdict.findings

    return findings_of


@pytest.mark.parametrize("network", [ARCH4, ARCH5, ARCH7, ARCH8], ids=lambda each: each.name)
def test_a_graph_is_its_own_architecture_and_no_other(network: Network, judge: Judge) -> None:
    model = ready(network)
    assert not judge(model, network)
    for other in NETWORKS.values():
        assert bool(judge(model, other)) == (other.name != network.name)


def renamed(model: ModelProto) -> None:
    for index, node in enumerate(model.graph.node):
        node.name = f"n{index}"


def swapped_sum(model: ModelProto) -> None:
    node = find(model, "block1_add")
    node.input[:] = reversed(node.input)


def shortcut_first(model: ModelProto) -> None:
    """Its nodes directly behind the entry, as qonnx-cleanup orders them."""
    names = ["block1_shortcut_wq", "block1_shortcut", "block1_shortcut_q"]
    nodes = [find(model, name) for name in names]
    for node in nodes:
        model.graph.node.remove(node)
    for node in reversed(nodes):
        model.graph.node.insert(1, node)


def mean(model: ModelProto) -> None:
    find(model, "gap").op_type = "ReduceMean"
    settle(model, "gap", axes=[2, 3], keepdims=1)


def softmax(model: ModelProto) -> None:
    put_behind(model, "dense", "Softmax")


def symbolic_batch(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"


@pytest.mark.parametrize("change", [renamed, swapped_sum, shortcut_first, mean, softmax, symbolic_batch])
def test_what_does_not_make_it_another(change: Callable[[ModelProto], Any], judge: Judge) -> None:
    model = ready(ARCH8)
    change(model)
    assert not judge(model)


def relu_after_the_sum(model: ModelProto) -> None:
    """The published mistake: the ReLU of the branch moved behind the sum."""
    take_out(model, "block1_relu2")
    settle(model, "block1_relu2_q", signed=1)
    put_behind(model, "block1_add", "Relu")


def relu_in_disguise(model: ModelProto) -> None:
    settle(model, "block1_shortcut_q", signed=0, narrow=0)


def without_relu(model: ModelProto) -> None:
    """Its quantiser must become signed, too: an unsigned one is a ReLU still."""
    take_out(model, "block2_relu1")
    settle(model, "block2_relu1_q", signed=1)


def identity_shortcut(model: ModelProto) -> None:
    """The second block's sum reads the first branch twice."""
    find(model, "block2_add").input[1] = find(model, "block2_add").input[0]


CHANGES: dict[str, tuple[Callable[[ModelProto], Any], str, str]] = {
    "a ReLU after the sum": (
        relu_after_the_sum, "the graph",
        "no such layer as 'block1_relu2' of arch8: a relu to 32x32x28, behind 'block1_conv2'",
    ),
    "a ReLU more": (
        lambda model: put_behind(model, "block2_add", "Relu"), "block2_add_Relu",
        "a relu to 16x16x56, where arch8 has a maxpool2d (kernel 2x2, strides 2x2, padding valid) to 8x8x56",
    ),
    "a ReLU in disguise": (
        relu_in_disguise, "block1_shortcut_q", "a relu to 32x32x28, behind 'block1_shortcut', where arch8 has none"
    ),
    "a ReLU less": (without_relu, "block2_conv2", "to 16x16x56, where arch8 has a relu to 16x16x56"),
    "a stride": (
        lambda model: settle(model, "block1_pool", strides=[1, 1]), "block1_pool",
        "a maxpool2d (kernel 2x2, strides 1x1, padding valid) to 31x31x28, where arch8 has a maxpool2d",
    ),
    "no padding": (lambda model: settle(model, "block1_conv1", pads=[0] * 4), "'block1_add' (Add)", "cannot add"),
    "a pooling of its own": (lambda model: settle(model, "block2_pool", kernel_shape=[1, 1]), "block2_pool", "1x1"),
    "a shortcut less": (identity_shortcut, "", "nothing reads block2_shortcut"),
    "a shape that does not go on": (lambda model: take_out(model, "block1_conv1"), "", "is needed"),
    "sigmoid": (lambda model: put_behind(model, "dense", "Sigmoid"), "(Sigmoid)", "no layer of arch8: not supported"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_makes_it_another_is_named(name: str, judge: Judge) -> None:
    change, where, fact = CHANGES[name]
    model = ready(ARCH8)
    change(model)
    findings = judge(model)
    assert findings
    assert any(where in finding.where for finding in findings) and any(fact in finding.fact for finding in findings), (
        findings
    )


def test_padding_counts(judge: Judge) -> None:
    model = ready(ARCH5)
    settle(model, "block2_conv2", pads=[0] * 4)
    (finding,) = judge(model, ARCH5)
    assert "padding valid, filters 32) to 14x14x32, where arch5" in finding.fact and "block2_conv2" in finding.where


def test_an_unsigned_quantiser_alone_is_the_relu(judge: Judge) -> None:
    model = ready(ARCH8)
    take_out(model, "block2_relu1")
    assert not judge(model)


def test_an_unsigned_quantiser_of_what_is_never_negative_is_no_relu(judge: Judge) -> None:
    """ARCH4 pools what a ReLU left."""
    model = ready(ARCH4)
    node = find(model, "block1_relu2_q")
    again = helper.make_node("Quant", ["block1_pool_out", *node.input[1:]], ["again"], name="again", domain=node.domain)
    again.attribute.extend(node.attribute)
    find(model, "block2_conv1").input[0] = "again"
    model.graph.node.insert(list(model.graph.node).index(find(model, "block2_conv1")), again)
    assert not judge(model, ARCH4)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda each: each.name)
def test_a_network_differs_from_itself_in_nothing(network: Network) -> None:
    assert not list(differences(network, network))


def test_the_size_of_the_images_counts() -> None:
    other = Network("other", (16, 16, 3), ARCH5.layers)
    (finding,) = differences(other, ARCH5)
    assert finding.fact == "takes 16x16x3 images, and arch5 32x32x3"


def test_one_layer_read_twice_is_not_two() -> None:
    """Both sums add a pooling to its like; only one network computes it twice."""
    pool = (MaxPool2D("p", (INPUT,), (2, 2), (2, 2), "valid"), MaxPool2D("q", (INPUT,), (2, 2), (2, 2), "valid"))
    once = Network("once", (4, 4, 3), (pool[0], Add("a", ("p", "p"))))
    twice = Network("twice", (4, 4, 3), (*pool, Add("a", ("p", "q"))))
    assert list(differences(once, twice)) and list(differences(twice, once))


@st.composite
def edited(draw: st.DrawFn) -> tuple[Network, Network]:
    """A network of the zoo, and the same with one ReLU more, somewhere."""
    network = draw(st.sampled_from([ARCH3, ARCH4, ARCH5, ARCH7, ARCH8]))
    at = draw(st.integers(0, len(network.layers) - 2))
    behind = network.layers[at].name
    after: list[Layer] = []
    for layer in network.layers[at + 1 :]:
        after.append(replace(layer, inputs=tuple("new" if name == behind else name for name in layer.inputs)))
    layers = (*network.layers[: at + 1], ReLU("new", (behind,)), *after)
    return network, Network(network.name, network.input_shape, layers)


@given(pair=edited())
def test_one_activation_more_is_seen_from_both_sides(pair: tuple[Network, Network]) -> None:
    network, other = pair
    assert list(differences(other, network)) and list(differences(network, other))
