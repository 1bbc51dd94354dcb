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
        """The stream stages with their expected cycles; every source comes before its readers."""

    @property
    @abstractmethod
    def depths(self) -> Mapping[Fifo, int]:
        """The depth of each FIFO in tokens; a FIFO that is missing here is never full."""

    @cached_property
    def simulation(self) -> Simulation:
        """The stream simulation of this design, with its FIFOs."""
        return simulate(self.stages, self.depths)

    @property
    def interval(self) -> int:
        """Cycles between frames. A design that deadlocks is refused later; here it has the cycles of its busiest
        stage."""
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
