"""What hls4ml will build for a job: its arithmetic, reuse factors, blocks, and the FIFOs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backends.hls4ml import fifos
from backends.hls4ml.counts import haste
from backends.hls4ml.fifos import Buffer
from backends.hls4ml.options import LATENCY, parse_reuse, parse_strategy
from backends.hls4ml.places import lookup
from backends.hls4ml.reuse import legal, nearest, sizes
from backends.hls4ml.schedule import PACES, Block, Pace, blocks, stages
from backends.protocol import Job
from backends.stream import Stage, sized
from models.network import Conv2D
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


def factors(job: Job) -> Mapping[str, tuple[int, ...]]:
    """The reuse factors that hls4ml builds of every layer with weights, ascending.

    Its parallel convolution of the Resource strategy is "correct only for RF <= FILT_HEIGHT * FILT_WIDTH * N_CHAN"
    (an assertion of ``nnet_utils/nnet_conv2d_resource.h``, which the passes that snap do not know).
    """
    flat, parallel = unrolled(job), job.options.io_type == "io_parallel"
    found = {}
    for name, (n_in, n_out) in sizes(job.network).items():
        limited = parallel and name not in flat and isinstance(job.network[name], Conv2D)
        found[name] = tuple(one for one in legal(n_in, n_out) if not limited or one <= n_in)
    return found


def asked(job: Job) -> tuple[dict[str, int], dict[str, int]]:
    """(what is asked of single layers, the same as it is built), by name: snapped, as hls4ml does.

    It snaps no layer of the Latency strategy, nor do we.
    """
    flat, known = unrolled(job), factors(job)
    _, given = parse_reuse(job.options.reuse_factor)
    wanted = {name: found[0] for name in known if (found := lookup(job.network, given, name))}
    return wanted, {name: factor if name in flat else nearest(known[name], factor) for name, factor in wanted.items()}


def snapped(job: Job) -> dict[str, int]:
    """The reuse factor of every layer with weights; 1 where the solver is to find it."""
    number, flat = parse_reuse(job.options.reuse_factor)[0] or 1, unrolled(job)
    every = {name: number if name in flat else nearest(legal, number) for name, legal in factors(job).items()}
    return every | asked(job)[1]


def unrolled(job: Job) -> frozenset[str]:
    """The layers with weights that the Latency strategy unrolls."""
    strategy, given = parse_strategy(job.options.strategy)
    chosen = {name: [*lookup(job.network, given, name), strategy][0] for name in sizes(job.network)}
    return frozenset(name for name, one in chosen.items() if one == LATENCY)
