"""What the flow builds for a job: the stages of its layers, at the cycles and costs that HLS gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from backends.cost.amounts import Amounts
from backends.dataflow.buffers import Buffer
from backends.dataflow.layers import packing
from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.nodes import Lanes, Node, part_width
from backends.dataflow.layers.schedule import EXPECTED, Pace, stages
from backends.dataflow.pe_simd import Fold
from backends.dataflow.stages import Stage
from backends.hls.design import costs
from backends.hls.options import HlsOptions
from backends.protocol import Refusal

WIDEST = 4096
"""The most bits of AMD's arbitrary-precision integers (UG1399), which the words of the generated code are."""


@dataclass(frozen=True, eq=False)
class HlsDesign(LayerDesign[HlsOptions]):
    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stream stages with their expected cycles."""
        return self.stages_at(EXPECTED)

    def stages_at(self, pace: Pace) -> tuple[Stage, ...]:
        return stages(self.nodes, self.lanes, pace)

    def _in_a_word(self, layer: str) -> int:
        return self.sharing.get(layer, 1)

    def fabric(self, node: Node, folds: Sequence[Fold]) -> Sequence[Fold]:
        return packing.in_luts(node, folds, self.job.options.packing)

    def node_cost(self, node: Node, wide: Lanes) -> tuple[Amounts, Mapping[str, Amounts]]:
        sums, sharing = self.sums.get(node.layer.name, 0), self.sharing.get(node.layer.name, 1)
        return costs.node_cost(node, self.quantised, wide, (sums, sharing), self.job.target.part.device)

    def fifo_cost(self, buffer: Buffer) -> Amounts:
        return costs.fifo_cost(buffer)

    def refusals(self) -> Iterator[Refusal]:
        """Refusals of words that are wider than AMD's integers."""
        for node in self.nodes:
            bits = self.lanes[node.name].puts * self.quantised.type_of(node.tensor).width
            if bits > WIDEST:
                yield _too_wide(f"the words of {node.tensor}", bits)
        for node in self.weighted:
            width = part_width(node.layer, self.folds[node.name])
            bits = ceil(self.lanes[node.name].takes / width) * width * self._bits(node)
            if bits > WIDEST:
                yield _too_wide(f"the words that {node.name} reads", bits)


def _too_wide(words: str, bits: int) -> Refusal:
    fact = f"{words} have {bits:,} bits, and AMD's ap_uint takes {WIDEST:,} at most"
    return Refusal("--folding", fact, "PE and SIMD that divide the channels, or fewer --activation-bits")
