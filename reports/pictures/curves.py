"""Loss and accuracy over the epochs of a training: ``curves.json``, or a model card, in.

The job holds ``network``, ``recipe`` (with its ``name``, if it has one) and ``history``, a row an epoch: ``epoch``,
``loss`` and ``held_out_accuracy``, and where they were measured ``accuracy`` and ``held_out_loss``; ``best`` or
``chosen_by`` names the ``epoch`` that ships. Accuracies are fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.pictures.style import BLUE, VERMILION, canvas, main

TRAINING, HELD_OUT = "training images, augmented", "held-out training images"


def draw(job: Mapping[str, Any]) -> Figure:
    figure, (loss, accuracy) = canvas(7.2, 2.9, columns=2)
    rows = job["history"]
    _line(loss, rows, "loss", TRAINING, BLUE, 1)
    _line(loss, rows, "held_out_loss", HELD_OUT, VERMILION, 1)
    _line(accuracy, rows, "accuracy", TRAINING, BLUE, 100)
    _line(accuracy, rows, "held_out_accuracy", HELD_OUT, VERMILION, 100)
    for panel, label in ((loss, "cross-entropy"), (accuracy, "accuracy, %")):
        panel.set(xlabel="epoch", ylabel=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    chosen = (job.get("best") or job.get("chosen_by") or {}).get("epoch")
    if chosen:
        for panel in (loss, accuracy):
            panel.axvline(chosen, color="#555555", linewidth=0.8, linestyle=":")
        early = chosen < len(rows) / 2
        accuracy.annotate(
            f"epoch {chosen} ships", (chosen, 0.03), xycoords=("data", "axes fraction"), xytext=(4 if early else -4, 0),
            textcoords="offset points", ha="left" if early else "right", color="#555555",
        )  # fmt: skip
    recipe = job.get("recipe", {}).get("name")
    figure.suptitle(f"{job['network']}{f', {recipe} recipe' if recipe else ''}")
    handles = {line.get_label(): line for panel in (loss, accuracy) for line in panel.get_lines()}
    named = [label for label in (TRAINING, HELD_OUT) if label in handles]
    figure.legend([handles[label] for label in named], named, loc="outside lower center", ncols=2)
    return figure


def _line(panel: Axes, rows: list[Mapping[str, float]], key: str, label: str, colour: str, scale: float) -> None:
    """One curve; a row that does not have the value is left out."""
    points = [(row["epoch"], scale * row[key]) for row in rows if key in row]
    if points:
        epochs, values = zip(*points, strict=True)
        dashes = "-" if label == TRAINING else "--"
        panel.plot(epochs, values, dashes, color=colour, linewidth=1.5, label=label, marker="." * (len(points) == 1))


if __name__ == "__main__":
    main(draw)
