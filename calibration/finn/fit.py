"""Fits the resource models of backends/finn/resources to nodes of routed builds and to open synthesis of FINN's RTL.

    python -m calibration.finn.fit ROWS.json [ROWS.json ...] [--write]

ROWS.json holds rows of FINN nodes (see calibration/finn/rows.py). No row has the matrix unit of finn-plus 1.6.1:
it is fitted to ``open_synthesis.json`` alone, which counts as one more build for padding and windows. Prints a
line for each resource model with its error on repositories that it was not fitted to; ``--write`` puts the calibration
where the backend reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.finn.resources import models
from backends.finn.resources.resource_model import ResourceModel
from calibration.conformal import Miss, Width, missed, of_few_projects, widths
from calibration.finn.points import SYNTHESIS, UNBUILT, Point, routed, synthesised
from calibration.finn.rows import Sample, nodes
from calibration.least_squares import non_negative
from flows.core.errors import FlowsError
from flows.core.evidence import Metric

ENOUGH = 2
"""Rows of other repositories for each coefficient, below which builds are held out one by one."""
FIFOS = {"block_fifo", "register_fifo", "shift_fifo"}


def solve(rows: Sequence[Point]) -> dict[str, float]:
    """The non-negative coefficients of least relative error, on top of the certain part; repositories weigh alike.

    Features whose coefficient is 0 are left out.
    """
    names = list(rows[0].model.features)
    of_repository = Counter(row.repository for row in rows)
    weight = np.array([max(row.measured, 1.0) * sqrt(of_repository[row.repository]) for row in rows])
    uncertain = np.array([row.measured - row.model.certain for row in rows])
    matrix = np.array([[row.model.features[name] for name in names] for row in rows]) / weight[:, None]
    columns, values = non_negative(matrix, uncertain / weight)
    return {names[column]: round(float(value), 4) for column, value in zip(columns, values, strict=True)}


def predicted(coefficients: Mapping[str, float], model: ResourceModel) -> float:
    return model.certain + sum(value * model.features[name] for name, value in coefficients.items())


def held_out(rows: Sequence[Point]) -> dict[Point, float]:
    """The prediction for each row by a fit to the other repositories, or to the other builds where too few rows would
    be left. Empty where there is only one build."""
    most = max(Counter(row.repository for row in rows).values())
    unit = "repository" if len(rows) - most >= ENOUGH * len(rows[0].model.features) else "build"
    units: dict[str, list[Point]] = {}
    for row in rows:
        units.setdefault(getattr(row, unit), []).append(row)
    if len(units) < 2:
        return {}
    values: dict[Point, float] = {}
    for left_out, test in units.items():
        coefficients = solve([row for row in rows if getattr(row, unit) != left_out])
        values |= {row: predicted(coefficients, row.model) for row in test}
    return values


def calibration(rows: Sequence[Point]) -> dict[str, list[dict[str, Any]]]:
    """``models``: the models with enough rows to fit, by metric, each with its error and its interval on repositories
    that it was not fitted to.
    ``totals``: the interval of the sum of a design, by metric."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        groups.setdefault((row.model.name, row.metric), []).append(row)
    groups = {key: group for key, group in groups.items() if len(group) >= len(group[0].model.features)}
    values = {key: held_out(group) for key, group in groups.items()}
    intervals = _intervals({key: _misses(predictions) for key, predictions in values.items()})
    entries = []
    for (model, metric), group in sorted(groups.items(), key=lambda item: item[0]):
        errors = [abs(value / max(row.measured, 1) - 1) for row, value in values[model, metric].items()]
        width, builds = intervals[model, metric], {row.build for row in group}
        reach = width.value
        if model == UNBUILT and metric == Metric.LUT.key:
            overstated = OPEN_SYNTHESIS[Metric.LUT]
            reach = sqrt(reach**2 + log(overstated.high / overstated.value) ** 2)
        entries.append(
            {
                "model": model,
                "metric": metric,
                "coefficients": solve(group),
                "rows": len(group),
                "projects": 0 if model == UNBUILT else len({row.repository for row in group}),
                "from": SYNTHESIS if model == UNBUILT else _from(group, len(builds)),
                "median_error": round(median(errors), 3) if errors else None,
                "interval_90": round(reach, 3),
                "own_interval": width.is_own,
            }
        )
    return {"models": entries, "totals": totals(values.values())}


def _from(rows: Sequence[Point], builds: int) -> str:
    repositories = len({row.repository for row in rows})
    projects = f"{repositories} project{'s' * (repositories != 1)}"
    return f"{builds} build{'s' * (builds != 1)} of {projects}"


def _misses(values: Mapping[Point, float]) -> list[Miss]:
    return [Miss(missed(row.measured, value), row.repository) for row, value in values.items()]


def _intervals(misses: Mapping[tuple[str, str], Sequence[Miss]]) -> dict[tuple[str, str], Width]:
    """Intervals by model and metric. FIFOs are kept apart: there are many of them, and their errors are small."""
    alike: dict[tuple[str, bool], dict[tuple[str, str], Sequence[Miss]]] = {}
    for (model, metric), own in misses.items():
        alike.setdefault((metric, model in FIFOS), {})[model, metric] = own
    return {key: width for kinds in alike.values() for key, width in widths(kinds).items()}


def totals(values: Iterable[Mapping[Point, float]]) -> list[dict[str, Any]]:
    """What the sums of whole designs miss, of which no row was fitted to: errors of the nodes of a design resemble
    each other, so the sum of their intervals is not its interval.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    projects: dict[str, str] = {}
    for predictions in values:
        for row, value in predictions.items():
            if row.is_design:
                projects[row.build] = row.repository
                total = sums.setdefault((row.metric, row.build), [0.0, 0.0])
                total[0], total[1] = total[0] + row.measured, total[1] + value
    entries = []
    for metric in sorted({metric for metric, _ in sums}):
        own = [Miss(missed(*pair), projects[build]) for (other, build), pair in sums.items() if other == metric]
        count = len({miss.project for miss in own})
        if count > 1:
            width = round(of_few_projects(own), 3)
            designs = f"{len(own)} designs of {count} projects"
            entries.append({"metric": metric, "projects": count, "from": designs, "interval_90": width})
    return entries


def written(samples: Iterable[Sample], fitted: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The calibration file: the models, and the reports that they were fitted to."""
    rows = [sample.row for sample in samples if sample.part]
    sources = sorted({f"{row.project} (Vivado {row.version}, {row.device})" for row in rows})
    return json.dumps({"sources": sources, **fitted}, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {models.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        samples = nodes(arguments.rows)
        fitted = calibration(routed(samples) + synthesised())
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"{'model':16}{'metric':8}{'rows':>5}{'median':>8}{'used':>7}")
    for entry in fitted["models"]:
        middle = "-" if entry["median_error"] is None else f"{entry['median_error']:.1%}"
        used = f"x{exp(entry['interval_90']):.2f}"
        used += " " if entry["own_interval"] else "*"
        print(f"{entry['model']:16}{entry['metric']:8}{entry['rows']:5}{middle:>8}{used:>8}  {entry['coefficients']}")
    for entry in fitted["totals"]:
        print(f"total {entry['metric']}: x{exp(entry['interval_90']):.2f}, {entry['from']}")
    if arguments.write:
        models.CALIBRATION.write_text(written(samples, fitted))


if __name__ == "__main__":
    main()
