"""What hls4ml will build for a job: its arithmetic, reuse factors, blocks, and the FIFOs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backends.hls4ml import fifos
from backends.hls4ml.counts import haste
from backends.hls4ml.fifos import Buffer
from backends.hls4ml.options import LATENCY, parse_strategy
from backends.hls4ml.schedule import PACES, Block, Pace, blocks, stages
from backends.protocol import Job
from backends.stream import Stage, sized
from models.quantised import QuantisedNetwork


@dataclass(frozen=True, eq=False)
class Design:
    """`reuse` holds the reuse factor of every layer with weights, `unrolled` those of the Latency strategy."""

    job: Job
    quantised: QuantisedNetwork
    reuse: Mapping[str, int]
    unrolled: frozenset[str]

    @property
    def tool(self) -> str:
        """``vitis`` or ``vivado``."""
        return self.job.options.backend.lower()

    @property
    def haste(self) -> float:
        """See `counts.haste`."""
        return haste(self.job.target.part.device.name, self.job.target.clock_ns)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return blocks(self.quantised.network, self.quantised.computed)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stream stages of the blocks, at the cycles that are expected."""
        return self.stages_at(PACES[self.tool])

    def stages_at(self, pace: Pace) -> tuple[Stage, ...]:
        return stages(self.quantised.network, self.blocks, self.reuse, pace, self.unrolled)

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The FIFOs; io_parallel has none."""
        return self.buffers_by(sized)

    def buffers_by(self, size: fifos.Size) -> tuple[Buffer, ...]:
        """The FIFOs, where their depths are to be simulated by this function of `backends.stream`."""
        options = self.job.options
        if options.io_type == "io_parallel":
            return ()
        device = self.job.target.part.device
        depths = fifos.depths(self.quantised, self.blocks, self.stages, options.fifo_depth, size)
        return fifos.buffers(self.quantised, self.blocks, depths, options.fifo_storage, self.tool, device)


def unrolled(job: Job) -> frozenset[str]:
    """The layers with weights that the Latency strategy unrolls."""
    strategy, layers = parse_strategy(job.options.strategy)
    chosen = {layer.name: layers.get(layer.name, strategy) for layer in job.network.layers}
    return frozenset(name for name, one in chosen.items() if one == LATENCY)
