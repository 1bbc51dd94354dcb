"""Vivado's ``report_timing_summary``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from backends.amd import tables
from backends.amd.tables import UNKNOWN, Row, Table, count, damaged, number, twice
from backends.amd.vivado import ROUTED, head
from flows.core.errors import InputError
from flows.core.evidence import Tier

TITLE = "Timing Summary Report"
DECIMALS = re.compile(r"-?\d+\.\d{3}", re.ASCII)
STEP = 0.0005
"""Half of the last decimal in which ns and MHz are printed."""
CLOCK = ("Clock", "Waveform(ns)", "Period(ns)", "Frequency(MHz)")
KINDS = {"": ("WNS(ns)", "TNS(ns)", "TNS"), "hold ": ("WHS(ns)", "THS(ns)", "THS")}
KINDS |= {"pulse width ": ("WPWS(ns)", "TPWS(ns)", "TPWS")}
"""The columns of worst slack, total slack and endpoints of a kind of check."""
MET, MISSED = "All user specified timing constraints are met.", "Timing constraints are not met."
SETUP_LINE = re.compile(r"^Setup *: *(\d+) +Failing Endpoints, +Worst Slack +(\S+)ns,", re.MULTILINE)
PATH_LINE = re.compile(r"^Slack \((MET|VIOLATED)\) : +(\S+)ns +\(required time - arrival time\)", re.MULTILINE)

ENDS = re.compile(r"^ +(?:Source|Destination): +(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """Timing of the only clock; `slack_ns` is the worst setup slack, negative where timing is not met.

    `slowest` is the pin where the path of that slack ends, empty where no path is listed; `blocks` are the instances
    that listed paths pass, without the numbers that tools append (``toy`` of ``toy_0``, ``toy_U0``).
    """

    top: str
    part: str
    tool: str
    tier: Tier
    period_ns: float
    slack_ns: float
    slowest: str = ""
    blocks: frozenset[str] = frozenset()

    @property
    def fmax_mhz(self) -> float | None:
        """The clock at which the slack would be 0, None where there is none."""
        return 1000 / (self.period_ns - self.slack_ns) if self.slack_ns < self.period_ns else None


def parse(text: str, place: str) -> Timing:
    """Raises `InputError` where the text is no such report, is cut off before its summary, has not exactly one clock,
    or contradicts itself."""
    tables.single(text, rf"^{TITLE}", "a timing report", place)
    header = head(text, place)
    grade = [*(tables.only_field(text, "Speed File", place) or "").split(), ""][0]
    every = []
    for table in _tables(text, place):
        every.append(table)
        if table.has(*CLOCK):  # before the tables of several clocks, which have empty cells
            _check_one_clock([row["Clock"] for row in table.rows], place)
    summary = _only(every, "WNS(ns)", {"Clock", "From Clock"}, place)
    if summary is None or not summary.rows:
        raise damaged(place, "no timing summary in it: perhaps it is cut off")
    clocks = _only(every, "Period(ns)", set(), place)
    if clocks and not clocks.has(*CLOCK):
        raise damaged(place, f"the table of clocks, at line {clocks.line}, lacks one of {', '.join(CLOCK)}")
    names = [row["Clock"] for row in clocks.rows] if clocks else []
    if any(table.has("Waveform(ns)") and table is not clocks for table in every):
        raise damaged(place, "a table of clocks without their periods")
    _check_one_clock(names, place)
    assert clocks
    row, clock = summary.rows[0], clocks.rows[0]
    period, slack = (_signed(cell, place) for cell in (clock["Period(ns)"], row["WNS(ns)"]))
    if period is None or slack is None:
        raise damaged(place, f"no path is timed in it: its worst slack is {row['WNS(ns)']}")
    _check_clock(clock, period, place)
    _check_slacks(every, row, place)
    _check_words(text, row, place)
    _check_paths(text, slack, place)
    tier = Tier.ROUTED if _is_routed(text, header.state, place) else Tier.SYNTHESISED
    if tier is Tier.ROUTED:  # routing fixes hold times: before it they mean nothing
        _check_works(row, place)
    pins = ENDS.findall(text)
    worst = next((match.end() for match in PATH_LINE.finditer(text) if _signed(match[2], place) == slack), None)
    slowest = ENDS.findall(text, worst)[1:2] if worst is not None else []
    blocks = frozenset(re.sub(r"_(?:U?\d+)$", "", name) for pin in pins for name in pin.split("/")[:-1])
    part = header.part.removesuffix(grade) + grade
    return Timing(header.top, part, header.tool, tier, period, slack, "".join(slowest), blocks)


def _check_one_clock(names: Sequence[str], place: str) -> None:
    if len(names) != 1:
        fact = f"of {len(names)} clocks, {', '.join(names)}" if names else "in it no clock is constrained"
        raise InputError(f"report {place}", fact, "give the design one clock (create_clock) and make it again")


def _is_routed(text: str, state: str | None, place: str) -> bool:
    """Until 2022 the header has no state; every net on a path is marked as routed, estimated or unplaced."""
    nets = set(re.findall(r"\(fo=\d+, (\w+)\)", text))
    if state is None:
        return nets == {"routed"}
    if state in ROUTED and nets & {"unplaced", "estimated"}:
        raise damaged(place, f"its design state is {state}, and nets in it are not routed")
    return state in ROUTED


def _check_clock(clock: Row, period: float, place: str) -> None:
    """Raises `InputError` where period, frequency and waveform of the clock do not agree."""
    frequency = number(clock["Frequency(MHz)"], place)
    where = f"{clock['Clock']}, at line {clock.line}"
    if period <= 0:
        raise damaged(place, f"{where}: a period of {period:g} ns")
    low, high = 1000 / (period + STEP) - STEP, 1000 / (period - STEP) + STEP if period > STEP else None
    if frequency is None or frequency < low - STEP or (high is not None and frequency > high + STEP):
        raise damaged(place, f"{where}: a period of {period:g} ns, and a clock of {clock['Frequency(MHz)']} MHz")
    edges = [number(edge, place) for edge in clock["Waveform(ns)"].strip("{}").split()]
    if len(edges) != 2 or None in edges or not (edges[1] or 0) - (edges[0] or 0) <= period + STEP:
        raise damaged(place, f"{where}: a period of {period:g} ns, and a waveform of {clock['Waveform(ns)']}")


def _check_slacks(every: Iterable[Table], whole: Row, place: str) -> None:
    """Raises `InputError` where worst slack, total slack and failing endpoints of a row exclude each other, or where
    the worst of all clocks and groups is not that of the summary."""
    groups = [row for table in every if table.has("WNS(ns)") for row in table.rows if row is not whole]
    for kind, (worst, total, name) in KINDS.items():
        for row in (whole, *groups):
            _check_row(row, kind, worst, total, name, place)
        known = [(value, row) for row in groups if (value := _signed(row.get(worst, ""), place)) is not None]
        said = _signed(whole.get(worst, ""), place)
        if known and said != (least := min(known, key=lambda pair: pair[0]))[0]:
            lines = f"lines {whole.line} and {least[1].line}"
            raise damaged(place, f"a worst {kind}slack of {said} ns, and one of {least[0]:g} ns ({lines})")


def _check_row(row: Row, kind: str, worst: str, total: str, name: str, place: str) -> None:
    slack, violation = (_signed(row.get(column, ""), place) for column in (worst, total))
    failing, endpoints = (count(row.get(f"{name} {which} Endpoints", ""), place) for which in ("Failing", "Total"))
    where = f"at line {row.line}"
    if failing is not None and endpoints is not None and failing > endpoints:
        raise damaged(place, f"{failing:g} of {endpoints:g} endpoints fail, {where}")
    if slack is None or violation is None or failing is None:
        return
    missed = slack < 0
    agrees = (violation < 0) == (failing > 0) == missed
    if missed:
        agrees &= failing * (slack - STEP) <= violation + STEP <= slack + 2 * STEP
    if not agrees:
        fact = f"a worst {kind}slack of {slack:g} ns, {violation:g} ns in all and {failing:g} failing endpoints"
        raise damaged(place, f"{fact} exclude each other, {where}")


def _check_works(whole: Row, place: str) -> None:
    """Raises `InputError` where what was routed fails for another reason than a setup slack."""
    for kind, why in (("hold ", "no slower clock mends that"), ("pulse width ", "the clock is too fast for a cell")):
        slack = _signed(whole.get(KINDS[kind][0], ""), place)
        if slack is not None and slack < 0:
            fact = f"its worst {kind}slack is {slack:g} ns: {why}"
            raise InputError(f"report {place}", fact, "mend the design until its timing is met, and report it again")


def _check_words(text: str, whole: Row, place: str) -> None:
    """Raises `InputError` where the sentence below the summary says otherwise."""
    known = [_signed(whole.get(worst, ""), place) for worst, _, _ in KINDS.values()]
    missed = any(slack is not None and slack < 0 for slack in known)
    if (wrong := MET if missed else MISSED) in text:
        line = text.count("\n", 0, text.index(wrong)) + 1
        raise damaged(place, f"the slacks at line {whole.line} do not agree with {wrong!r} at line {line}")


def _check_paths(text: str, slack: float, place: str) -> None:
    """Raises `InputError` where the worst of the paths that are listed, or of the groups of them, is another."""
    for what, pattern in (("group", SETUP_LINE), ("path", PATH_LINE)):
        said = [(_signed(match[2], place), match) for match in pattern.finditer(text)]
        known = [(value, match) for value, match in said if value is not None]
        for value, match in known:
            failed = match[1] == "VIOLATED" if what == "path" else int(match[1]) > 0
            if failed != (value < 0):
                raise damaged(place, f"{match[0].strip()!r} at line {_line(text, match)} contradicts itself")
        if known and (least := min(known, key=lambda pair: pair[0]))[0] != slack:
            fact = f"a worst slack of {slack:g} ns in its summary, and of {least[0]:g} ns in a {what}"
            raise damaged(place, f"{fact} at line {_line(text, least[1])}")


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _tables(text: str, place: str) -> Iterator[Table]:
    """Tables that are set with blanks and dashes and hold slacks or clocks."""
    lines = text.split("\n")
    for index, line in enumerate(lines[:-1]):
        columns = tuple(_words(line))
        if "(ns)" not in line or not re.fullmatch(r"\s*-[-\s]*", lines[index + 1]):
            continue
        if not {"WNS(ns)", "Period(ns)", "Waveform(ns)"} & set(columns):
            continue
        if len(set(columns)) < len(columns):
            raise damaged(place, f"a table, at line {index + 1}, with two columns of one name")
        rows = []
        for number_, cells in enumerate(takewhile(str.strip, lines[index + 2 :]), index + 3):
            if len(_words(cells)) != len(columns):
                fact = f"a row, at line {number_}, that has not {len(columns)} cells: perhaps it is cut off"
                raise damaged(place, fact)
            row = Row(zip(columns, _words(cells), strict=True))
            row.line = number_
            rows.append(row)
        yield Table(columns, tuple(rows), index + 1)


def _only(every: Sequence[Table], column: str, without: set[str], place: str) -> Table | None:
    matches = [table for table in every if table.has(column) and not without & set(table.columns)]
    if len(matches) > 1:
        raise twice(place, f"a table of {column}", matches[0].line, matches[1].line)
    return matches[0] if matches else None


def _words(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def _signed(text: str, place: str) -> float | None:
    """A number of ns, which Vivado prints to three decimals; None where it knows none. Raises `InputError`."""
    if text.lower() in UNKNOWN:
        return None
    if not DECIMALS.fullmatch(text):
        raise damaged(place, f"{text!r} where a number should be, of three decimals")
    value = number(text.removeprefix("-"), place)
    return -value if value is not None and text.startswith("-") else value
