"""Confusion matrices side by side: what ``flows evaluate --json`` writes, in.

The job holds ``network``, ``classes`` and ``floating``, and perhaps ``quantised``: each with its ``name``, ``accuracy``
(``right`` of ``n``) and ``confusion``, counts by true class (rows) and by what the network says (columns). Shades are
shares of a row and stop at `DARKEST`, so that the confusions show beside the diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.pictures.style import SEQUENTIAL, canvas, main

DARKEST = 0.12
"""The share of a row from which on a cell is darkest: the diagonal is there anyway."""
DARK = 0.55
"""From this part of the scale on, a number is white."""


def draw(job: Mapping[str, Any]) -> Figure:
    networks = [network for network in (job["floating"], job.get("quantised")) if network]
    figure, panels = canvas(4.9 * len(networks), 4.6, columns=len(networks))
    for panel, network in zip(panels, networks, strict=True):
        _matrix(panel, job["classes"], network["confusion"])
        share = network["accuracy"]
        panel.set_title(
            f"{job['network']}, {network['name']}: {100 * share['right'] / share['n']:.2f} % of {share['n']:,}"
        )
    return figure


def _matrix(panel: Axes, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
    shades = [[min(count / (sum(row) * DARKEST), 1.0) for count in row] for row in counts]
    panel.imshow(shades, cmap=SEQUENTIAL, vmin=0, vmax=1)
    for place, row in enumerate(counts):
        for column, count in enumerate(row):
            colour = "white" if shades[place][column] > DARK else "black"
            weight = "bold" if place == column else "normal"
            panel.text(column, place, str(count), ha="center", va="center", color=colour, fontsize=7, weight=weight)
    panel.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    panel.set_yticks(range(len(classes)), classes)
    panel.set(xlabel="what it is called", ylabel="what it is")
    panel.grid(False)
    panel.tick_params(length=0)


if __name__ == "__main__":
    main(draw)
