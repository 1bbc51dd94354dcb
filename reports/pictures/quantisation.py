"""Accuracy by format, with 95 % intervals: what ``flows quantise --json`` writes, in.

The job holds ``study``: ``network``, the share ``floating`` (``right`` of ``n``, ``low``, ``high``) and ``rows``, each
with its ``format``, its ``outcomes`` by scope (``accuracy``, a share; or a text where there is none) and what was
``published``, in per cent of 100 images, or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from matplotlib.figure import Figure

from reports.pictures.style import BLACK, BLUE, GREEN, VERMILION, canvas, main

SCOPES = {
    "weights only": ("o", BLUE),
    "weights and biases": ("s", VERMILION),
    "weights, biases and activations": ("^", GREEN),
}
STEP = 0.16
"""Between the marks of one format."""
PUBLISHED_N = 100


def draw(job: Mapping[str, Any]) -> Figure:
    study = job["study"]
    figure, (panel,) = canvas(6.4, 3.6)
    floating, rows = study["floating"], study["rows"]
    panel.axhspan(100 * floating["low"], 100 * floating["high"], color="#DDDDDD", zorder=0, label="float32, 95 %")
    panel.axhline(100 * floating["right"] / floating["n"], color="#777777", linewidth=1, zorder=1)
    for place, (scope, (mark, colour)) in enumerate(SCOPES.items()):
        points = [
            (column + (place - 1) * STEP, row["outcomes"][scope]["accuracy"])
            for column, row in enumerate(rows)
            if isinstance(row["outcomes"][scope], dict)
        ]
        centres = [100 * share["right"] / share["n"] for _, share in points]
        below = [centre - 100 * share["low"] for centre, (_, share) in zip(centres, points, strict=True)]
        above = [100 * share["high"] - centre for centre, (_, share) in zip(centres, points, strict=True)]
        panel.errorbar(
            [x for x, _ in points],
            centres,
            [below, above],
            fmt=mark,
            color=colour,
            label=scope,
            capsize=2,
            markersize=5,
        )
    known = [(column + 2 * STEP, row["published"]) for column, row in enumerate(rows) if row["published"] is not None]
    if known:
        panel.errorbar(
            [x for x, _ in known], [value for _, value in known], [_deviation(value) for _, value in known],
            fmt="D", color=BLACK, markerfacecolor="white", label="published, n = 100", elinewidth=0.6, markersize=4,
        )  # fmt: skip
    panel.set_xticks(range(len(rows)), [row["format"] for row in rows])
    panel.set_ylim(0, 100)
    panel.set_xlim(-0.5, len(rows) - 0.4)
    panel.set(
        ylabel=f"accuracy, % of {floating['n']:,} test images", title=f"{study['network']}, quantised after training"
    )
    panel.grid(axis="x", visible=False)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _deviation(percent: float) -> float:
    """Half a 95 % interval of a share of `PUBLISHED_N`, by the normal approximation."""
    share = percent / 100
    return 196 * sqrt(share * (1 - share) / PUBLISHED_N)


if __name__ == "__main__":
    main(draw)
