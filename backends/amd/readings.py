"""Vendor reports as readings of one design: part, top and clock are checked, tier and source are stated.

Resources are those of the report, of the design alone (scope `DESIGN`). Totals with the shell are derived from them
separately (`backends.cost.synthesis`). csynth and co-simulation give cycles from a best to a worst case. The value is
the worst case, which the tool guarantees: csynth for its static schedule, co-simulation for the transactions that ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from backends.amd import cosim, csynth, export, tables, timing, utilization
from backends.amd.cosim import Cosim
from backends.amd.csynth_checks import Cycles, Module
from backends.amd.csynth_values import Csynth
from backends.amd.export import Export
from backends.amd.tables import damaged, foreign, same_part
from backends.amd.timing import Timing
from backends.amd.utilization import Utilization
from flows.core.errors import InputError
from flows.core.evidence import DESIGN, MET_OR_NOT, RESOURCES, Metric, Reading, Tier
from flows.core.part import Target

Report = Csynth | Cosim | Utilization | Timing | Export
REPORTS = r"^[ \t]*(== (Vivado|Vitis) HLS Report for '|\| Tool Version\b|<profile\b)"
"""What stands once at the head of every report that is read."""


def parse(text: str, place: str) -> Report:
    """A report of any kind that is known. Raises `InputError`, also where a file holds more than one.

    ``vivado_hls -l`` appends the report of a co-simulation to csynth's; that does not count as a second report.
    """
    if not text.strip():
        raise damaged(place, "empty")
    if "Synthesis Summary Report of '" in text:
        advice = "give TOP_csynth.rpt or csynth.xml, which lie beside it"
        raise InputError(f"report {place}", "the summary form of a csynth report", advice)
    tables.single(text, REPORTS, "the head of a report", place)
    if export.HEADING.search(text):
        return export.parse(text, place)
    if cosim.HEADING.search(text) and "HLS Report for '" not in text:
        return cosim.parse(text, place)
    if cosim.HEADING.search(text):
        tables.single(text, cosim.HEADING.pattern, "a co-simulation report", place)
    return _vivado(text, place) if "| Tool Version" in text else csynth.parse(text, place)


def _vivado(text: str, place: str) -> Utilization | Timing:
    """Either of them. Raises `InputError`, which names the command where it is another report of Vivado's."""
    for kind in (utilization, timing):
        if f"\n{kind.TITLE}" in text:
            return kind.parse(text, place)
    command = (tables.field(text, "Command") or "a command it does not name").partition(" -")[0]
    if command in ("report_utilization", "report_timing_summary"):
        raise damaged(place, "cut off before its first table")
    raise foreign(place, f"made with {command}")


def check(report: Csynth | Utilization | Timing | Export, place: str, top: str, target: Target) -> None:
    """Raises `InputError` where `report` is of another top, part or clock, or of a part that has other resources.

    Timing may be that of a whole system (``design_1_wrapper``) whose paths pass an instance of `top`. An export report
    does not name its top.
    """
    theirs = report.top.name if isinstance(report, Csynth) else top if isinstance(report, Export) else report.top
    if theirs != top and not (isinstance(report, Timing) and top in report.blocks):
        raise InputError(f"report {place}", f"of {theirs}, not of {top}", f"give the report of {top} alone")
    part = target.part.full_name
    if not same_part(report.part, part):
        advice = f"give a report for {part}, or ask for that part with --part"
        raise InputError(f"report {place}", f"for part {report.part}, not {part}", advice)
    period = {Csynth: "clock_ns", Timing: "period_ns", Export: "clock_ns"}.get(type(report))
    clock_ns = getattr(report, period) if period else None
    if clock_ns is not None and abs(clock_ns - target.clock_ns) > 0.005:  # reports have two or three decimals
        advice = "give a report for that clock, or ask for this one with --clock"
        fact = f"for a clock of {clock_ns:g} ns, not {target.clock_ns:g} ns"
        raise InputError(f"report {place}", fact, advice)
    for metric, available in (report.available if isinstance(report, Csynth | Utilization) else {}).items():
        if available != (there := target.part.device.available(metric)):
            raise damaged(place, f"{available:,.0f} {metric.unit} available in it, where {part} has {there:,}")


def readings(
    report: Report, target: Target, source: str, scope_of: Callable[[str], str] = str, on: str = ""
) -> tuple[Reading, ...]:
    """What `report` says: totals, the design alone and, of a csynth report, every instance directly below the top.

    `source` says which report it is and where it is from. `scope_of` names the layer of an instance; instances of one
    layer are combined: areas add up, and the longest cycles count. `on` is the tool where the report names none.
    """
    on = f"{target.part.device.name}, {on if isinstance(report, Cosim) else report.tool}"
    match report:
        case Csynth():
            top, worst = report.top, f"{source}; worst case of its schedule"
            of_report = [*_resources(top.resources, Tier.HLS, on, source)]
            of_report += _cycles(top.latency, top.interval, target, Tier.HLS, on, worst)
            if report.estimated_ns:
                of_report.append(_estimated_fmax(report.estimated_ns, report.uncertainty_ns, on, source))
            of_report += _modules(report.modules, on, source, scope_of)
        case Cosim():
            words = f"{source}; longest of the transactions that ran"
            of_report = [*_cycles(report.latency, report.interval, target, Tier.RTL_SIMULATED, on, words)]
        case Utilization():
            of_report = [*_resources(report.resources, report.tier, on, f"{source}; design state {report.state}")]
        case Export():
            of_report = [*_resources(report.resources, report.tier, on, f"{source}; the core alone")]
            if report.achieved_ns:
                words = f"{source}; {report.achieved_ns:g} ns where {report.clock_ns:g} ns were asked for"
                of_report.append(Reading(Metric.FMAX_MHZ, 1000 / report.achieved_ns, report.tier, on, words))
        case Timing():
            of_report = []
            if report.fmax_mhz:
                ends = f", on a path to {report.slowest}" if report.slowest else ""
                words = f"{source}; worst slack {report.slack_ns:g} ns at {report.period_ns:g} ns{ends}"
                of_report = [Reading(Metric.FMAX_MHZ, report.fmax_mhz, report.tier, on, words)]
    return tuple(of_report)


def _estimated_fmax(period_ns: float, uncertainty_ns: float | None, on: str, source: str) -> Reading:
    """Fmax from csynth's estimated period; the lower end also keeps the clock uncertainty free."""
    fmax, words = 1000 / period_ns, f"{source}; estimated clock period, its uncertainty not added"
    if not uncertainty_ns:
        return Reading(Metric.FMAX_MHZ, fmax, Tier.HLS, on, words)
    low = 1000 / (period_ns + uncertainty_ns)
    words = f"{words}; the low end has its {uncertainty_ns:g} ns added"
    return Reading(Metric.FMAX_MHZ, fmax, Tier.HLS, on, words, low=low, high=fmax)


def _resources(counts: Mapping[Metric, float], tier: Tier, on: str, source: str) -> Iterator[Reading]:
    for metric in RESOURCES:
        if metric in counts:
            yield Reading(metric, counts[metric], tier, on, source, DESIGN)


def _cycles(latency: Cycles, interval: Cycles, target: Target, tier: Tier, on: str, source: str) -> Iterator[Reading]:
    """Cycles of the whole design, and times and rates at the requested clock, whether it is met or not."""
    for metric, cycles in ((Metric.LATENCY_CYCLES, latency), (Metric.INTERVAL_CYCLES, interval)):
        if cycles.worst is not None:
            yield Reading(metric, cycles.worst, tier, on, source, low=cycles.best, high=cycles.worst)
    asked = f"{source}; {MET_OR_NOT}"
    if latency.worst is not None:
        us = target.clock_ns / 1e3
        low = None if latency.best is None else latency.best * us
        value = latency.worst * us
        yield Reading(Metric.LATENCY_US, value, tier, on, asked, low=low, high=value)
    if interval.worst:
        low = 1e9 / (interval.worst * target.clock_ns)
        high = 1e9 / (interval.best * target.clock_ns) if interval.best else None
        yield Reading(Metric.THROUGHPUT_FPS, low, tier, on, asked, low=low, high=high)


def _modules(modules: Iterable[Module], on: str, source: str, scope_of: Callable[[str], str]) -> Iterator[Reading]:
    scopes: dict[str, list[Module]] = {}
    for module in modules:
        scopes.setdefault(scope_of(module.name), []).append(module)
    for scope, group in scopes.items():
        words = f"{source}, {', '.join(module.name for module in group)}"
        for metric in RESOURCES:
            values = [module.resources[metric] for module in group if metric in module.resources]
            if values:
                missing = len(values) < len(group)
                yield Reading(metric, sum(values), Tier.HLS, on, words, scope, at_least=missing)
        for metric, known in (
            (Metric.LATENCY_CYCLES, [module.latency for module in group]),
            (Metric.INTERVAL_CYCLES, [module.interval for module in group]),
        ):
            longest = max(known, key=lambda cycles: cycles.worst or 0)
            if longest.worst is not None:
                low, high, missing = longest.best, longest.worst, any(cycles.worst is None for cycles in known)
                yield Reading(metric, high, Tier.HLS, on, words, scope, low=low, high=high, at_least=missing)
