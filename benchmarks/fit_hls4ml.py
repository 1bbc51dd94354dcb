"""Fits the laws of backends/hls4ml/laws.py to vendor reports.

    python benchmarks/fit_hls4ml.py ROWS.json [REPORT ...] [--write]

ROWS.json holds rows of csynth reports (see csynth_rows.py). A REPORT is a csynth report of a whole design, as text
(Vivado HLS) or XML (Vitis HLS), read for what the rows leave out: ReLUs, zero padding, FIFOs. Prints one line a law
with its error on projects that it was not fitted to; ``--write`` puts the calibration where the backend reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from csynth_modules import Module, modules
from csynth_reports import modules_of_report
from csynth_rows import Row, read

from backends.hls4ml import laws
from flows.core.errors import FlowsError

STUDENT_95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81, 1.80, 1.78, 1.77, 1.76, 1.75, 1.75, 1.74)
"""The 95th percentile of Student's t for 1, 2, ... degrees of freedom."""

METRICS = ("cycles", "lut", "ff")

PIPELINES = ("relu", "maxpool2d", "normalize", "softmax")
"""Layers that handle a token a cycle."""

FEATURES = {
    ("line_buffer", "lut"): ("columns", "taps"),
    ("line_buffer", "ff"): ("columns", "one"),
    ("mac", "lut"): ("inputs", "input_bits", "adder_bits", "columns", "taps", "windows", "layers"),
    ("mac", "ff"): ("input_bits", "held_bits", "weight_bits", "result_bits", "columns", "windows", "layers", "one"),
    ("constants", "lut"): ("adder_bits",),
    ("constants", "ff"): ("adder_bits", "windows"),
    ("maxpool2d", "lut"): ("columns", "taps", "channel_bits", "one"),
    ("maxpool2d", "ff"): ("columns", "channel_bits", "one"),
    ("normalize", "ff"): ("channels", "one"),
    ("padding", "lut"): ("channels", "one"),
    ("padding", "ff"): ("one",),
    ("fifo", "lut"): ("one",),
    ("fifo", "ff"): ("one", "in_block_ram"),
    ("block", "lut"): ("one",),
    ("block", "ff"): ("one",),
    ("convolution", "cycles"): ("tokens", "one"),
    ("dense", "cycles"): ("one",),
    ("window", "cycles"): ("one",),
    ("dense_resource", "cycles"): ("one",),
    ("unrolled_convolution", "cycles"): ("one",),
    ("unrolled_dense", "cycles"): ("one",),
    ("softmax", "lut"): ("one",),
    ("softmax", "ff"): ("one",),
} | {(law, "cycles"): ("looped", "single") for law in PIPELINES}
FEATURES |= {(law, "lut"): ("channels", "one") for law in ("relu", "relu_saturating", "normalize")}
FEATURES |= {("relu", "ff"): ("counter_bits", "looped", "one")}
"""The counts that a law is linear in."""

FOR_TOOL = {
    ("vivado", "mac", "lut"): ("stored_bits", "positions"),
    ("vivado", "mac", "ff"): ("adder_bits", "columns", "one"),
}
"""Where the rows of one tool tell other counts apart: all those of Vivado HLS are convolutions of 16 bits."""

SHIFT_REGISTER = {"columns": 32.0, "taps": 9.0}
"""LUTs that csynth counts for a shift register of a line buffer and for the multiplexer before a register."""

CERTAIN = {
    ("convolution", "cycles"): {"turns": 1.0},
    ("dense", "cycles"): {"turns": 1.0, "tokens": 1.0},
    ("window", "cycles"): {"turns": 1.0},
    ("dense_resource", "cycles"): {"turns": 1.0},
    ("unrolled_convolution", "cycles"): {"turns": 1.0},
    ("unrolled_dense", "cycles"): {"turns": 1.0},
} | {(law, "cycles"): {"tokens": 1.0} for law in PIPELINES}
"""What the loops of the generated code take at least."""

GIVEN = {
    ("mac", "lut"): {"inputs": 2 * SHIFT_REGISTER["taps"], "adder_bits": 1.0, **SHIFT_REGISTER},
    ("mac", "ff"): {"columns": 64.0, "held_bits": 1.0, "input_bits": 2.0, "weight_bits": 1.0, "result_bits": 1.0},
    ("maxpool2d", "lut"): SHIFT_REGISTER,
    ("maxpool2d", "ff"): {"columns": 64.0},
    ("unrolled_convolution", "cycles"): {"one": 4.0},
}
"""Coefficients that too few rows tell: those of the line buffer, and the depth of a pipeline."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What one law sees of one module, and what the report counts for it."""

    row: Row
    law: str
    metric: str
    features: laws.Features
    measured: float


def samples(found: Sequence[Module]) -> list[Sample]:
    """Of every module but `compute_output_buffer`, which is most of the convolution around it."""
    return [
        Sample(row, law.name, metric, law.features, row.measured[metric])
        for module in found
        for row in (module.row,)
        for metric, law in module.laws.items()
        if metric in row.measured and not (row.layer.startswith("compute_output") and metric != "cycles")
    ]


def solve(rows: Sequence[Sample]) -> dict[str, float]:
    """Coefficients of least squared relative error beside what is certain, none negative."""
    first = rows[0]
    special = FOR_TOOL.get((first.row.tool, first.law, first.metric))
    given = {} if special else GIVEN.get((first.law, first.metric), {})
    free = [name for name in special or FEATURES[first.law, first.metric] if name not in given]
    measured = np.array([max(row.measured, 1.0) for row in rows])
    rest = np.array([row.measured - _certain(row) - total(given, row) for row in rows])
    while free:
        matrix = np.array([[row.features.get(name, 0.0) for name in free] for row in rows]) / measured[:, None]
        found = np.linalg.lstsq(matrix, rest / measured, rcond=None)[0]
        if min(found) >= -1e-9:
            return given | dict(zip(free, (round(abs(float(one)), 4) for one in found), strict=True))
        free.pop(int(np.argmin(found)))
    return dict(given)


def total(coefficients: Mapping[str, float], row: Sample) -> float:
    return sum(value * row.features[name] for name, value in coefficients.items())


def _certain(row: Sample) -> float:
    return total(CERTAIN.get((row.law, row.metric), {}), row)


def missed(coefficients: Mapping[str, float], rows: Sequence[Sample]) -> list[tuple[float, float]]:
    """(log ratio of measured to predicted beyond what is certain, relative error) of every row."""
    found = []
    for row in rows:
        certain, rest = _certain(row), total(coefficients, row)
        ratio = log(max(row.measured - certain, 1) / max(rest, 1))
        found.append((ratio, abs(certain + rest - row.measured) / max(row.measured, 1)))
    return found


def held_out(rows: Sequence[Sample], unit: Callable[[Sample], object]) -> list[list[tuple[float, float]]]:
    """What a fit to the rows of all other units misses, by unit; nothing where there is one unit only."""
    units = [[row for row in rows if unit(row) == one] for one in dict.fromkeys(map(unit, rows))]
    if len(units) < 2:
        return []
    return [missed(solve([row for row in rows if row not in test]), test) for test in units]


def spread_90(folds: Sequence[Sequence[tuple[float, float]]], freedom: int) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row, by Student's t."""
    ratios = [ratio for fold in folds for ratio, _ in fold]
    width = STUDENT_95[min(max(freedom, 1), len(STUDENT_95)) - 1]
    return round(sqrt(sum(ratio**2 for ratio in ratios) / len(ratios)) * width, 3)


def fitted(rows: Sequence[Sample]) -> dict[str, Any]:
    """One law as data: coefficients, where they come from, and how far off it was on rows held out."""
    by_project = held_out(rows, lambda one: one.row.project)
    folds = by_project or held_out(rows, id)
    errors = sorted(error for fold in folds for _, error in fold)
    return {
        "tool": rows[0].row.tool,
        "law": rows[0].law,
        "metric": rows[0].metric,
        "certain": CERTAIN.get((rows[0].law, rows[0].metric), {}),
        "coefficients": solve(rows),
        "rows": len(rows),
        "projects": sorted({one.row.project for one in rows}),
        "versions": sorted({one.row.version for one in rows}),
        "devices": sorted({one.row.device for one in rows}),
        "held_out": "project" if by_project else "row" if folds else None,
        "median_error": round(median(errors), 3) if errors else None,
        "p90_error": round(errors[ceil(0.9 * len(errors)) - 1], 3) if errors else None,
        "spread_90": spread_90(folds, len(errors) - 1) if folds else None,
    }


UNTOLD = ("unrolled_convolution",)
"""Laws whose error is no measure for others: these rows do not tell how many cycles a pixel was given."""


def calibration(rows: Sequence[Sample]) -> list[dict[str, Any]]:
    """Every law for every tool that has rows of it.

    Projects of one repository are alike, and one or two repositories do not tell how far off the next one is. So no
    interval is narrower than what all laws of its metric missed in whole repositories held out, those of the other tool
    among them.
    """
    groups: dict[tuple[str, str, str], list[Sample]] = {}
    for row in rows:
        groups.setdefault((row.row.tool, row.law, row.metric), []).append(row)
    found = [fitted(groups[key]) for key in sorted(groups)]
    for metric in METRICS:
        here = [law for law in found if law["metric"] == metric]
        floor = elsewhere([row for row in rows if row.metric == metric])
        if floor is None:
            floor = max((law["spread_90"] or 0.0 for law in here if law["law"] not in UNTOLD), default=0.0)
        for law in here:
            law["interval_90"] = max(law["spread_90"] or 0.0, floor)
    return found


def elsewhere(rows: Sequence[Sample]) -> float | None:
    """The spread over whole repositories held out, of all laws together; None where no law has rows of two."""
    laws_of: dict[object, list[Sample]] = {}
    for row in rows:
        if row.law not in UNTOLD:
            laws_of.setdefault((row.law, row.row.tool if row.law in laws.OF_ONE_TOOL else ""), []).append(row)
    folds = [fold for group in laws_of.values() for fold in held_out(group, lambda one: one.row.repository)]
    return spread_90(folds, sum(map(len, folds)) - 1) if folds else None


def read_all(paths: Sequence[Path]) -> list[Module]:
    """Modules of all files: rows of those in JSON, and what the reports hold beside them."""
    rows, found = [], []
    for path in paths:
        if path.suffix == ".json":
            here, wrong = read(path)
            if wrong:
                raise wrong[0]
            rows += here
    found = modules(rows)
    for path in paths:
        if path.suffix != ".json":
            found += modules_of_report(path, rows)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {laws.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        found = calibration(samples(read_all(arguments.rows)))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(
        f"{'tool':8}{'law':21}{'metric':8}{'rows':>5}{'projects':>9}  {'held out':9}"
        f"{'median':>8}{'p90':>7}{'90 %':>7}{'used':>7}"
    )
    for law in found:
        figures = [f"{law[key]:.1%}" if law[key] is not None else "-" for key in ("median_error", "p90_error")]
        used = f"x{exp(law['interval_90']):.2f}"
        factor = f"x{exp(law['spread_90']):.2f}" if law["spread_90"] is not None else "-"
        print(
            f"{law['tool']:8}{law['law']:21}{law['metric']:8}{law['rows']:5}{len(law['projects']):9}  "
            f"{law['held_out'] or '-':9}{figures[0]:>8}{figures[1]:>7}{factor:>7}{used:>7}  {law['coefficients']}"
        )
    if arguments.write:
        laws.CALIBRATION.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
