"""Fits the laws of backends/finn/laws.py to routed nodes and to open synthesis of FINN's RTL.

    python benchmarks/fit_finn.py ROWS.json [--write]

ROWS.json holds rows of FINN nodes (see finn_rows.py); those that were routed fit FIFOs and converters. The matrix unit,
padding and windows are fitted to ``finn_open_synthesis.json`` alone, so that routed rows of them test the fit. Prints
one line a law with its error on rows that it was not fitted to; ``--write`` puts the calibration where the backend
reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from finn_rows import BY_KEY, Sample, nodes, part_of
from fit_hls4ml import STUDENT_95

from backends.finn import laws
from backends.finn.laws import Law
from flows.core.errors import FlowsError
from flows.core.evidence import Metric

SYNTHESISED = Path(__file__).with_name("finn_open_synthesis.json")
FROM_SYNTHESIS = ("matrix", "window", "padding")
"""Laws that are fitted to open synthesis."""
RATIO = 1.64
"""The most that the open synthesis overstates LUTs by; `laws.OVERSTATED` is its middle."""


@dataclass(frozen=True, eq=False)
class Point:
    """What one law sees of one row; points of one `key` are held out together."""

    law: Law
    metric: str
    measured: float
    key: object


def points(samples: Iterable[Sample]) -> list[Point]:
    """Of routed rows, for the laws that are fitted to them."""
    found = []
    for sample in samples:
        for metric, measured in sample.row.measured.items():
            law = sample.law(metric)
            if law and law.name not in FROM_SYNTHESIS:
                found.append(Point(law, metric, measured, sample.key))
    return found


def synthesised() -> list[Point]:
    """Of open synthesis: its LUTs of logic overstate, those of memory do not."""
    found = []
    for row in json.loads(SYNTHESISED.read_text())["rows"]:
        part, _ = part_of(row["op"], attributes(row["op"], row["config"]))
        counts = row["measured"]
        amounts = {"lut": counts["lut"] / laws.OVERSTATED + counts["ram_lut"], "ff": counts["ff"]}
        for metric, measured in amounts.items():
            law = laws.law_of_node(*part[:2], BY_KEY[metric])
            assert law, row["op"]
            found.append(Point(law, metric, measured, str(row["config"])))
    return found


def attributes(op: str, config: Mapping[str, int]) -> dict[str, Any]:
    """FINN's attributes of a row of open synthesis."""
    if op == "MVAU_rtl":
        return dict(config) | {
            "numInputVectors": [1],
            "inputDataType": f"UINT{config['input_bits']}",
            "weightDataType": f"INT{config['weight_bits']}",
            "outputDataType": f"INT{config['accumulator_bits']}",
        }
    data = {"inputDataType": f"UINT{config['bits']}", "SIMD": config["SIMD"]}
    if op == "FMPadding_rtl":
        size = [config["columns"] - 2] * 2
        return data | {"ImgDim": size, "NumChannels": config["SIMD"], "Padding": [1, 1, 1, 1]}
    size = (config["columns"] - config["kernel"]) // config["stride"] + 1
    return data | {
        "ConvKernelDim": [config["kernel"]] * 2,
        "IFMChannels": config["channels"],
        "IFMDim": [config["columns"]] * 2,
        "OFMDim": [size] * 2,
        "Stride": [config["stride"]] * 2,
        "depthwise": config["depthwise"],
        "parallel_window": config["parallel"],
    }


def solve(rows: Sequence[Point]) -> dict[str, float]:
    """Coefficients of the least relative error beside what is certain, none negative."""
    free = list(rows[0].law.features)
    measured = np.array([max(row.measured, 1.0) for row in rows])
    rest = np.array([row.measured - row.law.certain for row in rows])
    while free:
        matrix = np.array([[row.law.features[name] for name in free] for row in rows]) / measured[:, None]
        found = np.linalg.lstsq(matrix, rest / measured, rcond=None)[0]
        if min(found) >= -1e-9:
            return dict(zip(free, (round(abs(float(one)), 4) for one in found), strict=True))
        free.pop(int(np.argmin(found)))
    return {}


def ratios(coefficients: Mapping[str, float], rows: Iterable[Point]) -> list[float]:
    """Log ratios of measured to predicted."""
    return [log(max(row.measured, 1) / max(predicted(coefficients, row.law), 1)) for row in rows]


def predicted(coefficients: Mapping[str, float], law: Law) -> float:
    return law.certain + sum(value * law.features[name] for name, value in coefficients.items())


def held_out(rows: Sequence[Point]) -> list[float]:
    """What fits to all other rows miss each row by; nothing where there is one only."""
    keys = dict.fromkeys(row.key for row in rows)
    if len(keys) < 2:
        return []
    return [
        ratio
        for key in keys
        for ratio in ratios(solve([row for row in rows if row.key != key]), [row for row in rows if row.key == key])
    ]


def spread(found: Sequence[float]) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row, by Student's t."""
    if not found:
        return 0.0
    width = STUDENT_95[min(len(found) - 1, len(STUDENT_95)) - 1] if len(found) > 1 else STUDENT_95[0]
    return sqrt(sum(one**2 for one in found) / len(found)) * width


def calibration(rows: Sequence[Point]) -> list[dict[str, Any]]:
    """Every law and metric. No interval is narrower than what all laws of the metric together missed held out."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        groups.setdefault((row.law.name, row.metric), []).append(row)
    missed = {key: held_out(group) for key, group in groups.items()}
    found = []
    for (law, metric), group in sorted(groups.items(), key=lambda one: one[0]):
        pooled = [ratio for (_, other), here in missed.items() if other == metric for ratio in here]
        mine = missed[law, metric]
        width = max(spread(pooled), spread(mine) if len(mine) > 2 else 0.0)
        open_synthesis = law in FROM_SYNTHESIS
        if open_synthesis and metric == Metric.LUT.key:
            width = sqrt(width**2 + log(RATIO / laws.OVERSTATED) ** 2)
        errors = [abs(exp(one) - 1) for one in mine]
        found.append(
            {
                "law": law,
                "metric": metric,
                "coefficients": solve(group),
                "rows": len(group),
                "from": "Yosys 0.70 of finn-plus 1.6.1 RTL" if open_synthesis else "Vivado 2022.2, xc7z010, routed",
                "median_error": round(median(errors), 3) if errors else None,
                "interval_90": round(width, 3),
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {laws.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        found = calibration(points(nodes(arguments.rows)) + synthesised())
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"{'law':14}{'metric':8}{'rows':>5}{'median':>8}{'used':>7}")
    for law in found:
        error = "-" if law["median_error"] is None else f"{law['median_error']:.1%}"
        used = f"x{exp(law['interval_90']):.2f}"
        print(f"{law['law']:14}{law['metric']:8}{law['rows']:5}{error:>8}{used:>7}  {law['coefficients']}")
    if arguments.write:
        laws.CALIBRATION.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
