"""Quantisation-aware training with Brevitas: the file that it leaves is, integer for integer, what was trained."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.conformance.networks import TINY
from flows.core.errors import InputError, RefusedError, StepFailed
from models.cifar10 import Images
from models.folding import folded
from models.layers import (
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import CENTRED, RAW, UNIT
from models.qat_recipe import QatRecipe
from models.serial import network_to_json
from models.weights import open_weights, save_weights
from models.zoo import ARCH8
from tests.backends.finn.w4a4 import FLAT

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")
onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.filterwarnings("ignore")

NORMED = Network(
    "normed",
    (16, 16, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), "same", 4),  # pads one side alone
        BatchNorm("norm", ("conv",)),
        ReLU("relu", ("norm",)),
        BatchNorm("behind", ("relu",)),
        Dropout("dropout", ("behind",), 0.25),
        Flatten("flatten", ("dropout",)),
        Dense("dense", ("flatten",), 5),
        Softmax("softmax", ("dense",)),
    ),
)
RESNET = Network(
    "resnet",
    (8, 8, 1),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("relu1", ("conv1",)),
        Conv2D("conv2", ("relu1",), (3, 3), (1, 1), "same", 4),
        Add("add1", ("conv2", "relu1")),
        ReLU("relu2", ("add1",)),
        MaxPool2D("pool", ("relu2",), (2, 2), (2, 2), "valid"),
        Conv2D("conv3", ("pool",), (3, 3), (1, 1), "same", 4),
        Add("add2", ("conv3", "pool")),
        Add("add3", ("add2", "pool")),
        ReLU("relu3", ("add3",)),
        GlobalAveragePool("gap", ("relu3",)),
        Dense("dense", ("gap",), 5),
        Softmax("softmax", ("dense",)),
    ),
)
"""Shortcuts without a convolution, one of them past a pooling, and a sum that is added again."""


MOBILE = Network(
    "mobile",
    (10, 10, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), (1, 1, 1, 1), 4),
        BatchNorm("norm", ("conv",)),
        Clip("relu1", ("norm",), 0.0, 6.0),
        GroupedConv2D("deep", ("relu1",), (3, 3), (1, 1), "same", 4, 4),
        Clip("relu2", ("deep",), 0.0, 6.0),
        Conv2D("linear", ("relu2",), (1, 1), (1, 1), "valid", 4),
        Add("add", ("linear", "relu1")),
        Conv2D("wide", ("add",), (1, 1), (1, 1), "valid", 6),
        Clip("tanh", ("wide",), -1.0, 1.0),
        GlobalAveragePool("gap", ("tanh",)),
        Dense("dense", ("gap",), 5),
    ),
)
"""ReLU6, one of them added to a linear bottleneck, a depthwise convolution, and a HardTanh."""


def random_weights(network: Network) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    shapes = tuple(network.weight_shapes())
    positive = {name: random.uniform(0.5, 2, shape) for name, shape in shapes if name.endswith("variance")}
    return {name: positive.get(name, random.normal(0, 0.4, shape)).astype(np.float32) for name, shape in shapes}


def images(network: Network, count: int = 300) -> Images:
    random = np.random.default_rng(7)
    pixels = random.integers(0, 256, (count, *network.input_shape)).astype(np.uint8)
    return Images(pixels, random.integers(0, network.shapes[network.output][0], count).astype(np.uint8))


def task(network: Network, folder: Path, **recipe: Any) -> Any:
    from models.training.qat import Task

    bare = folded(network)
    folder.mkdir(exist_ok=True)
    path = folder / "float.safetensors"
    save_weights(path, random_weights(bare), bare)
    return Task(bare, open_weights(path, bare), QatRecipe(**recipe), folder)


def integers(graph: Path, folder: Path) -> tuple[Any, Any]:
    """(network of integers, class scores for images) of an exported file, as the flows read it."""
    from models.evaluation.fast import FastNetwork
    from models.integer_network import open_integers
    from models.training.qat import read_quantised_file

    folder.mkdir()
    read_quantised_file(graph, "own", folder)
    result = open_integers(folder, json.loads((folder / "integers.json").read_text()))
    weights = result.weights.tensors()
    host = result.quantised.network.layers[-1].name

    def scores(pixels: np.ndarray) -> np.ndarray:
        codes = FastNetwork(result.quantised, weights)(pixels)[result.quantised.output].numpy()
        return np.asarray(codes * weights[f"{host}/gain"] + weights[f"{host}/offset"])

    return result, scores


def twin_of(graph: Path) -> Network:
    """The float network that flows other than FINN take of an exported file."""
    from models.imported.workers.onnx_nodes import read_graph
    from models.imported.workers.twin import twin

    network, read = read_graph(onnx.load(graph), graph, "own", ())
    return twin(network, read.draft.tensors, Fraction(1, 255))[0]


CASES: dict[str, tuple[Network, dict[str, Any]]] = {
    "tiny": (TINY, {}),
    "by channel": (TINY, {"per_channel": True}),
    "powers of two": (TINY, {"power_of_two": True}),
    "powers of two by channel": (TINY, {"power_of_two": True, "per_channel": True}),
    "eight bits": (TINY, {"weight_bits": 8, "activation_bits": 8}),
    "outer bits apart": (TINY, {"weight_bits": 3, "outer_weight_bits": 8, "activation_bits": 2}),
    "flattened": (FLAT, {}),
    "normed": (NORMED, {}),
    "resnet": (RESNET, {}),
    "resnet of eight bits": (RESNET, {"activation_bits": 8}),
    "mobile": (MOBILE, {}),
    "mobile by channel": (MOBILE, {"per_channel": True, "weight_bits": 8, "activation_bits": 8}),
    "mobile, powers of two": (MOBILE, {"power_of_two": True}),
    "raw pixels": (replace(TINY, pixels=RAW), {}),
    "centred pixels": (replace(TINY, pixels=CENTRED), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_exported_integers_are_what_brevitas_computes(case: str, tmp_path: Path) -> None:
    from models.training.torch_network import as_input

    network, recipe = CASES[case]
    asked = task(network, tmp_path, **recipe)
    result = images(network)
    model = asked.begin(result)
    graph = tmp_path / "own.onnx"
    assert asked.export(model, graph) == "TorchScript"
    outcome, scores = integers(graph, tmp_path / "read")
    if network.pixels == UNIT:  # other scalings of pixels are layers of the file
        assert twin_of(graph).digest == asked.network.digest, "the file is the architecture that it was trained from"
    bits = asked.recipe.bits_of(asked.network)
    assert outcome.quantised.weight_bits == bits
    assert "Cast" not in {node.op_type for node in onnx.load(graph).graph.node}, "FINN has no unit for it"
    with torch.no_grad():
        expected = model.eval()(as_input(result.pixels)).numpy()
    assert np.ptp(expected, axis=0).max() > 0.1, "the images must be told apart"
    near = np.isclose(scores(result.pixels), expected, rtol=1e-4, atol=1e-4).all(1)
    assert near.mean() > 0.99, "Brevitas adds in floats: a code at a threshold may fall to the other side, rarely"
    if recipe.get("power_of_two"):
        units = [float(tensor.scale) for tensor in outcome.tensors][1:]  # the first are pixels over 255
        assert all(np.log2(unit).is_integer() for unit in units)


def test_zeros_on_one_side_are_the_convolutions(tmp_path: Path) -> None:
    """FINN has no unit for Pad, which is what torch writes of a stride at "same" padding."""
    asked = task(NORMED, tmp_path)
    graph = tmp_path / "own.onnx"
    asked.export(asked.begin(images(NORMED)), graph)
    nodes = onnx.load(graph).graph.node
    assert "Pad" not in {node.op_type for node in nodes}
    pads = [list(each.ints) for node in nodes if node.name == "conv" for each in node.attribute if each.name == "pads"]
    assert pads == [[0, 0, 1, 1]]


def test_the_scale_of_a_clip_comes_back_from_its_end() -> None:
    """Beyond the end it stays there, and its gradient is that of a scale without an end."""
    from brevitas.core.scaling import ParameterScaling

    from models.training.brevitas_network import Ended

    learned = ParameterScaling(0.5)
    scaling = Ended(learned, 0.4)
    scale = scaling(torch.ones(1), torch.ones(1))
    scale.backward()
    assert scale.item() == pytest.approx(0.4) and learned.value.grad.item() == 1
    with torch.no_grad():
        learned.value.fill_(0.25)
    assert scaling(torch.ones(1), torch.ones(1)).item() == 0.25


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (LeakyReLU("odd", ("conv",), 0.1), "FINN has no leaky ReLU"),
        (AveragePool2D("odd", ("conv",), (2, 2), (2, 2), "valid"), "FINN averages windows where a Trunc follows"),
        (Concat("odd", ("conv", INPUT)), "FINN puts side by side what has one scale"),
        (Clip("odd", ("conv",), 0.25, 0.5), "it clips to 0.25 .. 0.5, and codes"),
        (Clip("odd", ("conv",), -2.0, 0.0), "it clips to -2 .. 0, and codes"),
    ],
    ids=lambda value: value.kind if isinstance(value, Layer) else "",
)
def test_what_finn_does_not_build_is_refused_before_anything_is_trained(layer: Layer, why: str) -> None:
    from models.training.brevitas_network import check

    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
    head = GlobalAveragePool("gap", ("odd",)), Dense("dense", ("gap",), 2)
    with pytest.raises(RefusedError, match=why):
        check(Network("odd", (8, 8, 3), (conv, layer, *head)))


@pytest.mark.parametrize(("mode", "value"), [("constant", 0.0), ("constant", 1.0), ("reflect", 0.0)])
def test_a_pad_that_is_not_of_zeros_stays(mode: str, value: float) -> None:
    """A convolution pads with zeros alone."""
    from models.training.qonnx_export import _without_pads

    helper, of_array = onnx.helper, onnx.numpy_helper.from_array
    constants = {"sides": np.array([0, 0, 0, 0, 0, 0, 1, 1]), "value": np.float32(value), "w": np.ones((1, 1, 3, 3))}
    nodes = [
        helper.make_node("Pad", ["x", "sides", "value"], ["padded"], mode=mode),
        helper.make_node("Conv", ["padded", "w"], ["y"], pads=[0, 0, 0, 0]),
    ]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in (("x", [1, 1, 8, 8]), ("y", [1, 1, 7, 7]))
    )
    tensors = [of_array(np.asarray(array), name) for name, array in constants.items()]
    folded = _without_pads(helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, tensors))).graph.node
    is_folded = (mode, value) == ("constant", 0.0)
    assert [node.op_type for node in folded] == (["Conv"] if is_folded else ["Pad", "Conv"])
    assert list(folded[-1].attribute[0].ints) == ([0, 0, 1, 1] if is_folded else [0, 0, 0, 0])


@pytest.mark.slow
def test_both_exporters_write_the_same_integers_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.training import qonnx_export

    asked = task(RESNET, tmp_path, per_channel=True)
    model = asked.begin(images(RESNET))
    content = {}
    for name, dynamo in tuple(qonnx_export.EXPORTERS.items()):
        monkeypatch.setattr(qonnx_export, "EXPORTERS", {name: dynamo})
        graph = tmp_path / f"{name}.onnx"
        assert asked.export(model, graph) == name
        content[name] = integers(graph, tmp_path / name)[0]
    result, other = content.values()
    assert result.quantised.digest == other.quantised.digest and result.weights.digest == other.weights.digest
    names = {layer.name for layer in result.quantised.network.layers}
    assert names >= {layer.name for layer in asked.network.layers if isinstance(layer, Conv2D | Add | Dense)}


def broken_sum(model: Any) -> Any:
    """As some versions of torch leave a residual sum: both inputs are the same tensor."""
    (add,) = [node for node in model.graph.node if node.op_type == "Add"]
    add.input[1] = add.input[0]
    return model


def changed_bias(model: Any) -> Any:
    """A graph of the same layers that computes something else."""
    bias = next(node.input[2] for node in model.graph.node if node.op_type == "Conv")
    for tensor in model.graph.initializer:
        if tensor.name == bias:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) + 5, tensor.name))
    return model


@pytest.mark.parametrize("damage", [broken_sum, changed_bias])
def test_an_exporter_that_writes_another_network_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    from models.training import qonnx_export

    asked = task(TINY, tmp_path)
    model = asked.begin(images(TINY))
    cleaned, broken = qonnx_export._cleaned, {False}

    def damaged(module: Any, example: Any, dynamo: bool) -> Any:
        model = cleaned(module, example, False)
        return damage(model) if dynamo in broken else model

    monkeypatch.setattr(qonnx_export, "_cleaned", damaged)
    assert asked.export(model, tmp_path / "own.onnx") == "dynamo"
    broken.add(True)
    with pytest.raises(StepFailed, match="both of torch's exporters"):
        asked.export(model, tmp_path / "none.onnx")
    assert not (tmp_path / "none.onnx").exists()


def test_what_is_added_shares_one_scale_whatever_is_loaded(tmp_path: Path) -> None:
    model = task(TINY, tmp_path).begin(images(TINY))

    def scaling(name: str) -> Any:
        return model.quantisers[name].act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl

    assert scaling("relu2") is scaling("shortcut") and scaling("relu1") is not scaling("relu2")
    model.load_state_dict(model.state_dict())
    assert scaling("relu2") is scaling("shortcut")


@pytest.mark.parametrize("each", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_rounding_is_that_of_brevitas(each: bool, signed: bool) -> None:
    """Numbers and gradients, clipped and at halves as well."""
    from brevitas.core.function_wrapper import Identity
    from brevitas.core.quant import IntQuant

    from models.training.rounding import FastIntQuant

    settings = {"narrow_range": signed, "signed": signed, "input_view_impl": Identity()}
    values = torch.linspace(-9, 9, 4 * 300).reshape(4, 3, 10, 10)
    values[0, 0, 0] = torch.arange(10) / 2 * 0.5
    scales = torch.tensor([0.5, 0.3, 0.7, 0.11]).reshape(4, 1, 1, 1) if each else torch.tensor(0.5)
    results = []
    for kind in (IntQuant, FastIntQuant):
        x, scale = values.clone().requires_grad_(), scales.clone().requires_grad_()
        result = kind(**settings)(scale, torch.tensor(0.0), torch.tensor(4.0), x)
        (result * torch.cos(values)).sum().backward()
        results.append((result.detach(), x.grad, scale.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_killed_training_ends_as_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.training import fine_tuning

    result = images(TINY)
    recipe = {"epochs": 4, "batch": 50, "held_out": 20, "warmup_steps": 2, "per_channel": True}

    def begun(name: str) -> Any:
        asked = task(TINY, tmp_path / name, **recipe)
        return asked.training(asked.begin(result), result)

    whole = begun("whole")
    whole.finish_epochs()
    killed, right = begun("killed"), fine_tuning.right
    monkeypatch.setattr(fine_tuning, "right", lambda *a: right(*a) if killed.progress.epochs < 3 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        killed.finish_epochs()
    monkeypatch.undo()
    resumed = begun("killed")
    assert resumed.progress.epochs == 3
    resumed.finish_epochs()
    assert resumed.progress.history == whole.progress.history
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    longer = task(TINY, tmp_path / "killed", **(recipe | {"epochs": 5}))
    goes_on = longer.training(longer.begin(result), result)
    goes_on.finish_epochs()
    assert goes_on.progress.history[:4] == whole.progress.history and len(goes_on.progress.history) == 5
    with pytest.raises(InputError, match="another training"):
        asked = task(TINY, tmp_path / "killed", **(recipe | {"seed": 2}))
        asked.training(asked.begin(result), result)


def test_training_brings_the_network_nearer_to_its_teacher(tmp_path: Path) -> None:
    result = images(TINY, 600)
    recipe: dict[str, Any] = {"epochs": 6, "batch": 50, "warmup_steps": 2, "towards_float": 1.0}
    asked = task(TINY, tmp_path, **recipe, weight_bits=3, activation_bits=3)
    run = asked.training(asked.begin(result), result)
    run.finish_epochs()
    losses = [row["loss"] for row in run.progress.history]
    assert losses[-1] < 0.7 * losses[0]


def test_the_whole_worker_leaves_what_the_flow_starts_from(tmp_path: Path) -> None:
    """On images of the user's, for a network of the project's: graph, twin, ranges, integers and card fit together."""
    from models.card import read_card
    from models.integer_network import open_beside
    from models.ranges import load_ranges
    from models.training import qat

    asked = task(TINY, tmp_path, epochs=1, batch=50, warmup_steps=2)
    result = images(TINY)
    np.savez(tmp_path / "own.npz", images=result.pixels, labels=result.labels)
    job = {
        "network": network_to_json(TINY),
        "named": True,
        "weights": str(asked.weights.path),
        "data": str(tmp_path / "own.npz"),
        "out": str(tmp_path / "out"),
        "recipe": {name: value for name, value in asdict(asked.recipe).items() if value is not None} | {"shift": 0},
        "compile": False,
        "threads": 1,
        "command": "a command",
    }
    qat.main(job)
    path = tmp_path / "out" / "tiny-w4a4.safetensors"
    weights = open_weights(path, TINY)
    assert weights.derived_from == asked.weights.digest
    assert load_ranges(path.with_suffix(".ranges.json"), TINY, weights.digest).reach["relu1"][0] == 0
    card = read_card(path.with_suffix(".card.json"), weights.digest)
    assert card and card.trained.n == 60
    outcome = open_beside(path.with_suffix(".onnx"))
    assert outcome.quantised.weight_bits == {"conv1": 4, "conv2": 4, "shortcut": 4, "dense": 4}
    assert outcome.graph.path.read_bytes() == path.with_suffix(".onnx").read_bytes()


def test_labels_and_images_that_do_not_fit_are_named(tmp_path: Path) -> None:
    from models.training.labelled import labelled, shape_of

    path = tmp_path / "own.npz"
    pixels = np.zeros((40, 3, 8, 6), np.uint8)
    np.savez(path, images=pixels, labels=np.arange(40) % 6)
    assert shape_of(path) == (8, 6, 3)
    with pytest.raises(InputError, match="image 5 has label 5, and the network has the classes 0 to 4"):
        labelled(path, (8, 6, 3), 5)
    every = labelled(path, (8, 6, 3), 6)
    assert (len(every.training()), len(every.test())) == (32, 8)
    np.savez(path, x_train=pixels, y_train=np.zeros(40), x_test=pixels[:7], y_test=np.zeros(7))
    assert (len(labelled(path, (8, 6, 3), 6).training()), len(labelled(path, (8, 6, 3), 6).test())) == (40, 7)
    np.savez(path, pictures=pixels)
    with pytest.raises(InputError, match="has no arrays called"):
        labelled(path, (8, 6, 3), 6)
    with pytest.raises(InputError, match="takes 8x6x3 and gives 6"):
        labelled(tmp_path, (8, 6, 3), 6)


def test_files_and_commands_say_what_was_trained() -> None:
    assert (QatRecipe().variant, QatRecipe().options) == ("w4a4", "")
    mixed = QatRecipe(weight_bits=3, outer_weight_bits=8, per_channel=True, power_of_two=True, peak_rate=0.002)
    assert mixed.variant == "w8-3a4"
    assert mixed.options == " --weight-bits 3 --outer-weight-bits 8 --per-channel --power-of-two --rate 0.002"
    assert set(mixed.bits_of(ARCH8).values()) == {3, 8} and mixed.bits_of(ARCH8)["block1_shortcut"] == 8


def test_the_rate_rises_and_falls_to_nothing() -> None:
    recipe = QatRecipe(epochs=5, warmup_steps=10, peak_rate=1.0)
    rates = [recipe.rate(step, 100) for step in range(501)]
    assert rates[0] == 0 and rates[5] == pytest.approx(0.495) and rates[250] == 0.5 and rates[500] == 0
    assert rates.index(max(rates)) == 10 and rates[10:] == sorted(rates[10:], reverse=True)
