"""Rows of FINN nodes, as a truth file holds them, and what the resource models of backends/finn predict for them.

Fields of a row: `id`, `source` (repository and report), `stage` ("post-route", "post-synthesis" or "csynth estimate"),
`scope` ("layer" is a node), `op_type`, `config` (FINN's attributes), `LUT`, `FF`, `DSP`, `BRAM_18K`, `latency_cycles`,
`tool`, `part`, `finn_version`. Further fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amount, Amounts, exact
from backends.finn.resources import models
from backends.finn.resources.models import Calibration
from backends.finn.resources.resource_model import ResourceModel
from backends.finn.resources.structure import model_of_link, model_of_node
from calibration.finn.parts import NONE, Other, Part, Unknown, part_of
from calibration.truth_files import Row, amount_of, as_object, field_of, parsed
from flows.core.errors import InputError
from flows.core.evidence import Metric

METRICS = {"LUT": "lut", "FF": "ff", "BRAM_18K": "bram18", "DSP": "dsp"}
BY_KEY = {metric.key: metric for metric in (Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)}
CSYNTH, SYNTHESISED = "csynth estimate", "post-synthesis"
LATENCY = 10
"""Cycles beside its turns until the last result of a matrix unit (``backends.finn.design.schedule``)."""


@dataclass(frozen=True)
class Sample:
    """One row; `part` is what it is to the models, None where they do not speak of it, for the `reason`.

    `is_placed` where Vivado placed and routed it. Of a node that it only synthesised LUTs are not compared, since
    placement shares them.
    """

    row: Row
    part: Part | None
    reason: str = ""
    is_placed: bool = True

    def model(self, key: str) -> ResourceModel | None:
        """The fitted model of LUTs or FFs, and the counts of this row that it is linear in."""
        metric = BY_KEY.get(key)
        if self.part is None or metric not in (Metric.LUT, Metric.FF):
            return None
        if isinstance(self.part, Other):
            return self.part.models[metric]
        if isinstance(self.part, tuple):
            node, fold, memory = self.part
            return model_of_node(node, fold, metric, memory)
        return model_of_link(self.part, metric)

    def amount(self, key: str, calibration: Calibration) -> Amount | None:
        if self.part is None:
            return None
        if key == "cycles":
            return self._cycles()
        (amount,) = self.amounts(calibration).get(BY_KEY[key], (NONE,))
        return amount

    def amounts(self, calibration: Calibration) -> Amounts:
        if isinstance(self.part, Other):
            return self.part.amounts(calibration)
        if isinstance(self.part, tuple):
            return models.of_node(*self.part, calibration)
        assert self.part
        return models.of_link(self.part, calibration)

    def _cycles(self) -> Amount | None:
        if not isinstance(self.part, tuple) or "numInputVectors" not in self.row.config:
            return None
        return exact(self.part[0].cycles(self.part[1]) + LATENCY, "exact", "cycles")


def read(path: Path) -> tuple[list[Sample], list[InputError]]:
    """The nodes of a truth file, and what is wrong with rows that cannot be read."""
    return parsed(path, samples)


def samples(place: str, record: Any) -> Iterator[Sample]:
    """The node that a record holds; nothing of a subsystem, which belongs to the shell. Raises `InputError` where a
    field is missing or wrong."""
    record = as_object(place, record)
    if field_of(place, record, "scope", str) != "layer":
        return
    stage, op, config = (
        field_of(place, record, key, kind) for key, kind in (("stage", str), ("op_type", str), ("config", dict))
    )
    is_built = re.match("post-(synth|place|route|impl)", stage)
    if not is_built and stage != CSYNTH:
        raise InputError(
            f"{place}, field stage", f"{stage!r}", f"known are 'post-route', 'post-synthesis' and {CSYNTH!r}"
        )
    measured: dict[str, float] = {}
    if is_built:
        measured = {
            name: amount_of(f"{place}, field {key}", record.get(key), "give a number") for key, name in METRICS.items()
        }
    if is_synthesised := stage == SYNTHESISED:
        del measured["lut"]
    cycles = record.get("latency_cycles")
    if stage == CSYNTH and isinstance(cycles, dict):
        measured["cycles"] = amount_of(f"{place}, field latency_cycles.max", cycles.get("max"), "give a number")
    version = re.search(r"20\d\d\.\d", str(record.get("tool")))
    name, build = str(record.get("id")), next(iter(str(record.get("source")).split()), "")
    row = Row(
        place, "finn", version[0] if version else "", str(record.get("part")), build, name, op, name, config, measured
    )
    sample = Sample(row, None, "", not is_synthesised)
    try:
        sample = replace(sample, part=part_of(op, config, str(record.get("finn_version")), row.version))
        for key in (*METRICS.values(), "cycles"):  # a field of the wrong kind shows itself here
            sample.amount(key, models.shipped())
    except Unknown as error:
        sample = replace(sample, reason=str(error))
    except KeyError as error:
        sample = replace(sample, part=None, reason=f"{op}: {error.args[0]} is not recorded")
    except (TypeError, ValueError, ArithmeticError, AttributeError, IndexError) as error:
        raise InputError(f"{place}, field config", f"no configuration of {op}: {error}", "correct it") from None
    yield sample


def nodes(paths: Sequence[Path]) -> list[Sample]:
    """All samples of `paths`; raises the first error."""
    every: list[Sample] = []
    for path in paths:
        read_samples, errors = read(path)
        if errors:
            raise errors[0]
        every += read_samples
    return every
