"""What the flow will build for a job: its arithmetic, folding, stages, memories, and the FIFOs between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backends.hls import fifos
from backends.hls.fifos import Buffer
from backends.hls.folding_options import Fold
from backends.hls.lanes import Lanes
from backends.hls.memories import Memory, kept, rows, weight_rom
from backends.hls.nodes import MATRIX_VECTOR, WINDOW, Node, nodes
from backends.hls.schedule import EXPECTED, Pace, stages
from backends.hls.words import lanes
from backends.protocol import Job
from backends.stream import Stage, sized
from models.network import MaxPool2D
from models.quantised import QuantisedNetwork


@dataclass(frozen=True, eq=False)
class Design:
    """`folds` holds the folding of every layer with weights."""

    job: Job
    quantised: QuantisedNetwork
    folds: Mapping[str, Fold]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return nodes(self.quantised)

    @property
    def weighted(self) -> tuple[Node, ...]:
        """The matrix-vector stages."""
        return tuple(node for node in self.nodes if node.kind == MATRIX_VECTOR)

    @cached_property
    def lanes(self) -> Mapping[str, Lanes]:
        """How wide every stage works."""
        return lanes(self.nodes, self.folds)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stream stages, at the cycles that are expected."""
        return self.stages_at(EXPECTED)

    def stages_at(self, pace: Pace) -> tuple[Stage, ...]:
        return stages(self.nodes, self.lanes, pace)

    @cached_property
    def roms(self) -> Mapping[str, Memory]:
        """The weights of every layer that has some."""
        device = self.job.target.part.device
        found = {}
        for node in self.weighted:
            kernel = self.quantised.layers[node.name].kernel
            assert kernel is not None, f"{node.name} has no weights"
            found[node.name] = weight_rom(node.size, self.folds[node.name], kernel.width, device)
        return found

    @cached_property
    def rows(self) -> Mapping[str, Memory]:
        """The rows that the windows of convolutions and pools keep, by layer."""
        device = self.job.target.part.device
        return {
            node.layer.name: rows(node, self.lanes[node.name], self._bits(node), device)
            for node in self.nodes
            if node.kind in (WINDOW, MaxPool2D.kind)
        }

    @cached_property
    def kept(self) -> Mapping[str, Memory]:
        """What the stages of layers with weights read more than once."""
        device = self.job.target.part.device
        return {node.name: kept(node, self.folds[node.name], self._bits(node), device) for node in self.weighted}

    def _bits(self, node: Node) -> int:
        """Of a value that it takes."""
        return self.quantised.type_of(node.layer.inputs[0]).width

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The FIFOs."""
        return self.buffers_by(sized)

    def buffers_by(self, size: fifos.Size) -> tuple[Buffer, ...]:
        """The FIFOs, where their depths are to be simulated by this function of `backends.stream`."""
        options = self.job.options
        depths = fifos.depths(self.quantised, self.nodes, self.stages, options.fifo_depth, size)
        device = self.job.target.part.device
        return fifos.buffers(self.quantised, self.nodes, self.lanes, depths, options.fifo_storage, device)
