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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, log
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from csynth_modules import Module, modules
from csynth_reports import modules_of_report
from csynth_rows import Row, read

from backends.hls4ml import laws
from backends.hls4ml.counts import Features
from flows.core.errors import FlowsError

METRICS = ("cycles", "lut", "ff")

PIPELINES = ("relu", "maxpool2d", "normalize", "softmax")
"""Layers that handle a token a cycle."""

FEATURES = {
    ("line_buffer", "lut"): ("columns", "taps"),
    ("line_buffer", "ff"): ("columns", "one"),
    ("mac", "lut"): ("inputs", "result_bits", "windows", "layers"),
    ("mac", "ff"): (),
    ("constants", "lut"): ("products", "reused", "windows", "layers"),
    ("constants", "ff"): ("stage_bits", "reused", "held_bits", "taken_bits", "one"),
    ("maxpool2d", "lut"): ("channel_bits", "one"),
    ("maxpool2d", "ff"): ("channel_bits", "one"),
    ("relu", "lut"): ("taken_bits", "put_bits", "one"),
    ("relu_parallel", "lut"): ("taken_bits",),
    ("relu_saturating", "lut"): ("channels", "one"),
    ("relu", "ff"): ("held_channels", "counter_bits", "looped", "one"),
    ("normalize", "lut"): ("channels", "one"),
    ("normalize", "ff"): ("channels", "one"),
    ("softmax", "lut"): ("channels", "one"),
    ("softmax", "ff"): ("channels", "one"),
    ("padding", "lut"): ("channels", "one"),
    ("padding", "ff"): ("channels", "one"),
    ("fifo", "lut"): ("one",),
    ("fifo", "ff"): ("one", "in_block_ram"),
    ("block", "lut"): ("one",),
    ("block", "ff"): ("one",),
    ("convolution", "cycles"): ("tokens", "hasty", "one"),
    ("dense", "cycles"): ("looped", "one"),
    ("window", "cycles"): ("one",),
    ("dense_resource", "cycles"): ("one",),
    ("reused_convolution", "cycles"): ("turns",),
    ("unrolled_convolution", "cycles"): (),
    ("unrolled_window", "cycles"): ("called", "deep"),
    ("unrolled_dense", "cycles"): ("looped", "one"),
    ("unrolled_product", "cycles"): ("looped", "one"),
    ("padding", "cycles"): (),
} | {(law, "cycles"): ("looped", "one") for law in PIPELINES}
"""The counts that a law is linear in, and whose coefficients are fitted."""

FOR_TOOL = {
    ("vivado", "mac", "lut"): ("stored_bits", "inputs", "layers"),
    ("vivado", "mac", "ff"): ("adder_bits", "columns", "one"),
    ("vitis", "padding", "lut"): ("one",),
    ("vivado", "convolution", "cycles"): ("hasty",),
}
"""Where the rows of one tool tell other counts apart; nothing is given then."""

CERTAIN = {
    ("convolution", "cycles"): {"turns": 1.0},
    ("dense", "cycles"): {"turns": 1.0, "collected": 1.0},
    ("window", "cycles"): {"turns": 1.0},
    ("dense_resource", "cycles"): {"turns": 1.0},
    ("unrolled_convolution", "cycles"): {"tokens": 1.0},
    ("unrolled_dense", "cycles"): {"turns": 1.0, "tokens": 1.0},
    ("unrolled_product", "cycles"): {"turns": 1.0},
    ("padding", "cycles"): {"tokens": 1.0},
} | {(law, "cycles"): {"tokens": 1.0} for law in PIPELINES}
"""What the loops of the generated code take at least."""

LINE_BUFFER_LUT, LINE_BUFFER_FF = {"columns": 32.0, "taps": 9.0}, {"columns": 64.0}
"""What csynth counts for a shift register of a line buffer, and for the multiplexer before a register of the window.

Exact in 18 of 18 rows of `shift_line_buffer`, of 7 repositories.
"""

GIVEN = {
    ("mac", "lut"): LINE_BUFFER_LUT,
    ("mac", "ff"): {
        **LINE_BUFFER_FF,
        "held_bits": 1.0,
        "input_bits": 2.0,
        "result_bits": 2.0,
        "pixel_bits": 1.0,
        "windows": 150.0,
    },
    ("constants", "lut"): LINE_BUFFER_LUT,
    ("constants", "ff"): LINE_BUFFER_FF,
    ("maxpool2d", "lut"): LINE_BUFFER_LUT,
    ("maxpool2d", "ff"): LINE_BUFFER_FF,
    ("unrolled_convolution", "cycles"): {"called": 2.0, "deep": 2.0, "one": 3.0},
    ("padding", "cycles"): {"one": 4.0, "rows": 4.0, "above": 5.0},
    ("maxpool2d", "cycles"): {"called": 1.0},
}
"""Coefficients that follow from the structure of the generated code."""

GIVEN_FOR_TOOL = {
    ("vitis", "convolution", "cycles"): {"tokens": 5.0, "one": 1.0},
    ("vivado", "convolution", "cycles"): {"tokens": 4.0},
}
"""Exact in 7 of 8 rows of Vitis HLS and 14 of 18 of Vivado HLS where the clock is not hasty, one apart in the others.

Two rows of Vivado HLS of another repository took 9 and 37: its code shifts the line buffer
channel by channel, that of hls4ml 1.3.0 pipelines the shift.
"""

NEAR = tuple(0.5 * 0.75**number for number in range(22))
"""Rounds of the fit, each of which weighs the rows by how far off the one before was; closer than this is the same."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What one law sees of one module, and what the report counts for it."""

    row: Row
    law: str
    metric: str
    features: Features
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
    """Coefficients of least log ratio (not squared) beside what is certain, none negative; see `_shares`.

    So a row that another version of the code made does not move a law that the others follow.
    """
    first = rows[0]
    key = first.row.tool, first.law, first.metric
    special = FOR_TOOL.get(key)
    given = GIVEN_FOR_TOOL.get(key) or ({} if special else GIVEN.get(key[1:], {}))
    free = [name for name in special or FEATURES[key[1:]] if name not in given]
    counts = np.array([[row.features.get(name, 0.0) for name in free] for row in rows]).reshape(len(rows), -1)
    measured = np.array([max(row.measured, 1.0) for row in rows])
    sure = np.array([_certain(row) + total(given, row) for row in rows])
    shares = _shares(rows) / measured
    weights, found = np.sqrt(shares / measured), np.zeros(len(free))
    for near in NEAR:
        found = _least_squares(counts, measured - sure, weights)
        predicted = np.maximum(sure + counts @ found, 1.0)
        apart = np.maximum(abs(np.log(measured / predicted)), near)
        weights = np.sqrt(shares / apart / predicted)
    fitted = dict(zip(free, map(float, found), strict=True))
    return {name: round(value, 4) for name, value in (given | fitted).items()}


def _least_squares(counts: np.ndarray, rest: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the columns of `counts`, 0 for those that would be negative."""
    found = np.zeros(counts.shape[1])
    columns = list(range(counts.shape[1]))
    while columns:
        part = np.linalg.lstsq(counts[:, columns] * weights[:, None], rest * weights, rcond=None)[0]
        if min(part) >= -1e-9:
            found[columns] = abs(part)
            break
        columns.pop(int(np.argmin(part)))
    return found


def _shares(rows: Sequence[Sample]) -> np.ndarray:
    """The weight of each row: a repository has that of the root of its rows, which are alike."""
    counted = Counter(row.row.repository for row in rows)
    return np.array([counted[row.row.repository] ** -0.5 for row in rows])


def total(coefficients: Mapping[str, float], row: Sample) -> float:
    return sum(value * row.features.get(name, 0.0) for name, value in coefficients.items())


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
    units: dict[object, list[Sample]] = {}
    for row in rows:
        units.setdefault(unit(row), []).append(row)
    if len(units) < 2:
        return []
    return [missed(solve([row for row in rows if unit(row) != one]), test) for one, test in units.items()]


def spread_90(folds: Sequence[Sequence[tuple[float, float]]]) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row: what 9 of 10 rows held out keep within."""
    ratios = sorted(abs(ratio) for fold in folds for ratio, _ in fold)
    return round(ratios[ceil(0.9 * len(ratios)) - 1], 3)


def alike(row: Sample) -> object:
    """Rows of one repository with the same counts, such as FIFOs of one size, are no evidence for each other."""
    return tuple(sorted(row.features.items())), row.measured


def by_repository(row: Sample) -> str:
    return row.row.repository


def fitted(rows: Sequence[Sample]) -> dict[str, Any]:
    """One law as data: coefficients, where they come from, and how far off it was on rows held out."""
    units = {"repository": by_repository, "project": lambda one: one.row.project, "row": alike}
    found = ((unit, held_out(rows, key)) for unit, key in units.items())
    unit, folds = next(((unit, folds) for unit, folds in found if folds), (None, []))
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
        "held_out": unit,
        "held_out_units": len(folds),
        "median_error": round(median(errors), 3) if errors else None,
        "p90_error": round(errors[ceil(0.9 * len(errors)) - 1], 3) if errors else None,
        "spread_90": spread_90(folds) if folds else None,
    }


ENOUGH = 3
"""Repositories from which on a law's own error on those held out is its interval."""


def calibration(rows: Sequence[Sample]) -> list[dict[str, Any]]:
    """Every law for every tool that has rows of it.

    Projects of one repository are alike, and one or two repositories do not tell how far off the next one is: then no
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
            floor = max((law["spread_90"] or 0.0 for law in here), default=0.0)
        for law in here:
            own = law["spread_90"] or 0.0
            enough = law["held_out"] == "repository" and law["held_out_units"] >= ENOUGH
            law["interval_90"] = own if enough else max(own, floor)
    return found


def elsewhere(rows: Sequence[Sample]) -> float | None:
    """The spread over whole repositories held out, of all laws together; None where no law has rows of two."""
    laws_of: dict[object, list[Sample]] = {}
    for row in rows:
        laws_of.setdefault((row.law, row.row.tool if row.law in laws.OF_ONE_TOOL else ""), []).append(row)
    folds = [fold for group in laws_of.values() for fold in held_out(group, by_repository)]
    return spread_90(folds) if folds else None


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
