"""Fits the LUT and FF laws of backends/hls4ml/laws.py to vendor reports.

    python benchmarks/fit_hls4ml.py ROWS.json [REPORT ...] [--write]

ROWS.json holds rows of csynth reports (tool, layer, module, config, measured). A REPORT is a csynth report of a whole
design, as text (Vivado HLS) or XML (Vitis HLS), read for what the rows leave out: ReLUs, zero padding, FIFOs. Prints
one line a law with its error on projects that it was not fitted to; ``--write`` puts the calibration where the backend
reads it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

import numpy as np

from backends.hls4ml import laws

STUDENT_95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81, 1.80, 1.78, 1.77, 1.76, 1.75, 1.75, 1.74)
"""The 95th percentile of Student's t for 1, 2, ... degrees of freedom."""

GIVEN = {
    ("vitis", "mac", "lut"): {"adder_bits": 1.0},  # too few multipliers in these rows: an adder takes a LUT a bit
    ("vivado", "mac", "lut"): {"windows": 0.0},  # no dense layer in these rows to tell a window from its products
    ("vivado", "mac", "ff"): {"window_bits": 0.0},
}
"""Coefficients that the rows of one tool cannot tell."""

PADDED_CHANNELS = (3, 32, 64)
"""Channels of the zero paddings of the Vivado HLS 2019.2 report, in its order: of the convolutions behind them."""


@dataclass(frozen=True)
class Row:
    """What a law sees of one module, and what the report counts for it."""

    tool: str
    version: str
    device: str
    project: str
    law: str
    features: Mapping[str, float]
    measured: Mapping[str, float]


def rows_of(table: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """The rows that a law speaks of. Two prototypes of one model count as one project."""
    for row in table:
        tool = "vitis" if row["tool"] >= "2021" else "vivado"
        project = "/".join([row["repo"], *re.findall(r"model\d+|quantized", row["path"])[:1]])
        measured = {"lut": row["measured"].get("LUT"), "ff": row["measured"].get("FF")}
        made = Row(tool, row["tool"], row["part"], project, "", {}, measured)
        config, layer, channels = row["config"], row["layer"], re.search(r"_(\d+)u_", row["module"])
        if layer in ("conv_2d_cl", "dense") and "resource" in config.get("strategy", ""):
            yield from _multiply_accumulate(row, made, table)
        elif layer == "shift_line_buffer":
            size = config["filt_height"], config["filt_width"], config["n_chan"]
            yield replace(made, law="line_buffer", features=laws.line_buffer(*size))
        elif layer == "pooling2d_cl" and channels:
            yield replace(made, law="maxpool2d", features=laws.per_channel(int(channels[1])))
        elif layer == "relu" and channels:
            law = "relu_saturating" if "quantized" in project else "relu"
            yield replace(made, law=law, features=laws.per_channel(int(channels[1])))
        elif layer == "softmax":
            yield replace(made, law="softmax", features={"one": 1.0})


def _multiply_accumulate(row: Mapping[str, Any], made: Row, table: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """A convolution less its line buffer, or a dense layer."""
    config, measured = row["config"], dict(made.measured)
    n_in, n_out = config.get("n_in", 0), config.get("n_out", 0)
    buffers = [one for one in table if one["path"] == row["path"] and one["layer"] == "shift_line_buffer"]
    data_bits = (
        _bits(buffers[-1]["module"]) if buffers else 16
    )  # as the last activations; ap_fixed<16,6> where none is shown
    if row["layer"] == "conv_2d_cl":
        size = config["filt_height"], config["filt_width"], config["n_chan"]
        n_in, n_out = size[0] * size[1] * size[2], config["n_filt"]
        buffer = laws.line_buffer(*size)
        measured["lut"] -= 32 * buffer["columns"] + 9 * buffer["taps"]
        measured["ff"] -= 64 * buffer["columns"]
        data_bits = next((_bits(one["module"]) for one in buffers if _is_buffer_of(one, row)), data_bits)
    features = laws.multiply_accumulate(
        n_in,
        ceil(n_in * n_out / config["reuse_factor"]),
        (data_bits, _bits(config["weight_t"]), _bits(config["accum_t"])),
        windowed=row["layer"] == "conv_2d_cl",
    )
    yield replace(made, law="mac", features=features, measured=measured)


def _is_buffer_of(other: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    keys = ("in_height", "in_width", "n_chan")
    return all(other["config"][key] == row["config"][key] for key in keys)


def _bits(text: str) -> int:
    return int(re.search(r"fixed[_<](\d+)", text)[1])  # type: ignore[index]


def rows_of_report(path: Path) -> Iterator[Row]:
    """ReLU modules and FIFOs of a Vitis HLS report, zero padding and FIFOs of a Vivado HLS one."""
    yield from (_vitis_report if path.suffix == ".xml" else _vivado_report)(path)


def _vitis_report(path: Path) -> Iterator[Row]:
    root = ElementTree.parse(path).getroot()
    made = Row(
        "vitis",
        root.findtext("ReportVersion/Version", ""),
        root.findtext("UserAssignments/Part", ""),
        path.stem,
        "",
        {},
        {},
    )
    counted = {}
    for module in root.iter("Module"):
        area = module.find("AreaEstimates/Resources")
        if area is not None:
            counted[module.findtext("Name", "")] = {
                key: float(area.findtext(key.upper(), "0")) for key in ("lut", "ff")
            }
    layers = [name for name in counted if re.match(r"(linear|relu|conv_2d_cl|dense)_array_(?!.*Pipeline)", name)]
    for name in layers:
        channels = re.match(r"relu_array_.*_(\d+)u_relu", name)
        if channels:
            features = laws.per_channel(int(channels[1]))
            yield replace(made, law="relu_saturating", features=features, measured=counted[name])
    top = counted[root.findtext("UserAssignments/TopModelName", "")]
    rest = {key: top[key] - sum(counted[name][key] for name in layers) for key in top}
    yield replace(
        made, law="fifo", features={"one": float(len(root.findall("FIFOInformation/FIFOInst")))}, measured=rest
    )


def _vivado_report(path: Path) -> Iterator[Row]:
    text = path.read_text()
    version, device = (re.search(rf"{key}:\s+(\S+)", text)[1] for key in ("Version", "Target device"))  # type: ignore[index]
    made = Row("vivado", version, device, path.stem, "", {}, {})
    pads = re.findall(r"\|zeropad2d\w+U0 *\|\w+ *\| *\d+\| *\d+\| *(\d+)\| *(\d+)\|", text)
    for channels, (ff, lut) in zip(PADDED_CHANNELS, pads, strict=False):
        counted = {"ff": float(ff), "lut": float(lut)}
        yield replace(made, law="padding", features=laws.per_channel(channels), measured=counted)
    names = re.findall(r"\|(layer\w+_U) +\| +\d+\| +\d+\|", text)
    total = re.search(r"\|FIFO +\| +\d+\| +-\| +(\d+)\| +(\d+)\|", text)
    if names and total:
        counted = {"ff": float(total[1]), "lut": float(total[2])}
        yield replace(made, law="fifo", features={"one": float(len(names))}, measured=counted)


def solve(rows: Sequence[Row], metric: str) -> dict[str, float]:
    """Coefficients of least squared relative error, none negative."""
    first = rows[0]
    fixed = GIVEN.get((first.tool, first.law, metric), {})
    free = [name for name in laws.FEATURES[first.law, metric] if name not in fixed]
    measured = np.array([row.measured[metric] for row in rows])
    known = np.array([sum(fixed[name] * row.features[name] for name in fixed) for row in rows])
    while True:
        matrix = np.array([[row.features[name] for name in free] for row in rows]) / measured[:, None]
        found = np.linalg.lstsq(matrix, 1 - known / measured, rcond=None)[0]
        if len(free) == 1 or min(found) >= 0:
            return fixed | dict(zip(free, (round(float(one), 4) for one in found), strict=True))
        free.pop(int(np.argmin(found)))


def held_out(rows: Sequence[Row], metric: str) -> tuple[str, list[float]]:
    """log(measured / predicted) of every row, by a fit that has not seen its project, or its row where that is all."""
    projects = {row.project for row in rows}
    if len(projects) > 1:
        folds = [
            ([row for row in rows if row.project != one], [row for row in rows if row.project == one])
            for one in projects
        ]
    else:
        folds = [([*rows[:at], *rows[at + 1 :]], [rows[at]]) for at in range(len(rows))]
    residuals = []
    for train, test in folds:
        if not train:
            continue
        coefficients = solve(train, metric)
        for row in test:
            predicted = sum(value * row.features[name] for name, value in coefficients.items())
            residuals.append(log(max(row.measured[metric], 1) / max(predicted, 1)))
    return ("project" if len(projects) > 1 else "row"), residuals


def fitted(rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """One law as data: coefficients, where they come from, and how far off it was on rows held out."""
    what, residuals = held_out(rows, metric)
    freedom = max(len(residuals) - 1, 1)
    spread = sqrt(sum(one**2 for one in residuals) / len(residuals)) if residuals else None
    errors = sorted(abs(exp(-one) - 1) for one in residuals)
    return {
        "tool": rows[0].tool,
        "law": rows[0].law,
        "metric": metric,
        "coefficients": solve(rows, metric),
        "rows": len(rows),
        "projects": len({row.project for row in rows}),
        "versions": sorted({row.version for row in rows}),
        "devices": sorted({row.device for row in rows}),
        "held_out": what if residuals else None,
        "median_error": round(median(errors), 3) if errors else None,
        "p90_error": round(errors[ceil(0.9 * len(errors)) - 1], 3) if errors else None,
        "spread_90": round(spread * STUDENT_95[min(freedom, len(STUDENT_95)) - 1], 3) if spread is not None else None,
    }


def calibration(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every law for every tool that has rows of it.

    Rows of one or two projects do not tell how far off the next one is: such a law takes at least the widest interval
    that any law of its metric has over whole projects held out.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.tool, row.law), []).append(row)
    found = [fitted(group, metric) for _, group in sorted(groups.items()) for metric in ("lut", "ff")]
    for metric in ("lut", "ff"):
        here = [law for law in found if law["metric"] == metric]
        widest = max(law["spread_90"] for law in here if law["held_out"] == "project")
        for law in here:
            law["interval_90"] = max(law["spread_90"] or 0.0, 0.0 if law["projects"] > 2 else widest)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("reports", type=Path, nargs="*")
    parser.add_argument("--write", action="store_true", help=f"write {laws.CALIBRATION.name}")
    arguments = parser.parse_args()
    rows = [*rows_of(json.loads(arguments.rows.read_text()))]
    for report in arguments.reports:
        rows += rows_of_report(report)
    found = calibration(rows)
    print(
        f"{'tool':8}{'law':17}{'metric':8}{'rows':>5}{'projects':>9}  {'held out':9}"
        f"{'median':>8}{'p90':>7}{'90 %':>7}{'used':>7}"
    )
    for law in found:
        figures = [f"{law[key]:.1%}" if law[key] is not None else "-" for key in ("median_error", "p90_error")]
        used = f"x{exp(law['interval_90']):.2f}"
        factor = f"x{exp(law['spread_90']):.2f}" if law["spread_90"] is not None else "-"
        print(
            f"{law['tool']:8}{law['law']:17}{law['metric']:8}{law['rows']:5}{law['projects']:9}  "
            f"{law['held_out'] or '-':9}{figures[0]:>8}{figures[1]:>7}{factor:>7}{used:>7}  {law['coefficients']}"
        )
    if arguments.write:
        laws.CALIBRATION.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
