"""What Yosys counts of the modules of the library: DSP and block RAM exactly, LUT and FF by their structure.

DSP and block RAM follow from the generated code by AMD UG479 and UG473. A LUT adds, compares or selects a bit (UG474);
what is registered is counted bit by bit. The figures that are no width of the code were set by the modules as Yosys
counts them one by one; ``calibration/rtl.py`` compares whole stages (docs/reference/rtl-truth.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

from backends.cost.amounts import Amounts, exact, joined, within
from backends.cost.blockram import bram18
from backends.cost.dsp import dsp48
from backends.cost.fabric import ram_luts, shift_register_luts
from backends.dataflow.buffers import BRAM, LUTRAM, STORAGES, Buffer, lightest
from backends.dataflow.layers import packing
from backends.dataflow.layers.memories import Memory, kept, rows, weight_rom
from backends.dataflow.layers.nodes import Lanes, Node, parts, pixels
from backends.dataflow.pe_simd import Fold
from flows.core.evidence import Metric
from flows.core.part import Device
from models.fixed import Overflow
from models.layers import MaxPool2D
from models.quantised import QuantisedNetwork

WEIGHTS, LINE_BUFFERS = "weights", "line buffers"
SPREAD = 1.5
"""How far LUT and FF of one part of a stage are off, as a factor: what adds up of such parts is held by the counts of
all 16 stages of ARCH_8, which are off by 1.34 at most (``calibration/rtl``)."""
CONTROL = {
    "receive": (27, 38), "clone": (0, 0), "window": (120, 76), "matrix_vector": (50, 50), "maxpool2d": (80, 80),
    "add": (15, 15), "relu": (15, 15), "threshold": (15, 15), "global_average_pool": (30, 30), "global_sum": (30, 30),
    "send": (6, 38),
}  # fmt: skip
"""(LUTs, FFs) of counters, flags and handshakes, without those of FIFOs."""


def node_cost(
    node: Node,
    quantised: QuantisedNetwork,
    wide: Lanes,
    unit: tuple[int, int],
    device: Device,
    codes: Amounts | None = None,
) -> tuple[Amounts, dict[str, Amounts]]:
    """What one stage takes: (its logic, its memories by their scopes).

    `unit` has the bits of an accumulator, and how many results share a DSP48E1; `codes` is what thresholds take that
    make the codes of the stage.
    """
    data, result = quantised.type_of(node.layer.inputs[0]).width, quantised.type_of(node.tensor).width
    control = logic(*CONTROL[node.kind], "control")
    match node.kind, node.layer:
        case "window", _:
            cut = parts(node, wide)
            amounts = joined(
                control,
                split(wide.takes, cut.stored, data),
                logic(cut.stored * data, (wide.fold.simd + 2 * cut.stored) * data, "words"),
            )
            return amounts, {LINE_BUFFERS: memory(rows(node, wide, data, device), LINE_BUFFERS, device)}
        case "matrix_vector", _:
            types = quantised.layers[node.layer.name]
            assert types.kernel
            fold, width = wide.fold, types.kernel.width
            amounts = joined(
                control,
                split(wide.takes, fold.simd, data),
                products(fold, (data, width, unit[0]), 1 if fold.in_luts else unit[1]),
                requantise(fold.pe, result) if codes is None else codes,
                memory(kept(node, fold, data, device), "windows", device),
                logic(0, (wide.puts + fold.pe) * result, "words"),
            )
            return amounts, {WEIGHTS: memory(weight_rom(node, fold, width, device), WEIGHTS, device)}
        case "maxpool2d", MaxPool2D() as layer:
            compared = layer.kernel[0] + layer.kernel[1] - 2
            kept_words = shift_register_luts(max(node.taken[-1] // wide.takes, 1), data * wide.takes)
            compares = 2 * data * wide.takes * compared + (layer.kernel[1] - 1) * kept_words
            registers = (1 + layer.kernel[1] + 3 * compared) * data * wide.takes
            amounts = joined(control, logic(compares, registers, "pools"))
            return amounts, {LINE_BUFFERS: memory(rows(node, wide, data, device), LINE_BUFFERS, device)}
        case (("add" | "relu"), _):
            is_exact = quantised.type_of(node.tensor).overflow is Overflow.WRAP  # sums that go on as they are
            return joined(control, (exact_sums if is_exact else requantise)(wide.puts, result)), {}
        case "threshold", _:
            assert codes is not None, f"{node.name} has no thresholds"
            return joined(control, codes), {}
        case (("global_average_pool" | "global_sum"), _):
            bits = data + ceil(log2(pixels(node.taken))) + 1
            words = node.shape[-1] // wide.puts
            held = ram_luts(words - 1, wide.puts * bits) if words > 2 else 0
            area = pixels(node.taken)
            is_divided = node.kind == "global_average_pool" and area & (area - 1)
            divides = wide.puts * dsp48(bits, bits + 1) if is_divided else 0  # by a product with its reciprocal
            dsp = exact(divides, "multipliers", "a DSP48E1 a division (UG479)")
            registers = wide.puts * (data + bits * min(words, 2))
            sums = joined(logic(wide.puts * bits + held, registers, "adders"), {Metric.DSP: (dsp,)})
            return joined(control, sums, requantise(wide.puts, result)), {}
        case _:
            return joined(control, split(wide.takes, 1, result) if node.kind == "send" else {}), {}


def logic(luts: float, flip_flops: float, model: str) -> Amounts:
    source = "a LUT a bit that is added, compared or selected (UG474), and every register"
    return {
        Metric.LUT: (within(luts, SPREAD, model, source),),
        Metric.FF: (within(flip_flops, SPREAD, model, source),),
    }


@lru_cache(maxsize=4096)
def products(fold: Fold, widths: tuple[int, int, int], sharing: int = 1) -> Amounts:
    """PE x SIMD multipliers and the adders behind them.

    `widths` are bits of data, weights and accumulator. Where `sharing` results share a multiplier, two of these
    add up before the adders, in fields of `packing.shift` bits.
    """
    pe, simd = fold.pe, fold.simd
    data, weight, sums = widths
    terms, bits = (simd, data + weight + 1) if sharing == 1 else (ceil(simd / 2), packing.shift(sharing, weight))
    adders, held = tree(terms, bits)
    inverted = terms * (pe - ceil(pe / sharing))
    each = 0 if fold.in_luts else 1 if sharing > 1 else dsp48(data + 1, weight)
    slices = ceil(pe / sharing) * simd * each
    words = f"{sharing} products in a DSP48E1" if sharing > 1 else "one DSP48E1 a product"
    dsp = exact(slices, "multipliers", f"{words} (UG479)")
    return joined(
        {Metric.DSP: (dsp,)},
        logic(simd * data + pe * (adders + sums) + inverted, 3 * simd * data + pe * (held + sums), "adders"),
        in_luts(fold.multipliers, data, weight) if fold.in_luts else {},
    )


def in_luts(many: int, data: int, weight: int) -> Amounts:
    """Products of LUTs, as Yosys counts those of 8 x 8, 8 x 4, 6 x 4 and 4 x 4 bits: 98, 41, 31 and 21 LUTs each."""
    rows = (data + 1) * weight * (1 + weight / 24)
    return logic(many * rows, many * (data + weight + 1) * (2.2 + 0.215 * weight), "multipliers")


def tree(terms: int, bits: int) -> tuple[int, int]:
    """(LUTs, FFs) of adders of so many terms, which come through a register and pass one behind every adder.

    >>> tree(2, 8), tree(3, 8)
    ((9, 25), (19, 52))
    """
    luts, held = 0, terms * bits
    while terms > 1:
        bits += 1
        luts += terms // 2 * bits
        terms = ceil(terms / 2)
        held += terms * bits
    return luts, held


def requantise(lanes: int, result: int) -> Amounts:
    """Rounding adds to the bits that are left, saturating compares and selects; a register behind either."""
    return logic(lanes * (result + 5), lanes * (2 * result + 7), "requantise")


def exact_sums(lanes: int, result: int) -> Amounts:
    """What neither rounds nor saturates is delayed as long, in shift registers."""
    return logic(2 * lanes * result, 0, "requantise")


def split(taken: int, lanes: int, bits: int) -> Amounts:
    """What takes words of `taken` values of `bits` bits apart into `lanes` at a time."""
    moving = taken * bits if taken > lanes else 0  # a word as it comes goes on at once
    return logic(moving, 2 * moving, "words")


def fifo_cost(buffer: Buffer) -> Amounts:
    """One FIFO: what controls it, and what holds its words; the last one is in a register. One in block RAM has the
    registers of that behind it, and a short one."""
    if buffer.storage == BRAM:
        pointers = _pointers(buffer.depth)
        held, whole = ram_luts(16, buffer.bits), bram18(buffer.depth, buffer.bits)
        logic_of_it = logic(4 * pointers + 28, 3 * (pointers + buffer.bits) + 18, "fifo")
    else:
        depth = buffer.depth + SLACK
        pointers, blocks = _pointers(depth), ceil(depth / RAM_WORDS)
        held, whole = ram_luts(depth, buffer.bits), 0
        chosen = buffer.bits * ceil((blocks - 1) / 3) + (2 * blocks if blocks > 1 else 0)
        logic_of_it = logic(4 * pointers + 4 + chosen, buffer.bits + 3 * pointers + 3, "fifo")
    source = f"words in {STORAGES[buffer.storage]} (UG474)"
    is_deep = held and buffer.storage != BRAM and buffer.depth + SLACK > RAM_WORDS  # built as Yosys likes
    words = within(held, DEEP, "memories", source) if is_deep else exact(held, "memories", source)
    blocks_of_it = exact(whole, "fifo", "block RAM of FIFOs (UG473)")
    return joined(logic_of_it, {Metric.LUT: (words,), Metric.BRAM18: (blocks_of_it,)})


SLACK = 3
"""Words of a FIFO above its depth, for those on their way."""
DEEP = 1.8
"""How far LUT RAM of a FIFO deeper than that of one LUT is off, as a factor: 145 and 924 LUTs were counted of stages
that have mostly such, where 194 and 714 are predicted."""
RAM_WORDS = 64
"""Of the deepest LUT RAM that takes no multiplexer."""
ROM_WORDS = 13.5
"""That a LUT holds of a deep ROM: 13.5, 13.4, 14.4 and 12.8 in stages with 84, 126, 147 and 560 words of weights."""


def _pointers(depth: int) -> int:
    return ceil(log2(max(depth, 2)))


@dataclass(frozen=True, slots=True)
class LibraryMemory(Memory):
    """As the library's modules ``memory`` and ``rom`` are built."""

    @property
    def luts(self) -> int:
        """A LUT holds 64 bits of a ROM. Of a deeper one Yosys' ABC9 makes logic, and spends many times as many."""
        if self.storage == BRAM or self.depth <= 1 or not self.bits:  # a pool of one row keeps none
            return 0
        if not self.rom:
            deeper = self.bits * ceil((ceil(self.depth / RAM_WORDS) - 1) / 3)
            return self.copies * (ram_luts(self.depth, self.bits) + deeper)
        return self.copies * ceil(self.bits * (1 if self.depth <= RAM_WORDS else self.depth / ROM_WORDS))


def in_one(each: Memory, device: Device) -> LibraryMemory:
    """Memories that are read at one address are one, as wide as all of them; a pool of one row has none."""
    bits = each.copies * each.bits
    ways = [LibraryMemory(1, each.depth, bits, storage, each.rom) for storage in (LUTRAM, BRAM)]
    return lightest(ways, device) if bits else ways[0]


def memory(each: Memory, model: str, device: Device) -> Amounts:
    """Its words, and what is read: twice registered, of block RAM once in itself and once, by Yosys, in FFs. Of LUT RAM
    each bank has a register."""
    one = in_one(each, device)
    banks = 1 if one.rom else ceil(one.depth / RAM_WORDS)
    return memory_of(one, model, banks + 1 if one.storage == LUTRAM else 1)


def memory_of(one: Memory, model: str, registers: int) -> Amounts:
    """Its words, and `registers` in FFs for what is read."""
    latched = registers * one.copies * one.bits
    source = f"{one.copies} x {one.depth} words of {one.bits} bits"
    return {
        Metric.LUT: (within(one.luts, SPREAD, "memories", f"{source} in LUTs (UG474)"),),
        Metric.FF: (within(latched, SPREAD, "memories", "output registers"),),
        Metric.BRAM18: (exact(one.bram18, model, f"{source} (UG473)"),),
    }
