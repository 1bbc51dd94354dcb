"""The calls of the generated program in the order of the network, and the buffers that they read and write.

A ReLU that is the only reader of a layer with weights is part of its call. Flattening needs no call. A buffer holds one
tensor after another: it is free again after the last reader of its tensor. Adds and ReLUs may work in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from backends.dataflow.layers.nodes import merged_activation
from models.fixed import Overflow
from models.layers import Add, Dense, Flatten, Layer, ReLU
from models.network import INPUT
from models.quantised import QuantisedNetwork


@dataclass(frozen=True)
class Call:
    """What is computed: `tensor` from the `sources`. Buffers are counted from 0; `target` is None where the sums of a
    dense layer are the results themselves."""

    layer: Layer
    tensor: str
    sources: tuple[int, ...]
    target: int | None


@dataclass(frozen=True)
class TensorBuffer:
    """A buffer of `size` elements, and the `tensors` that it holds one after another."""

    size: int
    tensors: tuple[str, ...]


def gives_sums(quantised: QuantisedNetwork, layer: Layer) -> bool:
    """Whether the sums of `layer`, the last one, are the results."""
    is_last = isinstance(layer, Dense) and layer.name == quantised.output
    return is_last and quantised.type_of(layer.name).overflow is Overflow.WRAP


def _computed(quantised: QuantisedNetwork) -> Iterator[tuple[Layer, str]]:
    """(layer, the tensor that its call leaves) for every call."""
    fused = {relu.name for layer in quantised.computed if (relu := merged_activation(quantised, layer))}
    for layer in quantised.computed:
        if layer.name not in fused and not isinstance(layer, Flatten):
            relu = merged_activation(quantised, layer)
            yield layer, relu.name if relu else layer.name


def allocated(quantised: QuantisedNetwork) -> tuple[tuple[Call, ...], tuple[TensorBuffer, ...], int]:
    """(calls, buffers, the buffer of the pixels): each tensor takes the free buffer that grows least."""
    network = quantised.network
    same = {layer.name: layer.inputs[0] for layer in quantised.computed if isinstance(layer, Flatten)}

    def root(tensor: str) -> str:
        return root(same[tensor]) if tensor in same else tensor

    order = list(_computed(quantised))
    last = {root(name): place for place, (layer, _) in enumerate(order) for name in layer.inputs}
    last[root(quantised.output)] = len(order)
    sizes: list[int] = []
    tensors: list[list[str]] = []
    place_of: dict[str, int] = {}
    busy: set[int] = set()

    def take(tensor: str, size: int, preferred: tuple[int, ...] = ()) -> int:
        free = [place for place in preferred if place not in busy]
        free = free or [place for place in range(len(sizes)) if place not in busy]
        if free:
            place = min(free, key=lambda buffer: (max(size - sizes[buffer], 0), sizes[buffer]))
        else:
            place = len(sizes)
            sizes.append(0)
            tensors.append([])
        sizes[place] = max(sizes[place], size)
        tensors[place].append(tensor)
        busy.add(place)
        place_of[tensor] = place
        return place

    first = take(INPUT, prod(network.input_shape))
    calls = []
    for step, (layer, tensor) in enumerate(order):
        roots = [root(name) for name in layer.inputs]
        sources = tuple(place_of[name] for name in roots)
        ending = {place_of[name] for name in roots if last[name] == step}
        in_place = isinstance(layer, Add | ReLU)
        if in_place:
            busy -= ending
        target = None
        if not gives_sums(quantised, layer):
            target = take(tensor, prod(network.shapes[layer.name]), tuple(sorted(ending)) if in_place else ())
        if not in_place:
            busy -= ending
        calls.append(Call(layer, tensor, sources, target))
    buffers = tuple(TensorBuffer(size, tuple(names)) for size, names in zip(sizes, tensors, strict=True))
    return tuple(calls), buffers, first
