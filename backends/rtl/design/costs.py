"""What the modules of the library take when they are built: DSP and block RAM exactly, LUT and FF by their structure.

DSP and block RAM follow from the generated code by AMD UG479 and UG473. A LUT adds, compares or selects a bit (UG474);
what is registered is counted bit by bit. What a tool shares, retimes or packs is not known: hence the factors.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2

from backends.cost.amounts import Amounts, exact, joined, within
from backends.cost.blockram import bram18
from backends.cost.dsp import dsp48
from backends.cost.fabric import ram_luts
from backends.dataflow.buffers import BRAM, LUTRAM, Buffer, lightest
from backends.dataflow.layers.memories import Memory, kept, rows, weight_rom
from backends.dataflow.layers.nodes import Lanes, Node, parts, pixels
from backends.rtl import packing
from flows.core.evidence import Metric
from flows.core.part import Device
from models.network import MaxPool2D
from models.quantised import QuantisedNetwork

WEIGHTS, LINE_BUFFERS = "weights", "line buffers"
SPREAD = 1.5
"""How far LUT and FF by structure are off, as a factor: no build of this library bears it out yet."""
CONTROL = {"window": 120, "matrix_vector": 60, "maxpool2d": 80, "global_average_pool": 30}
"""LUTs of counters, flags and handshakes; a FIFO and a simple stage: see `SIMPLE`."""
SIMPLE = 15


def node_cost(
    node: Node, quantised: QuantisedNetwork, wide: Lanes, unit: tuple[int, int], device: Device
) -> tuple[Amounts, dict[str, Amounts]]:
    """What one stage takes: (its logic, its memories by their scopes).

    `unit` has the bits of an accumulator, and how many results share a DSP48E1.
    """
    data, result = quantised.type_of(node.layer.inputs[0]).width, quantised.type_of(node.tensor).width
    control = logic(CONTROL.get(node.kind, SIMPLE), CONTROL.get(node.kind, SIMPLE), "control")
    match node.kind, node.layer:
        case "window", _:
            cut = parts(node, wide)
            found = joined(
                control,
                split(wide.takes, cut.stored, data),
                logic(cut.stored * data, (wide.fold.simd + 2 * cut.stored) * data, "words"),
            )
            return found, {LINE_BUFFERS: memory(rows(node, wide, data, device), LINE_BUFFERS, device)}
        case "matrix_vector", _:
            types = quantised.layers[node.layer.name]
            assert types.kernel
            fold, width = wide.fold, types.kernel.width
            found = joined(
                control,
                split(wide.takes, fold.simd, data),
                products(fold.pe, fold.simd, (data, width, unit[0], result), unit[1]),
                memory(kept(node, fold, data, device), "windows", device),
                logic(0, (wide.puts + fold.pe) * result, "words"),
            )
            return found, {WEIGHTS: memory(weight_rom(node.size, fold, width, device), WEIGHTS, device)}
        case "maxpool2d", MaxPool2D() as layer:
            compared = layer.kernel[0] + layer.kernel[1] - 2
            before = (layer.kernel[1] - 1) * node.taken[-1] * data
            found = joined(
                control,
                logic(2 * data * wide.takes * compared, before + 4 * data * wide.takes, "pools"),
            )
            return found, {LINE_BUFFERS: memory(rows(node, wide, data, device), LINE_BUFFERS, device)}
        case (("add" | "relu"), _):
            return joined(control, requantise(wide.puts, data + 2, result), logic(wide.puts * data, 0, "adders")), {}
        case "global_average_pool", _:
            bits = data + ceil(log2(pixels(node.taken))) + 1
            sums_held = logic(wide.puts * bits, node.shape[-1] * bits, "adders")
            return joined(control, sums_held, requantise(wide.puts, bits, result)), {}
        case _:
            return joined(control, split(wide.takes, 1, result) if node.kind == "send" else {}), {}


def logic(luts: float, flip_flops: float, model: str) -> Amounts:
    source = "a LUT a bit that is added, compared or selected (UG474), and every register"
    return {
        Metric.LUT: (within(luts, SPREAD, model, source),),
        Metric.FF: (within(flip_flops, SPREAD, model, source),),
    }


@lru_cache(maxsize=4096)
def products(pe: int, simd: int, widths: tuple[int, int, int, int], sharing: int = 1) -> Amounts:
    """PE x SIMD multipliers, the adders behind them, and what makes codes of the sums.

    `widths` are bits of data, weights, accumulator and result. Where `sharing` results share a multiplier, two of these
    add up before the adders, in fields of `packing.shift` bits.
    """
    data, weight, sums, result = widths
    terms, bits = (simd, data + weight + 1) if sharing == 1 else (ceil(simd / 2), packing.shift(sharing, weight))
    adders, held = tree(terms, bits)
    inverted = terms * (pe - ceil(pe / sharing))
    slices = ceil(pe / sharing) * simd * (1 if sharing > 1 else dsp48(data + 1, weight))
    words = f"{sharing} products in a DSP48E1" if sharing > 1 else "one DSP48E1 a product"
    dsp = exact(slices, "multipliers", f"{words} (UG479)")
    return joined(
        {Metric.DSP: (dsp,)},
        logic(simd * data + pe * (adders + sums) + inverted, 2 * simd * data + pe * (held + sums), "adders"),
        requantise(pe, sums, result),
    )


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


def requantise(lanes: int, bits: int, result: int) -> Amounts:
    """Rounding adds, saturating compares and selects."""
    return logic(lanes * (bits + result), lanes * (bits + result), "requantise")


def split(taken: int, lanes: int, bits: int) -> Amounts:
    """What takes words of `taken` values of `bits` bits apart into `lanes` at a time."""
    moving = taken * bits if taken > lanes else 0  # a word as it comes goes on at once
    return logic(moving, moving, "words")


def fifo_cost(buffer: Buffer) -> Amounts:
    """One FIFO: what controls it, and what holds its words; the last one is in a register."""
    in_bram = buffer.storage == BRAM
    words = buffer.bits if not in_bram else 3 * buffer.bits
    luts = ram_luts(8 if in_bram else 2 * buffer.depth if buffer.depth <= 16 else buffer.depth, buffer.bits)
    held = exact(luts, "memories", f"words in {buffer.storage} (UG474)")
    whole = bram18(buffer.depth, buffer.bits) if in_bram else 0
    return joined(
        logic(2 * SIMPLE if in_bram else SIMPLE, words + 2 * SIMPLE, "fifo"),
        {Metric.LUT: (held,), Metric.BRAM18: (exact(whole, "fifo", "block RAM of FIFOs (UG473)"),)},
    )


def in_one(each: Memory, device: Device) -> Memory:
    """Memories that are read at one address are one, as wide as all of them; a pool of one row has none."""
    bits = each.copies * each.bits
    ways = (Memory(1, each.depth, bits, storage, each.rom) for storage in (LUTRAM, BRAM))
    return lightest(ways, device) if bits else each


def memory(each: Memory, law: str, device: Device) -> Amounts:
    one = in_one(each, device)
    latched = 2 * one.copies * one.bits if one.storage == LUTRAM else 0
    source = f"{one.copies} x {one.depth} words of {one.bits} bits"
    return {
        Metric.LUT: (within(one.luts, SPREAD, "memories", f"{source} in LUTs (UG474)"),),
        Metric.FF: (within(latched, SPREAD, "memories", "output registers"),),
        Metric.BRAM18: (exact(one.bram18, law, f"{source} (UG473)"),),
    }
