"""Fits the resource models of backends/hls4ml/resources.py to csynth reports.

    python -m calibration.hls4ml.fit ROWS.json [REPORT ...] [--write]

ROWS.json holds rows of csynth reports (see calibration/hls4ml/rows.py). A REPORT is a csynth report of a whole design,
as text (Vivado HLS) or XML (Vitis HLS), read for what the rows leave out: ReLUs, zero padding, FIFOs. Prints a line for
each resource model with its error on projects that it was not fitted to; ``--write`` puts the calibration where the
backend reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from math import ceil, exp
from pathlib import Path
from statistics import median
from typing import Any

from backends.hls4ml import resources
from calibration.hls4ml import terms
from calibration.hls4ml.description import Module
from calibration.hls4ml.modules import modules
from calibration.hls4ml.reports import modules_of_report
from calibration.hls4ml.rows import CsynthRow, read
from calibration.hls4ml.solve import Sample, alike, by_project, by_repository, held_out, samples, solve, spread_90
from flows.core.errors import FlowsError

METRICS = ("cycles", "lut", "ff")
"""The metrics that fitted models give; block RAM and DSP follow from the generated code."""

ENOUGH = 3
"""A model known from this many repositories has its interval from its own held-out errors."""


def fitted(rows: Sequence[Sample]) -> dict[str, Any]:
    """One resource model as data: its coefficients, where they come from, and how far off it was on rows held out."""
    units = {"repository": by_repository, "project": by_project, "row": alike}
    tried = ((unit, held_out(rows, key)) for unit, key in units.items())
    unit, folds = next(((unit, folds) for unit, folds in tried if folds), (None, []))
    errors = sorted(error for fold in folds for _, error in fold)
    return {
        "tool": rows[0].row.tool,
        "model": rows[0].model,
        "metric": rows[0].metric,
        "certain": terms.certain(rows[0].model, rows[0].metric),
        "coefficients": solve(rows),
        "rows": len(rows),
        "projects": sorted({row.row.project for row in rows}),
        "versions": sorted({row.row.version for row in rows}),
        "devices": sorted({row.row.device for row in rows}),
        "held_out": unit,
        "held_out_units": len(folds),
        "median_error": round(median(errors), 3) if errors else None,
        "p90_error": round(errors[ceil(0.9 * len(errors)) - 1], 3) if errors else None,
        "spread_90": spread_90(folds) if folds else None,
    }


def calibration(rows: Sequence[Sample]) -> list[dict[str, Any]]:
    """Every resource model for every tool that has rows of it.

    Projects of one repository are alike, and one or two repositories do not tell how far off the next one is: then no
    interval is narrower than what all models of its metric missed in whole repositories held out, those of the other
    tool among them.
    """
    groups: dict[tuple[str, str, str], list[Sample]] = {}
    for row in rows:
        groups.setdefault((row.row.tool, row.model, row.metric), []).append(row)
    entries = [fitted(groups[key]) for key in sorted(groups)]
    for metric in METRICS:
        of_metric = [entry for entry in entries if entry["metric"] == metric]
        floor = _spread_of_all([row for row in rows if row.metric == metric])
        if floor is None:
            floor = max((entry["spread_90"] or 0.0 for entry in of_metric), default=0.0)
        for entry in of_metric:
            own = entry["spread_90"] or 0.0
            enough = entry["held_out"] == "repository" and entry["held_out_units"] >= ENOUGH
            entry["interval_90"] = own if enough else max(own, floor)
    return entries


def _spread_of_all(rows: Sequence[Sample]) -> float | None:
    """The spread over whole repositories held out, of all models together; None where none has rows of two."""
    groups: dict[object, list[Sample]] = {}
    for row in rows:
        tool = row.row.tool if row.model in resources.OF_ONE_TOOL else ""
        groups.setdefault((row.model, tool), []).append(row)
    folds = [fold for group in groups.values() for fold in held_out(group, by_repository)]
    return spread_90(folds) if folds else None


def read_all(paths: Sequence[Path]) -> list[Module]:
    """Modules of all files: rows of those in JSON, and what the reports hold beside them."""
    rows: list[CsynthRow] = []
    for path in paths:
        if path.suffix == ".json":
            read_rows, errors = read(path)
            if errors:
                raise errors[0]
            rows += read_rows
    reports = (path for path in paths if path.suffix != ".json")
    return [*modules(rows), *(module for path in reports for module in modules_of_report(path, rows))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {resources.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        entries = calibration(samples(read_all(arguments.rows)))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(
        f"{'tool':8}{'model':21}{'metric':8}{'rows':>5}{'projects':>9}  {'held out':9}"
        f"{'median':>8}{'p90':>7}{'90 %':>7}{'used':>7}"
    )
    for entry in entries:
        middle, most = (f"{entry[key]:.1%}" if entry[key] is not None else "-" for key in ("median_error", "p90_error"))
        used = f"x{exp(entry['interval_90']):.2f}"
        factor = f"x{exp(entry['spread_90']):.2f}" if entry["spread_90"] is not None else "-"
        print(
            f"{entry['tool']:8}{entry['model']:21}{entry['metric']:8}{entry['rows']:5}{len(entry['projects']):9}  "
            f"{entry['held_out'] or '-':9}{middle:>8}{most:>7}{factor:>7}{used:>7}  {entry['coefficients']}"
        )
    if arguments.write:
        resources.CALIBRATION.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
