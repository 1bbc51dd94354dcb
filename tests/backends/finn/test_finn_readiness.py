"""FINN readiness: a graph that holds every condition, and one that breaks each of them alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.finn.readiness.conditions import CONDITIONS
from flows.core.readiness import Finding, Readiness, Status
from models.network import Network

onnx = pytest.importorskip("onnx")
from onnx import ModelProto, TensorProto, helper  # noqa: E402

from backends.finn.workers.readiness import assess  # noqa: E402
from tests.backends.finn.graphs import QONNX, SCALE, find, put, put_behind, ready, settle, small, take_out  # noqa: E402

Change = Callable[[ModelProto], Any]


def judged(model: ModelProto, folder: Path, network: Network | None = None) -> Readiness:
    onnx.save(model, folder / "own.onnx")
    return assess(folder / "own.onnx", (), network)


def broken(readiness: Readiness) -> dict[str, tuple[Finding, ...]]:
    return {one.condition: one.findings for one in readiness.broken}


@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas"])
def test_a_ready_graph_holds_every_condition(domain: str, tmp_path: Path) -> None:
    readiness = judged(ready(domain=domain), tmp_path)
    assert {one.condition: one.status for one in readiness.verdicts} == {one.key: Status.HELD for one in CONDITIONS}


def test_the_other_name_of_a_quantiser_is_all_that_finn_does_not_take(tmp_path: Path) -> None:
    """finn-plus 1.6.1 converts Quant and BipolarQuant, and leaves every IntQuant where it is."""
    found = broken(judged(ready(kind="IntQuant"), tmp_path, small()))
    assert list(found) == ["operators"] and all("call it Quant" in one.change for one in found["operators"])


@pytest.mark.parametrize(("batch", "said"), [(2, "is 2"), ("N", "is symbolic"), (None, "is symbolic")])
def test_a_batch_other_than_1_is_broken(batch: Any, said: str, tmp_path: Path) -> None:
    (finding,) = broken(judged(ready(batch=batch), tmp_path)).pop("batch")
    assert said in finding.fact and "ChangeBatchSize" in finding.change


def at(name: str, **attributes: Any) -> Change:
    return lambda model: settle(model, name, **attributes)


def constant(name: str, value: Any) -> Change:
    return lambda model: put(model, name, value)


def behind(name: str, kind: str, *more: str, **attributes: Any) -> Change:
    return lambda model: put_behind(model, name, kind, more, **attributes)


def average_by_mean(model: ModelProto) -> None:
    node = find(model, "gap")
    node.op_type = "ReduceMean"
    settle(model, "gap", axes=[2, 3], keepdims=1)


def average_over_channels(model: ModelProto) -> None:
    average_by_mean(model)
    settle(model, "gap", axes=[1])


def two_inputs(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 3, 8, 8)))


def fork_at_the_entry(model: ModelProto) -> None:
    """The shortcut reads the image past the quantiser."""
    find(model, "c3").input[0] = "x"


def reshape_input(*shape: Any) -> Change:
    def change(model: ModelProto) -> None:
        del model.graph.input[:]
        model.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))

    return change


def typed_input(kind: int) -> Change:
    def change(model: ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = kind

    return change


def qcdq_at_the_end(model: ModelProto) -> None:
    put(model, "s", 0.5)
    put_behind(model, "d1", "QuantizeLinear", ("s",))
    put_behind(model, "d1_QuantizeLinear", "DequantizeLinear", ("s",))


def loop_at_the_end(model: ModelProto) -> None:
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    branch = helper.make_graph(
        [helper.make_node("Identity", ["d1_out"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, (1, 10))],
    )
    model.graph.node.append(helper.make_node("If", ["yes"], ["y"], name="if", then_branch=branch, else_branch=branch))
    model.graph.output[0].name = "y"


def unsigned_shortcut(model: ModelProto) -> None:
    settle(model, "c3_q", signed=0, narrow=0)


def local_function(model: ModelProto) -> None:
    one = helper.make_function("mine", "Twice", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [])
    model.functions.append(one)


def flatten_as_torch_does(model: ModelProto) -> None:
    """x.view(x.size(0), -1)"""
    put(model, "first", np.array(0, np.int64))
    put(model, "front", np.array([0], np.int64))
    put(model, "rest", np.array([-1], np.int64))
    chain = [
        helper.make_node("Shape", ["gap_out"], ["size"], name="size"),
        helper.make_node("Gather", ["size", "first"], ["batch"], name="batch"),
        helper.make_node("Unsqueeze", ["batch", "front"], ["batch1"], name="batch1"),
        helper.make_node("Concat", ["batch1", "rest"], ["target"], name="target", axis=0),
        helper.make_node("Reshape", ["gap_out", "target"], ["gap_flat_out"], name="view"),
    ]
    place = list(model.graph.node).index(find(model, "gap_flat"))
    del model.graph.node[place]
    for node in reversed(chain):
        model.graph.node.insert(place, node)


def quantised_bias(shape: tuple[int, ...]) -> Change:
    """As wide as it likes: it is no activation. Its scale and zero point are of `shape`."""

    def change(model: ModelProto) -> None:
        for role, value in (("scale", np.full(shape, 0.01)), ("zero", np.zeros(shape)), ("bits", 16)):
            put(model, f"c1_bq_{role}", value)
        inputs = ["c1_b", "c1_bq_scale", "c1_bq_zero", "c1_bq_bits"]
        node = helper.make_node("Quant", inputs, ["c1_bq"], name="c1_bq", domain=QONNX, signed=1, narrow=0)
        model.graph.node.insert(0, node)
        find(model, "c1").input[2] = "c1_bq"

    return change


def joined(model: ModelProto) -> None:
    """Both branches side by side, not summed."""
    find(model, "a1").op_type = "Concat"
    settle(model, "a1", axis=1)


def bipolar_shortcut(scale: float) -> Change:
    def change(model: ModelProto) -> None:
        for name in ("r2_q", "c3_q"):
            put(model, f"{name}_scale", scale)
        node = find(model, "c3_q")
        node.op_type = "BipolarQuant"
        del node.input[2:]
        del node.attribute[:]

    return change


def newer_file(model: ModelProto) -> None:
    model.ir_version = 14


def without_activation(model: ModelProto) -> None:
    take_out(model, "r1_q")
    take_out(model, "r1")


BREAKS: dict[str, tuple[str, Change, str, str]] = {
    "an alien operator": ("operators", behind("d1", "Magic", domain="my.own"), "node[18] 'd1_Magic'", "'my.own'"),
    "Trunc": ("operators", behind("d1", "Trunc", "s", "s", "s", "s", domain=QONNX), "(Trunc)", "AveragePool"),
    "a float quantiser": ("operators", behind("d1", "FloatQuant", domain=QONNX), "(FloatQuant)", "not judged"),
    "a threshold of FINN": ("operators", behind("d1", "MultiThreshold", domain=QONNX), "node[", "MultiThreshold"),
    "a branch": ("operators", loop_at_the_end, "'if' (If)", "graph of its own"),
    "a function": ("operators", local_function, "'Twice'", "the file's own"),
    "a join": ("operators", joined, "'a1' (Concat)", "joins, picks or repeats"),
    "enlarged": ("operators", behind("r1_q", "Resize", "", "", "enlarged"), "(Resize)", "joins, picks or repeats"),
    "a newer file": ("operators", newer_file, "the graph", "IR version is 14"),
    "a Cast": ("no-float", behind("d1", "Cast", to=TensorProto.FLOAT), "(Cast)", "float operator"),
    "QCDQ": ("no-qcdq", qcdq_at_the_end, "(QuantizeLinear)", "QCDQ"),
    "softmax": ("no-float", behind("d1", "Softmax"), "node[18] 'd1_Softmax' (Softmax)", "softmax"),
    "sigmoid": ("no-float", behind("d1", "Sigmoid"), "(Sigmoid)", "float operator"),
    "scaled logits": ("no-float", behind("d1", "Mul", "s"), "(Mul)", "the graph's output"),
    "two products": ("no-float", behind("d1", "Mul", "d1_out"), "(Mul)", "joins two computed tensors"),
    "a shape at run time": ("static-shapes", flatten_as_torch_does, "(Shape)", "while the graph runs"),
    "no quantiser between layers": ("bias", without_activation, "'c1' (Conv)", "'c2' (Conv) reads its result"),
    "a quantised bias": ("bias", quantised_bias(()), "'c1_bq' (Quant)", "a scale of shape () and a zero point"),
    "a batch of 4": ("batch", reshape_input(4, 3, 8, 8), "input 'x'", "batch is 4"),
    "two inputs": ("input", two_inputs, "the graph", "2 inputs"),
    "no quantiser at the entry": ("input", lambda model: take_out(model, "q_in"), "(Conv)", "reads the input 'x'"),
    "one branch not quantised": ("input", fork_at_the_entry, "'c3' (Conv)", "reads the input 'x'"),
    "a byte tensor": ("input", typed_input(TensorProto.UINT8), "input 'x'", "UINT8"),
    "unsigned weights": ("weights", at("c1_wq", signed=0), "'c1_wq'", "unsigned"),
    "weights of 9 bits": ("weights", constant("c2_wq_bits", 9), "'c2_wq'", "9 bits"),
    "weights with a zero point": ("weights", constant("d1_wq_zero", 1), "'d1_wq'", "zero point 1"),
    "float weights": ("weights", lambda model: take_out(model, "d1_wq"), "'d1' (Gemm)", "not quantised"),
    "weights of full range": ("narrow-weights", at("c2_wq", narrow=0), "'c2_wq'", "-8"),
    "floor on weights": ("rounding", at("c2_wq", rounding_mode="FLOOR"), "'c2_wq'", "FLOOR"),
    "floor on activations": ("rounding", at("r1_q", rounding_mode="FLOOR"), "'r1_q'", "FLOOR"),
    "half even": ("rounding", at("q_in", rounding_mode="HALF_EVEN"), "'q_in'", "HALF_EVEN"),
    "a scale a channel": ("activations", constant("r1_q_scale", np.full((1, 4, 1, 1), 0.5)), "'r1_q'", "(1, 4, 1, 1)"),
    "a scale of 0": ("activations", constant("r1_q_scale", 0), "'r1_q'", "its scale is 0"),
    "a zero point": ("activations", constant("r1_q_zero", 3), "'r1_q'", "zero point is 3"),
    "activations of 9 bits": ("activations", constant("r1_q_bits", 9), "'r1_q'", "9 bits"),
    "a signed quantiser behind a ReLU": ("relu", at("r1_q", signed=1), "'r1' (Relu)", "'r1_q' (Quant) is signed"),
    "a narrow one": ("relu", at("r1_q", narrow=1), "'r1' (Relu)", "narrow"),
    "a hidden ReLU": ("signed-identity", unsigned_shortcut, "'c3_q'", "ReLU in disguise"),
    "bipolar, scaled": ("activations", bipolar_shortcut(0.5), "'c3_q' (BipolarQuant)", "FINN takes 1 alone"),
    "other scales at a sum": ("add", constant("c3_q_scale", 0.25), "'a1' (Add)", "0.125 and 0.25"),
    "almost the same scale": (
        "add", constant("c3_q_scale", np.nextafter(np.float32(SCALE), np.float32(1))), "'a1' (Add)", "0.12500001"
    ),
    "padding": ("maxpool", at("p1", pads=[0, 0, 1, 1]), "'p1' (MaxPool)", "[0, 0, 1, 1]"),
    "padding by name": ("maxpool", at("p1", auto_pad="SAME_UPPER", pads=[0] * 4), "'p1' (MaxPool)", "SAME_UPPER"),
    "a kernel of 1": ("maxpool", at("p1", kernel_shape=[1, 1]), "'p1'", "(1, 1) and its stride (2, 2)"),
    "a mean": ("average", average_by_mean, "'gap' (ReduceMean)", "ReduceMean"),
    "a mean over channels": (
        "average", average_over_channels, "'gap'", "the axes (1,)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_each_condition_is_broken_alone(name: str, tmp_path: Path) -> None:
    condition, change, where, fact = BREAKS[name]
    model = ready()
    put(model, "s", 0.5)
    put(model, "enlarged", np.array([1, 4, 8, 8], np.int64))
    change(model)
    found = broken(judged(model, tmp_path))
    assert list(found) == [condition], found
    assert where in found[condition][0].where and fact in found[condition][0].fact
    assert all(one.change for one in found[condition])


def shifted(model: ModelProto) -> None:
    """2x - 1 before the first quantiser, as Brevitas' own networks have it."""
    for name, value in (("two", 2.0), ("one", 1.0)):
        put(model, name, value)
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["x2"], name="m"),
        helper.make_node("Sub", ["x2", "one"], ["x1"], name="s"),
    ]
    for place, node in enumerate(nodes):
        model.graph.node.insert(place, node)
    find(model, "q_in").input[0] = "x1"
    settle(model, "q_in", signed=1)


@pytest.mark.parametrize(
    "change",
    [at("q_in", signed=1), constant("q_in_bits", 7), constant("q_in_bits", 4), reshape_input(1, 3, 14, 14), shifted],
    ids=["signed input", "7 bits", "4 bits", "an average of 49 pixels", "2x - 1"],
)
def test_what_finn_puts_into_thresholds_or_scales_is_held(change: Change, tmp_path: Path) -> None:
    """Judged by finn-plus 1.6.1: all of it becomes hardware, with equal outputs."""
    model = ready()
    change(model)
    assert not judged(model, tmp_path).broken


def test_every_condition_is_broken_somewhere() -> None:
    assert {condition for condition, *_ in BREAKS.values()} == {one.key for one in CONDITIONS}


def test_one_missing_quantiser_is_told_wherever_it_shows(tmp_path: Path) -> None:
    """A sum of floats breaks what it reads, and what reads it."""
    model = ready()
    take_out(model, "c3_q")
    found = broken(judged(model, tmp_path))
    assert list(found) == ["bias", "add", "maxpool"]
    assert "'c3_out'" in found["add"][0].fact


def test_an_unfixed_size(tmp_path: Path) -> None:
    model = ready()
    reshape_input(1, 3, "H", 8)(model)
    found = broken(judged(model, tmp_path))
    assert list(found) == ["static-shapes", "average"] and "1x3xHx8" in found["static-shapes"][0].fact
    (finding,) = found["static-shapes"]
    assert finding.where == "input 'x'"


def test_a_plain_float_network(tmp_path: Path) -> None:
    """Verdicts, not an error: what is absent is named, and what needs quantisers does not apply."""
    model = ready()
    for node in [node.name for node in model.graph.node if node.op_type == "Quant"]:
        take_out(model, node)
    readiness = judged(model, tmp_path)
    assert set(broken(readiness)) == {"input", "weights", "relu", "bias", "add", "maxpool"}
    away = {one.condition for one in readiness.verdicts if one.status is Status.NOT_APPLICABLE}
    assert away == {"narrow-weights", "rounding", "activations", "signed-identity"}


def test_bipolar_weights_are_signed_and_narrow(tmp_path: Path) -> None:
    model = ready()
    node = find(model, "c2_wq")
    node.op_type = "BipolarQuant"
    del node.input[2:]
    del node.attribute[:]
    assert not judged(model, tmp_path).broken


def test_bipolar_activations_of_scale_1(tmp_path: Path) -> None:
    model = ready()
    bipolar_shortcut(1.0)(model)
    assert not judged(model, tmp_path).broken


def test_a_scale_by_channel_is_for_weights(tmp_path: Path) -> None:
    model = ready()
    put(model, "c2_wq_scale", np.linspace(0.1, 0.2, 4).reshape(4, 1, 1, 1))
    assert not judged(model, tmp_path).broken


def test_constants_may_be_nodes(tmp_path: Path) -> None:
    """Brevitas and torch write scales as Constant nodes before qonnx-cleanup makes initialisers of them."""
    model = ready()
    for tensor in list(model.graph.initializer):
        model.graph.initializer.remove(tensor)
        model.graph.node.insert(0, helper.make_node("Constant", [], [tensor.name], name=tensor.name, value=tensor))
    assert not judged(model, tmp_path, small()).broken


def test_a_scale_that_is_computed(tmp_path: Path) -> None:
    model = ready()
    model.graph.node.insert(1, helper.make_node("ReduceMax", ["x"], ["peak"], name="peak", keepdims=0))
    find(model, "r1_q").input[1] = "peak"
    found = broken(judged(model, tmp_path))
    assert "its scale is computed" in found["activations"][0].fact and "'peak'" in found["no-float"][0].where


def bias_behind(model: ModelProto) -> None:
    """As FINN's ExtractBiasFromConv writes it."""
    del find(model, "c1").input[2:]
    put(model, "late", np.ones((1, 4, 1, 1)))
    put_behind(model, "c1", "Add", ("late",))


def batch_norm(model: ModelProto) -> None:
    for name in ("gamma", "beta", "mean", "variance"):
        put(model, name, np.ones(4))
    put_behind(model, "c1", "BatchNormalization", ("gamma", "beta", "mean", "variance"))


def two_at_the_entry(model: ModelProto) -> None:
    """The same quantiser once a branch."""
    node = copy.deepcopy(find(model, "q_in"))
    node.name, node.output[0] = "q_in2", "q_in2_out"
    model.graph.node.insert(0, node)
    find(model, "c3").input[0] = "q_in2_out"


@pytest.mark.parametrize(
    "change",
    [quantised_bias((1,)), quantised_bias((4,)), bias_behind, batch_norm, two_at_the_entry],
)
def test_what_thresholds_take_in_breaks_nothing(change: Change, tmp_path: Path) -> None:
    model = ready()
    change(model)
    assert not judged(model, tmp_path, small()).broken


def test_branches_that_are_quantised_differently_at_the_entry(tmp_path: Path) -> None:
    model = ready()
    two_at_the_entry(model)
    put(model, "other", 1 / 128)
    find(model, "q_in2").input[1] = "other"
    (finding,) = broken(judged(model, tmp_path))["input"]
    assert "different scales" in finding.fact
