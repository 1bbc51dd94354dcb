"""How fast FINN's nodes can be clocked, by their types and attributes as its files have them.

One node is known to miss clocks that all others meet: LabelSelect finds the largest of its labels, PE of them in a
cycle. Each is compared with the largest so far, so that the comparisons stand in a row, and a loop carries the result
into the next cycle: no pipeline register fits in. This flow's own graphs have none, for they give the logits out.

MVAU_hls, the matrix-vector unit of FINN's HLS library, counts its turns in 32 bits: counting up, comparing and
resetting take one cycle, whatever its folding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from backends.cost.clock import Limit, compare_chain, loop_counter, modelled_fmax
from flows.core.evidence import Reading
from flows.core.part import Part

LABEL_SELECT, MVAU_HLS = "LabelSelect", "MVAU_hls"
WHOLE = 5
"""PE up to which Vitis HLS is known to put all comparisons into one cycle, at 10 ns. Beyond, it may take more cycles
for them: then they are as slow as these, and fewer images pass."""

COSTS = "with PE 1 it takes a cycle a label, which slows only a design that takes fewer for an image"

Node = tuple[str, Mapping[str, Any]]
"""Its type (``LabelSelect_hls``) and its attributes."""


def limits(nodes: Iterable[Node]) -> tuple[Limit, ...]:
    """Of the nodes whose slowest path is known. Raises `ValueError` where a LabelSelect has no whole PE or no integer
    type."""
    known = list(nodes)
    counters = (COUNTER,) if any(op == MVAU_HLS for op, _ in known) else ()
    return (*counters, *(_label_select(op, bits) for op, bits in known if op.startswith(LABEL_SELECT)))


def predicted(nodes: Iterable[Node], part: Part) -> tuple[Reading, ...]:
    """The Fmax of a design of `nodes` on `part`, and of units that limit it, from node rows alone: those of a build
    of FINN's own, say, whose network is not ours to resolve."""
    return modelled_fmax(part, limits(nodes))


COUNTER = Limit(MVAU_HLS, *loop_counter(), "it counts its turns in 32 bits, compares and resets them in a cycle")


def _label_select(op: str, attributes: Mapping[str, Any]) -> Limit:
    pe, bits = int(attributes.get("PE", 0)), _width(str(attributes.get("inputDataType", "")))
    if pe < 1:
        raise ValueError(f"{op} with PE {pe}")
    value, low, high = compare_chain(pe, bits)
    if pe > WHOLE:
        low = min(low, compare_chain(WHOLE, bits)[1])
    why = f"it compares {pe} labels of {bits} bits one after another in a cycle"
    advice = f"set its PE to {_advised(bits)} or less: {COSTS}" if pe > 1 else ""
    return Limit(op, value, low, high, why, advice)


def _advised(bits: int, period: float = 10.0) -> int:
    """The largest PE that is credible at 100 MHz on the slowest part."""
    return max((pe for pe in range(1, WHOLE) if compare_chain(pe, bits)[2] <= period), default=1)


def _width(name: str) -> int:
    """Bits of FINN's data types of integers: INT7, UINT4, BIPOLAR, BINARY, TERNARY."""
    known = {"BIPOLAR": 1, "BINARY": 1, "TERNARY": 2}
    if name in known:
        return known[name]
    match = re.fullmatch(r"U?INT([1-9]\d?)", name)
    if not match:
        raise ValueError(f"{name!r} is no integer type of FINN")
    return int(match[1])
