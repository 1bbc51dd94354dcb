"""The files of a report, by name, each with what renders a comparison as it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reports import csv, html, json, junit, markdown
from reports.comparison import Comparison

FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "report.html": html.report,
    "report.md": markdown.report,
    "report.csv": csv.report,
    "report.json": json.report,
    "report.junit.xml": junit.report,
}
