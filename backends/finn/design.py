"""What FINN will build for a job: nodes, folding, FIFOs and converters between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backends.finn import folding_file
from backends.finn.fifos import Link, links, sized
from backends.finn.formulas import Memory
from backends.finn.graph import nodes
from backends.finn.nodes import Node
from backends.finn.schedule import Folding, stages
from backends.protocol import Job
from backends.stream import Fifo, Simulation, Stage, simulate
from models.quantised import QuantisedNetwork


@dataclass(frozen=True, eq=False)
class Design:
    job: Job
    quantised: QuantisedNetwork
    folding: Folding

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return nodes(self.quantised)

    @property
    def memory(self) -> Memory:
        return memory_of(self.job)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return stages(self.nodes, self.folding)

    @cached_property
    def depths(self) -> Mapping[Fifo, int]:
        """Of the FIFOs, in tokens."""
        return sized(self.nodes, self.stages)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return links(self.nodes, self.folding, self.depths, self.job.options.fifo_style)

    @cached_property
    def simulation(self) -> Simulation:
        return simulate(self.stages, self.depths)

    def folding_file(self) -> str:
        """The text of FINN's folding file for it."""
        return folding_file.write(self.nodes, self.folding, self.memory, self.links)


def memory_of(job: Job) -> Memory:
    options = job.options
    return Memory(options.weight_memory, options.weight_style, options.window_style)
