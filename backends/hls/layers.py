"""The layers of a design as the files of ``src/layers`` say them: shapes, folding, types and arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from backends.hls import cpp
from backends.hls.blueprint import Blueprint
from backends.hls.cpp import Function
from backends.hls.folding_options import BRAM, Fold
from backends.hls.identifiers import struct
from backends.hls.nodes import WINDOW, Node, merged_relu, slides, tokens
from backends.hls.schedule import QUICKEST, busy, lanes
from backends.hls.titles import title
from models.network import Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork


@dataclass(frozen=True)
class Weights:
    """The stage of a layer with weights: its template, the words it reads, and what holds the weights."""

    stage: str
    input: str
    storage: str
    comment: str


@dataclass(frozen=True)
class Rows:
    """The stage `name` over the rows of an image: its template, the words it puts, and what holds the rows."""

    name: str
    stage: str
    output: str
    storage: str
    comment: str


@dataclass(frozen=True)
class LayerText:
    """`constants` are (comment, definitions), `types` (name, type, comment); a comment may be empty."""

    name: str
    struct: str
    title: str
    headers: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    types: tuple[tuple[str, str, str], ...]
    result: Function | None = None
    weights: Weights | None = None
    rows: Rows | None = None


def layer_texts(made: Blueprint, names: Mapping[str, str]) -> Iterator[LayerText]:
    """In the order of the network; `names` gives each layer's identifier."""
    folds = lanes(made.nodes, made.folds)
    for node in made.nodes:
        fold, name = folds[node.name], names.get(node.layer.name, "")
        match node.kind, node.layer:
            case "matrix_vector", _:
                yield _weighted(made, node, fold, name)
            case "maxpool2d", MaxPool2D() as layer:
                yield _pool(made, node, layer, fold, name)
            case "add", Add():
                yield _add(made.quantised, node, fold, name)
            case "relu", ReLU():
                yield _relu(made.quantised, node, fold, name)
            case "global_average_pool", GlobalAveragePool():
                yield _average(made.quantised, node, fold, name)


def _listed(**constants: int) -> str:
    return ", ".join(f"{name} = {value}" for name, value in constants.items())


def _weighted(made: Blueprint, node: Node, fold: Fold, name: str) -> LayerText:
    quantised, layer = made.quantised, node.layer
    types = quantised.layers[layer.name]
    assert types.kernel is not None and types.bias is not None and types.accumulator is not None
    source, result = quantised.type_of(layer.inputs[0]), quantised.type_of(node.tensor)
    products, results = node.size
    folding: tuple[tuple[str, str], ...] = (
        ("PE results at a time, SIMD products of each a cycle.", _listed(PE=fold.pe, SIMD=fold.simd)),
        ("", _listed(STEPS=products // fold.simd, GROUPS=results // fold.pe)),
    )
    words, rows = [("Pixel", "Vector<Value, CHANNELS>", ""), ("Output", "Vector<Result, RESULTS>", "")], None
    constants: tuple[tuple[str, str], ...]
    if isinstance(layer, Conv2D) and slides(layer):
        stage, input, headers = "convolution", "Part", ["convolution", "window"]
        words.insert(1, ("Part", "Vector<Value, SIMD>", "of a window"))
        outputs = ("What comes out.", _listed(PIXELS=tokens(node.shape), RESULTS=results))
        constants = (*_image(node, layer), *folding, outputs, _window_turns(node, fold))
        rows = _rows(made, layer, window_name(name), "window", "Part")
    else:
        is_image = isinstance(layer, Dense) and tokens(node.taken) > 1
        stage = "dense_of_image" if is_image else "pointwise"
        input, headers = "Pixel", [stage]
        pixels = tokens(node.taken) if is_image else tokens(node.shape)
        shapes = ("", _listed(PIXELS=pixels, CHANNELS=node.taken[-1], RESULTS=results))
        constants = (shapes, *folding)
    if result != types.accumulator:
        headers.insert(1, "fixed_point")
    product = source.width + types.kernel.width
    return LayerText(
        name,
        struct(name),
        title(quantised, layer),
        tuple(headers),
        constants,
        (
            ("Value", cpp.integer(source), source.name),
            ("Weight", cpp.integer(types.kernel), types.kernel.name),
            ("Product", f"ap_int<{product}>", ""),
            ("Sum", cpp.integer(types.accumulator), types.accumulator.name),
            ("Result", cpp.integer(result), result.name),
            ("StoredWeight", cpp.stored(types.kernel.width), ""),
            ("StoredBias", cpp.stored(types.bias.width), ""),
            *words,
        ),
        cpp.sum_result(types.accumulator.fraction, result, merged_relu(quantised, layer) is not None),
        Weights(stage, input, made.roms[layer.name], _cost(node, fold)),
        rows,
    )


def _cost(node: Node, fold: Fold) -> str:
    several = "s" * (fold.multipliers > 1)
    return f"{fold.multipliers} multiplier{several}, {busy(node, fold, QUICKEST):,} cycles a frame."


def _image(node: Node, layer: Conv2D | MaxPool2D) -> tuple[tuple[str, str], ...]:
    height, width, channels = node.taken
    top, bottom, left, right = layer.pads(node.taken)
    is_flat = layer.kernel[0] == 1
    kept = "Rows kept above the newest one" + (": an array has one, which is never used." if is_flat else ".")
    return (
        ("The image, and the window that slides over it.", _listed(HEIGHT=height, WIDTH=width, CHANNELS=channels)),
        ("", _listed(KERNEL_HEIGHT=layer.kernel[0], KERNEL_WIDTH=layer.kernel[1])),
        ("", _listed(STRIDE_HEIGHT=layer.strides[0], STRIDE_WIDTH=layer.strides[1])),
        ("", _listed(PAD_TOP=top, PAD_BOTTOM=bottom, PAD_LEFT=left, PAD_RIGHT=right)),
        (kept, _listed(ABOVE=max(layer.kernel[0] - 1, 1))),
    )


def window_name(layer: str) -> str:
    """The function of the window stage of the layer with this identifier."""
    return f"{layer}_window"


def _rows(made: Blueprint, layer: Layer, name: str, stage: str, output: str) -> Rows:
    storage = made.rows[layer.name]
    place = "block RAM" if storage == BRAM else "LUT RAM"
    return Rows(name, stage, output, storage, f"The rows above the newest one are in {place}.")


def _window_turns(node: Node, fold: Fold) -> tuple[str, str]:
    """Of the window stage before `node`."""
    stage = replace(node, kind=WINDOW)
    return "Cycles of the window stage.", _listed(TURNS=busy(stage, fold, QUICKEST))


def _serial(node: Node, fold: Fold, pixels: int) -> tuple[tuple[str, str], ...]:
    channels = node.taken[-1]
    return (
        ("", _listed(PIXELS=pixels, CHANNELS=channels)),
        ("LANES channels a cycle.", _listed(LANES=fold.pe, STEPS=channels // fold.pe)),
    )


def _pool(made: Blueprint, node: Node, layer: MaxPool2D, fold: Fold, name: str) -> LayerText:
    source = made.quantised.type_of(layer.inputs[0])
    folding = _listed(LANES=fold.pe, STEPS=node.taken[-1] // fold.pe, TURNS=busy(node, fold, QUICKEST))
    return LayerText(
        name,
        struct(name),
        title(made.quantised, layer),
        ("max_pool",),
        (*_image(node, layer), ("LANES channels a cycle.", folding), ("Of the padding.", _listed(LOWEST=source.low))),
        (("Value", cpp.integer(source), source.name), ("Pixel", "Vector<Value, CHANNELS>", "")),
        rows=_rows(made, layer, name, "max_pool", "Pixel"),
    )


def _add(quantised: QuantisedNetwork, node: Node, fold: Fold, name: str) -> LayerText:
    left, right = (quantised.type_of(tensor) for tensor in node.layer.inputs)
    result = quantised.layers[node.layer.name].output
    function, width = cpp.added(left, right, result)
    types = (
        ("LeftValue", cpp.integer(left), left.name),
        ("RightValue", cpp.integer(right), right.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Left", "Vector<LeftValue, CHANNELS>", ""),
        ("Right", "Vector<RightValue, CHANNELS>", ""),
        ("Output", "Vector<Result, CHANNELS>", ""),
    )
    constants = _serial(node, fold, tokens(node.taken))
    return LayerText(
        name, struct(name), title(quantised, node.layer), ("add", "fixed_point"), constants, types, function
    )


def _relu(quantised: QuantisedNetwork, node: Node, fold: Fold, name: str) -> LayerText:
    source, result = quantised.type_of(node.layer.inputs[0]), quantised.layers[node.layer.name].output
    function, width = cpp.rectified(source, result)
    types = (
        ("Value", cpp.integer(source), source.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Pixel", "Vector<Value, CHANNELS>", ""),
        ("Output", "Vector<Result, CHANNELS>", ""),
    )
    constants = _serial(node, fold, tokens(node.taken))
    return LayerText(
        name, struct(name), title(quantised, node.layer), ("fixed_point", "relu"), constants, types, function
    )


def _average(quantised: QuantisedNetwork, node: Node, fold: Fold, name: str) -> LayerText:
    layer = node.layer
    source, arithmetic = quantised.type_of(layer.inputs[0]), quantised.layers[layer.name]
    assert arithmetic.accumulator is not None
    area, result = tokens(node.taken), arithmetic.output
    function, width = cpp.averaged(source, area, arithmetic.accumulator, result)
    types = (
        ("Value", cpp.integer(source), source.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Pixel", "Vector<Value, CHANNELS>", ""),
        ("Output", "Vector<Result, CHANNELS>", ""),
    )
    return LayerText(
        name,
        struct(name),
        title(quantised, layer),
        ("fixed_point", "global_average_pool"),
        _serial(node, fold, area),
        types,
        function,
    )
