"""A comparison as one HTML file with everything in it: it asks the network for nothing. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.evidence import RESOURCES, SOFTWARE, Metric, Reading, Subject, Tier
from flows.core.fit import Verdict
from flows.core.text import printable, sentence
from reports import charts, ledger
from reports.assessment import CATEGORIES, assessment, scores
from reports.comparison import Comparison
from reports.design import Design, evidence_of
from reports.processor import HEAD
from reports.waterfall import METRICS, waterfall
from reports.words import RATES, amount, clock, evidence, images, interval, label, number, stage_name

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
COLUMNS = (
    *RESOURCES, Metric.LATENCY_US, Metric.INTERVAL_CYCLES, *RATES, Metric.ACCURACY, Metric.AGREEMENT,
)  # fmt: skip
SIGNS = {
    Verdict.FITS: "✓", Verdict.AT_RISK: "!", Verdict.UNDECIDED: "?", Verdict.CLOCK_MISSED: "✗", Verdict.OVER: "✗",
    Verdict.UNKNOWN: "?", Verdict.PROCESSOR: "⌂",
}  # fmt: skip
"""A verdict is never a colour alone."""


def report(comparison: Comparison) -> str:
    templates = environment()
    script = templates.get_template("report.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    flows = sorted({design.run.flow for design in comparison.designs})
    return templates.get_template("report.html.j2").render(
        comparison=comparison,
        script=script,
        script_digest=digest,
        styles=templates.get_template("report.css.j2").render(),
        flows=flows,
        colour={flow: place % 6 for place, flow in enumerate(flows)},
        columns=(*COLUMNS, *(SOFTWARE if any(design.is_program for design in comparison.designs) else ())),
        arithmetics=arithmetics(comparison.designs),
    )


def environment() -> Environment:
    """What renders the templates: everything shown is made printable, then escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    templates.filters["kind"] = kind
    templates.globals |= {
        "Metric": Metric, "RESOURCES": RESOURCES, "METRICS": METRICS, "Tier": Tier, "charts": charts,
        "waterfall": waterfall, "SIGNS": SIGNS, "label": label, "kind": kind,
        "evidence": evidence, "span": span, "amount": amount,
        "tick": tick, "value": value, "UNITS": UNITS,
        "CATEGORIES": CATEGORIES, "assessment": assessment, "scores": scores, "clock": clock,
        "ledger": ledger, "number": number, "images": images, "stage_name": stage_name,
        "times_head": HEAD, "sentence": sentence,
    }  # fmt: skip
    return templates


def _shown(value: Any) -> Any:
    """Every expression of a template passes here, before it is escaped."""
    return printable(value) if type(value) is str else value


def tick(value: float) -> str:
    """A round value in few characters."""
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


UNITS = {Metric.LATENCY_US: "us", Metric.INTERVAL_CYCLES: "cycles"}
"""What a heading says once, for all the cells below it."""


def value(reading: Reading) -> str:
    least = ">= " if reading.at_least else ""
    return f"{least}{number(reading.metric, reading.value)}"


def span(reading: Reading) -> str:
    """The interval as it stands in a cell: a number that follows from the generated code has none to speak of."""
    if reading.low is None:
        return "interval unknown"
    return "exact" if reading.low == reading.high else interval(reading)


def kind(reading: Reading) -> str:
    """How a number is known, in the words of a cell."""
    known = evidence_of(reading)
    own = "" if known.tier is known.stage else f" → {stage_name(known.stage)}"
    other = "" if reading.of is Subject.DESIGN else f", {reading.of.value}"
    return f"{stage_name(known.tier)}{own}{other}"


def arithmetics(designs: Iterable[Design]) -> list[Design]:
    """One design of each arithmetic whose accuracy is known, most accurate first."""
    distinct = {design.run.quantised: design for design in designs if design.accuracy}
    return sorted(distinct.values(), key=lambda design: -(design.accuracy.value if design.accuracy else 0.0))
