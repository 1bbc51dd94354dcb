"""What hls4ml will build for a job: its arithmetic, reuse factors, blocks, and the FIFOs between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, prod

from backends.cost.shell import CONVERTERS, NOTHING, IpBlock, Range, Shell, find_shell
from backends.dataflow.buffers import BRAM, LUTRAM, SHALLOWEST, SRL, Buffer, lightest
from backends.dataflow.design import BufferedDesign
from backends.dataflow.fifos import sized
from backends.dataflow.options import AUTO, SIMULATED
from backends.dataflow.stages import Fifo, Stage
from backends.hls4ml.counts import haste
from backends.hls4ml.option_texts import LATENCY, parse_reuse, parse_strategy
from backends.hls4ml.options import FRAME, TOOL, Hls4mlOptions
from backends.hls4ml.places import lookup
from backends.hls4ml.reuse import depthwise, legal, nearest, sizes
from backends.hls4ml.schedule import PACES, Block, ToolPace, blocks, stages, tokens
from backends.hls4ml.structure import SHIFTED_BITS, fifos
from backends.protocol import Job
from models.layers import Conv2D, GroupedConv2D
from models.network import INPUT
from models.quantised import QuantisedNetwork

Sizing = Callable[[Sequence[Stage], Mapping[Fifo, int], int], Mapping[Fifo, int]]
"""FIFO depths from stages, the bits of a token in each FIFO and the least depth: `sized` or `passable`."""


@dataclass(frozen=True, eq=False)
class Hls4mlDesign(BufferedDesign):
    """`reuse` holds the reuse factor of every layer with weights, `unrolled` those of the Latency strategy."""

    job: Job[Hls4mlOptions]
    quantised: QuantisedNetwork
    reuse: Mapping[str, int]
    unrolled: frozenset[str]

    @property
    def tool(self) -> str:
        """``vitis`` or ``vivado``."""
        return self.job.options.backend.lower()

    @property
    def shell(self) -> Shell:
        """With the converters of this network, where the shell has any."""
        shell = find_shell(self.job.options.shell)
        return replace(shell, blocks=tuple(self.converters if block is CONVERTERS else block for block in shell.blocks))

    @property
    def converters(self) -> IpBlock:
        """Of VivadoAccelerator: the FIFO before the core holds a whole frame, a lane for each channel."""
        if self.job.options.is_parallel:
            return replace(CONVERTERS, bram18=NOTHING)
        *_, channels = shape = self.job.network.shapes[INPUT]
        depth, bits = prod(shape), self.quantised.type_of(INPUT).width
        held = Buffer(INPUT, INPUT, depth, bits, BRAM, channels).bram18 if depth * bits > SHIFTED_BITS else 0
        return replace(CONVERTERS, bram18=Range(held, held, held))

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

    def stages_at(self, pace: ToolPace) -> tuple[Stage, ...]:
        return stages(self.quantised.network, self.blocks, self.reuse, pace, self.unrolled)

    @cached_property
    def token_bits(self) -> Mapping[Fifo, int]:
        """For each FIFO, the bits of a token that passes it, all channels."""
        writers = {block.name: block for block in self.blocks}
        return {
            (source, block.name): writers[source].shape[-1] * self.quantised.type_of(writers[source].tensor).width
            for block in self.blocks
            for source in block.sources
            if source in writers
        }

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The FIFOs; io_parallel has none."""
        return self.buffers_by(sized)

    def buffers_by(self, size: Sizing) -> tuple[Buffer, ...]:
        """The FIFOs, where their depths are to be simulated by this function of `backends.dataflow.fifos`."""
        options = self.job.options
        if options.is_parallel:
            return ()
        if options.fifo_depth == SIMULATED:
            depths = size(self.stages, self.token_bits, SHALLOWEST)
        else:
            frames = {block.name: tokens(block.shape) for block in self.blocks}
            asked = None if options.fifo_depth == FRAME else int(options.fifo_depth)
            depths = {fifo: asked or frames[fifo[0]] for fifo in self.token_bits}
        return tuple(self._buffer(fifo, depth) for fifo, depth in depths.items())

    def _buffer(self, fifo: Fifo, depth: int) -> Buffer:
        """Vitis HLS makes one lane of a token with all its channels, Vivado HLS one for each channel."""
        storage, device = self.job.options.fifo_storage, self.job.target.part.device
        block = next(block for block in self.blocks if block.name == fifo[0])
        channels, width = block.shape[-1], self.quantised.type_of(block.tensor).width
        lanes, bits = (channels, width) if self.tool == "vivado" else (1, channels * width)
        ways = {AUTO: (SRL, LUTRAM, BRAM), TOOL: (chosen_by(self.tool, depth, bits),)}.get(storage, (storage,))
        return lightest((Held(Buffer(*fifo, depth, bits, way, lanes)) for way in ways), device).buffer


@dataclass(frozen=True, slots=True)
class Held:
    """A FIFO with what controls it, which differs by storage as much as what holds its words."""

    buffer: Buffer

    @property
    def luts(self) -> int:
        counts = fifos(self.buffer)
        return ceil(counts.logic + counts.memory)

    @property
    def bram18(self) -> int:
        return self.buffer.bram18


def chosen_by(tool: str, depth: int, bits: int) -> str:
    """Where a FIFO is stored for which nothing is asked.

    Vitis HLS keeps up to two words, or fewer than 1024 bits in all, in shift registers (UG1399, ``config_storage``): 9
    of 9 rows of 2024.2. Vivado HLS up to a depth of 32: 390 of 390 FIFOs of one report of 2020.1.
    """
    small = depth <= 2 or depth * bits < 1024 if tool == "vitis" else depth <= 32
    return SRL if small else BRAM


def factors(job: Job[Hls4mlOptions]) -> Mapping[str, tuple[int, ...]]:
    """The reuse factors that hls4ml builds of every layer with weights, ascending.

    Its parallel convolution of the Resource strategy is "correct only for RF <= FILT_HEIGHT * FILT_WIDTH * N_CHAN"
    (an assertion of ``nnet_utils/nnet_conv2d_resource.h``, which the passes that snap do not know).
    """
    flat, parallel = unrolled(job), job.options.is_parallel
    legal_factors = {}
    for name, (n_in, n_out) in sizes(job.network).items():
        if isinstance(job.network[name], GroupedConv2D):
            legal_factors[name] = depthwise(n_in, n_out)
            continue
        limited = parallel and name not in flat and isinstance(job.network[name], Conv2D)
        legal_factors[name] = tuple(factor for factor in legal(n_in, n_out) if not limited or factor <= n_in)
    return legal_factors


def asked(job: Job[Hls4mlOptions]) -> tuple[dict[str, int], dict[str, int]]:
    """(what is asked of single layers, the same as it is built), by name: snapped, as hls4ml does.

    It snaps no layer of the Latency strategy, nor do we.
    """
    flat, known = unrolled(job), factors(job)
    _, by_layer = parse_reuse(job.options.reuse_factor)
    wanted = {name: said[0] for name in known if (said := lookup(job.network, by_layer, name))}
    return wanted, {name: factor if name in flat else nearest(known[name], factor) for name, factor in wanted.items()}


def snapped(job: Job[Hls4mlOptions]) -> dict[str, int]:
    """The reuse factor of every layer with weights; 1 where the solver is to find it."""
    number, flat = parse_reuse(job.options.reuse_factor)[0] or 1, unrolled(job)
    every = {name: number if name in flat else nearest(legal, number) for name, legal in factors(job).items()}
    return every | asked(job)[1]


def unrolled(job: Job[Hls4mlOptions]) -> frozenset[str]:
    """The layers with weights that the Latency strategy unrolls."""
    strategy, by_layer = parse_strategy(job.options.strategy)
    chosen = {name: [*lookup(job.network, by_layer, name), strategy][0] for name in sizes(job.network)}
    return frozenset(name for name, way in chosen.items() if way == LATENCY)
