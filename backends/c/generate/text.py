"""A program as C text: a constant for each layer, and the calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from backends.c.allocation import Call, gives_sums
from backends.c.program import Program, stored
from backends.dataflow.layers.names import title
from models.layers import Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, ReLU
from models.quantised import QuantisedNetwork

HEADERS: Mapping[type[Layer], tuple[str, str]] = {
    Conv2D: ("conv2d", "conv2d_t"),
    Dense: ("dense", "dense_t"),
    MaxPool2D: ("max_pool", "window_t"),
    GlobalAveragePool: ("global_average_pool", "average_t"),
    Add: ("add", "add_t"),
    ReLU: ("relu", "relu_t"),
}
USED: Mapping[str, Sequence[str]] = {
    "conv2d": ("fixed_point", "memory", "weighted_sums", "window"),
    "dense": ("fixed_point", "memory", "weighted_sums"),
    "max_pool": ("window",),
    "global_average_pool": ("fixed_point", "memory"),
    "add": ("fixed_point",),
    "relu": ("fixed_point",),
}
"""Headers that those of layers include."""


@dataclass(frozen=True)
class LayerConstant:
    """The constant of a layer: its comment, C type, name, and the initialisers of its fields."""

    comment: str
    type: str
    name: str
    fields: tuple[str, ...]


def function(layer: Layer) -> tuple[str, str]:
    """(the function of a layer, which its header is named after; the type of its constant)."""
    return HEADERS[type(layer)]


def headers(program: Program) -> tuple[str, ...]:
    """Of the layers' kinds, and what those include."""
    kinds = {function(call.layer)[0] for call in program.calls}
    return tuple(sorted(kinds))


def included(program: Program) -> tuple[str, ...]:
    """Every hand-written header that the program needs."""
    kinds = headers(program)
    return tuple(sorted({*kinds, *(name for kind in kinds for name in USED[kind])} - {"memory"}))


def buffer_name(place: int) -> str:
    return f"buffer_{place}"


def call_texts(quantised: QuantisedNetwork, program: Program, names: Mapping[str, str]) -> Iterator[str]:
    """In order."""
    for call in program.calls:
        name = function(call.layer)[0]
        arguments = [f"&{names[call.layer.name]}", *map(buffer_name, call.sources)]
        if call.target is None:
            assert gives_sums(quantised, call.layer)
            yield f"{name}_sums({', '.join([*arguments, 'results'])})"
        else:
            yield f"{name}({', '.join([*arguments, buffer_name(call.target)])})"


def layer_texts(quantised: QuantisedNetwork, program: Program, names: Mapping[str, str]) -> Iterator[LayerConstant]:
    """Of every call, in order."""
    for call in program.calls:
        fields = tuple(_fields(quantised, program, call, names[call.layer.name]))
        yield LayerConstant(title(quantised, call.layer), function(call.layer)[1], names[call.layer.name], fields)


def _fields(quantised: QuantisedNetwork, program: Program, call: Call, name: str) -> Iterator[str]:
    layer, shapes = call.layer, quantised.network.shapes
    before, after = shapes[layer.inputs[0]], shapes[layer.name]
    types = [quantised.type_of(tensor) for tensor in layer.inputs]
    offsets = [program.offset(type) for type in types]
    match layer:
        case Conv2D():
            yield ".window = {\n        " + ",\n        ".join(_window(layer, before, after)) + ",\n    }"
            yield f".offset = {offsets[0]}"
            yield _matrix(prod(layer.kernel) * before[-1], after[-1], name)
        case MaxPool2D():
            yield from _window(layer, before, after)
            return
        case Dense():
            yield f".offset = {offsets[0]}"
            yield _matrix(prod(before), after[-1], name)
        case GlobalAveragePool():
            accumulator = quantised.layers[layer.name].accumulator
            assert accumulator
            pixels, more = prod(before[:2]), accumulator.fraction - types[0].fraction
            yield f".pixels = {pixels}, .channels = {before[-1]}, .more = {more}"
            yield f".offset = {_integer(pixels * offsets[0])}"
        case Add():
            finer = max(type.fraction for type in types)
            left, right = shifts = [finer - type.fraction for type in types]
            offset = sum(offset << shift for offset, shift in zip(offsets, shifts, strict=True))
            yield f".count = {prod(after)}, .left_shift = {left}, .right_shift = {right}"
            yield f".offset = {_integer(offset)}"
        case _:
            yield f".count = {prod(after)}, .offset = {offsets[0]}"
    if call.target is not None:
        store = stored(quantised, program, call)
        ends = f".low = {_integer(store.low)}, .high = {_integer(store.high)}"
        yield f".store = {{.drop = {store.drop}, {ends}, .offset = {store.offset}}}"


def _integer(number: int) -> str:
    """A constant as C takes it: the lowest integers have no literal of their own.

    >>> _integer(-128), _integer(-2**31), _integer(2**40)
    ('-128', '-2147483647 - 1', 'INT64_C(1099511627776)')
    """
    if number == -(1 << 31):
        return "-2147483647 - 1"
    if number == -(1 << 63):
        return "INT64_MIN"
    return str(number) if abs(number) < 1 << 31 else f"INT64_C({number})" if number > 0 else f"-INT64_C({-number})"


def _matrix(values: int, results: int, name: str) -> str:
    arrays = f".weights = {name}_weights, .biases = {name}_biases"
    return f".matrix = {{.values = {values}, .results = {results}, {arrays}}}"


def _window(layer: Conv2D | MaxPool2D, before: Sequence[int], after: Sequence[int]) -> tuple[str, ...]:
    top, _, left, _ = layer.pads(tuple(before))
    height, width, channels = before
    return (
        f".height = {height}, .width = {width}, .channels = {channels}",
        f".rows = {after[0]}, .columns = {after[1]}",
        f".kernel_height = {layer.kernel[0]}, .kernel_width = {layer.kernel[1]}",
        f".down = {layer.strides[0]}, .across = {layer.strides[1]}",
        f".top = {top}, .left = {left}",
    )
