"""JUnit XML, which every CI system shows: a comparison's verdicts and proofs, or a gate's rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from flows.core.fit import Verdict
from flows.core.text import printable
from reports.comparison import Comparison
from reports.design import Design
from reports.words import verdict


@dataclass(frozen=True)
class Case:
    """One line of CI: it passed where neither `failure` nor `skipped` says why not."""

    name: str
    place: str
    failure: str = ""
    skipped: str = ""


def report(comparison: Comparison) -> str:
    """What is proven passes, what is refuted fails, and what is neither, or was not run, is skipped."""
    suites = {
        decision.part: [case for design in decision.designs for case in (_fit(design), _proof(design))]
        for decision in comparison.decisions
    }
    for absence in comparison.absent:
        suites.setdefault(absence.part, []).append(
            Case(f"{absence.flow} fits", absence.part, skipped=f"no run: {absence.reason}")
        )
    return suites_of(suites)


def _fit(design: Design) -> Case:
    sentence = verdict(design.fit)
    failure = sentence if design.fit.verdict in (Verdict.OVER, Verdict.CLOCK_MISSED) else ""
    skipped = sentence if design.fit.verdict in (Verdict.AT_RISK, Verdict.UNDECIDED, Verdict.UNKNOWN) else ""
    return Case(f"{design.label} fits", design.run.part, failure, skipped)


def _proof(design: Design) -> Case:
    name = f"{design.label} computes the trained network"
    if design.run.refuted:
        return Case(name, design.run.part, failure=design.proof)
    return Case(name, design.run.part, skipped="" if design.proven else design.proof)


def suites_of(suites: Mapping[str, Iterable[Case]]) -> str:
    root = Element("testsuites")
    for name, cases in suites.items():
        _suite(root, name, list(cases))
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, name: str, cases: Sequence[Case]) -> None:
    counts = {
        "tests": len(cases),
        "failures": sum(bool(case.failure) for case in cases),
        "errors": 0,
        "skipped": sum(bool(case.skipped) for case in cases),
    }
    attributes = {key: str(value) for key, value in counts.items()}
    suite = SubElement(root, "testsuite", {"name": printable(name)} | attributes)
    for case in cases:
        element = SubElement(suite, "testcase", {"classname": printable(case.place), "name": printable(case.name)})
        for kind, message in (("failure", case.failure), ("skipped", case.skipped)):
            if message:
                SubElement(element, kind, {"message": printable(message)})
