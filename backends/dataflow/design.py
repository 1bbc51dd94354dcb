"""What the designs of all flows share: stages, the FIFOs between them, and the stream simulation of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property

from backends.dataflow.buffers import Buffer
from backends.dataflow.stages import Fifo, Simulation, Stage
from backends.dataflow.stream import simulate


class StreamDesign(ABC):
    """A design of stages with FIFOs between them; it does not change."""

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The stream stages, at the cycles that are expected; every source comes before its readers."""

    @property
    @abstractmethod
    def depths(self) -> Mapping[Fifo, int]:
        """Tokens of each FIFO; one that is not here is never full."""

    @cached_property
    def simulation(self) -> Simulation:
        """What the stream simulation says of it, with its FIFOs."""
        return simulate(self.stages, self.depths)

    @property
    def interval(self) -> int:
        """Cycles between frames; of a design that deadlocks, which is refused later, those of its busiest stage."""
        if self.simulation.deadlock:
            return max(stage.busy for stage in self.stages)
        return self.simulation.interval


class BufferedDesign(StreamDesign):
    """One in HLS C++, whose FIFOs are `Buffer`s."""

    @property
    @abstractmethod
    def buffers(self) -> tuple[Buffer, ...]:
        """The FIFOs."""

    @property
    def depths(self) -> Mapping[Fifo, int]:
        return {buffer.fifo: buffer.depth for buffer in self.buffers}
