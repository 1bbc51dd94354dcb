"""Truth files: JSON lists of rows, one for each module or node that a vendor tool counted.

Here is what rows of hls4ml and of FINN have in common; `calibration.hls4ml.rows` and `calibration.finn.rows` have the
fields of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flows.core.errors import InputError

FORMS = {"hls4ml": ("layer", "module", "measured"), "finn": ("id", "scope", "stage")}
"""The fields by which the rows of each flow are recognised."""

LARGEST = 1e15
"""Beyond any count of resources or cycles."""


@dataclass(frozen=True)
class Row:
    """One module or node, its configuration and what was counted of it, by metric.

    `place` names the row in messages, `design` is the report that it stands in, `project` is what is held out as a
    whole: two prototypes of a model are one project. `tool` is ``vitis``, ``vivado`` or ``finn``; `layer` is the
    function of hls4ml, or the type of FINN's node.
    """

    place: str
    tool: str
    version: str
    device: str
    project: str
    design: str
    layer: str
    module: str
    config: Mapping[str, Any]
    measured: Mapping[str, float]

    @property
    def repository(self) -> str:
        return "/".join(self.project.split("/")[:2])


Parsed = TypeVar("Parsed")


def parsed(path: Path, parse: Callable[[str, Any], Iterable[Parsed]]) -> tuple[list[Parsed], list[InputError]]:
    """What `parse` makes of the records of a truth file, and what is wrong with those that it refuses.

    `parse` takes a record's place in the file, and the record.
    """
    rows: list[Parsed] = []
    errors: list[InputError] = []
    for index, record in enumerate(records(path)):
        try:
            rows += parse(f"{path.name}, row {index}", record)
        except InputError as error:
            errors.append(error)
    return rows, errors


def records(path: Path) -> list[Any]:
    """The records of a truth file; raises `InputError` where it holds no list of any."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read", "give a file of rows") from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"not JSON: {error}", "give a JSON list of rows") from None
    if not isinstance(table, list) or not table:
        fact = "an empty list" if table == [] else f"a JSON {type(table).__name__}, not a list"
        raise InputError(str(path), fact, "give a JSON list with a row for each module")
    return table


def form_of(path: Path) -> str:
    """``hls4ml`` or ``finn``: the flow whose fields most rows have. Raises `InputError` where no row has any."""
    table = records(path)
    counts = {
        form: sum(isinstance(record, dict) and any(key in record for key in keys) for record in table)
        for form, keys in FORMS.items()
    }
    form = max(counts, key=lambda name: counts[name])
    if not counts[form]:
        known = " or ".join(", ".join(keys) for keys in FORMS.values())
        raise InputError(str(path), "rows of no known form", f"rows have the fields {known}")
    return form


def as_object(place: str, record: Any) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise InputError(place, f"a JSON {type(record).__name__}, not an object", "give an object for each row")
    return record


def field_of(place: str, record: Mapping[str, Any], key: str, kind: type) -> Any:
    """The value of `key`, a text (`str`) or an object (`dict`)."""
    if key not in record:
        raise InputError(f"{place}, field {key}", "missing", "every row needs it")
    if not isinstance(record[key], kind):
        what = "a text" if kind is str else "an object"
        raise InputError(f"{place}, field {key}", f"{record[key]!r} is not {what}", f"give {what}")
    return record[key]


def amount_of(place: str, value: Any, advice: str) -> float:
    """A number of 0 or more; the error names `place` and ends in `advice`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise InputError(place, f"{value!r} is no amount", advice)
    return float(value)
