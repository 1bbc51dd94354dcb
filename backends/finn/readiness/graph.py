"""A QONNX graph as far as it is judged: nodes in order, constants, shapes. Holds no weights and needs no package."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Axis = int | str | None
"""A number of elements, the name of a symbolic one, or None where nothing is known."""

QUANTISER_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""QONNX' own, what Brevitas writes beside it, and the old name that qonnx still reads."""
QUANTISERS = ("Quant", "IntQuant", "BipolarQuant")
TRUNC_2 = 6
"""Inputs of a Trunc of version 2, which has a scale for its result; version 1 has one less."""
MOVES = ("Concat", "Split", "Slice", "Gather", "Pad", "Expand", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth")
"""What joins, picks or repeats elements."""
LAYOUT = ("Identity", "Dropout", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""What moves elements and changes none; qonnx' cleanup takes a Dropout out."""
PRODUCTS = ("Conv", "Gemm", "MatMul")
ARITHMETIC = ("Add", "Sub", "Mul", "Div")


@dataclass(frozen=True)
class Constant:
    """`values` in order; None where there are too many to be a scale, or they are no numbers."""

    shape: tuple[int, ...]
    values: tuple[float, ...] | None
    kind: str = "FLOAT"
    """As ONNX names its type."""


@dataclass(frozen=True)
class GraphNode:
    """`index` counts from 0, as ``graph.node`` does in Python."""

    index: int
    name: str
    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    nested: bool = False
    """Whether it holds a graph of its own: a loop or a branch."""

    def __str__(self) -> str:
        return f"node[{self.index}] {self.name!r} ({self.kind})"


@dataclass(frozen=True)
class Quantiser:
    """A quantising node; `bits`, `scale` and `zero_point` are None where the graph computes them."""

    node: GraphNode
    bits: float | None
    signed: bool
    narrow: bool
    rounding: str
    scale: Constant | None
    zero_point: float | None
    bits_shape: tuple[int, ...] = ()

    @property
    def step(self) -> float | None:
        """The scale, where there is one a tensor."""
        return self.scale.values[0] if self.scale and self.scale.values and len(self.scale.values) == 1 else None


@dataclass(frozen=True)
class Graph:
    """`inputs` are the computed ones, constants apart; `shapes` and `types` ("FLOAT") are by tensor, where known.

    Its nodes stand in an order in which they can run; each makes a tensor, and each tensor is made once.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[GraphNode, ...]
    constants: Mapping[str, Constant]
    shapes: Mapping[str, tuple[Axis, ...]]
    types: Mapping[str, str]
    functions: tuple[str, ...] = ()
    """Those of the file's own."""
    ir_version: int = 0

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The tensors that are equal for every image: constants, and what is computed from them alone."""
        names = {"", *self.constants}
        for node in self.nodes:
            if node.inputs and names.issuperset(node.inputs):
                names.update(node.outputs)
        return frozenset(names)

    @cached_property
    def sizes(self) -> frozenset[str]:
        """The tensors that are shapes, or computed from nothing else, while the graph runs."""
        names: set[str] = set()
        for node in self.nodes:
            computed = self.computed(node)
            if computed and (node.kind in ("Shape", "Size") or names.issuperset(computed)):
                names.update(node.outputs)
        return frozenset(names)

    @cached_property
    def producers(self) -> Mapping[str, GraphNode]:
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def _readers(self) -> Mapping[str, list[GraphNode]]:
        readers = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node)
        return readers

    def consumers(self, name: str) -> Sequence[GraphNode]:
        return self._readers.get(name, ())

    def computed(self, node: GraphNode) -> tuple[str, ...]:
        """Its inputs that differ from image to image; one that is read twice stands twice."""
        return tuple(name for name in node.inputs if name not in self.fixed)

    def of_kind(self, *kinds: str) -> Iterator[GraphNode]:
        return (node for node in self.nodes if node.kind in kinds and node.domain in ("", "ai.onnx"))

    def constant(self, name: str) -> Constant | None:
        """What the tensor holds, layout changes and a quantiser of weights taken away."""
        source = self.behind_layout(name)
        if quantiser := self.quantisers.get(source):
            source = self.behind_layout(quantiser.node.inputs[0])
        return self.constants.get(source)

    def channels(self, name: str) -> int | None:
        """Of an image (N, C, H, W)."""
        match self.shapes.get(name):
            case (_, int(channels), _, _):
                return channels
        return None

    def area(self, name: str) -> int | None:
        """Pixels of an image (N, C, H, W)."""
        match self.shapes.get(name):
            case (_, _, int(height), int(width)):
                return height * width
        return None

    def behind_layout(self, name: str) -> str:
        """The tensor whose elements these are, layout changes taken away."""
        return self._sources.get(name, name)

    @cached_property
    def _sources(self) -> Mapping[str, str]:
        sources: dict[str, str] = {}
        for node in self.nodes:
            if node.kind in LAYOUT:
                sources[node.outputs[0]] = sources.get(node.inputs[0], node.inputs[0])
        return sources

    @cached_property
    def quantisers(self) -> Mapping[str, Quantiser]:
        """By the tensor that they make, in order."""
        return {
            node.outputs[0]: self._quantiser(node)
            for node in self.nodes
            if node.kind in QUANTISERS and node.domain in QUANTISER_DOMAINS
        }

    def quantiser(self, node: GraphNode) -> Quantiser | None:
        """What the node quantises by, if it does."""
        return self.quantisers.get(node.outputs[0])

    @property
    def activations(self) -> Iterator[Quantiser]:
        return (quantiser for name, quantiser in self.quantisers.items() if name not in self.fixed)

    def _quantiser(self, node: GraphNode) -> Quantiser:
        settings, scale = node.settings, self._constant(node, 1)
        if node.kind == "BipolarQuant":
            return Quantiser(node, 1.0, True, True, "ROUND", scale, 0.0)
        signed, narrow = bool(settings.get("signed", 1)), bool(settings.get("narrow", 0))
        rounding = str(settings.get("rounding_mode", "ROUND"))
        bits, zero_point, width = self._scalar(node, 3), self._scalar(node, 2), self._constant(node, 3)
        return Quantiser(node, bits, signed, narrow, rounding, scale, zero_point, width.shape if width else ())

    def _constant(self, node: GraphNode, index: int) -> Constant | None:
        return self.constants.get(self.behind_layout(node.inputs[index])) if index < len(node.inputs) else None

    def _scalar(self, node: GraphNode, index: int) -> float | None:
        """The one value of an input that is a constant, whatever its shape."""
        constant = self._constant(node, index)
        values = set(constant.values) if constant and constant.values else set()
        return values.pop() if len(values) == 1 else None

    def truncation(self, node: GraphNode, index: int) -> float | None:
        """One of the numbers of a Trunc."""
        return self._scalar(node, index)

    def _truncated(self, node: GraphNode) -> float | None:
        """The scale behind a Trunc: its first version keeps that of what it reads, its second has one of its own."""
        return self._scalar(node, 4 if len(node.inputs) == TRUNC_2 else 1)

    def scalar(self, node: GraphNode) -> float | None:
        """The one value that arithmetic applies to its first input; None where there are several."""
        constant = self.constants.get(self.behind_layout(node.inputs[-1])) if len(self.computed(node)) == 1 else None
        commutes = node.kind in ("Add", "Mul")
        if constant is None and commutes:
            constant = self.constants.get(self.behind_layout(node.inputs[0]))
        return constant.values[0] if constant and constant.values and len(constant.values) == 1 else None

    @cached_property
    def signed(self) -> frozenset[str]:
        """The tensors that are quantised and can be negative."""
        names: set[str] = set()
        for node in self.nodes:
            quantiser = self.quantiser(node)
            if quantiser.signed if quantiser else node.kind != "Relu" and not names.isdisjoint(node.inputs):
                names.update(node.outputs)
        return frozenset(names)

    @cached_property
    def steps(self) -> Mapping[str, float | None]:
        """Every tensor that holds integers times one scale, with that scale; None where it is not one known number."""
        steps: dict[str, float | None] = {}
        for node in self.nodes:
            computed, output = self.computed(node), node.outputs[0]
            scales = [steps[name] for name in computed if name in steps]
            if quantiser := self.quantiser(node):
                steps[output] = quantiser.step
            elif node.kind == "Trunc":
                steps[output] = self._truncated(node)
            elif not scales or len(scales) != len(computed):
                continue
            elif node.kind in (*LAYOUT, *MOVES, "Relu", "MaxPool"):  # a join of several scales is reported there
                steps[output] = scales[0] if len(set(scales)) == 1 else None
            elif node.kind in ("GlobalAveragePool", "ReduceMean"):
                area = self.area(node.inputs[0])
                steps[output] = scales[0] / area if scales[0] is not None and area else None
            elif node.kind == "Add" and len(scales) == 2:  # a difference is reported at the sum
                steps[output] = scales[0] if scales[0] == scales[1] else None
            elif node.kind in ("Mul", "Div"):
                steps[output] = self._scaled(node, scales)
        return steps

    def _scaled(self, node: GraphNode, scales: list[float | None]) -> float | None:
        """The scale of a product: of both tensors' scales, or of one scale and a constant above 0."""
        factors = [*scales, self.scalar(node)] if len(scales) == 1 else scales
        if len(factors) != 2 or None in factors or not all(factor and factor > 0 for factor in factors):
            return None
        first, second = (factor or 1.0 for factor in factors)
        return first * second if node.kind == "Mul" else first / second
