"""Whether a report can belong to a design: the structure in the report is compared with the structure of the design.

Top, part and clock are checked for every report (`readings.check`). This module tells designs of the same top apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backends.amd.cosim import Cosim
from backends.amd.csynth_values import FIFOS, Csynth
from backends.amd.export import Export
from backends.amd.readings import Report
from backends.amd.timing import Timing
from flows.core.errors import InputError

Kind = tuple[str, int | None]
"""What an instance computes and, where its name says it, on how many channels."""


@dataclass(frozen=True)
class Expected:
    """What every csynth report of a design shows.

    `instances` counts the instances below the top by kind and channels; empty where they are not known in advance.
    `kind_of` gives the kind and channels of an instance from its name, None for one that is not counted. No design of
    the network takes fewer than `pixels` cycles a frame, and none with the requested options fewer than `cycles`; 0
    where nothing is known.
    """

    instances: Mapping[Kind, int]
    kind_of: Callable[[str], Kind | None]
    pixels: int = 0
    cycles: int = 0


ANYTHING = Expected({}, lambda instance: None)
"""For a design of which nothing is known in advance."""


def check(report: Report, place: str, expected: Expected) -> None:
    """Raises `InputError`, naming what differs, where `report` cannot be of the design."""
    if not isinstance(report, Csynth):
        return
    differing = [*_structure(report, expected), *_pace(report, expected)]
    if differing:
        advice = "give the report of this design, or the options and the network that the report is of"
        raise InputError(f"report {place}", f"not of this design: {'; '.join(differing)}", advice)


def compared(report: Report, expected: Expected) -> str:
    """The properties of `report` that were compared with the design and agree, in words."""
    if isinstance(report, Cosim):  # names no design, and is not taken from elsewhere
        return "nothing"
    if isinstance(report, Export):
        return "part and clock"
    alike = ["top", "part"]
    if not isinstance(report, Csynth):
        return " and ".join(alike) if not isinstance(report, Timing) else "top, part and clock"
    alike.append("clock")
    if counted := sum(_counts(report, expected).values()):
        alike.append(f"{counted} of {sum(expected.instances.values())} instances of layers")
    if expected.pixels and report.top.interval.worst is not None:
        alike.append(f"an interval of at least {expected.pixels:,} cycles")
    return f"{', '.join(alike[:-1])} and {alike[-1]}"


def _counts(report: Csynth, expected: Expected) -> Counter[Kind]:
    if not expected.instances:
        return Counter()
    kinds = (expected.kind_of(module.name) for module in report.modules if module.name != FIFOS)
    return Counter(kind for kind in kinds if kind is not None)


def _structure(report: Csynth, expected: Expected) -> list[str]:
    """What is too many or too few; channels count where every instance of a kind names them."""
    listed = any(module.name != FIFOS for module in report.modules)
    if not expected.instances or not listed:
        return []
    counts = _counts(report, expected)
    vague = {kind for kind, channels in counts if channels is None}
    theirs, ours = (_pooled(kinds, vague) for kinds in (counts, expected.instances))
    return [
        f"{theirs[kind] or 'no'} {_named(kind)} in it, {ours[kind] or 'none'} in the design"
        for kind in dict.fromkeys([*theirs, *ours])
        if theirs[kind] != ours[kind]
    ]


def _pooled(counts: Mapping[Kind, int], vague: set[str]) -> Counter[Kind]:
    pooled: Counter[Kind] = Counter()
    for (kind, channels), count in counts.items():
        pooled[kind, None if kind in vague else channels] += count
    return pooled


def _named(kind: Kind) -> str:
    return kind[0] if kind[1] is None else f"{kind[0]} of {kind[1]} channels"


def _pace(report: Csynth, expected: Expected) -> list[str]:
    """Cycles that are fewer than the pixels of a frame, of which a stage takes one a cycle at most."""
    return [
        f"{what} {cycles:,.0f} cycles, where a stage takes {expected.pixels:,} pixels a frame"
        for what, cycles in (("interval", _interval(report)), ("latency", report.top.latency.worst))
        if cycles is not None and cycles < expected.pixels
    ]


def _interval(report: Csynth) -> float | None:
    """The cycles of the best case, or of the worst where only that is known."""
    interval = report.top.interval
    return interval.worst if interval.best is None else interval.best


def doubt(report: Report, expected: Expected) -> str:
    """What suggests that `report` is of this network built with other options, empty where nothing does."""
    cycles = report.top.interval.worst if isinstance(report, Csynth) else None
    if cycles is None or cycles >= expected.cycles:
        return ""
    return f"an interval of {cycles:,.0f} cycles, where the options asked for need at least {expected.cycles:,}"
