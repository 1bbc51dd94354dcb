"""What FINN will build for a job: nodes, folding, FIFOs and converters between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from backends.cost.amounts import Amounts, joined
from backends.cost.shell import SCOPE, SMARTCONNECT, Shell, find_shell
from backends.dataflow.design import StreamDesign
from backends.dataflow.fifos import LEAST, sized
from backends.dataflow.options import AUTO
from backends.dataflow.stages import Fifo, Stage
from backends.finn.design import folding_file
from backends.finn.design.fifos import Link, StreamingFifo, links, pixel_bits
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import HardwareNode
from backends.finn.design.schedule import Folding, stages
from backends.finn.options import FINN, FinnOptions
from backends.finn.resources import models
from backends.finn.resources.formulas import MemoryStyle
from backends.protocol import Job
from models.integer_network import IntegerNetwork
from models.quantised import QuantisedNetwork

FIFO, CONVERTER, IODMA = "fifo", "width converters", "DMA engines"


@dataclass(frozen=True, eq=False)
class FinnDesign(StreamDesign):
    job: Job[FinnOptions]
    quantised: QuantisedNetwork
    folding: Folding

    @property
    def integer(self) -> IntegerNetwork:
        """What `quantised` was read from."""
        assert isinstance(self.job.integer, IntegerNetwork), "check refuses what is not quantised"
        return self.job.integer

    @cached_property
    def nodes(self) -> tuple[HardwareNode, ...]:
        return nodes(self.quantised)

    @property
    def memory(self) -> MemoryStyle:
        """Of every node of which no folding file says more."""
        options = self.job.options
        return MemoryStyle(options.weight_memory, options.weight_style, options.window_style)

    @cached_property
    def memories(self) -> Mapping[str, MemoryStyle]:
        """By node."""
        how = self.job.options.folding
        if how in (AUTO, FINN):
            return {node.name: self.memory for node in self.nodes}
        return folding_file.memories(how, self.nodes, self.memory)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return stages(self.nodes, self.folding)

    @cached_property
    def depths(self) -> Mapping[Fifo, int]:
        """Of the FIFOs, in tokens."""
        return sized(self.stages, pixel_bits(self.nodes), LEAST)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return links(self.nodes, self.folding, self.depths, self.job.options.fifo_style)

    def costs(self) -> Iterator[tuple[str, Amounts]]:
        """(scope, amounts) of nodes by FINN's names, of FIFOs and converters, and of the shell."""
        for node in self.nodes:
            yield node.name, models.of_node(node, self.folding[node.name], self.memories[node.name])
        for link in self.links:
            yield FIFO if isinstance(link, StreamingFifo) else CONVERTER, models.of_link(link)
        yield from self.shell_costs().items()

    @cached_property
    def whole(self) -> Amounts:
        """All that it takes, as parts of one sum."""
        return joined(*(models.of_sum(part) for _, part in self.costs()))

    @property
    def shell(self) -> Shell:
        return find_shell(self.job.options.shell, own_dma=True)

    @property
    def brings_dma(self) -> bool:
        """Whether FINN's own DMA engines move the images, as in its Zynq build."""
        return self.job.options.shell == SMARTCONNECT

    def shell_costs(self) -> Mapping[str, Amounts]:
        """The shell, and FINN's own DMA engines where it is FINN's own, by scope."""
        engines = {IODMA: joined(*self._engines)} if self.brings_dma else {}
        return {**engines, SCOPE: self.shell.amounts()}

    @property
    def _engines(self) -> tuple[Amounts, Amounts]:
        first, last = self.nodes[0], self.nodes[-1]
        taken, put = first.takes(self.folding[first.name]), last.puts(self.folding[last.name])
        return (
            models.of_dma(True, taken * first.data.width, prod(first.taken) // taken),
            models.of_dma(False, put * last.result.width, prod(last.shape) // put),
        )

    def folding_file(self) -> str:
        """The text of FINN's folding file for it."""
        return folding_file.write(self.nodes, self.folding, self.memories, self.links)
