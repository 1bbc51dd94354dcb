"""The content of the files in ``src/layers``: shapes, folding, types and arithmetic of each layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers import packing
from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import struct, title
from backends.dataflow.layers.nodes import (
    DEPTHWISE,
    WINDOW,
    Convolution,
    Lanes,
    Node,
    merged_activation,
    part_width,
    parts,
    parts_read,
    pixels,
)
from backends.dataflow.layers.schedule import QUICKEST, busy, fresh
from backends.dataflow.pe_simd import Fold
from backends.hls.generate import cpp
from backends.hls.generate.cpp import Function
from models.fixed import FixedType
from models.network import (
    CONVOLUTIONS,
    Add,
    AveragePool2D,
    Clip,
    Concat,
    GlobalAveragePool,
    LeakyReLU,
    MaxPool2D,
    ReLU,
)
from models.quantised import QuantisedNetwork


def word(type: FixedType, values: str | int) -> str:
    """The integer type of several values side by side.

    >>> word(FixedType(8, 3), "SIMD"), word(FixedType(5, 0), 4)
    ('ap_uint<8 * SIMD>', 'ap_uint<5 * 4>')
    """
    return f"ap_uint<{type.width} * {values}>"


@dataclass(frozen=True)
class Weights:
    """The stage of a layer with weights: its template, the storage of the weights, and that of the values that it reads
    again, which are `parts` parts."""

    stage: str
    storage: str
    kept: str
    parts: str
    rom: str
    comment: str


@dataclass(frozen=True)
class Rows:
    """The stage `name` over the rows of an image: its template, the type of the words it puts, and the rows'
    storage."""

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


def layer_texts(project: Blueprint, names: Mapping[str, str]) -> Iterator[LayerText]:
    """The layers in the order of the network; `names` gives each layer's identifier."""
    for node in project.nodes:
        wide, name = project.lanes[node.name], names.get(node.layer.name, "")
        match node.kind, node.layer:
            case (("matrix_vector" | "depthwise"), _):
                yield _weighted(project, node, wide, name)
            case "maxpool2d", MaxPool2D() as layer:
                yield _pool(project, node, layer, wide, name)
            case "averagepool2d", AveragePool2D() as layer:
                yield _average_pool(project, node, layer, wide, name)
            case "add", Add():
                yield _add(project.quantised, node, wide, name)
            case "concat", Concat():
                yield _concat(project.quantised, node, wide, name)
            case _, (ReLU() | Clip() | LeakyReLU()) as layer if node.kind == layer.kind:
                yield _activation(project.quantised, node, layer, wide, name)
            case "global_average_pool", GlobalAveragePool():
                yield _average(project.quantised, node, wide, name)


def _listed(**constants: int) -> str:
    return ", ".join(f"{name} = {value}" for name, value in constants.items())


def _weighted(project: Blueprint, node: Node, wide: Lanes, name: str) -> LayerText:
    quantised, layer, fold = project.quantised, node.layer, wide.fold
    types = quantised.layers[layer.name]
    assert types.kernel is not None and types.bias is not None and types.accumulator is not None
    source, result = quantised.type_of(layer.inputs[0]), quantised.type_of(node.tensor)
    is_depthwise, shared = node.kind == DEPTHWISE, project.shared(layer.name)
    groups, parts_of_window = fold.groups(node.size[1]), parts_read(node, fold)
    steps = node.size[0] if is_depthwise else parts_of_window
    columns = node.shape[-2] if len(node.shape) > 1 else 1
    windows = [node for node in project.nodes if node.kind == WINDOW and node.layer == layer]
    new = (
        f"New of the {parts_of_window} parts of a window that is not the first of a row."
        if windows
        else "All values are new."
    )
    folding = (
        ("PE channels at a time, a product of each a cycle.", _listed(PE=fold.pe))
        if is_depthwise
        else ("PE results at a time, SIMD products of each a cycle.", _listed(PE=fold.pe, SIMD=fold.simd)),
        ("", _listed(STEPS=steps, GROUPS=groups, **({"PARTS": parts_of_window} if is_depthwise else {}))),
        *_multipliers(types.kernel.width, fold, shared),
        (new, _listed(FRESH=fresh(node, wide))),
        ("The output, PUTS results a word.", _listed(PIXELS=pixels(node.shape), COLUMNS=columns, PUTS=wide.puts)),
    )
    before = _windows(project, windows[0], name) if windows else (_pixel_words(project, node, wide), (), None)
    words = (
        ("Part", word(source, "PE" if is_depthwise else "SIMD"), "the values that a turn multiplies"),
        *before[1],
        ("Input", "Part" if windows else word(source, "TAKES"), ""),
        ("Output", word(result, "PUTS"), ""),
    )
    headers = (node.kind, "window") if windows else (node.kind,)
    storage = "block RAM" if project.roms[layer.name] == BRAM else "LUTs"
    sum_type = f"ap_int<{project.sums[layer.name]}>"
    activation = merged_activation(quantised, layer)
    slope = quantised.layers[activation.name].slope if activation else None
    return LayerText(
        name,
        struct(name),
        title(quantised, layer),
        ("fixed_point", *headers) if result != types.accumulator else headers,
        (*before[0], *folding),
        (
            ("Value", cpp.integer(source), source.name),
            ("Weight", cpp.integer(types.kernel), types.kernel.name),
            *_products(types.kernel.width, source.width, shared, is_depthwise),
            ("Sum", sum_type, f"every sum that can occur, of {types.accumulator.name}"),
            ("Result", cpp.integer(result), result.name),
            ("StoredBias", cpp.stored(types.bias.width), ""),
            *words,
        ),
        cpp.sum_result(types.accumulator, result, activation, slope),
        Weights(
            node.kind,
            project.roms[layer.name],
            project.kept[layer.name],
            "PARTS" if is_depthwise else "STEPS",
            "each PE" if shared == 1 else f"every {shared} PE",
            f"{multipliers(fold, shared)}, {busy(node, wide, QUICKEST):,} cycles a frame; weights in {storage}.",
        ),
        before[2],
    )


_Texts = tuple[tuple[str, str], ...]


def multipliers(fold: Fold, shared: int) -> str:
    """The number of multipliers, in words.

    >>> multipliers(Fold(4, 9), 1), multipliers(Fold(4, 9), 2)
    ('36 multipliers', '18 multipliers for 36 products')
    """
    units = ceil(fold.pe / shared) * fold.simd
    where = " of LUTs" * fold.in_luts
    return f"{units} multiplier{'s' * (units > 1)}{where}" + (f" for {fold.multipliers} products" if shared > 1 else "")


def _multipliers(weight: int, fold: Fold, shared: int) -> _Texts:
    """The layout of weights of `weight` bits in their memory, and in the factors of the multipliers."""
    units, apart = ceil(fold.pe / shared), packing.shift(shared, weight)
    word = ceil(fold.simd * shared * weight / 8)
    how = "Each result has multipliers of its own" if shared == 1 else f"{shared} results share a multiplier"
    return (
        (f"{how}; the weights of a turn are BYTES.", _listed(SHARED=shared, UNITS=units, BYTES=word)),
        ("", _listed(WEIGHT_BITS=weight, SHIFT=apart, SIGNS=packing.ends(apart, shared), IN_LUTS=int(fold.in_luts))),
    )


def _products(weight: int, value: int, shared: int, is_depthwise: bool) -> tuple[tuple[str, str, str], ...]:
    """The types of products of weights of `weight` bits and values of `value` bits."""
    if is_depthwise:
        return (("Product", f"ap_int<{weight + value}>", ""),)
    apart = packing.shift(shared, weight)
    factor = weight + apart * (shared - 1)
    of_one = f"ap_int<{apart if shared > 1 else weight + value + 1}>"
    return (
        ("Factor", f"ap_int<{factor}>", "the weights that share a multiplier" if shared > 1 else ""),
        ("Product", f"ap_int<{factor + value}>", ""),
        ("Pairs", f"ap_int<{factor + value + 1}>", "sums of two products"),
        ("Pair", of_one, "of one result"),
    )


def _pixel_words(project: Blueprint, node: Node, wide: Lanes) -> _Texts:
    """The constants of a stage with weights that reads pixels."""
    bits, width = project.quantised.type_of(node.layer.inputs[0]).width, part_width(node.layer, wide.fold)
    words = _listed(TAKES=wide.takes, VALUE_BITS=bits, PARTS_TAKEN=ceil(wide.takes / width))
    return (("Input words have TAKES values of VALUE_BITS each: PARTS_TAKEN parts.", words),)


def _windows(project: Blueprint, node: Node, name: str) -> tuple[_Texts, tuple[tuple[str, str, str], ...], Rows]:
    """(constants, types, rows) of the window stage of a convolution."""
    layer, wide = node.layer, project.lanes[node.name]
    assert isinstance(layer, CONVOLUTIONS)
    cut = parts(node, wide)
    used = (node.shape[1] - 1) * layer.strides[1] + layer.kernel[1]
    size, source = part_width(layer, wide.fold), project.quantised.type_of(layer.inputs[0])
    constants = (
        *_image(node, layer),
        ("Input words have TAKES values of VALUE_BITS each.", _listed(TAKES=wide.takes, VALUE_BITS=source.width)),
        (
            "Rows are stored in words of STORED channels.",
            _listed(STORED=cut.stored, WORDS=node.taken[-1] // cut.stored),
        ),
        (
            f"A part covers {'all columns of its window' if cut.across > 1 else 'one column'}; a column has COLUMN "
            "parts, and windows use USED columns.",
            _listed(ACROSS=cut.across, COLUMN=cut.column, USED=used),
        ),
        ("Values of a part; a word of the windows is one part.", _listed(PART_SIZE=size, PARTS_TAKEN=1)),
        ("Cycles of the window stage.", _listed(TURNS=busy(node, wide, QUICKEST))),
    )
    types = (("Word", word(source, "TAKES"), "of the input"), ("Stored", word(source, "STORED"), ""))
    return constants, types, _rows(project, node, window_name(name), "window", "Part")


def _image(node: Node, layer: Convolution | MaxPool2D | AveragePool2D) -> _Texts:
    height, width, channels = node.taken
    top, bottom, left, right = layer.pads(node.taken)
    return (
        ("The image, and the window that slides over it.", _listed(HEIGHT=height, WIDTH=width, CHANNELS=channels)),
        ("", _listed(KERNEL_HEIGHT=layer.kernel[0], KERNEL_WIDTH=layer.kernel[1])),
        ("", _listed(STRIDE_HEIGHT=layer.strides[0], STRIDE_WIDTH=layer.strides[1])),
        ("", _listed(PAD_TOP=top, PAD_BOTTOM=bottom, PAD_LEFT=left, PAD_RIGHT=right)),
    )


def window_name(layer: str) -> str:
    """The name of the function of a layer's window stage."""
    return f"{layer}_window"


def _rows(project: Blueprint, node: Node, name: str, stage: str, output: str) -> Rows:
    storage = project.rows[node.layer.name]
    return Rows(name, stage, output, storage, f"The rows are in {'block RAM' if storage == BRAM else 'LUT RAM'}.")


def _serial(node: Node, wide: Lanes) -> _Texts:
    channels = node.taken[-1]
    return (
        ("", _listed(PIXELS=pixels(node.taken), CHANNELS=channels)),
        ("LANES channels a cycle.", _listed(LANES=wide.takes, STEPS=channels // wide.takes)),
    )


def _pool(project: Blueprint, node: Node, layer: MaxPool2D, wide: Lanes, name: str) -> LayerText:
    source = project.quantised.type_of(layer.inputs[0])
    return LayerText(
        name,
        struct(name),
        title(project.quantised, layer),
        ("max_pool",),
        (
            *_pooling(node, layer, wide),
            ("The value of the padding.", _listed(LOWEST=source.low)),
        ),
        (("Value", cpp.integer(source), source.name), ("Word", word(source, "LANES"), "")),
        rows=_rows(project, node, name, "max_pool", "Word"),
    )


def _pooling(node: Node, layer: MaxPool2D | AveragePool2D, wide: Lanes) -> _Texts:
    is_flat = layer.kernel[0] == 1
    above = "Rows kept above the newest one" + (": an array has one, which is never used." if is_flat else ".")
    folding = _listed(LANES=wide.takes, STEPS=node.taken[-1] // wide.takes, TURNS=busy(node, wide, QUICKEST))
    return (
        *_image(node, layer),
        (above, _listed(ABOVE=max(layer.kernel[0] - 1, 1))),
        ("LANES channels a cycle.", folding),
    )


def _average_pool(project: Blueprint, node: Node, layer: AveragePool2D, wide: Lanes, name: str) -> LayerText:
    source, arithmetic = project.quantised.type_of(layer.inputs[0]), project.quantised.layers[layer.name]
    assert arithmetic.accumulator is not None
    function, types = _averaging(source, prod(layer.kernel), arithmetic.accumulator, arithmetic.output)
    return LayerText(
        name,
        struct(name),
        title(project.quantised, layer),
        ("average_pool", "fixed_point"),
        _pooling(node, layer, wide),
        types,
        function,
        rows=_rows(project, node, name, "average_pool", "Output"),
    )


def _add(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    left, right = (quantised.type_of(tensor) for tensor in node.layer.inputs)
    result = quantised.layers[node.layer.name].output
    function, width = cpp.added(left, right, result)
    types = (
        *_of_two(left, right, width, result),
        ("Left", word(left, "LANES"), ""),
        ("Right", word(right, "LANES"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    constants = _serial(node, wide)
    return LayerText(
        name, struct(name), title(quantised, node.layer), ("add", "fixed_point"), constants, types, function
    )


def _concat(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    left, right = (quantised.type_of(tensor) for tensor in node.layer.inputs)
    result, channels = quantised.layers[node.layer.name].output, node.shape[-1]
    function, width, ups = cpp.aligned(left, right, result)
    constants = (
        ("", _listed(PIXELS=pixels(node.shape), LANES=wide.puts, STEPS=channels // wide.puts)),
        ("Channels of each input.", _listed(LEFT=node.taken[-1], RIGHT=channels - node.taken[-1])),
        ("Left shifts of the codes to a common binary point.", _listed(LEFT_UP=ups[0], RIGHT_UP=ups[1])),
    )
    types = (
        *_of_two(left, right, width, result),
        ("Left", word(left, "LEFT"), ""),
        ("Right", word(right, "RIGHT"), ""),
        ("Pixel", word(result, "(LEFT + RIGHT)"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    headers = "concat", "fixed_point"
    return LayerText(name, struct(name), title(quantised, node.layer), headers, constants, types, function)


def _of_two(left: FixedType, right: FixedType, width: int, result: FixedType) -> tuple[tuple[str, str, str], ...]:
    """The types of values of two tensors, aligned in `width` bits, and of what they become."""
    return (
        ("LeftValue", cpp.integer(left), left.name),
        ("RightValue", cpp.integer(right), right.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
    )


def _activation(quantised: QuantisedNetwork, node: Node, layer: cpp.Activation, wide: Lanes, name: str) -> LayerText:
    source, arithmetic = quantised.type_of(layer.inputs[0]), quantised.layers[layer.name]
    result = arithmetic.output
    function, width = cpp.activated(source, result, layer, arithmetic.slope)
    types = (
        ("Value", cpp.integer(source), source.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Word", word(source, "LANES"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    constants = _serial(node, wide)
    return LayerText(
        name, struct(name), title(quantised, layer), ("activation", "fixed_point"), constants, types, function
    )


def _average(quantised: QuantisedNetwork, node: Node, wide: Lanes, name: str) -> LayerText:
    layer = node.layer
    source, arithmetic = quantised.type_of(layer.inputs[0]), quantised.layers[layer.name]
    assert arithmetic.accumulator is not None
    function, types = _averaging(source, pixels(node.taken), arithmetic.accumulator, arithmetic.output)
    return LayerText(
        name,
        struct(name),
        title(quantised, layer),
        ("fixed_point", "global_average_pool"),
        _serial(node, wide),
        types,
        function,
    )


def _averaging(
    source: FixedType, area: int, accumulator: FixedType, result: FixedType
) -> tuple[Function, tuple[tuple[str, str, str], ...]]:
    """(the average from the sum of an area, the types of a stage that adds)."""
    function, width = cpp.averaged(source, area, accumulator, result)
    types = (
        ("Value", cpp.integer(source), source.name),
        ("Sum", f"ap_int<{width}>", ""),
        ("Result", cpp.integer(result), result.name),
        ("Word", word(source, "LANES"), ""),
        ("Output", word(result, "LANES"), ""),
    )
    return function, types
