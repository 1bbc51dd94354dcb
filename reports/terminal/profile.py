"""The numeric profile of a design."""

from __future__ import annotations

from math import log2

from flows.core.profile import Judged, Profile, Row
from flows.core.text import printable
from reports.terminal.layout import table, wrapped

HEAD = [
    "tensor",
    "type",
    "reaches",
    "holds",
    "step",
    "needs",
    "has",
    "spare",
    "beyond, steps",
    "outside",
    "to 0",
    "SQNR, dB",
]
"""docs/reference/profile.md says what each column means."""


def profile(profile: Profile) -> str:
    """One row a tensor, then what of it needs a look."""
    results = (
        f"on {profile.n:,} training images {profile.images}; pixels are {profile.pixels}"
        if profile.n
        else (f"as codes of kernels and thresholds bound them on {profile.images}")
    )
    about = f"{profile.network} in {profile.flow}, weights {profile.weights}, arithmetic {profile.quantised}"
    title = f"{about}; results {results}"
    rows = [HEAD, *(_row(row) for row in profile.rows)]
    if profile.judged:
        costs = [f"{_points(row, profile.judged):+.2f}" if row.right is not None else "" for row in profile.rows]
        rows = [[*row, cost] for row, cost in zip(rows, ["alone, points", *costs], strict=True)]
    remarks = [_beyond(profile), _small(profile), _cut(profile), _costs(profile)]
    return "\n\n".join(
        [printable(title), table(rows, frozenset({0, 1})), "\n".join(wrapped(text) for text in remarks if text)]
    )


def _row(row: Row) -> list[str]:
    spare = "no sign" if row.headroom is None else f"{row.headroom:+d}" if row.headroom else "0"
    cells = [
        row.tensor,
        short(row.type),
        _span(row.low, row.high),
        _span(row.lowest, row.highest),
        f"2^{log2(row.step):.0f}",
        "" if row.needed is None else str(row.needed),
        str(row.had),
        spare,
        _count(row.beyond),
    ]
    if row.weights is None:
        return [*cells, "", "", ""]
    quality = "exact" if row.weights.sqnr_db is None else f"{row.weights.sqnr_db:.1f}"
    return [*cells, _count(row.weights.out_of_range), _count(row.weights.to_zero), quality]


def short(type: str) -> str:
    """A type as `models.fixed.parse_type` also reads it.

    >>> short("ap_ufixed<8,0,AP_RND,AP_SAT>")
    'ufixed<8,0,RND,SAT>'
    """
    return type.replace("ap_", "").replace("AP_", "")


def _span(low: float, high: float) -> str:
    return f"{low:.5g} .. {high:.5g}"


def _count(count: int) -> str:
    return f"{count:,}" if count else ""


def _beyond(profile: Profile) -> str:
    rows = [row for row in profile.rows if row.beyond]
    if not rows:
        return "Every tensor stays inside its type."
    tensors = ", ".join(f"{row.tensor} ({_past(row)})" for row in rows)
    return f"Leave their types: {tensors}."


def _past(row: Row) -> str:
    """By how much of what the type holds, and how many weights."""
    count = f", {row.weights.out_of_range:,} of {row.weights.n:,}" if row.weights else ""
    return f"by {100 * row.beyond * row.step / max(row.highest, row.step):.2g} %{count}"


def _small(profile: Profile) -> str:
    lost, n = (sum(getattr(row.weights, name) for row in profile.rows if row.weights) for name in ("to_zero", "n"))
    return f"{lost:,} of {n:,} weights are rounded to zero." if lost else ""


def _costs(profile: Profile) -> str:
    """The dearest types, and what the points are of."""
    if not profile.judged:
        return ""
    judged = profile.judged
    dearest = sorted((row for row in profile.rows if row.right is not None), key=lambda row: _points(row, judged))[:3]
    tensors = ", ".join(f"{row.tensor} ({_points(row, judged):+.2f})" for row in dearest if _points(row, judged) < 0)
    base = f"The float network gets {100 * judged.float_right / judged.n:.2f} % of {judged.n:,} test images right"
    return f"{base}; alone in its type, each tensor changes that by so many points. Dearest: {tensors or 'none'}."


def _points(row: Row, judged: Judged) -> float:
    assert row.right is not None
    return 100 * (row.right - judged.float_right) / judged.n


def _cut(profile: Profile) -> str:
    names = [row.tensor for row in profile.rows if row.cut and row.low < row.lowest]
    saturation = "saturates below zero, where a ReLU cuts it anyway" if len(names) == 1 else ""
    saturation = saturation or "saturate below zero, where a ReLU cuts them anyway"
    return f"{', '.join(names)} {saturation}." if names else ""
