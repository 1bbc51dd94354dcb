"""Designs as a cell of a notebook: the table and the bars of a report. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from flows.core.errors import FlowsError
from flows.core.record import Document
from reports import html
from reports.comparison import compare
from reports.terminal.comparison import comparison_rows


def table(document: Document, errors: Sequence[FlowsError] = (), about: str = "") -> str:
    """HTML without scripts, whose style touches nothing outside it; `about` stands above it."""
    templates = html.environment()
    comparison = compare([document]) if document.runs else None
    return templates.get_template("notebook.html.j2").render(
        about=about,
        comparison=comparison,
        rows=comparison_rows(document) if document.runs else [],
        errors=[str(error) for error in errors],
    )
