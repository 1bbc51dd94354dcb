"""The XML form of a csynth report: ``csynth.xml`` of Vitis HLS has the modules too, ``TOP_csynth.xml`` only totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from backends.amd.csynth_checks import Cycles, Module, check_cycles, check_share, check_time, check_whole
from backends.amd.csynth_values import RESOURCES, Csynth, check_columns, known, release, resources
from backends.amd.tables import count, damaged, foreign, number
from flows.core.errors import InputError
from flows.core.evidence import Metric

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(text: str, place: str) -> Csynth:
    from xml.etree import ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no report has one; entities can be made to fill the memory
        raise damaged(place, "an XML file with a document type, which no csynth report has")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise damaged(place, "damaged XML, perhaps cut off, or more than one report") from None
    reader = _XmlReader(place)
    assigned = reader.child(root, "UserAssignments")
    part, top = (reader.text(assigned, name) for name in ("Part", "TopModelName"))
    estimates = reader.child(root, "AreaEstimates")
    area = reader.child(estimates, "Resources")
    if root.tag != "profile" or assigned is None or area is None or not part or not top:
        raise foreign(place, "no csynth report of Vivado HLS or Vitis HLS")
    performance = reader.child(root, "PerformanceEstimates")
    timing = reader.child(performance, "SummaryOfTimingAnalysis")
    periods = reader.text(assigned, "TargetClockPeriod"), reader.text(timing, "EstimatedClockPeriod")
    target, estimated = (number(text, place) for text in periods)
    if target is None or not all(periods):
        raise damaged(place, "a clock period is missing: TargetClockPeriod or EstimatedClockPeriod")
    for node in (assigned, timing):
        if (unit := reader.text(node, "unit")) not in ("", "ns"):
            raise damaged(place, f"clock periods in {unit}, where every report has ns")
    reader.periods = target, max(target, estimated or 0)
    available = reader.child(estimates, "AvailableResources")
    whole = replace(reader.module(top, root), pipeline=reader.text(performance, "PipelineType"))
    modules = tuple(reader.instances(root, whole))
    reader.clocks(root, top, target, estimated)
    check_cycles(whole, place, is_top=True)
    check_whole(whole, modules, place)
    version = release(reader.text(reader.child(root, "ReportVersion"), "Version"), place)
    # Vivado HLS knows no flow targets, and ended with 2020.1
    family = "Vitis" if reader.text(assigned, "FlowTarget") or "2020.1" < version < "3" else "Vivado"
    return Csynth(
        whole,
        part,
        f"{family} HLS {version}",
        target,
        estimated,
        modules,
        {} if available is None else resources(reader.amounts(available), place),
        number(reader.text(assigned, "ClockUncertainty"), place),
    )


class _XmlReader:
    """Reads elements of a report, each of which may occur only once; latencies may be in any of `periods`."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.periods: tuple[float, ...] = ()

    def child(self, node: Element | None, tag: str) -> Element | None:
        """The only child of that name. Raises `InputError` where there are two."""
        children = [] if node is None else node.findall(tag)
        if len(children) > 1:
            assert node is not None
            at = [index for index, child in enumerate(node, 1) if child.tag == tag]
            places = f"children {at[0]} and {at[1]} of its {node.tag}"
            raise damaged(self.place, f"{tag} stands in it twice, as {places}")
        return children[0] if children else None

    def text(self, node: Element | None, tag: str) -> str:
        child = self.child(node, tag)
        return (child.text or "").strip() if child is not None else ""

    def amounts(self, node: Element) -> Mapping[str, str]:
        """Text of every resource; which of them are there is checked where `whole`."""
        return {name: self.text(node, name) for name in RESOURCES if self.child(node, name) is not None}

    def instances(self, root: Element, whole: Module) -> Iterator[Module]:
        """The instances directly below the top, with what the report says of their modules.

        Where the top is among the modules, both must agree.
        """
        information = self.child(root, "ModuleInformation")
        listed = [] if information is None else information.findall("Module")
        names = Counter(self.text(module, "Name") for module in listed)
        if repeated := next((name for name, times in names.items() if times > 1), None):
            raise damaged(self.place, f"its module {repeated} stands in it twice")
        nodes = {self.text(module, "Name"): module for module in listed}
        modules = {name: self.module(name, node) for name, node in nodes.items()}
        for module in modules.values():
            check_cycles(module, self.place, is_top=module.name == whole.name)
        if again := modules.get(whole.name):
            self.same(whole, again)
        top = self.child(self.child(root, "RTLDesignHierarchy"), "TopModule")
        for instance in root.iterfind("RTLDesignHierarchy/TopModule/InstancesList/Instance"):
            name, kind = self.text(instance, "InstName"), self.text(instance, "ModuleName")
            if not name:
                raise damaged(self.place, f"an instance of {kind or 'no module'} without a name")
            if kind not in modules:
                raise damaged(self.place, f"its instance {name} is of a module {kind!r} that is not in it")
            yield replace(modules[kind], name=name)
        if top is not None and self.text(top, "ModuleName") != whole.name:
            raise damaged(self.place, f"of {whole.name} in its assignments, of another top in its hierarchy")

    def clocks(self, root: Element, top: str, target: float, estimated: float | None) -> None:
        """Raises `InputError` where a module has another target, or is estimated slower than the top."""
        for module in root.iterfind("ModuleInformation/Module"):
            timing = self.child(self.child(module, "PerformanceEstimates"), "SummaryOfTimingAnalysis")
            name = self.text(module, "Name")
            theirs, period = (
                number(self.text(timing, tag), self.place) for tag in ("TargetClockPeriod", "EstimatedClockPeriod")
            )
            if theirs is not None and theirs != target:
                raise damaged(self.place, f"a target of {target:g} ns, and of {theirs:g} ns in {name}")
            if period is None or estimated is None:
                continue
            if period > estimated or (name == top and period != estimated):
                fact = f"a clock period of {estimated:g} ns is estimated, and {period:g} ns in {name}"
                raise damaged(self.place, fact)

    def same(self, whole: Module, again: Module) -> None:
        """Raises `InputError` where the totals are not what the module of the top has.

        Vitis HLS 2025.2 wrote 10,236 and 10,228 LUT into one report of 66; nothing tells which is right.
        """
        for what, first, second in (
            ("resources", whole.resources, again.resources),
            ("latency", whole.latency, again.latency),
            ("interval", whole.interval, again.interval),
        ):
            if first != second:
                fact = f"{what} of {whole.name} differ between its estimates and its ModuleInformation"
                advice = f"give {whole.name}_csynth.rpt, which lies beside it, or make it again"
                raise InputError(f"report {self.place}", fact, advice)

    def module(self, name: str, node: Element) -> Module:
        """Raises `InputError` where cycles, times and shares of one module do not agree."""
        area = self.child(self.child(node, "AreaEstimates"), "Resources")
        overall = self.child(self.child(node, "PerformanceEstimates"), "SummaryOfOverallLatency")
        if area is not None:
            check_columns([child.tag for child in area], f"the area of {name}", self.place)
        used = {} if area is None else resources(self.amounts(area), self.place)
        self.shares(area, used)
        if (unit := self.text(overall, "unit")) not in ("", "clock cycles"):
            raise damaged(self.place, f"{name}: latencies in {unit}, where every report has clock cycles")
        best, average, worst = (self.cycles(name, overall, case) for case in ("Best", "Average", "Worst"))
        if average is not None and not (best or 0) <= average <= (average if worst is None else worst):
            fact = f"an average latency of {average:,.0f} cycles is not within its best and worst case"
            raise damaged(self.place, f"{name}: {fact}")
        interval = self.interval(name, overall)
        return Module(name, used, Cycles(best, worst), interval, self.text(overall, "PipelineType"))

    def shares(self, area: Element | None, used: Mapping[Metric, float]) -> None:
        for name, metric in RESOURCES.items():
            short = name.removesuffix("_18K")
            available = count(self.text(area, f"AVAIL_{short}"), self.place)
            if metric in used and available and self.text(area, f"UTIL_{short}") and self.text(area, name):
                check_share(name, used[metric], available, self.text(area, f"UTIL_{short}"), self.place)

    def cycles(self, name: str, overall: Element | None, case: str) -> float | None:
        text = self.text(overall, tag := f"{case}-caseLatency")
        cycles = None if overall is None else known(text, f"{tag} of {name}", self.place)
        time = self.text(overall, f"{case}-caseRealTimeLatency")
        check_time(f"{name}, {case}-case", cycles, time, self.periods, self.place)
        return cycles

    def interval(self, name: str, overall: Element | None) -> Cycles:
        """In as many as three places: modules have "385" or "385 ~ 1200". Raises `InputError` where they differ."""
        initiation = self.text(overall, "PipelineInitiationInterval")
        best, is_range, worst = initiation.partition("~")
        span = self.child(self.child(overall, "DataflowPipelineThroughput"), "range")
        said = {
            "Interval": (self.text(overall, "Interval-min"), self.text(overall, "Interval-max")),
            "PipelineInitiationInterval": (best, worst if is_range else best),
            "DataflowPipelineThroughput": (self.text(span, "min"), self.text(span, "max")),
        }
        there = {
            where: Cycles(*(known(text, f"{where} of {name}", self.place) for text in texts))
            for where, texts in said.items()
            if any(texts)
        }
        if overall is not None and not there:
            raise damaged(self.place, f"{name}: no interval beside its latency")
        first = next(iter(there.values()), Cycles(None, None))
        for where, cycles in there.items():
            if cycles != first:
                fact = f"the interval is {first.best} to {first.worst} in {next(iter(there))}, another in {where}"
                raise damaged(self.place, f"{name}: {fact}")
        return first
