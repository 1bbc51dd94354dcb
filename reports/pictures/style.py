"""What all pictures share: colours that the colour-blind tell apart and that print, and how a file is written."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.core.errors import FlowsError
from flows.core.files import write_atomic

GREEN, BLUE, VERMILION, PURPLE, BLACK = (
    "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#000000",
)  # fmt: skip
"""From Okabe and Ito, "Color Universal Design" (2008)."""
SEQUENTIAL = "Blues"
"""White for nothing, dark for much, one hue: no eye and no grey printer loses its order (ColorBrewer)."""
DPI = 150

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "zynqflows",  # equal jobs, equal files
    }
)


def canvas(width: float, height: float, columns: int = 1, rows: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of `width` x `height` inches and its panels, row by row; `rest` goes to ``Figure.subplots``."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(panels.ravel())


def main(draw: Callable[[Any], Figure]) -> None:
    """Draws the job that the command line names into the file that it names."""
    job, picture = map(Path, sys.argv[1:])
    metadata = {"Date": None} if picture.suffix == ".svg" else {}
    content = io.BytesIO()
    draw(json.loads(job.read_text())).savefig(content, format=picture.suffix[1:], metadata=metadata)
    try:
        write_atomic(picture, content.getvalue())
    except FlowsError as error:
        sys.exit(f"error: {error}")
