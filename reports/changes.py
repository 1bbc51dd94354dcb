"""A difference of two runs for a terminal, as Markdown, and as HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from flows.core.text import markdown, printable
from reports.difference import NOISE, Change, Difference, RunDifference
from reports.html import environment
from reports.markdown import table as markdown_table
from reports.terminal.layout import table

HEAD = ("", "what", "before", "after", "change", "")


def terminal(difference: Difference) -> str:
    parts = [_titled(pair, _lines(pair)) for pair in difference.pairs]
    return "\n\n".join([*parts, *map(printable, unpaired(difference))])


def _lines(pair: RunDifference) -> str:
    rows = [_cells(change) for change in pair.changes]
    return table([list(HEAD), *rows], frozenset({0, 1, 5})) if rows else "  nothing changed"


def _titled(pair: RunDifference, body: str) -> str:
    return f"{printable(title(pair))}\n{body}\n{count(pair)}"


def title(pair: RunDifference) -> str:
    return f"{pair.before.name} -> {pair.after.name} ({pair.after.flow} on {pair.after.part})"


def count(pair: RunDifference) -> str:
    within = len(pair.changes) - len(pair.beyond)
    noise = sum(change.noise for change in pair.beyond)
    apart = f" ({noise} of them {NOISE})" if noise else ""
    return f"{len(pair.beyond)} changed{apart}, {within} changed within the tolerance, {pair.same} numbers equal"


def unpaired(difference: Difference) -> list[str]:
    gone = [f"only in the first: {run.name} ({run.flow} on {run.part})" for run in difference.removed]
    return gone + [f"only in the second: {run.name} ({run.flow} on {run.part})" for run in difference.added]


def _cells(change: Change) -> list[str]:
    relative = "" if change.relative is None else f"{100 * change.relative:+.2f} %"
    remark = "within the tolerance" if change.within else change.remark
    return [change.about, change.name, change.before, change.after, relative, remark]


def to_markdown(difference: Difference) -> str:
    parts = ["# What changed"]
    for pair in difference.pairs:
        rows: list[Sequence[str]] = [[markdown(text) for text in _cells(change)] for change in pair.changes]
        body = markdown_table(HEAD, rows) if rows else "Nothing changed."
        parts.append(f"## {markdown(title(pair))}\n\n{body}\n\n{count(pair)}.")
    return "\n\n".join([*parts, *(markdown(text) for text in unpaired(difference))]) + "\n"


def to_html(difference: Difference) -> str:
    templates = environment()
    return templates.get_template("diff.html.j2").render(
        difference=difference,
        head=HEAD,
        cells=_cells,
        title=title,
        count=count,
        unpaired=unpaired(difference),
        styles=templates.get_template("report.css.j2").render(),
    )
