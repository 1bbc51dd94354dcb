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
    return {each.condition: each.findings for each in readiness.broken}


@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas"])
def test_a_ready_graph_holds_every_condition(domain: str, tmp_path: Path) -> None:
    readiness = judged(ready(domain=domain), tmp_path)
    statuses = {verdict.condition: verdict.status for verdict in readiness.verdicts}
    away = dict.fromkeys(("product", "concat"), Status.NOT_APPLICABLE)
    assert statuses == {each.key: Status.HELD for each in CONDITIONS} | away
    assert {verdict.judged for verdict in readiness.verdicts} == {"finn-plus 1.6.1"}


def test_the_other_name_of_a_quantiser_is_all_that_finn_does_not_take(tmp_path: Path) -> None:
    """finn-plus 1.6.1 converts Quant and BipolarQuant, and leaves every IntQuant where it is."""
    findings = broken(judged(ready(kind="IntQuant"), tmp_path, small()))
    assert list(findings) == ["operators"] and all("call it Quant" in each.change for each in findings["operators"])


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


def affine_input(model: ModelProto) -> None:
    """2x - 1, signed."""
    put(model, "one", 1.0)
    put(model, "two", 2.0)
    model.graph.node.insert(0, helper.make_node("Mul", ["x", "two"], ["twice"], name="twice"))
    model.graph.node.insert(1, helper.make_node("Sub", ["twice", "one"], ["centred"], name="centred"))
    find(model, "q_in").input[0] = "centred"
    settle(model, "q_in", signed=1)


def transposed_input(model: ModelProto) -> None:
    """Images as Keras has them: (N, H, W, C)."""
    reshape_input(1, 8, 8, 3)(model)
    model.graph.node.insert(0, helper.make_node("Transpose", ["x"], ["moved"], name="moved", perm=[0, 3, 1, 2]))
    find(model, "q_in").input[0] = "moved"


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
    function = helper.make_function("mine", "Twice", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [])
    model.functions.append(function)


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


def joined(scale: float, axis: int = 1) -> Change:
    """Both branches side by side, not summed."""

    def change(model: ModelProto) -> None:
        find(model, "a1").op_type = "Concat"
        settle(model, "a1", axis=axis)
        put(model, "c3_q_scale", scale)

    return change


def doubled(model: ModelProto) -> None:
    place = list(model.graph.node).index(find(model, "a1"))
    model.graph.node.insert(place, helper.make_node("Add", ["c3_q_out", "c3_q_out"], ["a0_out"], name="a0"))
    find(model, "a1").input[1] = "a0_out"


def quantised_sum(model: ModelProto) -> None:
    """Its inputs have two scales, and its quantiser a third."""
    put(model, "c3_q_scale", 0.25)
    put_behind(model, "a1", "Quant", ("s", "c3_q_zero", "c3_q_bits"), domain=QONNX, signed=1, narrow=1)


def difference(model: ModelProto) -> None:
    find(model, "a1").op_type = "Sub"
    put_behind(model, "a1", "Quant", ("s", "c3_q_zero", "c3_q_bits"), domain=QONNX, signed=1, narrow=0)


def product(model: ModelProto) -> None:
    find(model, "a1").op_type = "Mul"


def product_of_a_float(model: ModelProto) -> None:
    """An offset that no quantiser takes in is on one side of it."""
    product(model)
    model.graph.node.insert(
        list(model.graph.node).index(find(model, "a1")),
        helper.make_node("Add", ["c3_q_out", "s"], ["late_out"], name="late"),
    )
    find(model, "a1").input[1] = "late_out"


def quantised_again(scale: float) -> Change:
    """Codes of a scale of `SCALE`, to codes of another."""

    def change(model: ModelProto) -> None:
        put(model, "again", scale)
        roles = ("again", "c3_q_zero", "c3_q_bits")
        put_behind(model, "r1_q", "Quant", roles, domain=QONNX, signed=1, narrow=0)

    return change


def shown_inside(model: ModelProto) -> None:
    """What a layer inside reads is an output as well, as debugging leaves it."""
    model.graph.output.append(helper.make_tensor_value_info("r1_q_out", TensorProto.FLOAT, None))


def branch_to_nowhere(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["gap_out"], ["nowhere"], name="aside"))


def side_by_side_with_itself(model: ModelProto) -> None:
    find(model, "a1").op_type = "Concat"
    settle(model, "a1", axis=1)
    find(model, "a1").input.append("c3_q_out")


def float_block(model: ModelProto) -> None:
    """As torchvision's: what a BatchNormalization leaves is added in float, and a quantiser reads the sum."""
    batch_norm(model, "c3")
    take_out(model, "c3_q")
    quantised_sum(model)


def without(name: str, attribute: str) -> Change:
    def change(model: ModelProto) -> None:
        node = find(model, name)
        kept = [each for each in node.attribute if each.name != attribute]
        del node.attribute[:]
        node.attribute.extend(kept)

    return change


def padded_by_name(model: ModelProto) -> None:
    """Of a dilated kernel."""
    without("c2", "pads")(model)
    settle(model, "c2", auto_pad="SAME_UPPER", dilations=[2, 2])


def grouped(groups: int) -> Change:
    def change(model: ModelProto) -> None:
        settle(model, "c2", group=groups)
        put(model, "c2_w", np.ones((4, 4 // groups, 3, 3)))

    return change


def depthwise_twice(model: ModelProto) -> None:
    """3 channels become 6, and what follows has weights for 6."""
    settle(model, "c1", group=3)
    for name, shape in (("c1_w", (6, 1, 3, 3)), ("c1_b", (6,)), ("c2_w", (4, 6, 3, 3))):
        put(model, name, np.ones(shape))


def shared_weights(model: ModelProto) -> None:
    """The shortcut takes those of a 1x1 convolution beside it."""
    other = copy.deepcopy(find(model, "c3"))
    other.name, other.output[0] = "c4", "c4_out"
    quantiser = copy.deepcopy(find(model, "c3_q"))
    quantiser.name, quantiser.input[0], quantiser.output[0] = "c4_q", "c4_out", "c4_q_out"
    place = list(model.graph.node).index(find(model, "a1"))
    total = helper.make_node("Add", ["c3_q_out", "c4_q_out"], ["a0_out"], name="a0")
    for node in (total, quantiser, other):
        model.graph.node.insert(place, node)
    find(model, "a1").input[1] = "a0_out"


def double_scale(model: ModelProto) -> None:
    (place,) = (place for place, each in enumerate(model.graph.initializer) if each.name == "r1_q_scale")
    double = onnx.numpy_helper.from_array(np.array(SCALE, np.float64), "r1_q_scale")
    model.graph.initializer[place].CopyFrom(double)


def half_scale(model: ModelProto) -> None:
    (place,) = (place for place, each in enumerate(model.graph.initializer) if each.name == "r1_q_scale")
    half = onnx.numpy_helper.from_array(np.array(SCALE, np.float16), "r1_q_scale")
    model.graph.initializer[place].CopyFrom(half)


def bipolar(model: ModelProto, name: str) -> None:
    node = find(model, name)
    node.op_type = "BipolarQuant"
    del node.input[2:]
    del node.attribute[:]


def bipolar_shortcut(scale: float) -> Change:
    def change(model: ModelProto) -> None:
        for name in ("r2_q", "c3_q"):
            put(model, f"{name}_scale", scale)
        bipolar(model, "c3_q")

    return change


def newer_file(model: ModelProto) -> None:
    model.ir_version = 14


def without_activation(model: ModelProto) -> None:
    take_out(model, "r1_q")
    take_out(model, "r1")


def batch_norm(model: ModelProto, layer: str = "c1") -> None:
    for name in ("gamma", "beta", "mean", "variance"):
        put(model, name, np.ones(4))
    put_behind(model, layer, "BatchNormalization", ("gamma", "beta", "mean", "variance"))


def subtracted_from(model: ModelProto) -> None:
    put_behind(model, "c1", "Sub", ("s",))
    late = find(model, "c1_Sub")
    late.name = "late"
    late.input[:] = reversed(late.input)


def batch_statistics(model: ModelProto) -> None:
    batch_norm(model)
    settle(model, "c1_BatchNormalization", training_mode=1)
    find(model, "c1_BatchNormalization").output.extend(["running_mean", "running_variance"])


def reshaped_kernel(model: ModelProto) -> None:
    """The constant is a matrix, and its quantiser reads it as a kernel."""
    put(model, "c2_matrix", np.ones((16, 9)))
    put(model, "c2_shape", np.array([4, 4, 3, 3]))
    place = list(model.graph.node).index(find(model, "c2_wq"))
    node = helper.make_node("Reshape", ["c2_matrix", "c2_shape"], ["c2_kernel"], name="c2_kernel")
    model.graph.node.insert(place, node)
    find(model, "c2_wq").input[0] = "c2_kernel"


def logits_by_class(model: ModelProto) -> None:
    """A quantiser of a scale a class at the end, which no layer reads."""
    put(model, "each_class", np.linspace(0.1, 0.2, 10).reshape(1, 10))
    put_behind(model, "d1", "Quant", ("each_class", "c3_q_zero", "c3_q_bits"), domain=QONNX, signed=1, narrow=0)


def constants_among_the_inputs(model: ModelProto) -> None:
    """As files of IR version 3 list them; bit widths may be integers there as well."""
    (place,) = (place for place, each in enumerate(model.graph.initializer) if each.name == "c1_wq_bits")
    model.graph.initializer[place].CopyFrom(onnx.numpy_helper.from_array(np.array(4, np.int64), "c1_wq_bits"))
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))


BREAKS: dict[str, tuple[str, Change, str, str]] = {
    "an alien operator": ("operators", behind("d1", "Magic", domain="my.own"), "node[18] 'd1_Magic'", "'my.own'"),
    "Trunc": ("operators", behind("d1", "Trunc", "s", "s", "s", "s", domain=QONNX), "(Trunc)", "AveragePool"),
    "a float quantiser": ("operators", behind("d1", "FloatQuant", domain=QONNX), "(FloatQuant)", "not judged"),
    "a threshold of FINN": ("operators", behind("d1", "MultiThreshold", domain=QONNX), "node[", "MultiThreshold"),
    "a branch": ("operators", loop_at_the_end, "'if' (If)", "graph of its own"),
    "a function": ("operators", local_function, "'Twice'", "the file's own"),
    "enlarged": ("operators", behind("r1_q", "Resize", "", "", "enlarged"), "(Resize)", "picks or repeats"),
    "a newer file": ("operators", newer_file, "the graph", "IR version is 14"),
    "a bit width with an axis": ("operators", constant("r1_q_bits", [4]), "'r1_q' (Quant)", "bit width has shape 1"),
    "a branch to nowhere": ("operators", branch_to_nowhere, "'aside' (Relu)", "nothing reads its result"),
    "an output that is read inside": ("operators", shown_inside, "output 'r1_q_out'", "read inside the graph"),
    "an absent attribute": ("operators", without("r1_q", "narrow"), "'r1_q' (Quant)", "narrow is not written"),
    "QCDQ": ("no-qcdq", qcdq_at_the_end, "(QuantizeLinear)", "QCDQ"),
    "softmax inside": ("no-float", behind("c2", "Softmax"), "(Softmax)", "softmax"),
    "sigmoid inside": ("no-float", behind("c3", "Sigmoid"), "(Sigmoid)", "for Versal parts alone"),
    "sigmoid at the end": ("no-float", behind("d1", "Sigmoid"), "(Sigmoid)", "for Versal parts alone"),
    "a transposed input": ("input", transposed_input, "(Transpose)", "between the input 'x' and"),
    "a difference": ("no-float", difference, "'a1' (Sub)", "joins two computed tensors"),
    "a constant minus a tensor": ("no-float", subtracted_from, "'late' (Sub)", "the other way round"),
    "batch statistics": ("no-float", batch_statistics, "(BatchNormalization)", "training mode"),
    "an offset before padding": ("no-float", behind("r1_q", "Add", "s"), "(Add)", "'c2' (Conv)"),
    "a factor a channel": ("no-float", behind("r1_q", "Mul", "each"), "(Mul)", "'c2' (Conv)"),
    "no quantiser between layers": ("bias", without_activation, "'c1' (Conv)", "'c2' (Conv) reads its result"),
    "a quantised bias": ("bias", quantised_bias(()), "'c1_bq' (Quant)", "a scale of shape scalar and a zero point"),
    "two groups": ("convolution", grouped(2), "'c2' (Conv)", "2 groups"),
    "two filters a channel": ("convolution", depthwise_twice, "'c1' (Conv)", "2 filters a channel"),
    "no group written": ("convolution", without("c2", "group"), "'c2' (Conv)", "group is not written"),
    "no pads written": ("convolution", without("c3", "pads"), "'c3' (Conv)", "pads is not written"),
    "no strides written": ("convolution", without("c3", "strides"), "'c3' (Conv)", "strides is not written"),
    "padding by auto_pad": ("convolution", padded_by_name, "'c2' (Conv)", "auto_pad=SAME_UPPER"),
    "alpha": ("dense", at("d1", alpha=0.5), "'d1' (Gemm)", "its alpha is 0.5"),
    "beta": ("dense", at("d1", beta=2.0), "'d1' (Gemm)", "its beta is 2"),
    "a batch of 4": ("batch", reshape_input(4, 3, 8, 8), "input 'x'", "batch is 4"),
    "two inputs": ("input", two_inputs, "the graph", "2 inputs"),
    "a byte tensor": ("input", typed_input(TensorProto.UINT8), "input 'x'", "UINT8"),
    "weights of 33 bits": ("weights", constant("c2_wq_bits", 33), "'c2_wq'", "33 bits"),
    "a scale an input channel": ("weights", constant("c2_wq_scale", np.full((1, 4, 1, 1), 0.1)), "'c2_wq'", "1x4x1x1"),
    "a scale an element": ("weights", constant("d1_wq_scale", np.full((10, 4), 0.1)), "'d1_wq'", "10x4"),
    "a scale an input": ("weights", constant("d1_wq_scale", np.full((1, 4), 0.1)), "'d1_wq'", "1x4"),
    "weights of scale 0": ("weights", constant("d1_wq_scale", 0.0), "'d1_wq'", "zero or no number"),
    "shared weights": ("weights", shared_weights, "'c3_wq'", "more than one node reads it"),
    "a half scale": ("float32", half_scale, "'r1_q'", "its scale is FLOAT16"),
    "a double scale": ("float32", double_scale, "'r1_q'", "its scale is DOUBLE"),
    "weights with a zero point": ("weights", constant("d1_wq_zero", 1), "'d1_wq'", "zero point 1"),
    "float weights": ("weights", lambda model: take_out(model, "d1_wq"), "'d1' (Gemm)", "not quantised"),
    "ceil": ("rounding", at("q_in", rounding_mode="CEIL"), "'q_in'", "CEIL"),
    "floor on activations": ("rounding", at("r1_q", rounding_mode="FLOOR"), "'r1_q'", "FLOOR"),
    "codes half way between others": ("rounding", quantised_again(2 * SCALE), "'r1_q_Quant'", "half way"),
    "a scale a channel": ("activations", constant("r1_q_scale", np.full((1, 4, 1, 1), 0.5)), "'r1_q'", "1x4x1x1"),
    "a scale of 0": ("activations", constant("r1_q_scale", 0), "'r1_q'", "its scale is 0"),
    "a zero point": ("activations", constant("r1_q_zero", 3), "'r1_q'", "zero point is 3"),
    "activations of 9 bits": ("activations", constant("r1_q_bits", 9), "'r1_q'", "9 bits"),
    "a signed quantiser behind a ReLU": ("relu", at("r1_q", signed=1), "'r1' (Relu)", "'r1_q' (Quant) is signed"),
    "a narrow one": ("relu", at("r1_q", narrow=1), "'r1' (Relu)", "narrow"),
    "bipolar, scaled": ("activations", bipolar_shortcut(0.5), "'c3_q' (BipolarQuant)", "FINN takes 1 alone"),
    "other scales at a sum": ("add", constant("c3_q_scale", 0.25), "'a1' (Add)", "0.125 and 0.25"),
    "one tensor twice": ("add", doubled, "'a0' (Add)", "one tensor twice"),
    "almost the same scale": (
        "add", constant("c3_q_scale", np.nextafter(np.float32(SCALE), np.float32(1))), "'a1' (Add)", "0.12500001"
    ),
    "uneven padding": ("maxpool", at("p1", pads=[0, 0, 1, 1]), "'p1' (MaxPool)", "[0, 0, 1, 1] is uneven"),
    "padding of what is signed": ("maxpool", at("p1", kernel_shape=[3, 3], pads=[1] * 4), "'p1'", "a signed tensor"),
    "dilated pooling": ("maxpool", at("p1", dilations=[2, 2]), "'p1' (MaxPool)", "dilated"),
    "pooling with no strides written": ("maxpool", without("p1", "strides"), "'p1'", "strides is not written"),
    "unequal scales side by side": ("concat", joined(0.25), "'a1' (Concat)", "0.125, 0.25"),
    "one tensor twice, side by side": ("concat", side_by_side_with_itself, "'a1' (Concat)", "one tensor twice"),
    "side by side in height": ("concat", joined(SCALE, axis=2), "'a1' (Concat)", "axis 2"),
    "padding by name": ("maxpool", at("p1", auto_pad="SAME_UPPER", pads=[0] * 4), "'p1' (MaxPool)", "SAME_UPPER"),
    "indices": ("maxpool", lambda model: find(model, "p1").output.append("where"), "'p1' (MaxPool)", "indices"),
    "a kernel of 1": ("maxpool", at("p1", kernel_shape=[1, 1]), "'p1'", "is longer than its kernel (1, 1)"),
    "a mean": ("average", average_by_mean, "'gap' (ReduceMean)", "ReduceMean"),
    "a mean over channels": (
        "average", average_over_channels, "'gap'", "the axes (1,)"
    ),
}  # fmt: skip


TAKEN: dict[str, tuple[str, Change, str, str]] = {
    "a Cast at the end": ("no-float", behind("d1", "Cast", to=TensorProto.FLOAT), "(Cast)", "to the host"),
    "softmax at the end": ("no-float", behind("d1", "Softmax"), "node[18] 'd1_Softmax' (Softmax)", "to the host"),
    "scaled logits": ("no-float", behind("d1", "Mul", "s"), "(Mul)", "to the host"),
    "no quantiser at the entry": ("input", lambda model: take_out(model, "q_in"), "(Conv)", "reads the input 'x'"),
    "one branch not quantised": ("input", fork_at_the_entry, "'c3' (Conv)", "reads the input 'x'"),
    "signed input": ("input", at("q_in", signed=1), "node[0] 'q_in' (Quant)", "is signed"),
    "input of 7 bits": ("input", constant("q_in_bits", 7), "'q_in'", "7 bits"),
    "pixels from -1 to 1": ("input", affine_input, "'q_in'", "stands behind node[0] 'twice' (Mul)"),
    "no kernel_shape written": ("convolution", without("c2", "kernel_shape"), "'c2'", "finn-plus fills it in"),
    "weights of 9 bits": ("weights", constant("c2_wq_bits", 9), "'c2_wq'", "9 bits"),
    "unsigned weights": ("narrow-weights", at("c1_wq", signed=0), "'c1_wq'", "unsigned"),
    "a shape at run time": ("static-shapes", flatten_as_torch_does, "(Shape)", "while the graph runs"),
    "weights of full range": ("narrow-weights", at("c2_wq", narrow=0), "'c2_wq'", "-8"),
    "a hidden ReLU": ("signed-identity", unsigned_shortcut, "'c3_q'", "ReLU in disguise"),
    "unequal scales before a quantiser": ("add", quantised_sum, "'a1' (Add)", "scales and adds in float units"),
    "a sum of floats before a quantiser": ("add", float_block, "'a1' (Add)", "'c3_then' is not quantised"),
    "windows that overlap": ("maxpool", at("p1", kernel_shape=[5, 5], strides=[1, 1]), "'p1'", "its stride (1, 1)"),
    "a window that is not whole": (
        "maxpool", at("p1", kernel_shape=[3, 3], ceil_mode=1), "'p1' (MaxPool)", "is not whole"
    ),
    "9 pixels": ("average", reshape_input(1, 3, 6, 6), "'gap' (GlobalAveragePool)", "9 pixels"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_what_finn_takes_at_a_cost_breaks_nothing(name: str, tmp_path: Path) -> None:
    condition, change, where, fact = TAKEN[name]
    model = ready()
    put(model, "s", 0.5)
    change(model)
    readiness = judged(model, tmp_path)
    assert not readiness.broken, readiness.broken
    (slower,) = (verdict for verdict in readiness.verdicts if verdict.status is Status.SLOWER)
    assert slower.condition == condition
    assert where in slower.findings[0].where and fact in slower.findings[0].fact and slower.findings[0].change


@pytest.mark.parametrize(
    "change",
    [
        at("c2_wq", rounding_mode="FLOOR"),  # FINN executes it
        at("q_in", rounding_mode="HALF_EVEN"),
        at("c2", auto_pad="SAME_UPPER"),
        behind("gap_flat", "Dropout"),
        behind("r1_q", "Mul", "s"),
        product,
        joined(SCALE),
        quantised_again(SCALE),
        quantised_again(3 * SCALE),
        logits_by_class,
        constants_among_the_inputs,
        reshaped_kernel,
    ],
)
def test_what_finn_takes_as_it_is(change: Change, tmp_path: Path) -> None:
    model = ready()
    put(model, "s", 0.5)
    change(model)
    assert {verdict.status for verdict in judged(model, tmp_path).verdicts} <= {Status.HELD, Status.NOT_APPLICABLE}


def test_a_depthwise_convolution(tmp_path: Path) -> None:
    model = ready()
    grouped(4)(model)
    assert not judged(model, tmp_path).broken


@pytest.mark.parametrize("name", BREAKS)
def test_each_condition_is_broken_alone(name: str, tmp_path: Path) -> None:
    condition, change, where, fact = BREAKS[name]
    model = ready()
    put(model, "s", 0.5)
    put(model, "each", np.linspace(0.1, 0.4, 4).reshape(1, 4, 1, 1))
    put(model, "enlarged", np.array([1, 4, 8, 8], np.int64))
    change(model)
    findings = broken(judged(model, tmp_path))
    assert list(findings) == [condition], findings
    assert where in findings[condition][0].where and fact in findings[condition][0].fact
    assert all(each.change for each in findings[condition])


def test_every_condition_is_broken_or_costs_something_somewhere() -> None:
    tables = {condition for table in (BREAKS, TAKEN) for condition, *_ in table.values()}
    assert tables | {"product"} == {each.key for each in CONDITIONS}


def test_a_product_of_what_is_not_quantised(tmp_path: Path) -> None:
    model = ready()
    put(model, "s", 0.5)
    product_of_a_float(model)
    findings = broken(judged(model, tmp_path))
    assert (
        "'late_out' is not quantised" in findings["product"][0].fact and "'late' (Add)" in findings["no-float"][0].where
    )


def test_one_missing_quantiser_is_reported_wherever_it_shows(tmp_path: Path) -> None:
    """A sum of floats breaks what it reads, and what reads it."""
    model = ready()
    take_out(model, "c3_q")
    findings = broken(judged(model, tmp_path))
    assert list(findings) == ["bias", "add", "maxpool"]
    assert "'c3_out'" in findings["add"][0].fact


def test_an_unfixed_size(tmp_path: Path) -> None:
    model = ready()
    reshape_input(1, 3, "H", 8)(model)
    findings = broken(judged(model, tmp_path))
    assert list(findings) == ["static-shapes", "average"] and "1x3xHx8" in findings["static-shapes"][0].fact
    (finding,) = findings["static-shapes"]
    assert finding.where == "input 'x'"


def test_a_plain_float_network(tmp_path: Path) -> None:
    """Verdicts, not an error: what is absent is named, and what needs quantisers does not apply."""
    model = ready()
    for node in [node.name for node in model.graph.node if node.op_type == "Quant"]:
        take_out(model, node)
    readiness = judged(model, tmp_path)
    assert set(broken(readiness)) == {"weights", "relu", "bias", "add", "maxpool"}
    away = {verdict.condition for verdict in readiness.verdicts if verdict.status is Status.NOT_APPLICABLE}
    assert away == {"float32", "rounding", "activations", "signed-identity", "product", "concat"}


def test_bipolar_weights_are_signed_and_narrow(tmp_path: Path) -> None:
    model = ready()
    bipolar(model, "c2_wq")
    assert not judged(model, tmp_path).broken


def test_bipolar_activations_are_for_bipolar_weights(tmp_path: Path) -> None:
    """XNOR and a count: no other unit takes codes of -1 and 1, and none of FINN's pads with either."""
    model = ready()
    bipolar(model, "q_in")
    for name in ("c1_wq", "c3_wq"):
        bipolar(model, name)
    put(model, "q_in_scale", 1.0)
    (finding,) = broken(judged(model, tmp_path))["convolution"]
    assert "'c1' (Conv)" in finding.where and "pads with 0" in finding.fact
    settle(model, "c1", pads=[0] * 4)
    assert "activations" not in broken(judged(model, tmp_path))
    find(model, "c3").input[1] = "c3_w"
    assert "no bipolar weights" in broken(judged(model, tmp_path))["activations"][0].fact


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


def test_a_scale_may_be_written_as_arithmetic_of_constants(tmp_path: Path) -> None:
    """As exporters leave max / 15, the numbers in Constant nodes without a tensor; FINN's cleanup computes it."""
    model = ready()
    for name, number in (("peak", 2.0), ("codes", 16.0)):
        model.graph.node.insert(0, helper.make_node("Constant", [], [name], name=name, value_float=number))
    model.graph.node.insert(2, helper.make_node("Div", ["peak", "codes"], ["each_code"], name="each_code"))
    for name in ("r2_q", "c3_q"):
        find(model, name).input[1] = "each_code"
    assert not judged(model, tmp_path, small()).broken
    settle(model, "codes", value_float=0.0)
    assert "its scale is inf" in broken(judged(model, tmp_path))["activations"][0].fact


def weights_first(model: ModelProto) -> None:
    find(model, "d1").op_type = "MatMul"
    settle(model, "d1")
    del find(model, "d1").attribute[:]
    find(model, "d1").input[:] = ["d1_wq_out", "turned"]
    place = list(model.graph.node).index(find(model, "d1"))
    turn = helper.make_node("Transpose", ["gap_flat_out"], ["turned"], name="turn", perm=[1, 0])
    model.graph.node.insert(place, turn)


def test_weights_stand_second(tmp_path: Path) -> None:
    model = ready()
    weights_first(model)
    (finding,) = broken(judged(model, tmp_path)).pop("weights")
    assert "'d1' (MatMul)" in finding.where and "first input" in finding.fact


def test_a_scale_that_is_computed(tmp_path: Path) -> None:
    model = ready()
    model.graph.node.insert(1, helper.make_node("ReduceMax", ["x"], ["peak"], name="peak", keepdims=0))
    find(model, "r1_q").input[1] = "peak"
    findings = broken(judged(model, tmp_path))
    assert "its scale is computed" in findings["activations"][0].fact and "'peak'" in findings["no-float"][0].where


def bias_behind(model: ModelProto) -> None:
    """As FINN's ExtractBiasFromConv writes it."""
    del find(model, "c1").input[2:]
    put(model, "late", np.ones((1, 4, 1, 1)))
    put_behind(model, "c1", "Add", ("late",))


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
    """Each becomes thresholds of its own."""
    model = ready()
    two_at_the_entry(model)
    put(model, "other", 1 / 128)
    find(model, "q_in2").input[1] = "other"
    assert not judged(model, tmp_path).broken


def truncated_average(model: ModelProto) -> None:
    """As TruncAvgPool2d of Brevitas leaves it: an average, its pixels, a Trunc."""
    find(model, "p1").op_type = "AveragePool"
    put(model, "pixels", 4.0)
    for name, value in (("t_scale", SCALE), ("t_zero", 0.0), ("t_in", 6.0), ("t_out", 4.0)):
        put(model, name, value)
    put_behind(model, "p1", "Mul", ("pixels",))
    roles = ("t_scale", "t_zero", "t_in", "t_out")
    put_behind(model, "p1_Mul", "Trunc", roles, domain=QONNX, rounding_mode="FLOOR")


def test_an_average_over_windows(tmp_path: Path) -> None:
    model = ready()
    truncated_average(model)
    assert not judged(model, tmp_path).broken
    put(model, "pixels", 3.0)
    assert "not by 4" in broken(judged(model, tmp_path))["average"][0].fact
    settle(model, "p1", pads=[0, 0, 1, 1])
    assert "padding" in broken(judged(model, tmp_path))["average"][0].fact
    settle(model, "p1", kernel_shape=[2, 1])
    assert "squares alone" in broken(judged(model, tmp_path))["average"][0].fact
    take_out(model, "p1_Mul")
    assert set(broken(judged(model, tmp_path))) == {"operators", "average"}
