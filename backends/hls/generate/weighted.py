"""The text of a layer with weights: its multipliers, its types, and the windows of a convolution."""

from __future__ import annotations

from math import ceil

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers import packing
from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import struct, title
from backends.dataflow.layers.nodes import (
    DEPTHWISE,
    WINDOW,
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
from backends.hls.generate.layer_text import (
    Constants,
    LayerText,
    Rows,
    Weights,
    definitions,
    image_constants,
    rows_of,
    word,
)
from models.layers import CONVOLUTIONS


def weighted(project: Blueprint, node: Node, wide: Lanes, name: str) -> LayerText:
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
        ("PE channels at a time, a product of each a cycle.", definitions(PE=fold.pe))
        if is_depthwise
        else ("PE results at a time, SIMD products of each a cycle.", definitions(PE=fold.pe, SIMD=fold.simd)),
        ("", definitions(STEPS=steps, GROUPS=groups, **({"PARTS": parts_of_window} if is_depthwise else {}))),
        *_multipliers(types.kernel.width, fold, shared),
        (new, definitions(FRESH=fresh(node, wide))),
        ("The output, PUTS results a word.", definitions(PIXELS=pixels(node.shape), COLUMNS=columns, PUTS=wide.puts)),
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


def multipliers(fold: Fold, shared: int) -> str:
    """The number of multipliers, in words.

    >>> multipliers(Fold(4, 9), 1), multipliers(Fold(4, 9), 2)
    ('36 multipliers', '18 multipliers for 36 products')
    """
    units = ceil(fold.pe / shared) * fold.simd
    where = " of LUTs" * fold.in_luts
    return f"{units} multiplier{'s' * (units > 1)}{where}" + (f" for {fold.multipliers} products" if shared > 1 else "")


def _multipliers(weight: int, fold: Fold, shared: int) -> Constants:
    """The layout of weights of `weight` bits in their memory, and in the factors of the multipliers."""
    units, apart = ceil(fold.pe / shared), packing.shift(shared, weight)
    word = ceil(fold.simd * shared * weight / 8)
    how = "Each result has multipliers of its own" if shared == 1 else f"{shared} results share a multiplier"
    return (
        (f"{how}; the weights of a turn are BYTES.", definitions(SHARED=shared, UNITS=units, BYTES=word)),
        (
            "",
            definitions(WEIGHT_BITS=weight, SHIFT=apart, SIGNS=packing.ends(apart, shared), IN_LUTS=int(fold.in_luts)),
        ),
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


def _pixel_words(project: Blueprint, node: Node, wide: Lanes) -> Constants:
    """The constants of a stage with weights that reads pixels."""
    bits, width = project.quantised.type_of(node.layer.inputs[0]).width, part_width(node.layer, wide.fold)
    words = definitions(TAKES=wide.takes, VALUE_BITS=bits, PARTS_TAKEN=ceil(wide.takes / width))
    return (("Input words have TAKES values of VALUE_BITS each: PARTS_TAKEN parts.", words),)


def _windows(project: Blueprint, node: Node, name: str) -> tuple[Constants, tuple[tuple[str, str, str], ...], Rows]:
    """(constants, types, rows) of the window stage of a convolution."""
    layer, wide = node.layer, project.lanes[node.name]
    assert isinstance(layer, CONVOLUTIONS)
    cut = parts(node, wide)
    used = (node.shape[1] - 1) * layer.strides[1] + layer.kernel[1]
    size, source = part_width(layer, wide.fold), project.quantised.type_of(layer.inputs[0])
    constants = (
        *image_constants(node, layer),
        ("Input words have TAKES values of VALUE_BITS each.", definitions(TAKES=wide.takes, VALUE_BITS=source.width)),
        (
            "Rows are stored in words of STORED channels.",
            definitions(STORED=cut.stored, WORDS=node.taken[-1] // cut.stored),
        ),
        (
            f"A part covers {'all columns of its window' if cut.across > 1 else 'one column'}; a column has COLUMN "
            "parts, and windows use USED columns.",
            definitions(ACROSS=cut.across, COLUMN=cut.column, USED=used),
        ),
        ("Values of a part; a word of the windows is one part.", definitions(PART_SIZE=size, PARTS_TAKEN=1)),
        ("Cycles of the window stage.", definitions(TURNS=busy(node, wide, QUICKEST))),
    )
    types = (("Word", word(source, "TAKES"), "of the input"), ("Stored", word(source, "STORED"), ""))
    return constants, types, rows_of(project, node, window_name(name), "window", "Part")


def window_name(layer: str) -> str:
    """The name of the function of a layer's window stage."""
    return f"{layer}_window"
