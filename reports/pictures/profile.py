"""What every tensor reaches against what its type holds: what ``flows profile --json`` writes, in.

The job holds ``profile``: ``network``, ``flow``, ``n`` and ``rows`` (`flows.core.profile.Row`). One line a tensor, in
network order from the top; magnitudes on a scale of powers of two. A bar runs from a type's step to the largest number
that it holds; what lies right of it saturates or wraps, what lies left of it is rounded to zero or to one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log2
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from reports.pictures.style import BLACK, BLUE, GREEN, PURPLE, VERMILION, canvas, main

ROLES = {"image": ("D", BLACK), "kernel": ("s", BLUE), "bias": ("^", PURPLE), "result": ("o", GREEN)}
SIGNED, UNSIGNED, BAND = "#DADADA", "#A8A8A8", "#F6F6F6"
LINE = 0.21
"""Inches a tensor."""
LEFT = 2.5
"""Powers of two that are shown below the finest step."""


def draw(job: Mapping[str, Any]) -> Figure:
    profile = job["profile"]
    rows = profile["rows"]
    figure, (panel,) = canvas(7.6, 1.7 + LINE * len(rows))
    finest, largest = min(log2(row["step"]) for row in rows), max(log2(_far(row)) for row in rows)
    left = floor(finest - LEFT)
    panel.set(xlim=(left, largest + 0.6), ylim=(len(rows) - 0.5, -0.5))
    _bands(panel, rows)
    for place, row in enumerate(rows):
        _holds(panel, place, row)
        if row["weights"]:
            _spread(panel, place, row, left)
        _reach(panel, place, row, left)
    _label(panel, rows)
    panel.set_xlabel("magnitude   (left of a bar: lost in rounding; right of it: out of range)")
    title = f"{profile['network']} in {profile['flow']}: what each tensor reaches, over what its type holds"
    panel.set_title(title, loc="left", pad=22)
    figure.legend(handles=_legend(profile), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _far(row: Mapping[str, Any]) -> float:
    return max(row["highest"], abs(row["low"]), abs(row["high"]), row["step"])


def _counted(row: Mapping[str, Any]) -> float:
    """The largest magnitude that counts: not what a ReLU cuts."""
    return max(row["high"], 0.0) if row["cut"] else max(abs(row["low"]), abs(row["high"]))


def _bands(panel: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Every other layer on a tint: a layer's kernel, bias and result belong together."""
    layers = [row["tensor"].partition("/")[0] for row in rows]
    for place, layer in enumerate(layers):
        if list(dict.fromkeys(layers)).index(layer) % 2:
            panel.axhspan(place - 0.5, place + 0.5, color=BAND, zorder=0, linewidth=0)


def _holds(panel: Axes, place: int, row: Mapping[str, Any]) -> None:
    begin, end = log2(row["step"]), log2(max(row["highest"], row["step"]))
    panel.barh(place, end - begin, left=begin, height=0.72, color=SIGNED if row["lowest"] < 0 else UNSIGNED, zorder=1)
    beyond = _counted(row)
    if row["beyond"] and beyond > row["highest"]:
        panel.barh(place, log2(beyond) - end, left=end, height=0.72, color=VERMILION, zorder=1)


def _spread(panel: Axes, place: int, row: Mapping[str, Any], left: float) -> None:
    """Where nine tenths, half and the median of a tensor's weights lie, by magnitude."""
    colour = ROLES[row["role"]][1]
    ends = [log2(magnitude) if magnitude else left for magnitude in row["weights"]["quantiles"]]
    panel.plot((ends[0], ends[4]), (place, place), color=colour, linewidth=0.8, zorder=2)
    panel.plot((ends[1], ends[3]), (place, place), color=colour, linewidth=3.2, zorder=2, solid_capstyle="butt")
    panel.plot(ends[2], place, marker="|", color="white", markersize=5, markeredgewidth=1.4, zorder=3)


def _reach(panel: Axes, place: int, row: Mapping[str, Any], left: float) -> None:
    mark, colour = ROLES[row["role"]]
    reach = _counted(row)
    if row["cut"] and -row["low"] > reach:
        cut = log2(-row["low"])
        panel.plot(cut, place, marker=mark, markersize=4, markerfacecolor="none", color=colour, zorder=3)
    panel.plot(
        log2(reach) if reach else left, place, marker=mark, color=colour, zorder=4, clip_on=False,
        markersize=7 if row["beyond"] else 5, markeredgewidth=1.8 if row["beyond"] else 1,
        markeredgecolor=VERMILION if row["beyond"] else colour,
    )  # fmt: skip


def _label(panel: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    panel.set_yticks(range(len(rows)), [row["tensor"].replace("/", " ") for row in rows], fontsize=7.5)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="y", visible=False)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_locator(MultipleLocator(2))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda power, _: f"$2^{{{power:.0f}}}$"))
    heads = {"type": 1.02, "spare": 1.22}
    for head, x in heads.items():
        panel.text(x, -0.8, head, transform=panel.get_yaxis_transform(), va="bottom", fontsize=7.5)
    for place, row in enumerate(rows):
        colour = VERMILION if row["beyond"] else BLACK
        weight = "bold" if row["beyond"] else "normal"
        for text, x in zip((_type(row["type"]), _spare(row)), heads.values(), strict=True):
            panel.text(
                x, place, text, transform=panel.get_yaxis_transform(), va="center", fontsize=7.5,
                color=colour, weight=weight,
            )  # fmt: skip


def _type(name: str) -> str:
    """``ufixed<8,0>`` of ``ap_ufixed<8,0,AP_RND,AP_SAT>``: there is no room for the modes."""
    head, _, arguments = name.removeprefix("ap_").partition("<")
    return f"{head}<{','.join(arguments.rstrip('>').split(',')[:2])}>"


def _spare(row: Mapping[str, Any]) -> str:
    if row["needed"] is None:
        return "no sign"
    spare = row["had"] - row["needed"]
    return f"{spare:+d}".replace("-", "−") if spare else "0"


def _legend(profile: Mapping[str, Any]) -> list[Any]:
    """Of what this picture shows."""
    rows = profile["rows"]

    def mark(marker: str, label: str, **style: Any) -> Line2D:
        return Line2D([], [], marker=marker, linestyle="none", label=label, **({"markersize": 5} | style))

    about = {
        "image": "image, largest value",
        "result": f"result, largest magnitude on {profile['n']:,} training images",
        "kernel": "kernel, largest magnitude",
        "bias": "bias, largest magnitude",
    }
    present = {row["role"] for row in rows}
    shown: list[Any] = [
        mark(ROLES[role][0], text, color=ROLES[role][1]) for role, text in about.items() if role in present
    ]
    if any(row["weights"] for row in rows):
        text = "weights: middle half (bar), 5 to 95 % (line), median (gap)"
        shown.append(Line2D([], [], color=BLUE, linewidth=3.2, label=text))
    signs = {row["lowest"] < 0 for row in rows}
    about_bars = ((True, SIGNED, "signed"), (False, UNSIGNED, "unsigned"))
    shown += [
        Patch(color=colour, label=f"{word} type, from its step to its largest number")
        for sign, colour, word in about_bars
        if sign in signs
    ]
    if any(row["cut"] and -row["low"] > _counted(row) for row in rows):
        text = "negative side, which a ReLU cuts anyway"
        shown.append(mark("o", text, color=GREEN, markerfacecolor="none", markersize=4))
    if any(row["beyond"] for row in rows):
        ring = {"markerfacecolor": "none", "markeredgecolor": VERMILION, "markeredgewidth": 1.8, "markersize": 7}
        shown += [mark("o", "leaves its type", **ring), Patch(color=VERMILION, label="what lies beyond the type")]
    return shown


if __name__ == "__main__":
    main(draw)
