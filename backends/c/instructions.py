"""How many instructions an image takes on the Cortex-A9: the turns of each loop times the instructions of a turn.

The turns follow from shapes. What a turn takes was fitted to counts of qemu for networks made for that
(``python -m calibration.c.count``, then ``calibration.c.fit``), separately for programs that the NEON path is for and
for others; networks that the fit never saw tell how far it is off. Loops do not
depend on data, so that every image takes as many. What an instruction takes in time is known from programs of others
that were timed on a Zynq-7000 (``calibration.c.cycles``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from backends.c.program import Program
from models.layers import Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, Shape
from models.quantised import QuantisedNetwork

EIGHT, FOUR = 8, 4
"""Values and rows that the NEON path takes at a time; elsewhere it is rows alone."""
CALIBRATION = Path(__file__).parent / "calibration" / "instructions.json"


@dataclass(frozen=True)
class InstructionModel:
    """`each` gives the instructions of a turn; `low` and `high` are the 90 % interval of counted over predicted on
    held-out networks."""

    each: Mapping[str, float]
    low: float
    high: float
    source: str


def turns(quantised: QuantisedNetwork, program: Program) -> Counter[str]:
    """Turns of each loop for one image."""
    shapes = quantised.network.shapes
    total = Counter({"bytes": prod(quantised.network.input_shape), "calls": len(program.calls)})
    for call in program.calls:
        total += turns_of(call.layer, shapes[call.layer.inputs[0]], shapes[call.layer.name])
    return total


def turns_of(layer: Layer, before: Shape, after: Shape) -> Counter[str]:
    """The turns of one layer, which takes `before` and gives `after`."""
    match layer:
        case Conv2D() | Dense():
            shape = before if isinstance(layer, Conv2D) else (prod(before),)
            values = prod(layer.weight_shapes(shape)["kernel"][:-1])
            pixels, results = prod(after[:-1]), after[-1]
            return Counter(
                {
                    "eights": pixels * (results // FOUR) * (values // EIGHT),
                    "tails": pixels * (results // FOUR) * (values % EIGHT),
                    "fours": pixels * (results // FOUR),
                    "singles": pixels * (results % FOUR) * values,
                    "results": pixels * results,
                    "pixels": pixels,
                    "read": pixels * values,
                    "reads": pixels * (layer.kernel[0] if isinstance(layer, Conv2D) else 1),
                }
            )
        case MaxPool2D():
            window = prod(layer.kernel)
            return Counter({"pooled": prod(after) * (window + 1), "pools": prod(after[:-1]) * (window + 1)})
        case GlobalAveragePool():
            return Counter({"averaged": prod(before), "averages": prod(before[:-1])})
        case Add():
            return Counter({"added": prod(after)})
    return Counter({"rectified": prod(after)})


def variant(program: Program) -> str:
    """The key of the model: bits of elements, weights and sums."""
    return f"{program.value_bits}x{program.weight_bits}+{program.sum_bits}"


@dataclass(frozen=True)
class InstructionCycles:
    """Cycles of an instruction: 90 % ends, and the geometric mean of what was measured."""

    low: float
    usual: float
    high: float
    source: str


@cache
def _calibration() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(CALIBRATION.read_text())
    return content


@cache
def cycles() -> InstructionCycles:
    return InstructionCycles(**_calibration()["cycles"])


@cache
def instruction_models() -> Mapping[str, InstructionModel]:
    content = _calibration()
    return {
        name: InstructionModel(row["each"], row["low"], row["high"], content["source"])
        for name, row in content["models"].items()
    }


def predicted(model: InstructionModel, counted: Counter[str]) -> float:
    """Instructions of an image: each of the counts `counted` times the instructions that one takes."""
    return sum(model.each.get(name, 0.0) * count for name, count in counted.items())
