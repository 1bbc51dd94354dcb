"""Rows of whole designs: what was built, on which part, of which network and configuration, and what it came to.

A row has `id`, `repo`, `part`, `flow`, `kind` and `net`. What was built is `decoded` (counted from the bitstream) or
`reported` (a utilisation report, which wins). The configuration is words, for `benchmarks.whole_designs.networks`:
``net``, ``precision``, and ``reuse`` by layer. ``csynth`` is what csynth counted of the core, ``export_impl`` what it
took when the HLS tool placed and routed it alone, ``ips`` how often each IP stands in the block design, ``wns_ns`` the
worst slack of the routed design, ``clock_mhz`` its clock.

Rows of pairs (``csynth`` beside ``built``, both of a core alone) are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from backends.cost.system import BATCH
from calibration.truth_files import amount_of, as_object, field_of, records
from flows.core.errors import InputError
from flows.core.evidence import Metric
from flows.core.text import printable

COUNTS = {
    "lut": Metric.LUT,
    "ff": Metric.FF,
    "bram18": Metric.BRAM18,
    "ramb18": Metric.BRAM18,
    "dsp": Metric.DSP,
}
"""The names of resources in a row."""

WRAPPED = "myproject_axi"
"""What hls4ml's VivadoAccelerator calls a core with its converters."""

UNTOLD = "unknown flow"
"""Of a design whose row does not say by which flow it was made."""

MOST_IPS, MOST_REUSE = 1_000, 1_000_000_000
"""Of one IP in a block design, and of products on one multiplier: beyond any design."""

Counts = Mapping[Metric, float]


@dataclass(frozen=True)
class Row:
    """One design. `built` is the whole of it, shell and all, or the core alone where `is_core`."""

    name: str
    repository: str
    flow: str
    kind: str
    part: str
    built: Counts
    net: str = ""
    precision: str = ""
    strategy: str = ""
    io_type: str = ""
    tool: str = ""
    folding: str = ""
    reuse: Mapping[str, int] = field(default_factory=dict)
    csynth: Counts = field(default_factory=dict)
    core: Counts = field(default_factory=dict)
    """What the core took when the HLS tool placed and routed it alone (``export_impl``)."""
    ips: Mapping[str, int] | None = None
    is_revised: bool = False
    """Whether its csynth report is of another revision of the code than was built, as the row says."""
    has_converters: bool = False
    """Whether hls4ml's VivadoAccelerator, or the like of it, put its converters around the core."""
    clock_mhz: float | None = None
    wns_ns: float | None = None
    board_rate: float | None = None
    batch: int = BATCH
    """Images a call of `board_rate`, where the row says so."""
    is_core: bool = False
    hidden: str = ""
    """The reason that the row itself gives for not being predicted."""

    @property
    def is_vivado_hls(self) -> bool:
        """Whether the HLS compiler is the one before Vitis HLS, which followed it in 2020.2."""
        return "vivado hls" in self.tool.lower() or any(f"{year}." in self.tool for year in range(2015, 2020))


def read(path: Path) -> tuple[list[Row], list[InputError]]:
    """The designs of a file, and what is wrong with rows that cannot be read."""
    rows: list[Row] = []
    errors: list[InputError] = []
    for index, record in enumerate(records(path)):
        try:
            rows.append(_row(f"{path.name}, row {index}", record))
        except InputError as error:
            errors.append(error)
    return _resolved(rows), errors


def is_design(record: Mapping[str, Any]) -> bool:
    """Whether a record is a design of this form, and not a node of one."""
    return "built" in record or "decoded" in record or "reported" in record


def whole_build(file: str, records: Sequence[Mapping[str, Any]]) -> Row:
    """The design whose nodes stand in the FINN file of this name, by the records that tell the whole of it: one has
    what it takes, the same or another the slack. Raises `InputError` where a number of theirs is none."""
    wholes = [record for record in records if record.get("scope") == "whole-design"]
    record = next((whole for whole in wholes if "LUT" in whole), None)
    if record is None:
        hidden = "its file does not say what the whole design takes"
        return Row(file, file, "finn", "FINN", "", {}, folding=file, hidden=hidden)
    names = {"LUT": Metric.LUT, "FF": Metric.FF, "BRAM_18K": Metric.BRAM18, "DSP": Metric.DSP}
    built = {
        metric: amount_of(f"{file}, field {key}", record[key], "give a number")
        for key, metric in names.items()
        if record.get(key) is not None
    }
    repository = "/".join((_text(record, "source") or file).split("/")[:2])
    clock = 1000 / (_positive(file, record, "clock_target_ns") or 10.0)
    part, net = _text(record, "part"), _text(record, "network")
    slack = next((_slack(file, whole["WNS_ns"]) for whole in wholes if "WNS_ns" in whole), None)
    return Row(file, repository, "finn", "FINN", part, built, net, folding=file, clock_mhz=clock, wns_ns=slack)


def _row(place: str, record: Any) -> Row:
    record = as_object(place, record)
    if not is_design(record):
        raise InputError(place, "nothing that was built", "give decoded, reported or built")
    is_core = "built" in record
    seen = [_counts(f"{place}, field {key}", record.get(key)) for key in ("decoded", "reported", "built")]
    built = {metric: value for counts in seen for metric, value in counts.items()}
    name = _text(record, "id", "source") or place
    return Row(
        name,
        _text(record, "repo", "project") or name,
        _flow(record, is_core),
        _text(record, "kind", "network"),
        _part(printable(field_of(place, record, "part", str))),
        built,
        _text(record, "net"),
        _text(record, "precision"),
        _text(record, "strategy").lower(),
        _text(record, "io", "io_type"),
        _text(record, "tools", "tool"),
        _text(record, "folding"),
        _factors(place, record.get("reuse")),
        _counts(f"{place}, field csynth", record.get("csynth")),
        _counts(f"{place}, field export_impl", record.get("export_impl")),
        None if record.get("ips") is None else _whole_numbers(f"{place}, field ips", record["ips"], 0, MOST_IPS),
        "revision" in str(as_object(place, record.get("csynth") or {}).get("note")),
        any(WRAPPED in str(record.get(key)) for key in ("ips", "hierarchy", "csynth", "csynth_axi")),
        _positive(place, record, "clock_mhz") or _positive(place, record, "fclk_mhz"),
        _slack(place, record.get("wns_ns")),
        _positive(place, record, "board_rate_fps"),
        int(_positive(place, record, "batch") or BATCH),
        is_core,
        _not_to_predict(_text(record, "note")),
    )


def _text(record: Mapping[str, Any], *keys: str) -> str:
    """The first of `keys` that says something, as it may be printed; what is no text says nothing."""
    known = (value for key in keys if isinstance(value := record.get(key), str) and value)
    return printable(next(known, ""))


def _part(name: str) -> str:
    """Reports before Vivado 2020.2 leave the xc out."""
    return f"xc{name}" if name[:1] in ("7", "k", "v", "z") else name


def _flow(record: Mapping[str, Any], is_core: bool) -> str:
    """The flow; for a pair of csynth and built counts it follows from ``code``."""
    of_pair = "hls4ml" if record.get("code") == "hls4ml" else "hand-written HLS"
    flow = _text(record, "flow") or (of_pair if is_core else UNTOLD)
    return flow.lower() if flow.lower() in ("finn", "hls4ml") else flow


def _counts(place: str, counts: Any) -> Counts:
    if not counts:
        return {}
    counts = as_object(place, counts)
    return {
        metric: amount_of(f"{place}.{key}", counts[key], "give a number")
        for key, metric in COUNTS.items()
        if counts.get(key) is not None
    }


def _factors(place: str, reuse: Any) -> Mapping[str, int]:
    """The reuse factors by layer; a single number applies to all layers."""
    if not reuse:
        return {}
    factors = reuse if isinstance(reuse, dict) else {"all": reuse}
    return _whole_numbers(f"{place}, field reuse", factors, 1, MOST_REUSE)


def _whole_numbers(place: str, numbers: Any, least: int, most: int) -> Mapping[str, int]:
    for key, value in as_object(place, numbers).items():
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            fact = f"{value!r} is no whole number from {least:,} to {most:,}"
            raise InputError(f"{place}.{key}", fact, "correct it")
    return dict(numbers)


def _positive(place: str, record: Mapping[str, Any], key: str) -> float | None:
    """None where it is absent, null or 0."""
    value = record.get(key)
    return (amount_of(f"{place}, field {key}", value, "give a number") or None) if value is not None else None


def _slack(place: str, value: Any) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value)):
        raise InputError(
            f"{place}, field wns_ns", f"{value!r} is no slack", "give ns, negative where the clock is missed"
        )
    return value


def _not_to_predict(note: str) -> str:
    return note if note.startswith("not to be predicted") else ""


def _resolved(rows: list[Row]) -> list[Row]:
    """With "as ID" replaced by the precision of that row."""
    known = {row.name: row.precision for row in rows}
    return [
        replace(row, precision=known[row.precision.removeprefix("as ").split(",")[0]])
        if row.precision.startswith("as ") and row.precision.removeprefix("as ").split(",")[0] in known
        else row
        for row in rows
    ]
