"""What a design must keep to, as data: budgets, tolerances against a baseline, and waivers that end.

schema = "zynqflows-policy/1"
baseline = "baseline.json"        # runs that --json wrote; its path is relative to this file

[[rule]]
name = "room on the small part"
metric = "lut"                    # any metric of a run record
part = "xc7z010"                  # a device or a full part; every part where absent
flow = "hls4ml"                   # every flow where absent
max_share = 0.70                  # of the part; or max, min, max_worse (a share, against the baseline)

[[rule]]
name = "fits"
verdict = "fits"                  # with these margins; no metric then

[margin]                          # shares that stay free; those that a run kept to where absent
lut = 0.25

[[waiver]]
rule = "room on the small part"
reason = "the next board has a larger part"
owner = "A. Name"
until = 2027-03-31                # the last day on which it holds; part and flow as above
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric
from flows.core.fit import Verdict
from flows.core.margins import MARGINS, MOST_MARGIN, Margins
from flows.core.record import Run
from flows.core.text import printable
from flows.core.toml import tables
from reports.words import SHARES

SCHEMA = "zynqflows-policy/1"
BOUNDS = ("max", "min", "max_share", "max_worse")
VERDICT = "verdict"
MOST = 1e15
"""No bound is larger: no number of a design is."""
TEXT_LIMIT = 500


@dataclass(frozen=True)
class Rule:
    """One bound on the total of one metric; `bound` is one of `BOUNDS`. Where it is `VERDICT` the design must fit, and
    there is no metric."""

    name: str
    metric: Metric | None
    bound: str
    limit: float
    part: str | None
    flow: str | None

    def concerns(self, run: Run) -> bool:
        return _concerns(self.part, self.flow, run)


@dataclass(frozen=True)
class Waiver:
    rule: str
    reason: str
    owner: str
    until: date
    part: str | None
    flow: str | None

    def concerns(self, run: Run) -> bool:
        return _concerns(self.part, self.flow, run)


def _concerns(part: str | None, flow: str | None, run: Run) -> bool:
    return part in (None, run.device, run.part) and flow in (None, run.flow)


@dataclass(frozen=True)
class Policy:
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]
    baseline: str | None
    margins: Margins | None = None
    """What is to stay free of a part; None where the policy says nothing of it."""


def read_policy(text: str, place: str, today: date) -> Policy:
    """Raises `InputError` naming `place`: what is no policy, an unknown metric or key, a waiver that has ended."""
    content = _content(text, place)
    if content.get("schema") != SCHEMA:
        raise _wrong(place, f"its schema is {_shown(content.get('schema'))}, this version reads {SCHEMA!r}")
    _only(place, content, ("schema", "baseline", "margin", "rule", "waiver"))
    rules = tuple(_rule(place, row) for row in _tables(place, content, "rule"))
    margins = _margins(place, content["margin"]) if "margin" in content else None
    if not rules and margins is None:
        raise _wrong(place, "it has no rule and no margin")
    names = [rule.name for rule in rules]
    if twice := [name for name in names if names.count(name) > 1]:
        raise _wrong(place, f"two rules are called {twice[0]!r}")
    waivers = tuple(_waiver(place, row, names, today) for row in _tables(place, content, "waiver"))
    baseline = _text(place, content, "baseline", "the policy")
    if baseline is None and any(rule.bound == "max_worse" for rule in rules):
        raise _wrong(place, "max_worse needs a baseline, and none is named")
    return Policy(rules, waivers, baseline, margins)


def _content(text: str, place: str) -> Mapping[str, Any]:
    try:
        return tables(text)
    except ValueError as reason:
        raise _wrong(place, str(reason)) from None


def _wrong(place: str, fact: str) -> InputError:
    return InputError(f"policy {place}", fact, "see docs/reports.md for an example")


def _shown(value: Any) -> str:
    """A value from the file, as far as one line may show it."""
    match value:
        case dict() | list():
            return "a table" if isinstance(value, dict) else "a list"
        case int() if abs(value) > MOST:  # Python writes no number of thousands of digits
            return "a very large number"
    return printable(repr(value))[:60]


def _tables(place: str, content: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    rows = content.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _wrong(place, f"{key} is no list of tables: begin each with [[{key}]]")
    return rows


def _only(place: str, row: Mapping[str, Any], known: Sequence[str]) -> None:
    if unknown := [key for key in row if key not in known]:
        raise _wrong(place, f"unknown key {_shown(unknown[0])}: it may be {', '.join(known)}")


def _text(place: str, row: Mapping[str, Any], key: str, where: str, needed: bool = False) -> str | None:
    """One line of text, None where it is absent and not needed."""
    value = row.get(key)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not value.strip():
        raise _wrong(place, f"{where} has no {key}, or one that is no text")
    if len(value) > TEXT_LIMIT or printable(value) != value:
        raise _wrong(place, f"{where}: its {key} is not one line of at most {TEXT_LIMIT} characters")
    return value


def _margins(place: str, row: Any) -> Margins:
    """Those that are named; the others stay as they are without a policy."""
    if not isinstance(row, dict):
        raise _wrong(place, "margin is no table: begin it with [margin]")
    _only(place, row, tuple(metric.key for metric in RESOURCES))
    for key, share in row.items():
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= MOST_MARGIN:
            fact = f"margin {key} is {_shown(share)}, and must be a share of the part, 0 to {MOST_MARGIN:g}"
            raise _wrong(place, f"{fact}: 20 % is 0.2")
    return replace(MARGINS, **{key: float(share) for key, share in row.items()})


def _rule(place: str, row: Mapping[str, Any]) -> Rule:
    name = _text(place, row, "name", "a rule", needed=True) or ""
    where = f"rule {name!r}"
    _only(place, row, ("name", "metric", "part", "flow", VERDICT, *BOUNDS))
    scope = {key: _text(place, row, key, where) for key in ("part", "flow")}
    if VERDICT in row:
        if row[VERDICT] != Verdict.FITS.value or {"metric", *BOUNDS} & row.keys():
            raise _wrong(place, f'{where}: verdict may be "{Verdict.FITS.value}", with no metric and no other bound')
        return Rule(name, None, VERDICT, 0.0, **scope)
    metric = next((candidate for candidate in Metric if candidate.key == row.get("metric")), None)
    if metric is None:
        known = ", ".join(candidate.key for candidate in Metric)
        raise _wrong(place, f"{where} has an unknown metric {_shown(row.get('metric'))}: it may be {known}")
    bounds = [key for key in BOUNDS if key in row]
    if len(bounds) != 1:
        raise _wrong(place, f"{where} needs one of {', '.join(BOUNDS)}, and has {' and '.join(bounds) or 'none'}")
    limit = row[bounds[0]]
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 <= limit <= MOST:
        fact = f"{bounds[0]} is {_shown(limit)}, and must be a number, 0 or more, at most {MOST:g}"
        raise _wrong(place, f"{where}: {fact}")
    if bounds[0] == "max_share" and metric not in RESOURCES:
        raise _wrong(place, f"{where}: a part has no {metric.key} to take a share of")
    share = bounds[0] in ("max_share", "max_worse") or metric in SHARES
    if share and limit > 1:
        raise _wrong(place, f"{where}: {bounds[0]} is {limit:g}, and a share ends at 1: {limit:g} % is {limit / 100:g}")
    return Rule(name, metric, bounds[0], float(limit), **scope)


def _waiver(place: str, row: Mapping[str, Any], rules: Sequence[str], today: date) -> Waiver:
    _only(place, row, tuple(field.name for field in fields(Waiver)))
    rule, reason, owner = (_text(place, row, key, "a waiver", needed=True) or "" for key in ("rule", "reason", "owner"))
    if rule not in rules:
        raise _wrong(place, f"a waiver is of rule {rule!r}, which there is not")
    until = row.get("until")
    if type(until) is not date:
        raise _wrong(place, f"the waiver of {rule!r} needs an end date, until = YYYY-MM-DD")
    if until < today:
        fact = f"the waiver of {rule!r} ended on {until} (owner {owner}: {reason})"
        raise InputError(f"policy {place}", fact, "keep to the rule now and remove the waiver, or have it renewed")
    scope = {key: _text(place, row, key, "a waiver") for key in ("part", "flow")}
    return Waiver(rule, reason, owner, until, **scope)
