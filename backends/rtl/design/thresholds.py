"""The searches that make codes of integers: how wide they work, what holds their thresholds, and what they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from backends.cost.amounts import Amounts, joined
from backends.dataflow.buffers import BRAM, LUTRAM
from backends.dataflow.layers.nodes import MATRIX_VECTOR, Lanes, Node
from backends.dataflow.layers.searches import Ladders, Search, at_a_time
from backends.rtl.design import costs
from backends.rtl.design.costs import LibraryMemory
from flows.core.part import Device


def threshold_bits(bits: int, signed: bool = True) -> int:
    """Of a threshold of integers of `bits` bits: it may lie beyond all of them."""
    return bits + (1 if signed else 2)


def search(known: Ladders, node: Node, wide: Lanes, bits: int, device: Device) -> Search:
    """Of the codes of the stage `node`, with thresholds of `bits` bits."""
    lanes, few = wide.puts, wide.puts
    if node.kind == MATRIX_VECTOR:
        lanes = wide.fold.pe
        few = at_a_time(lanes, node.size[0] // wide.fold.simd)
    groups = 1 if known.alike else -(-node.shape[-1] // lanes) * lanes // few
    return _search(known, few, groups, bits, device)


@lru_cache(maxsize=1024)
def _search(known: Ladders, searched: int, groups: int, bits: int, device: Device) -> Search:
    search = Search(known.steps, known.below, known.falls, groups, searched, known.steps)
    is_lighter = [costs.in_one(memory, device).storage == BRAM for memory in memories(search, bits)]
    deep = next((many for many, one in enumerate(reversed(is_lighter)) if not one), len(is_lighter))
    return replace(search, block_from=known.steps - (deep if searched == 1 else 0))


def memories(search: Search, bits: int) -> Iterator[LibraryMemory]:
    """Of each step; lanes read at addresses of their own, each in a memory of its own."""
    for step in range(search.steps):
        storage = BRAM if step >= search.block_from else LUTRAM
        yield LibraryMemory(search.searched, search.groups << step, bits, storage, rom=True)


def latency(search: Search, lanes: int) -> int:
    """Cycles from `lanes` integers to the last of their codes."""
    parts = lanes // search.searched
    return 2 * search.steps + (parts + 1 if parts > 1 else 0)


def cost(search: Search, lanes: int, bits: int, result: int) -> Amounts:
    """What it takes; `lanes` integers come at a time, and are compared with thresholds of `bits` bits.

    Where all channels are alike, thresholds are constants: no more comparisons are left than the integer has bits, and
    half of the places.
    """
    steps, many = search.steps, search.searched
    if search.groups == 1:
        bits -= 2
        compared = min(steps, bits)
        return costs.logic(many * (compared * bits + result), compared * many * (2 * bits + steps), "thresholds")
    held = 2 * (many * (bits + steps) + (search.groups - 1).bit_length())
    words = joined(
        *(costs.memory_of(memory, "weights", int(memory.storage == LUTRAM)) for memory in memories(search, bits))
    )
    compare = costs.logic(many * (steps * bits + result), steps * held, "thresholds")
    return joined(words, compare, costs.split(lanes, many, bits))
