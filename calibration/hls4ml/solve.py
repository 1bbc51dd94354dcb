"""Fits the coefficients of one resource model to rows, and tells how far off they are on rows held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log

import numpy as np

from backends.hls4ml.counts import Features
from calibration.hls4ml import terms
from calibration.hls4ml.description import Module
from calibration.hls4ml.rows import CsynthRow
from calibration.least_squares import non_negative

NEAR = tuple(0.5 * 0.75**number for number in range(22))
"""Iteratively reweighted least squares: each round weighs the rows by the errors of the round before. Errors below this
are treated as equal."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What one resource model sees of one module, and what the report counts for it."""

    row: CsynthRow
    model: str
    metric: str
    features: Features
    measured: float

    @property
    def certain(self) -> float:
        return total(terms.certain(self.model, self.metric), self)


Miss = tuple[float, float]
"""Of one row: (log ratio of measured to predicted beyond what is certain, relative error)."""


def samples(modules: Sequence[Module]) -> list[Sample]:
    """Of every module but `compute_output_buffer`, which is most of the convolution around it."""
    return [
        Sample(module.row, model.name, metric, model.features, module.row.measured[metric])
        for module in modules
        for metric, model in module.description.models.items()
        if metric in module.row.measured and not (module.row.layer.startswith("compute_output") and metric != "cycles")
    ]


def solve(rows: Sequence[Sample]) -> Mapping[str, float]:
    """The non-negative coefficients of least absolute log ratio, on top of the certain part; see `_shares` for weights.

    So a row of another version of hls4ml does not move a model that the others follow.
    """
    return _solve(tuple(rows))


@lru_cache(maxsize=10_000)  # holding out asks for the same fits again and again
def _solve(rows: tuple[Sample, ...]) -> Mapping[str, float]:
    key = rows[0].row.tool, rows[0].model, rows[0].metric
    fixed, free = terms.fixed_coefficients(*key), terms.free(*key)
    counts = np.array([[row.features.get(name, 0.0) for name in free] for row in rows]).reshape(len(rows), -1)
    measured = np.array([max(row.measured, 1.0) for row in rows])
    sure = np.array([row.certain + total(fixed, row) for row in rows])
    shares = _shares(rows) / measured
    weights, coefficients = np.sqrt(shares / measured), np.zeros(len(free))
    for near in NEAR:
        columns, values = non_negative(counts * weights[:, None], (measured - sure) * weights)
        coefficients = np.zeros(len(free))
        coefficients[columns] = values
        predicted = np.maximum(sure + counts @ coefficients, 1.0)
        apart = np.maximum(abs(np.log(measured / predicted)), near)
        weights = np.sqrt(shares / apart / predicted)
    fitted = dict(zip(free, map(float, coefficients), strict=True))
    return {name: round(value, 4) for name, value in (fixed | fitted).items()}


def _shares(rows: Sequence[Sample]) -> np.ndarray:
    """The weight of each row: a repository has that of the root of its rows, which are alike."""
    counted = Counter(row.row.repository for row in rows)
    return np.array([counted[row.row.repository] ** -0.5 for row in rows])


def total(coefficients: Mapping[str, float], row: Sample) -> float:
    return sum(value * row.features.get(name, 0.0) for name, value in coefficients.items())


def misses(coefficients: Mapping[str, float], rows: Sequence[Sample]) -> list[Miss]:
    missed = []
    for row in rows:
        predicted = total(coefficients, row)
        ratio = log(max(row.measured - row.certain, 1) / max(predicted, 1))
        missed.append((ratio, abs(row.certain + predicted - row.measured) / max(row.measured, 1)))
    return missed


def held_out(rows: Sequence[Sample], unit: Callable[[Sample], object]) -> list[list[Miss]]:
    """What a fit to the rows of all other units misses, by unit; nothing where there is only one unit."""
    units: dict[object, list[Sample]] = {}
    for row in rows:
        units.setdefault(unit(row), []).append(row)
    if len(units) < 2:
        return []
    return [misses(solve([row for row in rows if unit(row) != left]), test) for left, test in units.items()]


def spread_90(folds: Sequence[Sequence[Miss]]) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row: what 9 of 10 rows held out keep within."""
    ratios = sorted(abs(ratio) for fold in folds for ratio, _ in fold)
    return round(ratios[ceil(0.9 * len(ratios)) - 1], 3)


def alike(row: Sample) -> object:
    """Rows of one repository with the same counts, such as FIFOs of one size, are no evidence for each other."""
    return tuple(sorted(row.features.items())), row.measured


def by_repository(row: Sample) -> str:
    return row.row.repository


def by_project(row: Sample) -> str:
    return row.row.project
