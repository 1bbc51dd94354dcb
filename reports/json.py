"""A comparison as JSON: the decisions, and the whole document that they follow from. Pure."""

from __future__ import annotations

import json
from typing import Any

from flows.core.clock import Clock
from flows.core.evidence import RESOURCES, Metric, Subject
from flows.core.record import Document, document_to_json
from reports.assessment import assessment
from reports.comparison import Comparison
from reports.decision import Decision
from reports.design import Design
from reports.leads import Lead

SCHEMA = "zynqflows-comparison/2"


def report(comparison: Comparison) -> str:
    content = {
        "schema": SCHEMA,
        "margin": [margin.mapping() for margin in comparison.margins],
        "decisions": [_decision(decision) for decision in comparison.decisions],
        "unknowns": [
            {"topic": unknown.topic, "fact": unknown.fact, "runs": [design.run.name for design in designs]}
            for unknown, designs in comparison.unknowns
        ],
        "absent": [vars(absence) for absence in comparison.absent],
        "differences": [
            {
                "runs": [difference.first.run.name, difference.second.run.name],
                "least": difference.least,
                "most": difference.most,
                "n": difference.n,
            }
            for difference in comparison.differences
        ],
        "document": _document(comparison.document),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _document(document: Document) -> Any:
    """Without the folders of steps: they are of the machine that ran them, and a report is passed on."""
    content = json.loads(document_to_json(document))
    for run in content["runs"]:
        for step in run["steps"]:
            step["folder"] = None
    return content


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "part": decision.part,
        "headline": decision.headline,
        "why": decision.why,
        "doubts": [
            vars(doubt.unknown) | {"runs": [design.run.name for design in doubt.designs]} for doubt in decision.doubts
        ],
        "fastest": [_lead(lead) for lead in decision.fastest],
        "most_accurate": [_lead(lead) for lead in decision.most_accurate],
        "designs": [
            {
                "run": design.run.name,
                "label": design.label,
                "verdict": design.fit.verdict.value,
                "stage": design.fit.stage.value if design.fit.stage else None,
                "binding": design.fit.binding.key if design.fit.binding else None,
                "undecided": [resource.metric.key for resource in design.fit.undecided],
                "excess": {metric.key: value for metric, value in design.fit.excess.items()},
                "clock": _clock(design.fit.clock),
                "proven": design.proven,
                "metrics": dashboard(design),
                "assessment": [vars(check) | {"status": check.status} for check in assessment(design)],
            }
            for design in decision.designs
        ],
    }


CATEGORIES = dict.fromkeys(RESOURCES, "utilisation") | {
    Metric.FMAX_MHZ: "timing", Metric.ACCURACY: "quality", Metric.AGREEMENT: "quality", Metric.POWER_W: "power",
}  # fmt: skip
"""Of a metric in the names for dashboards; all others are of performance."""


def dashboard(design: Design) -> dict[str, float]:
    """The judged numbers under flat names in the manner of METRICS2.1: stage__category__metric. A name cannot say whose
    a number is, so that those of another arithmetic are left out."""
    named = {}
    for metric, reading in design.totals.items():
        if reading.of is not Subject.DESIGN:
            continue
        stage = reading.stage.value.replace("-", "_")
        named[f"{stage}__{CATEGORIES.get(metric, 'performance')}__{metric.key}"] = reading.value
    return named


def _clock(clock: Clock | None) -> dict[str, Any] | None:
    if clock is None:
        return None
    fmax = clock.reading.value if clock.reading else None
    return {
        "verdict": clock.verdict.value,
        "asked_mhz": clock.asked_mhz,
        "credible_mhz": clock.credible_mhz,
        "fmax_mhz": fmax,
        "fact": clock.fact,
    }


def _lead(lead: Lead) -> dict[str, Any]:
    return {
        "run": lead.design.run.name,
        "metric": lead.reading.metric.key,
        "value": lead.reading.value,
        "unit": lead.reading.metric.unit,
        "tier": lead.evidence.tier.value,
        "stage": lead.evidence.stage.value,
        "among": lead.among,
        "not_told_apart_from": [design.run.name for design in lead.close],
    }
