"""QONNX files: the integers are what the graph computes, the twin is its float network, what is damaged is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.core.errors import InputError
from models.integer_network import open_integers
from models.integers import GlobalSum, HostScale, Threshold
from models.layers import Add, Conv2D, Dense, GlobalAveragePool, ReLU
from models.network import Network

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")
from onnx import ModelProto, TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from onnx.reference.op_run import OpRun  # noqa: E402

from models.evaluation.fast import FastNetwork  # noqa: E402
from models.evaluation.oracle import evaluate  # noqa: E402
from models.imported.workers import load  # noqa: E402
from models.training.torch_network import TorchNetwork, as_input  # noqa: E402
from models.weights import open_weights  # noqa: E402
from tests.models.imported.qonnx_graphs import FORMS, QONNX, clipped, read, residual  # noqa: E402


class Quant(OpRun):
    """As QONNX defines it, in double precision."""

    op_domain = QONNX

    def _run(
        self, x: Any, scale: Any, zero: Any, bits: Any, signed: int = 1, narrow: int = 0, rounding_mode: str = ""
    ) -> Any:
        high = 2 ** (int(bits) - signed) - 1
        low = -high - (1 - narrow) if signed else 0
        codes = np.rint(np.clip(x.astype(np.float64) / scale, low, high))
        return ((codes * scale).astype(np.float32),)


class Trunc(OpRun):
    """Both versions, in single precision but for the sum, which is an integer."""

    op_domain = QONNX

    def _run(self, x: Any, scale: Any, zero: Any, bits: Any, *rest: Any, **settings: Any) -> Any:
        sums = np.rint(x.astype(np.float64) / scale)
        if len(rest) == 1:
            return ((np.floor(sums / 2.0 ** (bits - rest[0])) * scale).astype(np.float32),)
        return ((np.floor(sums / 2.0 ** np.rint(np.log2(rest[0] / scale))) * rest[0]).astype(np.float32),)


class BipolarQuant(OpRun):
    op_domain = QONNX

    def _run(self, x: Any, scale: Any) -> Any:
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


OPERATORS = [Quant, BipolarQuant, Trunc]


def refused(model: ModelProto, folder: Path, monkeypatch: pytest.MonkeyPatch, file: str = "refusal.json") -> InputError:
    return InputError(**json.loads((read(model, folder, monkeypatch) / file).read_text()))


def images(count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize("form", FORMS)
def test_integers_are_what_the_graph_computes(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FORMS[form]()
    folder = read(model, tmp_path, monkeypatch)
    integers = open_integers(folder, json.loads((folder / "integers.json").read_text()))
    weights, pixels = integers.weights.tensors(), images()
    codes = FastNetwork(integers.quantised, weights)(pixels)
    for name, slow in evaluate(integers.quantised, weights, pixels[0]).items():
        assert np.array_equal(codes[name][0].movedim(0, -1).long().numpy(), slow), name
    graph = ModelProto.FromString((folder / "graph.onnx").read_bytes())
    names = [each.tensor for each in integers.tensors]
    graph.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    evaluator = ReferenceEvaluator(graph, new_ops=OPERATORS)
    host = integers.quantised.network.layers[-1].name
    for index, image in enumerate(pixels):
        result = (image.astype(np.float32) / np.float32(integers.divisor)).transpose(2, 0, 1)[None]
        logits, *tensors = evaluator.run(None, {"x": result})
        for kept, tensor in zip(integers.tensors, tensors, strict=True):
            ours = codes[kept.layer][index].numpy()
            assert np.array_equal(np.rint(tensor[0] / kept.scale).reshape(ours.shape), ours), kept
        exact = codes[integers.quantised.output][index].numpy() * weights[f"{host}/gain"] + weights[f"{host}/offset"]
        assert np.allclose(logits[0], exact, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_the_twin_is_the_graph_without_quantisers(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights stay quantised; it reads pixels over 255, whatever the graph reads."""
    model = FORMS[form]()
    folder = read(model, tmp_path, monkeypatch)
    network = network_of(folder)
    divisor = open_integers(folder, json.loads((folder / "integers.json").read_text())).divisor
    plain = ModelProto.FromString((folder / "graph.onnx").read_bytes())
    constants = {each.name for each in plain.graph.initializer}
    for node in plain.graph.node:
        if node.op_type == "BipolarQuant" and node.input[0] not in constants:
            node.op_type, node.domain = "Sign", ""
            del node.input[1:]
        if node.op_type in ("Quant", "Trunc") or node.name == "p_m":  # the Mul of a Trunc's first version
            if node.input[0] in constants:
                continue
            node.op_type, node.domain = "Identity", ""
            del node.input[1:], node.attribute[:]
    pixels = images()
    evaluator = ReferenceEvaluator(plain, new_ops=OPERATORS)
    results = [(image.astype(np.float32) / divisor).transpose(2, 0, 1)[None] for image in pixels]
    expected = [np.asarray(evaluator.run(None, {"x": each}))[0][0] for each in results]
    twin = TorchNetwork(network).load(open_weights(folder / "weights.safetensors", network).tensors()).eval()
    assert np.allclose(twin(as_input(pixels, network.pixels)).detach().numpy(), expected, rtol=1e-3, atol=1e-3)


def test_what_scales_the_pixels_is_no_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's own Sub and Div of its input stand beside the network, as those of a float file do."""
    (tmp_path / "scaled").mkdir()
    scaled = network_of(read(residual(affine=True), tmp_path / "scaled", monkeypatch))
    plain = network_of(read(residual(), tmp_path, monkeypatch))
    assert scaled.digest == plain.digest and len(scaled.pixels.gain) == 3
    assert float(scaled.pixels.number(255, 1)) == pytest.approx((1 - 0.45) / 0.2)


def network_of(folder: Path) -> Network:
    from models.serial import network_from_json

    return network_from_json(json.loads((folder / "network.json").read_text()))


def test_both_networks_have_the_layers_that_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = read(residual(norm=True), tmp_path, monkeypatch)
    kinds = [type(layer) for layer in network_of(folder).layers]
    assert kinds.count(Conv2D) == 3 and kinds.count(ReLU) == 2 and kinds[-2:] == [GlobalAveragePool, Dense]
    integers = open_integers(folder, json.loads((folder / "integers.json").read_text()))
    results = [type(layer) for layer in integers.quantised.network.layers]
    assert results.count(Threshold) == 4 and results.count(Add) == 1 and results[-3:] == [GlobalSum, Dense, HostScale]
    assert integers.divisor == 256 and integers.quantised.weight_bits == {"c1": 4, "c2": 4, "c3": 4, "y": 4}


def test_ranges_are_those_of_the_quantisers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = read(residual(norm=True), tmp_path, monkeypatch)
    ranges = json.loads((folder / "ranges.json").read_text())
    assert set(ranges) == set(network_of(folder).shapes)
    assert ranges["input"] == [0.0, 1.0]
    assert ranges["r1"][0] == 0 and ranges["r1"][1] <= 15 * np.float32(0.11) + 1e-6
    assert ranges["c1"][1] == ranges["r1"][1] == -ranges["c1"][0]
    assert ranges["a"] == [pytest.approx(-16 * 0.12), pytest.approx(30 * 0.12)]


def test_a_channel_that_falls_is_compared_with_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = read(residual(norm=True), tmp_path, monkeypatch)
    content = open_integers(folder, json.loads((folder / "integers.json").read_text())).weights.tensors()
    assert {-1.0, 1.0} == set(np.concatenate([content[f"{name}/signs"] for name in ("r1_q", "r2_q")]))


def test_weights_in_a_side_file_come_into_one_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch's exporter leaves them: ``model.onnx.data`` beside the model."""
    inside = read(residual(), tmp_path, monkeypatch)
    expected = json.loads((inside / "integers.json").read_text())
    folder = tmp_path / "outside"
    (folder / "given").mkdir(parents=True)
    place = str(folder / "given" / "own.onnx")
    onnx.save_model(residual(), place, save_as_external_data=True, location="own.onnx.data", size_threshold=16)
    monkeypatch.chdir(folder)
    ask = {"file": "given/own.onnx", "name": "own"}
    load.main(ask | {"external": []})
    assert json.loads(Path("imported/wanted.json").read_text()) == ["own.onnx.data"]
    Path("imported").rename("first")
    load.main(ask | {"external": ["own.onnx.data"]})
    assert json.loads(Path("imported/integers.json").read_text()) == expected
    graph = ModelProto.FromString(Path("imported/graph.onnx").read_bytes())
    assert not any(each.external_data or each.data_location for each in graph.graph.initializer)


def with_side_file(folder: Path) -> tuple[Path, Path]:
    (folder / "given").mkdir(parents=True)
    place = folder / "given" / "own.onnx"
    onnx.save_model(residual(), str(place), save_as_external_data=True, location="own.onnx.data", size_threshold=16)
    return place, place.with_name("own.onnx.data")


@pytest.mark.parametrize("more", [4, -4])
def test_a_side_file_of_another_length_than_said_is_of_another_export(
    more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data = with_side_file(tmp_path)
    size = data.stat().st_size
    data.write_bytes((data.read_bytes() + bytes(4))[: size + more])
    monkeypatch.chdir(tmp_path)
    load.main({"file": "given/own.onnx", "name": "own", "external": ["own.onnx.data"]})
    content = json.loads(Path("imported/refusal.json").read_text())
    assert content["fact"].startswith(f"'own.onnx.data' has {size + more:,} bytes, where the model speaks of {size:,}")


@pytest.mark.parametrize(("key", "text", "words"), [("length", "8", "8 bytes stand in"), ("offset", "x", "damaged")])
def test_a_tensor_whose_place_makes_no_sense_is_named(
    key: str, text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = with_side_file(tmp_path)
    model = onnx.load(str(place), load_external_data=False)
    (tensor,) = [each for each in model.graph.initializer if each.name == "c1_w"]
    content = {each.key: each for each in tensor.external_data}
    content[key].value = text
    place.write_bytes(model.SerializeToString())
    monkeypatch.chdir(tmp_path)
    load.main({"file": "given/own.onnx", "name": "own", "external": ["own.onnx.data"]})
    error = json.loads(Path("imported/refusal.json").read_text())
    assert "'c1_w'" in error["culprit"] and words in error["fact"]


Change = Callable[[ModelProto], None]


def find(model: ModelProto, name: str) -> Any:
    return next(node for node in model.graph.node if node.name == name)


def value(name: str, *numbers: Any, kind: Any = np.float32) -> Change:
    def change(model: ModelProto) -> None:
        (result,) = [each for each in model.graph.initializer if each.name == name]
        array = np.array(numbers if len(numbers) > 1 else numbers[0], kind)
        result.CopyFrom(numpy_helper.from_array(array, name))

    return change


def settings(node: str, **new: Any) -> Change:
    def change(model: ModelProto) -> None:
        match = find(model, node)
        kept = [each for each in match.attribute if each.name not in new]
        del match.attribute[:]
        match.attribute.extend([*kept, *(helper.make_attribute(*each) for each in new.items())])

    return change


def kind(node: str, operator: str, domain: str = QONNX) -> Change:
    def change(model: ModelProto) -> None:
        match = find(model, node)
        match.op_type, match.domain = operator, domain
        if domain not in {each.domain for each in model.opset_import}:
            model.opset_import.add(domain=domain, version=1)

    return change


def computed_scale(model: ModelProto) -> None:
    find(model, "r1_q").input[1] = "x"


DAMAGE: dict[str, tuple[Change, str]] = {
    "a scale of zero": (value("r1_q_s", 0.0), "'r1_q' (Quant): its scale is 0"),
    "a scale that is no number": (value("r1_q_s", np.nan), "'r1_q' (Quant): its scale is nan"),
    "a negative scale of weights": (value("c1_q_s", -0.1), "'c1_q' (Quant): its scale is -0.1"),
    "an infinite scale": (value("c1_q_s", np.inf), "its scale is inf"),
    "no scale": (value("r1_q_s", *np.zeros((2, 0))), "its scale is empty"),
    "a scale by channel of an activation": (value("r1_q_s", 0.1, 0.2), "an activation with scales 2"),
    "a scale of another shape": (value("c1_q_s", 0.1, 0.2, 0.3, 0.4, 0.5), "its scale has shape (5,)"),
    "a computed scale": (computed_scale, "its scale is computed while the network runs"),
    "a zero point": (value("r1_q_z", 3.0), "its zero point is 3"),
    "half a bit": (value("r1_q_b", 4.5), "its bit width is 4.5"),
    "no bits": (value("r1_q_b", 0), "its bit width is 0"),
    "a bit width that is no number": (value("r1_q_b", np.nan), "its bit width is nan"),
    "another rounding": (settings("r1_q", rounding_mode="FLOOR"), "it rounds by FLOOR, where ROUND"),
    "Trunc": (kind("r1_q", "Trunc"), "a Trunc of 4 inputs"),
    "a bipolar scale": (kind("r1_q", "BipolarQuant"), "a bipolar activation of scale 0.11, where 1 is read"),
    "FloatQuant": (kind("c1_q", "FloatQuant"), "that is not read"),
    "FINN-ONNX": (kind("r1_q", "MultiThreshold"), "the graph is FINN-ONNX"),
    "a hardware node": (kind("c1", "MVAU", "finn.custom_op.fpgadataflow"), "the graph is FINN-ONNX"),
    "QCDQ": (kind("r1_q", "QuantizeLinear", ""), "computes with codes"),
    "an unknown domain": (kind("r1_q", "Quant", "my.own"), "of domain 'my.own'"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_no_flow_can_take_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, text = DAMAGE[name]
    model = residual()
    change(model)
    error = refused(model, tmp_path, monkeypatch)
    assert text in str(error) and "\n" not in str(error) and "Error(" not in str(error)


def one_bit(node: str) -> Change:
    def change(model: ModelProto) -> None:
        kind(node, "BipolarQuant")(model)
        value(f"{node}_s", 1.0)(model)

    return change


FINNS: dict[str, tuple[Change, str]] = {
    "weights of 9 bits": (value("c1_q_b", 9), "own.onnx, layer c1: signed weights of 9 bits"),
    "unsigned weights": (settings("c1_q", signed=0), "layer c1: unsigned weights"),
    "activations of 9 bits": (value("r1_q_b", 9), "activations of 9 bits"),
    "a scale an input channel": (value("c1_q_s", np.reshape([0.1, 0.2, 0.3], (1, 3, 1, 1))), "one scale an input"),
    "unequal scales at a sum": (value("s_q_s", 0.125), "integers of two scales, 0.12 and 0.125"),
    "scaled weights": (settings("y", alpha=0.5), "layer y: its weights"),
    "a bipolar ReLU": (one_bit("r1_q"), "it is 1 whatever the image"),
    "a bipolar sum": (one_bit("l_q"), "layer l_q: bipolar, and a that reads it has no bipolar weights"),
}  # fmt: skip


@pytest.mark.parametrize("name", FINNS)
def test_what_finn_alone_cannot_take_leaves_the_twin(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, text = FINNS[name]
    model = residual()
    change(model)
    error = refused(model, tmp_path, monkeypatch, "not_integers.json")
    assert text in str(error)
    folder = tmp_path / "imported"
    network = network_of(folder)
    assert set(json.loads((folder / "ranges.json").read_text())) == set(network.shapes)
    open_weights(folder / "weights.safetensors", network)


@pytest.mark.parametrize(
    ("high", "low", "signed", "text"),
    [
        (5.4, 0.0, 0, "layer r1: a clip, which FINN does not have, to 0 .. 5.4, and codes of r1_q stand for 0 to 5.7"),
        (0.6, -1.0, 1, "to -1 .. 0.6, and codes of r1_q stand for -0.7 to 0.7"),
        (1.0, -0.6, 1, "to -0.6 .. 1, and codes of r1_q stand for -0.7 to 0.7"),
    ],
)
def test_a_clip_that_cuts_off_codes_is_not_finns(
    high: float, low: float, signed: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(clipped(high, low, signed), tmp_path, monkeypatch, "not_integers.json")
    assert text in str(error) and "Let the quantiser end where the clip does, or before" in str(error)


def without(name: str) -> Change:
    def change(model: ModelProto) -> None:
        node = find(model, name)
        source = node.input[0]
        for other in model.graph.node:
            names = [source if each == name else each for each in other.input]
            other.input[:] = names
        model.graph.node.remove(node)

    return change


@pytest.mark.parametrize(
    ("name", "text"), [("r1_q", "layer c2: it reads r1"), ("c1_q", "c1: its weights are not quantised")]
)
def test_a_missing_quantiser_is_reported_where_it_is_missed(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = residual()
    source = find(model, name).input[0]
    without(name)(model)
    if name == "c1_q":
        find(model, "c1").input[1] = source
    assert text in str(refused(model, tmp_path, monkeypatch, "not_integers.json"))


def test_an_unsigned_quantiser_of_what_can_be_negative_is_a_relu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = residual()
    without("r1")(model)
    find(model, "r1_q").input[0] = "c1"
    folder = read(model, tmp_path, monkeypatch)
    assert network_of(folder)["r1_q"] == ReLU("r1_q", ("c1",))
