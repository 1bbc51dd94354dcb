"""Describes a row for the resource models of backends/hls4ml: which model predicts each metric, from which counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backends.cost.amounts import Amount, exact
from backends.hls4ml.counts import Features
from calibration.hls4ml.rows import CsynthRow

NONE = exact(0, "none", "the generated code has none")


@dataclass(frozen=True)
class FittedModel:
    """A resource model with fitted coefficients, by name, and the counts of one row that it is linear in."""

    name: str
    features: Features


@dataclass(frozen=True)
class Description:
    """By metric: the fitted model that gives it, or the amount that follows from the generated code, or why neither
    does."""

    models: Mapping[str, FittedModel] = field(default_factory=dict)
    known: Mapping[str, Amount] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """A row of a csynth report and what it is to the models."""

    row: CsynthRow
    description: Description


def lut_and_ff(name: str, features: Features) -> dict[str, FittedModel]:
    return {metric: FittedModel(name, features) for metric in ("lut", "ff")}


def is_version(row: CsynthRow, since: str, before: str) -> bool:
    """Whether the row is of Vitis HLS, of version `since` or later and earlier than `before`."""
    return row.tool == "vitis" and since <= row.version < before
