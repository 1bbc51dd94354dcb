"""From a network of integers to FINN's nodes, under the names that FINN gives them in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from backends.finn.design.nodes import (
    Copy,
    GlobalSum,
    HardwareNode,
    Integer,
    Join,
    MatrixVector,
    Padding,
    Pool,
    Sum,
    Thresholds,
    VectorVector,
    Window,
)
from models.fixed import FixedType, Overflow
from models.integers import GlobalSum as GlobalSumLayer
from models.integers import Threshold, WindowSum
from models.layers import Add, Concat, Conv2D, Dense, GroupedConv2D, Layer, MaxPool2D, Shape
from models.layers import Window as LayerWindow
from models.network import INPUT
from models.quantised import QuantisedNetwork

LEAST_RTL_BITS = 4
"""Data and weights of fewer bits go to FINN's HLS unit (``specialize_layers.py``)."""
BINARY = Integer(1, False)
"""Of -1 and 1: FINN makes bits of both before weights of -1 and 1 (``ConvertBipolarMatMulToXnorPopcount``)."""
MOST_DATA, MOST_WEIGHT, MOST_SUM = 18, 25, 48
"""Bits of signed data, weights and accumulator that a DSP48E1 takes (``get_dsp_datapath_limits``)."""


def nodes(quantised: QuantisedNetwork) -> tuple[HardwareNode, ...]:
    """Every node but converters, FIFOs and DMA, which follow from the folding.

    Flatten leaves nothing but another order of reading. The last scale and offset are the host's.
    """
    builder = _Builder(quantised)
    network = quantised.network
    start = _Stream(INPUT, network.input_shape, _integer(quantised, INPUT))
    streams = {INPUT: builder.shared(INPUT, start)}
    for layer in branches(quantised):
        if not _is_part(quantised, layer):
            stream = _layer(builder, layer, [streams[name] for name in _sources(quantised, layer)])
            streams[layer.name] = builder.shared(layer.name, stream)
    return tuple(builder.nodes)


def _is_part(quantised: QuantisedNetwork, layer: Layer) -> bool:
    """Whether FINN's node of a larger join joins it, too: a `Concat` here has two inputs, one of ONNX any number."""
    readers = quantised.network.consumers(layer.name)
    return isinstance(layer, Concat) and len(readers) == 1 and isinstance(readers[0], Concat)


def _sources(quantised: QuantisedNetwork, layer: Layer) -> Iterator[str]:
    by_name = {computed.name: computed for computed in quantised.computed}
    for name in layer.inputs:
        inner = by_name.get(name)
        if inner and _is_part(quantised, inner):
            yield from _sources(quantised, inner)
        else:
            yield name


def branches(quantised: QuantisedNetwork) -> tuple[Layer, ...]:
    """The layers branch by branch, the first input of a join first: an order that a build in FINN finds as well."""
    by_name, layers = {layer.name: layer for layer in quantised.computed}, dict[str, Layer]()

    def visit(name: str) -> None:
        if name in by_name and name not in layers:
            for source in by_name[name].inputs:
                visit(source)
            layers[name] = by_name[name]

    visit(quantised.output)
    return tuple(layers.values())


@dataclass(frozen=True, slots=True)
class _Stream:
    writer: str
    shape: Shape
    type: Integer


@dataclass
class _Builder:
    """The nodes so far."""

    quantised: QuantisedNetwork
    nodes: list[HardwareNode] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def put(self, node: HardwareNode) -> _Stream:
        name = f"{node.op}_{self.counts[node.op]}"
        self.counts[node.op] += 1
        self.nodes.append(replace(node, name=name))
        return _Stream(name, node.shape, node.result)

    def shared(self, tensor: str, stream: _Stream) -> _Stream:
        """The stream, copied where several layers read it."""
        readers = sum(layer.inputs.count(tensor) for layer in self.quantised.computed)
        if readers < 2:
            return stream
        return self.put(Copy("", tensor, (stream.writer,), stream.shape, stream.shape, stream.type, stream.type))


def _layer(builder: _Builder, layer: Layer, inputs: Sequence[_Stream]) -> _Stream:
    source, quantised = inputs[0], builder.quantised
    shape, result = quantised.network.shapes[layer.name], _integer(quantised, layer.name)
    sources = tuple(stream.writer for stream in inputs)
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            return _product(builder, layer, source, shape)  # biases are in thresholds, or the host's
        case Threshold():
            return builder.put(Thresholds("", layer.name, sources, source.shape, source.shape, source.type, result))
        case Add():
            signed = any(stream.type.signed for stream in inputs)
            wide = 1 + max(stream.type.width + (signed and not stream.type.signed) for stream in inputs)
            total = Integer(wide, signed)
            return builder.put(Sum("", layer.name, sources, shape, shape, source.type, total))
        case Concat():
            parts = tuple(stream.shape[-1] for stream in inputs)
            return builder.put(Join("", layer.name, sources, source.shape, shape, result, result, parts))
        case MaxPool2D() | WindowSum():
            window = builder.put(_window(layer, _padded(builder, layer, source), depthwise=True))
            pool = Pool("", layer.name, (window.writer,), shape, shape, source.type, result, layer.kernel)
            return builder.put(pool)
        case GlobalSumLayer():
            bits = source.type.width + (prod(source.shape[:-1]) - 1).bit_length()
            total = Integer(bits, source.type.signed)
            return builder.put(GlobalSum("", layer.name, sources, source.shape, (1, *shape), source.type, total))
        case _:
            return source


def _product(builder: _Builder, layer: Conv2D | GroupedConv2D | Dense, source: _Stream, shape: Shape) -> _Stream:
    """The matrix-vector or vector-vector unit, and what brings it its vectors."""
    types = builder.quantised.layers[layer.name]
    assert types.kernel is not None and types.accumulator is not None
    inputs, is_depthwise = prod(source.shape), isinstance(layer, GroupedConv2D)
    if not isinstance(layer, Dense):
        inputs = prod(layer.kernel) * (1 if is_depthwise else source.shape[-1])
        source = _padded(builder, layer, source)
        if prod(layer.kernel) > 1 or prod(layer.strides) > 1:
            source = builder.put(_window(layer, source, depthwise=is_depthwise))
    bits, total = types.kernel.width, Integer(types.accumulator.width, True)
    if source.type == BINARY and types.bipolar:  # elsewhere FINN gives weights of -1 and 1 the type INT2
        bits, total = 1, Integer(inputs.bit_length(), False)  # it counts the products that are 1 (binaryXnorMode)
    rtl = not types.bipolar and is_rtl(source.type, types.kernel, total.width)
    place = (source.writer,), source.shape, shape if len(shape) == 3 else (1, *shape)
    if is_depthwise:
        return builder.put(VectorVector("", layer.name, *place, source.type, total, inputs, bits, rtl=False))
    return builder.put(MatrixVector("", layer.name, *place, source.type, total, inputs, bits, rtl))


def is_rtl(data: Integer, weight: FixedType, accumulator: int) -> bool:
    """Whether FINN takes its unit on DSP slices: on a DSP48E1 for weights of narrow range only."""
    narrow = weight.signed and weight.overflow is Overflow.SAT_SYM
    fits = data.width - data.signed < MOST_DATA and weight.width <= MOST_WEIGHT and accumulator <= MOST_SUM
    return narrow and fits and min(data.width, weight.width) >= LEAST_RTL_BITS


def _padded(builder: _Builder, layer: LayerWindow, source: _Stream) -> _Stream:
    pads, (rows, columns, channels) = layer.pads(source.shape), source.shape
    if not any(pads):
        return source
    padded, kind = (rows + pads[0] + pads[1], columns + pads[2] + pads[3], channels), source.type
    return builder.put(Padding("", layer.name, (source.writer,), source.shape, padded, kind, kind, pads))


def _window(layer: LayerWindow, source: _Stream, depthwise: bool) -> Window:
    rows, columns = (
        (size - kernel) // stride + 1
        for size, kernel, stride in zip(source.shape[:2], layer.kernel, layer.strides, strict=True)
    )
    shape = rows, columns, source.shape[-1]
    kinds = source.type, source.type
    return Window("", layer.name, (source.writer,), source.shape, shape, *kinds, layer.kernel, layer.strides, depthwise)


def _integer(quantised: QuantisedNetwork, tensor: str) -> Integer:
    type = quantised.type_of(tensor)
    return BINARY if quantised.is_bipolar(tensor) else Integer(type.width, type.signed)
