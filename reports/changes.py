"""A difference of two runs for a terminal, as Markdown, and as HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from flows.core.text import markdown, printable
from reports.difference import NOISE, Change, Difference, RunDifference
from reports.html import environment
from reports.markdown import table as markdown_table
from reports.terminal.layout import table

HEAD = ("", "what", "before", "after", "change", "")


def terminal(found: Difference) -> str:
    parts = [_titled(pair, _lines(pair)) for pair in found.pairs]
    return "\n\n".join([*parts, *map(printable, unpaired(found))])


def _lines(one: RunDifference) -> str:
    rows = [_cells(change) for change in one.changes]
    return table([list(HEAD), *rows], frozenset({0, 1, 5})) if rows else "  nothing changed"


def _titled(one: RunDifference, body: str) -> str:
    return f"{printable(title(one))}\n{body}\n{count(one)}"


def title(one: RunDifference) -> str:
    return f"{one.before.name} -> {one.after.name} ({one.after.flow} on {one.after.part})"


def count(one: RunDifference) -> str:
    within = len(one.changes) - len(one.beyond)
    noise = sum(change.noise for change in one.beyond)
    apart = f" ({noise} of them {NOISE})" if noise else ""
    return f"{len(one.beyond)} changed{apart}, {within} changed within the tolerance, {one.same} numbers equal"


def unpaired(found: Difference) -> list[str]:
    gone = [f"only in the first: {run.name} ({run.flow} on {run.part})" for run in found.removed]
    return gone + [f"only in the second: {run.name} ({run.flow} on {run.part})" for run in found.added]


def _cells(change: Change) -> list[str]:
    relative = "" if change.relative is None else f"{100 * change.relative:+.2f} %"
    remark = "within the tolerance" if change.within else change.remark
    return [change.about, change.name, change.before, change.after, relative, remark]


def to_markdown(found: Difference) -> str:
    parts = ["# What changed"]
    for pair in found.pairs:
        rows: list[Sequence[str]] = [[markdown(text) for text in _cells(change)] for change in pair.changes]
        body = markdown_table(HEAD, rows) if rows else "Nothing changed."
        parts.append(f"## {markdown(title(pair))}\n\n{body}\n\n{count(pair)}.")
    return "\n\n".join([*parts, *(markdown(text) for text in unpaired(found))]) + "\n"


def to_html(found: Difference) -> str:
    templates = environment()
    return templates.get_template("diff.html.j2").render(
        found=found,
        head=HEAD,
        cells=_cells,
        title=title,
        count=count,
        unpaired=unpaired(found),
        styles=templates.get_template("report.css.j2").render(),
    )
