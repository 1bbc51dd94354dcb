"""Arguments of the Python API, checked: networks, parts, clocks and options as Python code gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows import designs, registry, values
from flows.core.errors import UsageError
from flows.core.margins import Margins
from flows.core.plan import Step
from flows.designs import Request, Source
from flows.executor import Executor
from flows.store import Store, default_root
from models.pixels import parse_pixels

Names = str | Sequence[str]
Place = str | Path


def path(name: str, place: Any) -> Path:
    """The argument `name`, a path or the text of one. Raises `UsageError`."""
    if not isinstance(place, str | Path) or not str(place):
        raise UsageError(name, f"{place!r} names no file or folder", "give a text or a pathlib.Path")
    return Path(place)


def source(
    network: Place, weights: Place | None, calibration: Place | None, data: Place | None, pixels: str | None
) -> Source:
    given = {"weights": weights, "calibration": calibration, "data": data}
    files = {name: path(name, place) for name, place in given.items() if place is not None}
    try:
        return Source(str(path("network", network)), **files, pixels=parse_pixels(pixels) if pixels else None)
    except ValueError as reason:
        raise UsageError("pixels", str(reason), "give one of these, or leave it out") from None


def request(
    command: str,
    flows: Sequence[str],
    source: Source,
    part: Names,
    clock_ns: float | str,
    margins: Margins,
    reports: Place | Sequence[Place],
    options: Mapping[str, Any],
) -> Request:
    if not flows:
        raise UsageError(f"flows.{command}", "no flow is named", "name one or more of `python -m flows list flows`")
    if strange := [name for name in flows if not isinstance(name, str)]:
        raise UsageError(f"flows.{command}", f"{strange[0]!r} is no flow's name", 'name each by itself: "hls", "rtl"')
    if not isinstance(margins, Margins):
        raise UsageError("margins", f"{margins!r} is none", "give a flows.core.margins.Margins, of shares: lut=0.2")
    backends = {name: registry.load(name) for name in flows}
    options_by_flow = values.by_flow(backends, options)
    parts = part_names(part)
    paths = tuple(path("reports", place) for place in ((reports,) if isinstance(reports, str | Path) else reports))
    asked = Request(flows, options_by_flow, source, parts, period(clock_ns), margins, paths)
    return replace(asked, command=designs.command(command, asked))


def part_names(part: Any) -> tuple[str, ...]:
    """Of one text or several, each with one name or more, with commas. Raises `UsageError` where these are no names."""
    texts = (part,) if isinstance(part, str) else tuple(part) if isinstance(part, list | tuple) else ()
    names = [name.strip() for text in texts if isinstance(text, str) for name in text.split(",")]
    if not names or not all(names) or not all(isinstance(text, str) for text in texts):
        raise UsageError("part", f"{part!r} names none", "name one or more of `python -m flows list parts`")
    return tuple(names)


def period(clock_ns: Any) -> float:
    """A clock period in ns. Raises `UsageError`."""
    try:
        return values.clock_period(clock_ns)
    except ValueError as reason:
        raise UsageError("clock_ns", str(reason), "the default is 10") from None


def periods(clock_ns: Any) -> list[float]:
    """Those of a sweep, in ns: a number, several, or the text of them. Raises `UsageError`."""
    if values.is_several(clock_ns):
        return [period(clock) for clock in values.listed("clock_ns", clock_ns)]
    try:
        return values.several(values.clock_period, str(clock_ns))
    except ValueError as reason:
        raise UsageError("clock_ns", str(reason), "the default is 10") from None


def open_store(place: Place | None) -> Store:
    return Store(default_root() if place is None else path("store", place))


def executor(store: Place | None, jobs: int, listener: Callable[[str, Step, str], None] | None = None) -> Executor:
    return Executor(open_store(store), values.count("jobs", jobs), listener or (lambda event, step, text: None))
