"""What the flow builds for a job: its arithmetic, folding, stages, memories, and the FIFOs between stages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from backends.cost import shell
from backends.cost.amounts import Amounts, joined
from backends.cost.shell import Shell, find_shell
from backends.dataflow.buffers import BRAM, LUTRAM, SHALLOWEST, SRL, Buffer, lightest
from backends.dataflow.design import BufferedDesign
from backends.dataflow.fifos import sized
from backends.dataflow.layers import packing
from backends.dataflow.layers.arithmetic import reaches
from backends.dataflow.layers.memories import Memory, kept, rows, weight_rom
from backends.dataflow.layers.nodes import MULTIPLYING, POOLS, WINDOW, Lanes, Node, nodes
from backends.dataflow.layers.options import LayerOptions
from backends.dataflow.layers.searches import Search
from backends.dataflow.layers.words import choose_lanes
from backends.dataflow.options import AUTO, SIMULATED
from backends.dataflow.pe_simd import Fold, Ways
from backends.dataflow.stages import Fifo
from backends.protocol import Job
from models.network import INPUT
from models.quantised import QuantisedNetwork

FIFO = "fifo"
"""The scope of all FIFOs together."""

Options = TypeVar("Options", bound=LayerOptions)


@dataclass(frozen=True, eq=False)
class LayerDesign(BufferedDesign, Generic[Options]):
    """`folds` holds the folding of every layer with weights."""

    fifo_storages: ClassVar[tuple[str, ...]] = (SRL, LUTRAM, BRAM)
    """What may hold the words of its FIFOs."""

    job: Job[Options]
    quantised: QuantisedNetwork
    folds: Mapping[str, Fold]

    @property
    def shell(self) -> Shell:
        return find_shell(self.job.options.shell)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return nodes(self.quantised)

    @property
    def weighted(self) -> tuple[Node, ...]:
        """The stages with weights."""
        return tuple(node for node in self.nodes if node.kind in MULTIPLYING)

    @cached_property
    def lanes(self) -> Mapping[str, Lanes]:
        """How wide every stage works."""
        return choose_lanes(self.nodes, self.folds)

    @cached_property
    def sums(self) -> Mapping[str, int]:
        """The width of the accumulator of each layer with weights: the bits that hold every sum its weights allow."""
        return {reach.layer: reach.bits for reach in reaches(self.job, self.quantised)}

    @cached_property
    def sharing(self) -> Mapping[str, int]:
        """How many results share a DSP48E1, by layer with weights; 1 for layers that are missing here."""
        return packing.sharing(self.job, self.quantised) if self.job.options.packing == AUTO else {}

    @cached_property
    def searches(self) -> Mapping[str, Search]:
        """How the codes of threshold layers are found, by layer."""
        return {}

    def fabric(self, node: Node, folds: Sequence[Fold]) -> Sequence[Fold]:
        """The folds among `folds` at which the stage `node` may also multiply in LUTs."""
        return ()

    @staticmethod
    def ways(node: Node) -> Ways:
        """The folds that the stage `node`, which has weights, may have."""
        return node.foldable

    @abstractmethod
    def node_cost(self, node: Node, wide: Lanes) -> tuple[Amounts, Mapping[str, Amounts]]:
        """What one stage takes at this width: (its logic, its memories by their scopes)."""

    @abstractmethod
    def fifo_cost(self, buffer: Buffer) -> Amounts:
        """What one FIFO takes: its control logic, and the memory of its words."""

    def costs(self) -> Iterator[tuple[str, Amounts]]:
        """(scope, amounts) of every part of the design and its shell; memories have their own scopes."""
        for node in self.nodes:
            logic, memories = self.node_cost(node, self.lanes[node.name])
            yield node.scope, logic
            yield from memories.items()
        for buffer in self.buffers:
            yield FIFO, self.fifo_cost(buffer)
        yield shell.SCOPE, self.shell.amounts()

    @cached_property
    def whole(self) -> Amounts:
        """What the whole design takes."""
        return joined(*(part for _, part in self.costs()))

    @cached_property
    def roms(self) -> Mapping[str, Memory]:
        """The weight memory of every layer with weights."""
        device = self.job.target.part.device
        roms = {}
        for node in self.weighted:
            kernel = self.quantised.layers[node.name].kernel
            assert kernel is not None, f"{node.name} has no weights"
            roms[node.name] = weight_rom(node, self.folds[node.name], kernel.width, device, self._in_a_word(node.name))
        return roms

    def _in_a_word(self, layer: str) -> int:
        """How many results have their weights in one ROM."""
        return 1

    @cached_property
    def rows(self) -> Mapping[str, Memory]:
        """The rows that the windows of convolutions and pools keep, by layer."""
        device = self.job.target.part.device
        return {
            node.layer.name: rows(node, self.lanes[node.name], self._bits(node), device)
            for node in self.nodes
            if node.kind in (WINDOW, *(pool.kind for pool in POOLS))
        }

    @cached_property
    def kept(self) -> Mapping[str, Memory]:
        """The memories of values that layers with weights read more than once."""
        device = self.job.target.part.device
        return {node.name: kept(node, self.folds[node.name], self._bits(node), device) for node in self.weighted}

    def _bits(self, node: Node) -> int:
        """Bits of a value that the stage takes."""
        return self.quantised.type_of(node.layer.inputs[0]).width

    @cached_property
    def pixel_bits(self) -> Mapping[Fifo, int]:
        """For each FIFO, the bits of all channels of a pixel, or of all values of a window."""
        writers = {node.name: node for node in self.nodes}
        return {
            (source, node.name): self._pixel_bits(writers[source])
            for node in self.nodes
            for source in node.sources
            if source != INPUT
        }

    def _pixel_bits(self, node: Node) -> int:
        values = node.covered if node.kind == WINDOW else node.shape[-1]
        return values * self.quantised.type_of(node.tensor).width

    @cached_property
    def _tensors(self) -> Mapping[str, str]:
        """The tensor that every stage puts."""
        return {node.name: node.tensor for node in self.nodes}

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The FIFOs."""
        asked = self.job.options.fifo_depth
        if asked == SIMULATED:
            depths = sized(self.stages, self.pixel_bits, SHALLOWEST)
        else:
            depths = dict.fromkeys(self.pixel_bits, int(asked))
        return tuple(self.buffer(fifo, depth, self.lanes[fifo[0]].puts) for fifo, depth in depths.items())

    def buffer(self, fifo: Fifo, depth: int, values: int) -> Buffer:
        """A FIFO for `depth` words of `values` values."""
        storage = self.job.options.fifo_storage
        bits = values * self.quantised.type_of(self._tensors[fifo[0]]).width
        ways = self.fifo_storages if storage == AUTO else (storage,)
        return lightest((Buffer(*fifo, depth, bits, way) for way in ways), self.job.target.part.device)
