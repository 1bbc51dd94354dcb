"""Rows of FINN nodes, as a truth file holds them, and what the laws of backends/finn say of them.

Fields of a row: `id`, `source` (repository and report), `stage` ("post-route", "post-synthesis" or "csynth estimate"),
`scope` ("layer" is a node), `op_type`, `config` (FINN's attributes), `LUT`, `FF`, `DSP`, `BRAM_18K`, `latency_cycles`,
`tool`, `part`, `finn_version`. Further fields are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csynth_rows import Row, table_of
from finn_parts import Other, Part, Unknown, part_of

from backends.finn import laws
from backends.finn.laws import Amount, Calibration
from backends.finn.structure import Law, law_of_link, law_of_node
from flows.core.errors import InputError
from flows.core.evidence import Metric

METRICS = {"LUT": "lut", "FF": "ff", "BRAM_18K": "bram18", "DSP": "dsp"}
BY_KEY = {metric.key: metric for metric in (Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)}
CSYNTH = "csynth estimate"
LATENCY = 10
"""Cycles beside its turns until the last result of a matrix unit (``backends.finn.schedule``)."""


@dataclass(frozen=True)
class Sample:
    """One row; `part` is what it is to the laws, None where it is nothing that they speak of, for the `reason`."""

    row: Row
    part: Part | None
    reason: str = ""

    def law(self, key: str) -> Law | None:
        metric = BY_KEY.get(key)
        if self.part is None or metric not in (Metric.LUT, Metric.FF):
            return None
        if isinstance(self.part, Other):
            return self.part.laws[metric]
        if isinstance(self.part, tuple):
            node, fold, memory = self.part
            return law_of_node(node, fold, metric, memory)
        return law_of_link(self.part, metric)

    def amount(self, key: str, calibration: Calibration) -> Amount | None:
        if self.part is None:
            return None
        if key == "cycles":
            return self._cycles()
        if isinstance(self.part, Other):
            return self.part.amounts(calibration)[BY_KEY[key]]
        if isinstance(self.part, tuple):
            return laws.of_node(*self.part, calibration)[BY_KEY[key]]
        return laws.of_link(self.part, calibration)[BY_KEY[key]]

    def _cycles(self) -> Amount | None:
        if not isinstance(self.part, tuple) or "numInputVectors" not in self.row.config:
            return None
        return laws.exact(self.part[0].cycles(self.part[1]) + LATENCY, "cycles")


def read(path: Path) -> tuple[list[Sample], list[InputError]]:
    """The nodes of a truth file, and what is wrong with rows that cannot be read. Subsystems are the shell's."""
    found: list[Sample] = []
    wrong: list[InputError] = []
    for index, record in enumerate(table_of(path)):
        place = f"{path.name}, row {index}"
        try:
            found += samples(place, record)
        except InputError as error:
            wrong.append(error)
    return found, wrong


def samples(place: str, record: Any) -> Iterator[Sample]:
    """What one record holds. Raises `InputError` where a field is missing or wrong."""
    if not isinstance(record, dict):
        raise InputError(place, f"a JSON {type(record).__name__}, not an object", "give an object a row")
    if _field(place, record, "scope", str) != "layer":
        return
    stage, op, config = (
        _field(place, record, key, kind) for key, kind in (("stage", str), ("op_type", str), ("config", dict))
    )
    counted = re.match("post-(synth|place|route|impl)", stage)
    if not counted and stage != CSYNTH:
        raise InputError(
            f"{place}, field stage", f"{stage!r}", f"known are 'post-route', 'post-synthesis' and {CSYNTH!r}"
        )
    measured = {name: _amount(place, record, key) for key, name in METRICS.items()} if counted else {}
    cycles = record.get("latency_cycles")
    if stage == CSYNTH and isinstance(cycles, dict):
        measured["cycles"] = _amount(place, cycles, "max")
    version = re.search(r"20\d\d\.\d", str(record.get("tool")))
    name, build = str(record.get("id")), str(record.get("source")).split()[0]
    row = Row(
        place, "finn", version[0] if version else "", str(record.get("part")), build, name, op, name, config, measured
    )
    part, reason = None, ""
    try:
        part = part_of(op, config, str(record.get("finn_version")))
    except Unknown as error:
        reason = str(error)
    except KeyError as error:
        reason = f"{op}: {error.args[0]} is not recorded"
    except (TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise InputError(f"{place}, field config", f"no configuration of {op}: {error}", "correct it") from None
    yield Sample(row, part, reason)


def _field(place: str, record: Mapping[str, Any], key: str, kind: type) -> Any:
    if key not in record:
        raise InputError(f"{place}, field {key}", "missing", "every row needs it")
    if not isinstance(record[key], kind):
        what = "a text" if kind is str else "an object"
        raise InputError(f"{place}, field {key}", f"{record[key]!r} is not {what}", f"give {what}")
    return record[key]


def _amount(place: str, record: Mapping[str, Any], key: str) -> float:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(f"{place}, field {key}", f"{value!r} is no amount", "give a number")
    return float(value)


def nodes(paths: Sequence[Path]) -> list[Sample]:
    """All samples of `paths`; raises the first error."""
    found: list[Sample] = []
    for path in paths:
        here, wrong = read(path)
        if wrong:
            raise wrong[0]
        found += here
    return found
