"""What hls4ml's units are made of once Vivado has built them: registers, multiplexers, adders and memories.

AMD UG474: a LUT adds a bit, holds 32 bits of a shift register, and with the multiplexers behind it selects one of four
bits. Each function counts what the generated code (hls4ml's ``templates/{vivado,vitis}/nnet_utils``) must have, before
what Vivado does to it; `backends.hls4ml.built` knows how far that is off, by unit, from routed and synthesised designs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from backends.cost.blockram import bram18
from backends.cost.fabric import shift_register_luts
from backends.dataflow.buffers import SRL, Buffer

CHOSEN_BY_A_LUT = 4
"""Inputs of a multiplexer for each LUT (UG474: MUXF7 and MUXF8 join four LUTs to one of 16)."""

FOLDED_IN = 16_384
"""Reuse factor up to which the HLS compiler turns the table of result numbers into a ROM. Beyond it a loop fills a RAM
at the start, and the loop of products cannot be rewound: it keeps one copy of the inputs, where it else keeps three
(n = 1: ``hls4ml-rn06-v8``'s dense layer at 20,480, against 7 dense layers of two other repositories)."""


def cycles_a_turn(factor: int) -> int:
    """Cycles between the products of a multiplier: two where a RAM tells the number of the result (n = 1, as above)."""
    return 2 if factor > FOLDED_IN else 1


SMALL_TABLE, RAM_WORDS = 2048, 16_384
"""Bits of a table up to which it is in LUTs: one of 2,048 bits was, one of 4,320 was not. Words of a RAMB18 of one bit,
the shape of what a loop fills."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`logic` LUTs, those that are `memory` (shift registers, LUT RAM), and flip-flops."""

    logic: float
    memory: float
    ff: float


LUT_PRODUCT = 8
"""Bits of both operands up to which Vivado HLS builds products of LUTs: 56 of 57 multipliers of two repositories,
and some 80 of 138 of a third."""


def in_luts(data: int, weight: int, tool: str) -> bool:
    """Whether products are no DSP slices. Vitis HLS gave those of 6 by 6 bits one each, or one for two."""
    return tool == "vivado" and max(data, weight) <= LUT_PRODUCT


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix-vector product with the Resource strategy: a convolution's, whose `window` is (height, width, channels)
    over an image of `row` pixels a line, or a dense layer's.

    `n_in` products of `data` bits for each of `n_out` results, summed in `accumulator` bits and put out with `result`
    bits, which are `rounded` and saturated or only cut. `weight` are the bits that tell the weights apart. `in_luts`
    says that the multipliers are no DSP slices, `streamed` that the design has io_stream, `depthwise` that each result
    has inputs of its own.
    """

    n_in: int
    n_out: int
    factor: int
    data: int
    weight: int
    accumulator: int
    result: int
    rounded: bool = False
    window: tuple[int, int, int] | None = None
    row: int = 1
    in_luts: bool = False
    streamed: bool = True
    depthwise: bool = False

    @property
    def multipliers(self) -> int:
        return -(-self.n_in * self.n_out // self.factor)

    @property
    def inputs(self) -> int:
        return self.n_in * (self.n_out if self.depthwise else 1)

    @property
    def shared(self) -> bool:
        """Whether a multiplier serves several results, one after another."""
        return self.depthwise or self.factor > self.n_in

    @property
    def copies(self) -> int:
        """How often the inputs are kept; Vivado merges those of a convolution's window."""
        return 3 if self.streamed and self.window is None and self.factor <= FOLDED_IN else 1

    @property
    def counts(self) -> Counts:
        inputs, sums = self.inputs * self.data, self.n_out * self.accumulator
        selected = inputs / CHOSEN_BY_A_LUT
        added = self.multipliers * self.accumulator
        multiplied = self.multipliers * self.data * self.weight * self.in_luts
        written = sums * (1 + 1 / CHOSEN_BY_A_LUT if self.shared else 1)
        loaded = inputs * (self.copies > 1)
        put = self.n_out * self.result * self.rounded
        logic = selected + added + multiplied + written + loaded + put + CONTROL_LUT
        registers = sums * (2 if self.streamed else 1)
        return Counts(logic, self.line_buffer, inputs * self.copies + registers + 8 * self.multipliers + CONTROL_FF)

    @property
    def line_buffer(self) -> int:
        return line_buffer(self.window, self.row, self.data) if self.window else 0

    @property
    def weights_bram18(self) -> int:
        """RAMB18 of the weights, all multipliers' side by side, in the best aspect ratio."""
        return bram18(self.factor, self.multipliers * self.weight)

    @property
    def table_bram18(self) -> int:
        return result_table(self.n_in, self.factor)


SMALL_DEPTH = 64
"""Words up to which Vivado made LUTs of the weights: in 16 of 16 memories of two repositories with Vivado HLS, of 8 to
64 words. It made block RAM in 3 of 3 memories of 25 words of a third, and of every deeper one."""


def in_lut_rom(words: int, tool: str) -> bool:
    """Whether weights are in LUTs; of Vitis HLS no routed design is known that tells."""
    return words <= SMALL_DEPTH and tool == "vivado"


def result_table(n_in: int, factor: int, filled: int = 0) -> int:
    """RAMB18 of the numbers of the results that a multiplier serves in turn, which it reads beside its weights.

    Beyond `FOLDED_IN` a loop fills it at the start, and csynth counts `filled` bits a word.
    """
    bits = (-(-factor // n_in) - 1).bit_length()
    if bits * factor <= SMALL_TABLE:
        return 0
    return (filled or bits) * -(-factor // RAM_WORDS) if factor > FOLDED_IN else bram18(factor, bits)


def line_buffer(window: tuple[int, int, int], row: int, bits: int) -> int:
    """LUTs of the shift registers that hold the rows above; `window` is (height, width, channels)."""
    return (window[0] - 1) * shift_register_luts(row, window[2] * bits)


CONTROL_LUT, CONTROL_FF = 120, 200
"""Of the counters and handshakes of a layer with weights."""


def constants(
    products: tuple[float, float], n_in: int, data: int, weight: int, accumulator: int, memory: int = 0
) -> Counts:
    """A product whose weights are constants of the logic; `products` are (all that are not by zero, those in LUTs).

    In LUTs an adder for each digit of a weight that is not zero, a third of its bits; a sum of all, half of which the
    DSP slices take, or fewer bits than the accumulator has. A register stage in every other adder.
    """
    width = (data + accumulator) / 2
    multiplied = products[1] * weight / 3 * width / 2
    summed = products[0] * accumulator / 2
    logic = multiplied + summed + CONTROL_LUT
    return Counts(logic, memory, n_in * data + (multiplied + summed) / 2 + CONTROL_FF)


def pool(window: tuple[int, int, int], row: int, bits: int) -> Counts:
    """A comparator and a choice for each pixel of the window but one, the window, and a line buffer."""
    width, pixels = window[2] * bits, window[0] * window[1]
    return Counts(2 * (pixels - 1) * width, line_buffer(window, row, bits), (pixels + 2) * width + 40)


def padding(channels: int, bits: int) -> Counts:
    """A choice between zero and what comes, part of which Vivado moves into the FIFOs."""
    return Counts(channels * bits / 4 + 30, 0, 26)


def relu(channels: int, taken: int, put: int, rounded: bool, streamed: bool) -> Counts:
    """A mask by the sign; where it rounds and saturates an adder, a comparison of what is cut, and a choice."""
    logic = channels * (2 * put + taken / 4 if rounded else put / 2)
    return Counts(logic + 2, 0, 2 if streamed else channels * put)


def relu6(channels: int, taken: int, put: int, rounded: bool) -> Counts:
    """A ReLU, a comparison with its upper end, and a choice."""
    counts = relu(channels, taken, put, rounded, streamed=True)
    return replace(counts, logic=counts.logic + channels * (taken + put) / 2)


def add(channels: int, bits: int, rounded: bool) -> Counts:
    """An adder a channel, and another to round and saturate its sum."""
    return Counts(channels * bits * (1 + rounded) + 10, 0, 10)


def average(channels: int, accumulator: int) -> Counts:
    """An accumulator a channel, and the rounding of its division by a power of two towards zero."""
    return Counts(2 * channels * accumulator + 30, 0, channels * accumulator + 30)


def softmax(classes: int) -> Counts:
    """What reads the tables, sums and multiplies."""
    return Counts(30 * classes, 0, 40 * classes)


def clone() -> Counts:
    return Counts(10, 0, 4)


def start() -> Counts:
    """The token that starts a process of the dataflow: one for each unit."""
    return Counts(6.5, 0, 4)


REGISTERS, SHIFT, RAM = "fifo_registers", "fifo_shift", "fifo_ram"
"""What holds the words of a FIFO: flip-flops up to two of them, shift registers, or LUT RAM or block RAM."""

SHIFTED_BITS = 1024
"""Bits of a FIFO up to which Vivado builds shift registers where nothing is said of it, whatever csynth counts: 8 of 8
sizes in two repositories, of 8 bits by 64, 100 and 1,024 words and of 16 by 16, 64, 100, 256 and 400."""


def fifo(depth: int, bits: int, kind: str, memory: float = 0) -> Counts:
    """One FIFO. Flip-flops of those in shift registers and block RAM are exact in 23 of 23 rows of two repositories:
    pointers and, of block RAM, two words beside it."""
    pointer = max(1, (depth - 1).bit_length())
    match kind:
        case "fifo_registers":
            return Counts(6 + bits * (depth > 1), 0, depth * bits + 3)
        case "fifo_shift":
            return Counts(10 + 0.6 * bits * (depth > 32), memory, pointer + 3)
        case _:
            return Counts(25 + 2.3 * pointer, memory, 2 * bits + 3 * pointer + 4)


def fifo_kind(buffer: Buffer) -> str:
    if buffer.storage != SRL:
        return RAM
    return REGISTERS if buffer.depth <= 2 else SHIFT


def fifos(buffer: Buffer) -> Counts:
    """All lanes of a FIFO."""
    kind, lanes = fifo_kind(buffer), buffer.lanes
    memory = 0 if kind == REGISTERS else buffer.luts / lanes
    counts = fifo(buffer.depth, buffer.bits, kind, memory)
    return Counts(counts.logic * lanes, counts.memory * lanes, counts.ff * lanes)
