"""A graph in the QCDQ form (QuantizeLinear, maybe Clip, DequantizeLinear) as QONNX: each such chain is one Quant node.

Both mean the same numbers: codes to the nearest, ties to even, within the range of their type or of the Clip. Graphs
that compute with codes (QLinearConv, ConvInteger) are another form, and are refused by name where they are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.imported.quantiser import code_range
from models.imported.workers.draft import Place
from models.imported.workers.onnx_domains import DOMAINS, OWN
from models.imported.workers.onnx_file import Tensors, attributes, text_of

INTO, BACK = "QuantizeLinear", "DequantizeLinear"
CODES = (np.int8, np.uint8)
ADVICE = "export QONNX (brevitas.export.export_qonnx), which has one node a quantiser"


def is_qcdq(model: ModelProto) -> bool:
    return any(_is(node, INTO, BACK) for node in model.graph.node)


def as_qonnx(model: ModelProto, tensors: Tensors) -> ModelProto:
    """Changes `model` in place, and returns it; raises `InputError` at a quantiser that has no Quant like it."""
    graph, chains = model.graph, _Chains(model, tensors)
    nodes = list[NodeProto]()
    for index, node in enumerate(graph.node, start=1):
        if not _is(node, BACK):
            nodes.append(node)
            continue
        place = Place(tensors.file, index, text_of(node.name or next(iter(node.output), "")), BACK)
        try:
            nodes += chains.joined(place, node)
        except (ArithmeticError, LookupError, TypeError, ValueError) as reason:
            raise place.refusal(f"damaged ({str(reason)[:80]!r})", ADVICE) from None
    read = {name for node in nodes for name in node.input} | {output.name for output in graph.output}
    for node in reversed(nodes):  # what only led to codes goes, from the end back
        if _is(node, INTO, "Clip") and read.isdisjoint(node.output):
            nodes.remove(node)
            read = {name for node in nodes for name in node.input} | {output.name for output in graph.output}
    constants = [tensor for tensor in (*graph.initializer, *chains.added) if tensor.name in read]
    for field, content in ((graph.node, nodes), (graph.initializer, constants), (graph.value_info, ())):
        del field[:]
        field.extend(content)
    if DOMAINS[0] not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAINS[0], 1))
    return model


class _Chains:
    """The quantisers of a graph; `added` are the constants that their Quant nodes read."""

    def __init__(self, model: ModelProto, tensors: Tensors) -> None:
        self.tensors, self.added = tensors, list[TensorProto]()
        self.writers = {name: node for node in model.graph.node for name in node.output}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = node.attribute[0].t

    def joined(self, place: Place, node: NodeProto) -> Iterator[NodeProto]:
        """The Quant that a DequantizeLinear ends; nothing for a bias of 32 bits, which becomes a constant of floats."""
        scale, zero = self._scale(place, node)
        source, ends = node.input[0], None
        if (clip := self.writers.get(source)) is not None and _is(clip, "Clip"):
            source = clip.input[0]
            ends = tuple(int(self._constant(place, name, "end").item()) for name in clip.input[1:3])
        if source in self.constants:
            codes = self._constant(place, source, "codes")
            axis = attributes(place, node).get("axis", 1)
            scale, zero = (_along(parameter, codes.ndim, axis) for parameter in (scale, zero))
            numbers = (codes.astype(np.float64) - zero) * scale
            if codes.dtype == np.int32:
                self._make(node.output[0], numbers)
                return
            floats, kind, narrow = self._make(f"{node.output[0]}.floats", numbers), codes.dtype, _is_narrow(codes, ends)
        else:
            floats, kind = self._source(place, source, scale, zero)
            narrow = False
        bits, signed, is_narrow = _range(place, kind, ends)
        inputs = [
            floats,
            self._make(f"{node.output[0]}.scale", scale),
            self._make(f"{node.output[0]}.zero", zero),
            self._make(f"{node.output[0]}.bits", np.array(bits)),
        ]
        settings: dict[str, Any] = {"signed": int(signed), "narrow": int(narrow or is_narrow), "rounding_mode": "ROUND"}
        yield helper.make_node("Quant", inputs, node.output, node.name, domain=DOMAINS[0], **settings)

    def _source(self, place: Place, name: str, scale: NDArray[Any], zero: NDArray[Any]) -> tuple[str, np.dtype[Any]]:
        """(the tensor of floats, the type of codes) of the QuantizeLinear that makes `name`."""
        writer = self.writers.get(name)
        if writer is None or not _is(writer, INTO):
            raise place.refusal(f"it reads {name!r}, which no QuantizeLinear makes", ADVICE)
        own, other = self._scale(place, writer)
        if not (np.array_equal(own, scale) and np.array_equal(other, zero)):
            raise place.refusal("its scale or zero point is another than that of its QuantizeLinear", ADVICE)
        kind = self._constant(place, writer.input[2], "zero point").dtype if len(writer.input) > 2 else np.uint8
        return writer.input[0], np.dtype(kind)

    def _scale(self, place: Place, node: NodeProto) -> tuple[NDArray[Any], NDArray[Any]]:
        """(scale, zero point) of a node."""
        if odd := set(attributes(place, node)) - {"axis", "saturate"}:
            raise place.refusal(f"it has {min(odd)}, which no Quant has", ADVICE)
        scale = self._constant(place, node.input[1], "scale")
        name = node.input[2] if len(node.input) > 2 else ""
        zero = self._constant(place, name, "zero point") if name else np.zeros(())
        return scale, zero if zero.any() else np.zeros(())

    def _constant(self, place: Place, name: str, about: str) -> NDArray[Any]:
        if name not in self.constants:
            raise place.refusal(f"its {about} is computed while the network runs", ADVICE)
        return self.tensors.read(self.constants[name])

    def _make(self, name: str, numbers: NDArray[Any]) -> str:
        self.added.append(numpy_helper.from_array(np.asarray(numbers, np.float32, order="C"), name))
        return name


def _is(node: NodeProto, *kinds: str) -> bool:
    return node.op_type in kinds and node.domain in OWN


def _along(numbers: NDArray[Any], rank: int, axis: int) -> NDArray[Any]:
    """Numbers of an axis, to be broadcast to a tensor; a single one as it is."""
    if numbers.size == 1:
        return numbers.reshape(())
    shape = [1] * rank
    shape[axis] = numbers.size
    return numbers.reshape(shape)


def _is_narrow(codes: NDArray[Any], ends: tuple[int, ...] | None) -> bool:
    """Whether no code is the lowest of its range: then a narrow quantiser leaves the same."""
    low = ends[0] if ends else np.iinfo(codes.dtype).min
    return bool(low < 0 and (codes > low).all())


def _range(place: Place, kind: np.dtype[Any], ends: tuple[int, ...] | None) -> tuple[int, bool, bool]:
    """(bits, signed, narrow) of the quantiser with these codes."""
    if kind not in CODES:
        raise place.refusal(f"its codes are {kind}, where int8 and uint8 are read", ADVICE)
    low, high = ends or (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for bits in range(1, 9):
        for signed in (True, False):
            for narrow in (False, True):
                if code_range(bits, signed, narrow) == (low, high):
                    return bits, signed, narrow
    raise place.refusal(f"its codes are {low} to {high}, which are those of no number of bits", ADVICE)
