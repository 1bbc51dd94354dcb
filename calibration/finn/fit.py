"""Fits the resource models of backends/finn/resources to nodes of routed builds and to open synthesis of FINN's RTL.

    python -m calibration.finn.fit ROWS.json [ROWS.json ...] [--write]

ROWS.json holds rows of FINN nodes (see calibration/finn/rows.py). The matrix unit of finn-plus 1.6.1 is in none of
them: it is fitted to ``open_synthesis.json`` alone, which counts as one more build for padding and windows. Prints a
line for each resource model with its error on repositories that it was not fitted to; ``--write`` puts the calibration
where the backend reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.finn.resources import models
from backends.finn.resources.structure import Law
from calibration.finn.points import SYNTHESIS, UNBUILT, Point, routed, synthesised
from calibration.finn.rows import Sample, nodes
from calibration.least_squares import non_negative
from flows.core.errors import FlowsError
from flows.core.evidence import Metric

MANY = 3
"""Repositories from which on whole ones are held out: with fewer, too little is left to fit to."""


def solve(rows: Sequence[Point]) -> dict[str, float]:
    """Coefficients of the least relative error beside what is certain, none negative; every build counts alike.

    Counts that have none are left out.
    """
    names = list(rows[0].model.features)
    of_build = Counter(row.build for row in rows)
    weight = np.array([max(row.measured, 1.0) * sqrt(of_build[row.build]) for row in rows])
    rest = np.array([row.measured - row.model.certain for row in rows])
    matrix = np.array([[row.model.features[name] for name in names] for row in rows]) / weight[:, None]
    columns, values = non_negative(matrix, rest / weight)
    return {names[column]: round(float(value), 4) for column, value in zip(columns, values, strict=True)}


def ratios(coefficients: Mapping[str, float], rows: Iterable[Point]) -> list[float]:
    """Log ratios of measured to predicted."""
    return [log(max(row.measured, 1) / max(predicted(coefficients, row.model), 1)) for row in rows]


def predicted(coefficients: Mapping[str, float], model: Law) -> float:
    return model.certain + sum(value * model.features[name] for name, value in coefficients.items())


def held_out(rows: Sequence[Point]) -> list[float]:
    """What fits to the others miss each repository's rows by; of fewer than `MANY` each build's, of one build none."""
    unit = "repository" if len({row.repository for row in rows}) >= MANY else "build"
    units: dict[str, list[Point]] = {}
    for row in rows:
        units.setdefault(getattr(row, unit), []).append(row)
    if len(units) < 2:
        return []
    missed: list[float] = []
    for left_out, test in units.items():
        missed += ratios(solve([row for row in rows if getattr(row, unit) != left_out]), test)
    return missed


def spread(missed: Sequence[float]) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row: what nine of ten rows held out stay within."""
    sizes = sorted(abs(ratio) for ratio in missed)
    return sizes[min(len(sizes), ceil(0.9 * (len(sizes) + 1))) - 1] if sizes else 0.0


def calibration(rows: Sequence[Point]) -> list[dict[str, Any]]:
    """Every model and metric, with the error and the interval of builds that it was not fitted to.

    A model of one build is held to what the models of several builds miss their rows by.
    """
    groups: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        groups.setdefault((row.model.name, row.metric), []).append(row)
    missed = {key: held_out(group) for key, group in groups.items()}
    entries = []
    for (model, metric), group in sorted(groups.items(), key=lambda item: item[0]):
        own = missed[model, metric]
        of_metric = [ratio for (_, other), misses in missed.items() if other == metric for ratio in misses]
        width, builds = spread(own or of_metric), len({row.build for row in group})
        if model == UNBUILT and metric == Metric.LUT.key:
            overstated = OPEN_SYNTHESIS[Metric.LUT]
            width = sqrt(width**2 + log(overstated.high / overstated.value) ** 2)
        errors = [abs(exp(-ratio) - 1) for ratio in own]
        entries.append(
            {
                "law": model,
                "metric": metric,
                "coefficients": solve(group),
                "rows": len(group),
                "builds": 0 if model == UNBUILT else builds,
                "from": SYNTHESIS if model == UNBUILT else f"{builds} routed build{'s' * (builds != 1)}",
                "median_error": round(median(errors), 3) if errors else None,
                "interval_90": round(width, 3),
            }
        )
    return entries


def written(samples: Iterable[Sample], entries: Sequence[Mapping[str, Any]]) -> str:
    """The calibration file: the models, and the reports that they were fitted to."""
    rows = [sample.row for sample in samples if sample.part]
    sources = sorted({f"{row.project} (Vivado {row.version}, {row.device})" for row in rows})
    return json.dumps({"sources": sources, "laws": entries}, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {models.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        samples = nodes(arguments.rows)
        entries = calibration(routed(samples) + synthesised())
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"{'model':14}{'metric':8}{'rows':>5}{'median':>8}{'used':>7}")
    for entry in entries:
        middle = "-" if entry["median_error"] is None else f"{entry['median_error']:.1%}"
        used = f"x{exp(entry['interval_90']):.2f}"
        print(f"{entry['law']:14}{entry['metric']:8}{entry['rows']:5}{middle:>8}{used:>7}  {entry['coefficients']}")
    if arguments.write:
        models.CALIBRATION.write_text(written(samples, entries))


if __name__ == "__main__":
    main()
