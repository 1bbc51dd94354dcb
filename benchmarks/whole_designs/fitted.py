"""The fitted models that predict designs: those of this release, or fits that leave one repository out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import calibration
from backends.cost.synthesis import HLS4ML, OWN_CODE, Ratios
from backends.finn.resources import models
from backends.hls4ml import built
from calibration import csynth_ratios
from calibration.finn.fit import calibration as finn_fit
from calibration.finn.points import routed, synthesised
from calibration.finn.rows import Sample, nodes
from calibration.hls4ml.built import calibration as hls4ml_fit
from calibration.hls4ml.built_rows import read as built_rows

ROWS = Path(calibration.__path__[0]) / "rows"
SHIPPED = ""
"""In place of a repository: none is left out."""


@dataclass(frozen=True)
class Fitted:
    """FINN's models by name and metric, hls4ml's by unit and metric, and the ratios of csynth to built: of hls4ml's
    designs, and of all others."""

    finn: models.Calibration
    hls4ml: built.Calibration
    hls4ml_ratios: Ratios
    ratios: Ratios


class Fits:
    """The models without a repository, fitted when they are first asked for.

    `samples` are the nodes of FINN builds that the caller has; those of this repository are fitted to as well.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        own = nodes(sorted(ROWS.glob("finn_*.json")))
        known = {(node.row.project, node.row.module) for node in own}
        self._samples = [*own, *(sample for sample in samples if (sample.row.project, sample.row.module) not in known)]

    @cache  # noqa: B019 - one lives as long as the program
    def without(self, repository: str) -> Fitted:
        """Fitted to all rows but those of `repository`; the shipped models for `SHIPPED`."""
        if repository == SHIPPED:
            return Fitted(models.shipped(), built.shipped(), HLS4ML, OWN_CODE)
        return Fitted(self._finn(repository), _hls4ml(repository), *_ratios(repository))

    def _finn(self, repository: str) -> models.Calibration:
        """The shipped models, fitted to more rows than are here, where `repository` is not among their sources."""
        if not any(source.startswith(f"{repository}/") for source in models.sources()):
            return models.shipped()
        others = [sample for sample in self._samples if sample.row.repository != repository]
        return models.by_model(finn_fit(routed(others) + synthesised()))


def _hls4ml(repository: str) -> built.Calibration:
    designs = built_rows(ROWS / "hls4ml_built.json")
    others = [design for design in designs if design.repository != repository]
    if len(others) == len(designs):
        return built.shipped()
    return {(row["unit"], row["metric"]): row for row in hls4ml_fit(others)}


def _ratios(repository: str) -> tuple[Ratios, Ratios]:
    """A pair's project is the name of its repository, or its source begins with the repository."""
    name = repository.rpartition("/")[2]
    pairs = [
        pair
        for pair in csynth_ratios.pairs()
        if pair["project"] != name and pair["source"].split()[0].rpartition("/")[2] != name
    ]
    return csynth_ratios.of_hls4ml(pairs), csynth_ratios.of_own_code(pairs)
