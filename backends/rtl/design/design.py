"""What the flow builds for a job: the stages of its layers, at the cycles that its SystemVerilog takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, log2
from typing import ClassVar

from backends.cost.amounts import Amounts
from backends.dataflow.buffers import BRAM, LUTRAM, Buffer
from backends.dataflow.layers import packing
from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.memories import Memory
from backends.dataflow.layers.nodes import (
    CLONE,
    MATRIX_VECTOR,
    RECEIVE,
    SEND,
    WINDOW,
    Lanes,
    Node,
    columns_a_part,
    parts,
    pixels,
    slides,
)
from backends.dataflow.layers.schedule import frame
from backends.dataflow.layers.searches import Ladders, Search, ladders
from backends.dataflow.pe_simd import Fold, Ways
from backends.dataflow.stages import Stage
from backends.rtl.design import costs, thresholds
from backends.rtl.options import RtlOptions
from models.integers import GlobalSum, Threshold
from models.layers import Add, Conv2D, GlobalAveragePool, MaxPool2D, ReLU

LATENCY = {
    RECEIVE: 2,
    CLONE: 1,
    WINDOW: 4,
    MATRIX_VECTOR: 12,
    Add.kind: 4,
    ReLU.kind: 3,
    MaxPool2D.kind: 3,
    GlobalAveragePool.kind: 5,
    GlobalSum.kind: 5,
    Threshold.kind: 1,
    SEND: 0,
}
"""Cycles from the end of a turn until what it made can be read from the FIFO that the stage ends in, without those that
thresholds and comparisons take."""
NARROW = 2
"""Those of a word that is taken apart."""
REQUANTISE = 2
"""Those in a matrix-vector unit where thresholds take their place."""
DIVIDER = 4
"""Those of a division by an area that is no power of two."""


@dataclass(frozen=True, eq=False)
class RtlDesign(LayerDesign[RtlOptions]):
    fifo_storages: ClassVar[tuple[str, ...]] = (LUTRAM, BRAM)

    @staticmethod
    def ways(node: Node) -> Ways:
        """The words of a window lie in one column each, so that a column goes out once; words of pixels are whole."""
        simds, pes = node.foldable
        channels = node.taken[-1]
        if isinstance(node.layer, Conv2D) and slides(node.layer):
            return tuple(simd for simd in simds if columns_a_part(node.layer, channels, simd) == 1), pes
        return tuple(simd for simd in simds if channels % simd == 0), pes

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(
            _stage(node, self.lanes[node.name], self.search(node, self.lanes[node.name])) for node in self.nodes
        )

    def fabric(self, node: Node, folds: Sequence[Fold]) -> Sequence[Fold]:
        kernel = self.quantised.layers[node.layer.name].kernel
        rows = (self._bits(node) + 1) * kernel.width if kernel else packing.EIGHT
        return packing.in_luts(node, folds, self.job.options.packing, rows)

    @cached_property
    def searches(self) -> Mapping[str, Search]:
        wide = self.lanes
        return {node.tensor: found for node in self.nodes if (found := self.search(node, wide[node.name]))}

    def search(self, node: Node, wide: Lanes) -> Search | None:
        """How the codes of the stage `node` are found at this width, where thresholds make them."""
        if node.kind not in (MATRIX_VECTOR, Threshold.kind) or node.tensor not in self._ladders:
            return None
        return thresholds.search(
            self._ladders[node.tensor], node, wide, self._compared(node), self.job.target.part.device
        )

    def _compared(self, node: Node) -> int:
        """Bits of the thresholds of the stage `node`."""
        if node.kind == MATRIX_VECTOR:
            return thresholds.threshold_bits(self.sums[node.name])
        taken = self.quantised.type_of(node.layer.inputs[0])
        return thresholds.threshold_bits(taken.width, taken.signed)

    @cached_property
    def _ladders(self) -> Mapping[str, Ladders]:
        layers = [layer for layer in self.quantised.computed if isinstance(layer, Threshold)]
        tensors = self.job.weights.tensors() if layers else {}
        return {layer.name: ladders(layer, tensors) for layer in layers}

    @cached_property
    def roms(self) -> Mapping[str, Memory]:
        return {name: self._in_one(memory) for name, memory in super().roms.items()}

    @cached_property
    def rows(self) -> Mapping[str, Memory]:
        return {name: self._in_one(memory) for name, memory in super().rows.items()}

    def _in_one(self, memory: Memory) -> Memory:
        return costs.in_one(memory, self.job.target.part.device)

    def node_cost(self, node: Node, wide: Lanes) -> tuple[Amounts, Mapping[str, Amounts]]:
        sums = self.sums.get(node.layer.name, 0)
        sharing = self.sharing.get(node.layer.name, 1)
        search, codes = self.search(node, wide), None
        if search:
            lanes = wide.fold.pe if node.kind == MATRIX_VECTOR else wide.puts
            width = self.quantised.type_of(node.tensor).width
            codes = thresholds.cost(search, lanes, self._compared(node), width)
        return costs.node_cost(node, self.quantised, wide, (sums, sharing), self.job.target.part.device, codes)

    def fifo_cost(self, buffer: Buffer) -> Amounts:
        return costs.fifo_cost(buffer)


@lru_cache(maxsize=256)
def _stage(node: Node, wide: Lanes, search: Search | None) -> Stage:
    return Stage(node.name, node.sources, tuple(frame(node, wide)), latency(node, wide, search))


def latency(node: Node, wide: Lanes, search: Search | None = None) -> int:
    """Cycles from the end of a turn until what it made can be read."""
    cycles = LATENCY[node.kind]
    if search:
        is_unit = node.kind == MATRIX_VECTOR
        cycles += thresholds.latency(search, wide.fold.pe if is_unit else wide.puts) - REQUANTISE * is_unit
    match node.kind:
        case "matrix_vector":
            return cycles + ceil(log2(wide.fold.simd)) + NARROW * (wide.takes > wide.fold.simd)
        case "window":
            return cycles + NARROW * (wide.takes > parts(node, wide).stored)
        case "send":
            return cycles + NARROW * (wide.takes > 1)
        case "maxpool2d":
            assert isinstance(node.layer, MaxPool2D)
            return cycles + sum(2 * ceil(log2(size)) for size in node.layer.kernel)
        case "global_average_pool":
            area = pixels(node.taken)
            return cycles + (DIVIDER if area & (area - 1) else 0)
    return cycles
