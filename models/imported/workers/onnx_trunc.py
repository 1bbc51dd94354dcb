"""QONNX' Trunc behind an average of windows (Brevitas' TruncAvgPool2d): sums of codes that lose their lowest bits.

Version 1 (five inputs) multiplies the average by its pixels first, and keeps the scale; version 2 (six inputs) has a
scale of its own for the result. In both, what is dropped is a number of bits, rounded down.
"""

from __future__ import annotations

from dataclasses import replace
from math import log2, prod

from models.imported.quantiser import FileTensor, Truncate
from models.imported.workers.onnx_graph import Graph, Node
from models.layers import AveragePool2D, BatchNorm, GlobalAveragePool

ADVICE = "export TruncAvgPool2d of Brevitas as it is, or average without it and quantise the result with Quant"
VERSIONS = {5: 1, 6: 2}
"""By the number of inputs."""


def truncate(graph: Graph, node: Node) -> None:
    """Adds what a Trunc node makes to the values of `graph`. Raises `InputError` where it is no part of an average."""
    version = VERSIONS.get(len(node.inputs))
    if version is None:
        raise node.place.refusal(f"a Trunc of {len(node.inputs)} inputs, where 5 or 6 are known", ADVICE)
    numbers = [_number(graph, node, index) for index in range(1, len(node.inputs))]
    scale, zero, before, *behind = numbers
    new_scale, bits = (scale, behind[0]) if version == 1 else (behind[0], behind[1])
    if (
        not (scale > 0 and new_scale > 0)
        or zero != 0
        or not all(1 <= width <= 32 and width == int(width) for width in (before, bits))
    ):
        raise node.place.refusal(
            "its scales are not above 0, its zero point not 0, or its bits no whole numbers", ADVICE
        )
    if (mode := str(node.settings.get("rounding_mode", "FLOOR")).upper()) != "FLOOR":
        raise node.place.refusal(f"it rounds by {mode}, where FLOOR is read", "take FLOOR, and train again")
    shift = int(before - bits) if version == 1 else round(log2(new_scale / scale))
    if shift < 0 or (version == 2 and abs(log2(new_scale / scale) - shift) > 1e-4):
        raise node.place.refusal("it drops no whole number of bits", ADVICE)
    value = graph.value(node)
    if version == 1:
        value = replace(value, name=_unscaled(graph, node, value.name))
    average = graph.draft.layers[-1]
    if average.name != value.name or not isinstance(average, AveragePool2D | GlobalAveragePool):
        raise node.place.refusal("it drops bits of what is no average right before it", ADVICE)
    area = _area(graph, average)
    gain = area / 2**shift if version == 1 else 1.0
    if gain != 1:
        raise node.place.refusal(f"its average of {area} pixels loses {shift} bits", f"average 2**{shift} pixels")
    if node.settings.get("narrow", 0):
        raise node.place.refusal("its codes are narrow", "take a Trunc that is not")
    signed = None if version == 1 else bool(node.settings.get("signed", 1))
    codes = graph.add(node, Truncate, value, scale=new_scale, shift=shift, bits=int(bits), signed=signed)
    graph.values[node.output] = codes
    graph.quantised[codes.name] = FileTensor(node.output, value.channels_last, value.order)


def _unscaled(graph: Graph, node: Node, name: str) -> str:
    """The average that the multiplication `name` by its pixels reads; the multiplication is taken away."""
    draft = graph.draft
    layer = draft.layers[-1]
    roles = ("gamma", "beta", "mean", "variance")
    average = draft.layers[-2] if len(draft.layers) > 1 else layer
    if layer.name != name or not isinstance(layer, BatchNorm) or layer.inputs != (average.name,):
        raise node.place.refusal("it stands behind no average with a Mul by its pixels", ADVICE)
    gamma, beta, *_ = (draft.tensors[f"{name}/{role}"] for role in roles)
    if (
        not isinstance(average, AveragePool2D | GlobalAveragePool)
        or beta.any()
        or (gamma != _area(graph, average)).any()
    ):
        raise node.place.refusal("the Mul before it is not by the pixels of an average", ADVICE)
    draft.layers.pop()
    del draft.shapes[name]
    for role in roles:
        del draft.tensors[f"{name}/{role}"]
    return average.name


def _area(graph: Graph, average: AveragePool2D | GlobalAveragePool) -> int:
    return prod(average.kernel if isinstance(average, AveragePool2D) else graph.draft.shapes[average.inputs[0]][:2])


def _number(graph: Graph, node: Node, index: int) -> float:
    constant = graph.constant(node, index)
    if constant is None or constant.size != 1:
        raise node.place.refusal(f"its input {index + 1} is not one number", ADVICE)
    return float(constant.item())
