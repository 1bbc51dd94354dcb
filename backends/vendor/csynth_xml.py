"""The XML form of a csynth report: ``csynth.xml`` of Vitis HLS has the modules too, ``TOP_csynth.xml`` only totals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from backends.vendor.csynth import RESOURCES, Csynth, Cycles, Module, resources
from backends.vendor.tables import damaged, foreign, number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(text: str, place: str) -> Csynth:
    from xml.etree import ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no report has one; entities can be made to fill the memory
        raise damaged(place, "an XML file with a document type, which no csynth report has")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise damaged(place, "damaged XML, perhaps cut off") from None
    assigned = root.find("UserAssignments")
    part, top = (_text(assigned, name) for name in ("Part", "TopModelName"))
    area = root.find("AreaEstimates/Resources")
    if root.tag != "profile" or assigned is None or area is None or not part or not top:
        raise foreign(place, "no csynth report of Vivado HLS or Vitis HLS")
    family = "Vitis" if _text(assigned, "FlowTarget") else "Vivado"  # Vivado HLS knows no flow targets
    return Csynth(
        _module(top, root, place),
        part,
        f"{family} HLS {_text(root.find('ReportVersion'), 'Version') or 'of unknown version'}",
        number(_text(assigned, "TargetClockPeriod"), place),
        number(_text(root.find("PerformanceEstimates/SummaryOfTimingAnalysis"), "EstimatedClockPeriod"), place),
        tuple(_instances(root, place)),
        number(_text(assigned, "ClockUncertainty"), place),
    )


def _instances(root: Element, place: str) -> Iterator[Module]:
    """The instances directly below the top, with what the report says of their modules."""
    modules = {_text(one, "Name"): one for one in root.iterfind("ModuleInformation/Module")}
    for instance in root.iterfind("RTLDesignHierarchy/TopModule/InstancesList/Instance"):
        kind = _text(instance, "ModuleName")
        if kind in modules:
            yield _module(_text(instance, "InstName"), modules[kind], place)


def _module(name: str, node: Element, place: str) -> Module:
    area = node.find("AreaEstimates/Resources")
    amounts = {tag: _text(area, tag) for tag in RESOURCES if area is not None and area.find(tag) is not None}
    overall = node.find("PerformanceEstimates/SummaryOfOverallLatency")
    latency = Cycles(*(number(_text(overall, f"{case}-caseLatency"), place) for case in ("Best", "Worst")))
    if overall is not None and overall.find("Interval-max") is not None:
        interval = Cycles(*(number(_text(overall, f"Interval-{side}"), place) for side in ("min", "max")))
    else:  # modules have "385" or "385 ~ 1200"
        best, _, worst = _text(overall, "PipelineInitiationInterval").partition("~")
        interval = Cycles(number(best, place), number(worst or best, place))
    return Module(name, resources(amounts, place), latency, interval)


def _text(node: Element | None, tag: str) -> str:
    return (node.findtext(tag) or "").strip() if node is not None else ""
