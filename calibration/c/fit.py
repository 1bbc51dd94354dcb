"""Fits the instructions of a turn of each loop, and the cycles of an instruction: ``python -m calibration.c.fit``.

It reads ``calibration/rows/c.json`` and ``c_cycles.json``, writes ``backends/c/calibration/instructions.json`` and
prints how far the instructions are off on networks that they were not fitted to.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, exp, log
from typing import Any

import numpy as np

from backends.c.instructions import CALIBRATION, InstructionModel, predicted
from calibration.c import cycles
from calibration.c.count import ROWS
from calibration.least_squares import non_negative


def fit(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Least squares of the relative errors; every row has the same weight."""
    names = sorted({name for row in rows for name, count in row["turns"].items() if count})
    matrix = np.array([[row["turns"].get(name, 0) / row["instructions"] for name in names] for row in rows])
    columns, each = non_negative(matrix, np.ones(len(rows)))
    return {names[column]: round(float(value), 4) for column, value in zip(columns, each, strict=True)}


def cycles_each(content: Mapping[str, Any]) -> dict[str, Any]:
    """The least and the most cycles an instruction took in the programs that were timed: of n programs that are drawn
    alike, the next lies between them n - 1 times of n + 1. The usual is their geometric mean."""
    each = sorted(row["cycles"] for row in content["rows"])
    inside = (len(each) - 1) / (len(each) + 1)
    source = f"{len(each)} programs that others timed on a Zynq-7000 and qemu counted here"
    print(f"cycles: {each[0]:.2f} to {each[-1]:.2f}, {inside:.0%}")
    usual = exp(sum(map(log, each)) / len(each))
    return {"low": round(each[0], 2), "usual": round(usual, 2), "high": round(each[-1], 2), "source": source}


def main() -> None:
    content = json.loads(ROWS.read_text())
    models: dict[str, Any] = {}
    for name in dict.fromkeys(row["variant"] for row in content["rows"]):
        own = [row for row in content["rows"] if row["variant"] == name]
        seen, unseen = ([row for row in own if row["held_out"] is held] for held in (False, True))
        model = InstructionModel(fit(seen), 1.0, 1.0, "")
        ratios = {row["network"]: row["instructions"] / predicted(model, Counter(row["turns"])) for row in own}
        errors = sorted(abs(ratio - 1) for ratio in ratios.values())
        worst = max(abs(ratios[row["network"]] - 1) for row in unseen)
        spread = max(errors[ceil(0.9 * len(errors)) - 1], worst)
        models[name] = {
            "each": model.each,
            "low": round(1 - spread, 3),
            "high": round(1 + spread, 3),
            "worst_held_out": round(worst, 3),
            "fitted": len(seen),
            "held_out": len(unseen),
        }
        print(f"{name}: " + ", ".join(f"{row} {ratio:.3f}" for row, ratio in ratios.items()))
    tools = ", ".join(content["tools"].values())
    source = f"turns of the loops, fitted to counts of {tools}; ends: 90 % of all networks counted"
    each = cycles_each(json.loads(cycles.ROWS.read_text()))
    content = {"command": "python -m calibration.c.fit", "source": source, "models": models, "cycles": each}
    text = json.dumps(content, indent=1)
    CALIBRATION.write_text(text + "\n")


if __name__ == "__main__":
    main()
