"""Reports of AMD's tools as evidence: what each says, as it says it. No shell is added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backends.amd import cosim, power
from backends.amd.cosim import Cosim
from backends.amd.csynth_checks import Cycles
from backends.amd.csynth_values import Csynth
from backends.amd.export import Export
from backends.amd.power import Power
from backends.amd.readings import parse
from backends.amd.timing import Timing
from backends.amd.utilization import Utilization
from flows.core.evidence import DESIGN, RESOURCES, TOTAL, WHOLES, Metric, Reading, Tier
from flows.core.ledger import Entry, Kind

WORST = "worst case of its schedule"
LONGEST = "longest of the transactions that ran"


def entry(text: str, file: str, digest: str, today: str) -> Entry:
    """Of any report that is read. Raises `InputError` as the readers of `backends.amd` do."""
    report = _parse(text, file)
    blank = Entry(file, digest, Kind.COSIM, today)
    match report:
        case Cosim():
            if report.failed:
                return replace(blank, failed=report.failed)
            readings = _cycles(
                report.latency, report.interval, Tier.RTL_SIMULATED, report.language, f"{file}; {LONGEST}"
            )
            return replace(blank, facts={"RTL": report.language}, readings=readings)
        case Csynth():
            return _csynth(report, file, blank)
        case Export():
            return _export(report, file, blank)
        case Utilization():
            scope, whole = (TOTAL, True) if report.has_processor else (DESIGN, False)
            source = f"{file}; design state {report.state}"
            on = _on(report.part, report.tool)
            readings = _resources(report.resources, report.tier, on, source, scope)
            for name, used in report.blocks.items():
                readings += _block(used, report.tier, on, source, name)
            known = replace(blank, kind=Kind.UTILIZATION, whole=whole, facts={"state": report.state}, readings=readings)
        case Timing():
            words = f"{file}; worst slack {report.slack_ns:g} ns at {report.period_ns:g} ns"
            on = _on(report.part, report.tool)
            fmax = report.fmax_mhz
            readings = (Reading(Metric.FMAX_MHZ, fmax, report.tier, on, words),) if fmax else ()
            known = replace(blank, kind=Kind.TIMING, clock_ns=report.period_ns, readings=readings)
        case Power():
            words = f"{file}; Vivado's estimate for the whole chip, its confidence {report.confidence or 'not said'}"
            readings = (Reading(Metric.POWER_W, report.watts, report.tier, _on(report.part, report.tool), words),)
            known = replace(blank, kind=Kind.POWER, facts={"confidence": report.confidence}, readings=readings)
    return replace(known, top=report.top, part=_part(report.part), facts={"tool": report.tool, **known.facts})


def _parse(text: str, file: str) -> Csynth | Cosim | Export | Utilization | Timing | Power:
    if power.IS_POWER.search(text):
        return power.parse(text, file)
    if cosim.HEADING.search(text) and "HLS Report for '" not in text:
        return cosim.parse_outcome(text, file)
    return parse(text, file)


def _csynth(report: Csynth, file: str, blank: Entry) -> Entry:
    on, tier = _on(report.part, report.tool), Tier.HLS
    readings = _resources(report.top.resources, tier, on, file, DESIGN)
    readings += _cycles(report.top.latency, report.top.interval, tier, on, f"{file}; {WORST}")
    if report.estimated_ns:
        words = f"{file}; estimated clock period, its uncertainty not added"
        readings += (Reading(Metric.FMAX_MHZ, 1000 / report.estimated_ns, tier, on, words),)
    for module in report.modules:
        readings += _block(module.resources, tier, on, file, module.name)
    facts = {"tool": report.tool}
    known = replace(blank, kind=Kind.CSYNTH, top=report.top.name, whole=False, part=_part(report.part), facts=facts)
    return replace(known, clock_ns=report.clock_ns, readings=readings)


def _export(report: Export, file: str, blank: Entry) -> Entry:
    on, tier = _on(report.part, report.tool), report.tier
    readings = _resources(report.resources, tier, on, f"{file}; the core alone", DESIGN)
    if report.achieved_ns:
        words = f"{file}; {report.achieved_ns:g} ns where {report.clock_ns:g} ns were asked for"
        readings += (Reading(Metric.FMAX_MHZ, 1000 / report.achieved_ns, tier, on, words),)
    known = replace(blank, kind=Kind.UTILIZATION, whole=False, part=_part(report.part), facts={"tool": report.tool})
    return replace(known, clock_ns=report.clock_ns, readings=readings)


def _resources(used: Mapping[Metric, float], tier: Tier, on: str, source: str, scope: str) -> tuple[Reading, ...]:
    return tuple(Reading(metric, used[metric], tier, on, source, scope) for metric in RESOURCES if metric in used)


def _block(used: Mapping[Metric, float], tier: Tier, on: str, source: str, name: str) -> tuple[Reading, ...]:
    """Of an instance, unless it is called as a whole design is here."""
    return () if name in WHOLES else _resources(used, tier, on, source, name)


def _cycles(latency: Cycles, interval: Cycles, tier: Tier, on: str, source: str) -> tuple[Reading, ...]:
    return tuple(
        Reading(metric, cycles.worst, tier, on, source, low=cycles.best, high=cycles.worst)
        for metric, cycles in ((Metric.LATENCY_CYCLES, latency), (Metric.INTERVAL_CYCLES, interval))
        if cycles.worst is not None
    )


def _part(part: str) -> str:
    """
    >>> _part("7z020-clg400-1")
    'xc7z020clg400-1'
    """
    name = part.lower()
    family, dash, package = name.partition("-")
    name = family + package if dash and package[:1].isalpha() else name
    return name if name.startswith("xc") else f"xc{name}"


def _on(part: str, tool: str) -> str:
    return f"{_part(part)}, {tool}"
