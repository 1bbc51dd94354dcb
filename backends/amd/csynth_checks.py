"""Checks that the figures that a csynth report gives twice agree, in either form. Errors name both places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backends.amd.tables import UNKNOWN, damaged, number
from flows.core.evidence import Metric

UNITS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "sec": 1e9, "s": 1e9, "min": 60e9}
"""In ns, as latencies are printed in time: "12.340 us"."""
EXACT = 2.0**53
"""Beyond it, counts of cycles are rounded here."""
TIME = re.compile(rf"(\S+) ({'|'.join(UNITS)})", re.ASCII)
SEQUENTIAL = ("no", "none")
"""Pipeline types that start a frame only after the one before has ended."""
DATAFLOW = "dataflow"


@dataclass(frozen=True)
class Cycles:
    """From the best case to the worst, as the compiler's static schedule has them; None where it cannot tell."""

    best: float | None
    worst: float | None


@dataclass(frozen=True)
class Module:
    """One instance directly below the top, all FIFOs between these together, or the top itself.

    `pipeline` is the pipeline type by the report, empty where it has none.
    """

    name: str
    resources: Mapping[Metric, float]
    latency: Cycles = Cycles(None, None)
    interval: Cycles = Cycles(None, None)
    pipeline: str = ""


def check_cycles(module: Module, place: str, is_top: bool = False) -> None:
    """Raises `InputError` where a best case is worse than the worst, or where interval and latency exclude each other.

    A function that is not pipelined ends a frame before it takes the next one: its interval is its latency (35 of 35 in
    reports of Vivado HLS 2019.2 and 2020.1, Vitis HLS 2022.2 and 2024.2) or, for a top, one cycle more (3 of 3).
    """
    for what, cycles in (("latency", module.latency), ("interval", module.interval)):
        if cycles.best is not None and cycles.worst is not None and cycles.best > cycles.worst:
            raise damaged(place, f"{module.name}: the least {what}, {cycles.best:,.0f}, is above {cycles.worst:,.0f}")
    sides = (("min", module.latency.best, module.interval.best), ("max", module.latency.worst, module.interval.worst))
    known = [
        (side, latency, interval)
        for side, latency, interval in sides
        if latency is not None and interval is not None and interval < EXACT
    ]
    more = {interval - latency for _, latency, interval in known}
    sequential = module.pipeline in SEQUENTIAL and (len(more) > 1 or not more <= {0, int(is_top)})
    if sequential or (module.pipeline == DATAFLOW and max(more, default=0) > 1):
        cells = " and ".join(f"{latency:,.0f} and {interval:,.0f} ({side})" for side, latency, interval in known)
        fact = f"latency and interval of {cells} cycles exclude each other, of pipeline type {module.pipeline}"
        raise damaged(place, f"{module.name}: {fact}")


def _rounded(period: float) -> float:
    """How far a printed period may be from the real one, in ns: it has three decimals, of us from 100 ns on."""
    return 0.0005 if period < 100 else 0.5


def check_time(name: str, cycles: float | None, text: str, periods: Iterable[float | None], place: str) -> None:
    """Raises `InputError` where `text`, a latency in time, is not `cycles` of a clock period, in ns.

    It is printed to some decimals. The period is the target, or the estimate where that is longer.
    """
    if text.lower() in UNKNOWN:
        if text and cycles is not None:
            raise damaged(place, f"{name}: a latency of {cycles:,.0f} cycles, but {text} as a time")
        return
    match = TIME.fullmatch(text)
    value = number(match[1], place) if match else None
    if match is None or value is None:
        raise damaged(place, f"{name}: {text!r} where a latency in ns, us or ms should be")
    if cycles is None:
        raise damaged(place, f"{name}: a latency of {text}, and none in cycles")
    unit, decimals = UNITS[match[2]], len(match[1].partition(".")[2])
    known = [period for period in periods if period is not None]
    if known and all(
        abs(cycles * period / unit - value) > 0.501 * 10**-decimals + cycles * _rounded(period) / unit
        for period in known
    ):
        raise damaged(place, f"{name}: a latency of {cycles:,.0f} cycles, but {text} at {known[0]:g} ns a cycle")


def check_share(name: str, used: float, available: float, text: str, place: str) -> None:
    """Raises `InputError` where `text`, a share in whole per cent cut down, is not `used` of `available`."""
    if text.lower() in UNKNOWN or not available:
        return
    percent = 100 * used / available
    share = 0.0 if text == "~0" else number(text, place)
    if share is None or not share <= percent < share + 1 or (text == "~0" and not used):
        raise damaged(place, f"{used:,.0f} {name} of {available:,.0f}, but a share of {text} %")


def check_whole(top: Module, modules: Iterable[Module], place: str) -> None:
    """Raises `InputError` where a whole is less than its parts, or where a dataflow's interval is not its slowest
    stage's.

    csynth gives a dataflow the interval of its slowest stage and one cycle: 13 of 13 reports (Vivado HLS 2019.2 and
    2020.1, Vitis HLS 2024.2). Of a stage that starts again before it has ended, either count may be meant.
    """
    parts = list(modules)
    for metric, value in top.resources.items():
        if (total := sum(part.resources.get(metric, 0) for part in parts)) > value:
            raise damaged(place, f"{value:,.0f} {metric.unit} in all, while its instances have {total:,.0f}")
    stages = [part for part in parts if part.latency != Cycles(None, None) or part.interval != Cycles(None, None)]
    if top.pipeline != DATAFLOW or not stages:
        return
    for side in ("best", "worst"):
        pairs = [(getattr(stage.latency, side), getattr(stage.interval, side)) for stage in stages]
        interval = getattr(top.interval, side)
        if interval is None or any(None in pair for pair in pairs):
            continue
        slowest = max(pairs, key=lambda pair: (max(pair), pair))
        least = max(pair[1] for pair in pairs)
        least += slowest[0] == slowest[1] and slowest[1] == least
        if not least <= interval <= max(slowest) + 1:
            fact = f"an interval of {interval:,.0f} cycles, while its slowest instance takes {max(slowest):,.0f}"
            raise damaged(place, fact)
