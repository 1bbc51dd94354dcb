"""QONNX' quantisers: of a constant, computed here; of a tensor of the network, a layer until the file is read.

What FINN and Brevitas give no meaning, a scale that is no positive number for one, is refused whatever flow asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.imported.quantiser import FileTensor, Quantise, QuantisedConstant, QuantisedKernel, code_range
from models.imported.workers.onnx_constants import OPERATORS, TURNS
from models.imported.workers.onnx_domains import BIPOLAR
from models.imported.workers.onnx_graph import Graph, Node

AGAIN = "export it again with brevitas.export.export_qonnx, in evaluation mode"
WIDEST = 32
NEAREST = ("ROUND", "HALF_EVEN")
"""Two names of the same: to the nearest code, ties to even."""
ROUNDINGS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    **dict.fromkeys(NEAREST, np.rint),
    "CEIL": np.ceil,
    "DOWN": np.trunc,
    "FLOOR": np.floor,
    BIPOLAR: lambda numbers: np.where(numbers < 0, -1.0, 1.0),
}
"""Of weights, which are rounded here and now."""


def quantise(graph: Graph, node: Node) -> None:
    """Adds what a Quant or BipolarQuant node makes to the constants, or to the values, of `graph`."""
    scale, bits, signed, narrow, mode = _scale(graph, node), 1, True, True, BIPOLAR
    if node.place.kind != BIPOLAR:
        bits = _bits(graph, node)
        signed, narrow = bool(node.settings.get("signed", 1)), bool(node.settings.get("narrow", 0))
        mode = str(node.settings.get("rounding_mode", "ROUND")).upper()
        if bits < 1 + signed + (narrow and not signed):
            raise node.place.refusal(f"a{' narrow' * narrow} quantiser of {bits} bits", "take 2 to 8 bits")
    if node.inputs[0] in graph.constants and mode in ROUNDINGS:
        _constant(graph, node, scale, QuantisedConstant(scale, bits, signed, narrow), ROUNDINGS[mode])
        return
    if mode not in (*NEAREST, BIPOLAR):
        advice = "take FloatToIntImplType.ROUND in Brevitas, and train again"
        raise node.place.refusal(f"it rounds by {mode}, where ROUND (to nearest, ties to even) is read", advice)
    value = graph.value(node)
    if scale.size != 1:
        fact = f"an activation with scales {'x'.join(map(str, scale.shape))}, where one for the tensor is read"
        raise node.place.refusal(fact, "take a per-tensor quantiser of activations")
    if mode == BIPOLAR and scale.item() != 1:
        fact = f"a bipolar activation of scale {scale.item():g}, where 1 is read"
        raise node.place.refusal(fact, "take a scale of 1: the layer behind it can have the other")
    quantised = graph.add(node, Quantise, value, scale=float(scale.item()), bits=bits, signed=signed, narrow=narrow)
    graph.values[node.output] = quantised
    graph.quantised[quantised.name] = FileTensor(node.output, value.channels_last, value.order)


def turned(graph: Graph, node: Node) -> None:
    """What only turns a quantised constant, as a transposition, turns its scales as well."""
    if node.place.kind in TURNS and node.inputs[0] in graph.quantised_constants:
        constant = graph.quantised_constants[node.inputs[0]]
        others = [graph.constants[name] for name in node.inputs[1:] if name]
        scales = OPERATORS[node.place.kind](node, constant.scales, *others)
        graph.quantised_constants[node.output] = QuantisedConstant(
            scales, constant.bits, constant.signed, constant.narrow
        )


def note_kernel(graph: Graph, node: Node, layer: str, axis: int, factor: float = 1.0) -> None:
    """Remembers the quantiser of the kernel of `layer`, input 2 of `node`, whose outputs stand on `axis`."""
    constant = graph.quantised_constants.get(node.inputs[1])
    if constant is None:
        return
    rows = np.moveaxis(constant.scales, axis, 0)
    rows = rows.reshape(len(rows), -1)
    scales = rows[:, 0] if factor == 1 and bool((rows == rows[:, :1]).all()) else None
    graph.kernels[layer] = QuantisedKernel(scales, constant.bits, constant.signed, constant.narrow)


def _constant(
    graph: Graph,
    node: Node,
    scale: NDArray[Any],
    kind: QuantisedConstant,
    rounded: Callable[[NDArray[Any]], NDArray[Any]],
) -> None:
    """As qonnx computes it, in single precision."""
    numbers = graph.weight(node, 0)
    low, high = code_range(kind.bits, kind.signed, kind.narrow)
    try:
        scales = np.broadcast_to(scale, numbers.shape)
    except ValueError:
        fact = f"its scale has shape {scale.shape}, and what it quantises {numbers.shape}"
        raise node.place.refusal(fact, AGAIN) from None
    codes = rounded(np.clip(numbers / scales, low, high))
    graph.constants[node.output] = (codes * scales).astype(np.float32)
    graph.quantised_constants[node.output] = QuantisedConstant(scales, kind.bits, kind.signed, kind.narrow)


def _scale(graph: Graph, node: Node) -> NDArray[Any]:
    scale = _parameter(graph, node, 1, "scale")
    zero = _parameter(graph, node, 2, "zero point") if node.place.kind != BIPOLAR else np.zeros(1)
    with np.errstate(over="ignore", under="ignore"):
        scale = scale.astype(np.float32)
    if not scale.size or not (np.isfinite(scale).all() and (scale > 0).all()):
        odd = scale[~(np.isfinite(scale) & (scale > 0))]
        fact = f"its scale is {odd.ravel()[0]:g}" if odd.size else "its scale is empty"
        advice = f"calibrate it or train again, then {AGAIN}"
        raise node.place.refusal(f"{fact}, and a scale is a number above 0", advice)
    if zero.any():
        raise node.place.refusal(
            f"its zero point is {zero[zero != 0].ravel()[0]:g}, where 0 is read", "take a quantiser without zero point"
        )
    return scale


def _bits(graph: Graph, node: Node) -> int:
    width = _parameter(graph, node, 3, "bit width")
    if width.size != 1 or not 1 <= width.item() <= WIDEST or width.item() != int(width.item()):
        shown = f"{width.item():g}" if width.size == 1 else "several numbers"
        raise node.place.refusal(f"its bit width is {shown}", f"take whole numbers of 1 to {WIDEST} bits")
    return int(width.item())


def _parameter(graph: Graph, node: Node, index: int, about: str) -> NDArray[Any]:
    name = node.inputs[index] if index < len(node.inputs) else ""
    if not name:
        raise node.place.refusal(f"it has no {about}", AGAIN)
    if name not in graph.constants:
        raise node.place.refusal(f"its {about} is computed while the network runs", AGAIN)
    return np.asarray(graph.constants[name])
