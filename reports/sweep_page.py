"""A sweep as one HTML file with everything in it: the Pareto front, all points on parallel axes, and what builds them.

The page draws in the browser, from its data, so that axes can be chosen and ranges brushed; it asks the network for
nothing. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from flows.core.evidence import Metric
from flows.core.text import printable
from reports import html
from reports.pareto import MORE, POSSIBLE, Place, Ranked, Ranking
from reports.words import evidence, label, verdict


def page(ranking: Ranking) -> str:
    templates = html.environment()
    script = templates.get_template("sweep.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    metrics = [metric for metric in POSSIBLE if any(ranked.design.known(metric) for ranked in ranking.ranked)]
    data = {
        "metrics": [
            {"key": metric.key, "label": label(metric), "unit": metric.unit, "more": metric in MORE}
            for metric in metrics
        ],
        "chosen": [metric.key for metric in ranking.metrics],
        "places": [place.value for place in Place],
        "points": [_point(ranked, metrics) for group in ranking.parts.values() for ranked in group],
    }
    return templates.get_template("sweep.html.j2").render(
        network=ranking.network,
        ranking=ranking,
        script=script,
        script_digest=digest,
        styles=templates.get_template("report.css.j2").render(),
        data=_embedded(data),
    )


def _point(ranked: Ranked, metrics: list[Metric]) -> dict[str, Any]:
    design = ranked.design
    readings = {metric.key: reading for metric in metrics if (reading := design.known(metric))}
    return {
        "run": design.run.name,
        "part": printable(design.run.part),
        "label": printable(design.label),
        "place": ranked.place.value,
        "verdict": design.fit.verdict.value,
        "why": printable(verdict(design.fit)),
        "binding": design.fit.binding.key.upper() if design.fit.binding else "unknown",
        "command": printable(design.run.command),
        "values": {
            key: [reading.value, *reading.ends, printable(evidence(reading))] for key, reading in readings.items()
        },
    }


def _embedded(data: dict[str, Any]) -> str:
    """As JSON that cannot end the element it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c").replace("&", "\\u0026")
