"""Fits the laws of backends/finn/structure.py to nodes of routed builds and to open synthesis of FINN's RTL.

    python benchmarks/fit_finn.py ROWS.json [ROWS.json ...] [--write]

ROWS.json holds rows of FINN nodes (see finn_rows.py). The matrix unit of finn-plus 1.6.1 is in none of them: it is
fitted to ``finn_open_synthesis.json`` alone, which counts as one more build for padding and windows. Prints one line a
law with its error on repositories that it was not fitted to; ``--write`` puts the calibration where the backend reads
it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from finn_parts import part_of
from finn_rows import BY_KEY, Sample, nodes

from backends.finn import laws
from backends.finn.structure import Law, law_of_node
from flows.core.errors import FlowsError
from flows.core.evidence import Metric

SYNTHESISED = Path(__file__).with_name("finn_open_synthesis.json")
SYNTHESIS = "Yosys 0.70 of finn-plus 1.6.1 RTL"
UNBUILT = "matrix"
"""The law of which no routed build is known: it is fitted to open synthesis alone."""
MANY = 3
"""Repositories from which on whole ones are held out: with fewer, too little is left to fit to."""
RATIO = 1.64
"""The most that the open synthesis overstates LUTs by; `laws.OVERSTATED` is its middle."""


@dataclass(frozen=True, eq=False)
class Point:
    """What one law sees of one row of a build, which others of its repository may resemble."""

    law: Law
    metric: str
    measured: float
    build: str
    repository: str


def points(samples: Iterable[Sample]) -> list[Point]:
    """Of routed rows. Weights and thresholds kept in LUTs are no part of what a law is fitted to."""
    found = []
    for sample in samples:
        for metric, measured in sample.row.measured.items():
            if law := sample.law(metric):
                found.append(Point(law, metric, measured, sample.row.project, sample.row.repository))
    return found


def synthesised() -> list[Point]:
    """Of open synthesis: its LUTs of logic overstate, those of memory do not."""
    found = []
    for row in json.loads(SYNTHESISED.read_text())["rows"]:
        part = part_of(row["op"], attributes(row["op"], row["config"]))
        node, fold, _ = part
        if row["op"] == "MVAU_rtl":
            node = replace(node, former=False)
        counts = row["measured"]
        amounts = {"lut": counts["lut"] / laws.OVERSTATED + counts["ram_lut"], "ff": counts["ff"]}
        for metric, measured in amounts.items():
            law = law_of_node(node, fold, BY_KEY[metric])
            build = str(row["config"]) if law.name == UNBUILT else SYNTHESIS
            found.append(Point(law, metric, measured, build, build))
    return found


def attributes(op: str, config: Mapping[str, int]) -> dict[str, Any]:
    """FINN's attributes of a row of open synthesis."""
    if op == "MVAU_rtl":
        return dict(config) | {
            "numInputVectors": [1],
            "inputDataType": f"UINT{config['input_bits']}",
            "weightDataType": f"INT{config['weight_bits']}",
            "outputDataType": f"INT{config['accumulator_bits']}",
            "noActivation": 1,
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
    """Coefficients of the least relative error beside what is certain, none negative; every build counts alike."""
    free = list(rows[0].law.features)
    of_build = Counter(row.build for row in rows)
    measured = np.array([max(row.measured, 1.0) * sqrt(of_build[row.build]) for row in rows])
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
    """What fits to the others miss each repository's rows by; of fewer than `MANY` each build's, of one build none."""
    unit = "repository" if len({row.repository for row in rows}) >= MANY else "build"
    units = [getattr(row, unit) for row in rows]
    if len(set(units)) < 2:
        return []
    found = []
    for one in dict.fromkeys(units):
        others, mine = ([row for row, its in zip(rows, units, strict=True) if (its == one) == here] for here in (0, 1))
        found += ratios(solve(others), mine)
    return found


def spread(found: Sequence[float]) -> float:
    """Half the width of a 90 % interval for the log ratio of a new row: what nine of ten rows held out stay within."""
    sizes = sorted(abs(one) for one in found)
    return sizes[min(len(sizes), ceil(0.9 * (len(sizes) + 1))) - 1] if sizes else 0.0


def calibration(rows: Sequence[Point]) -> list[dict[str, Any]]:
    """Every law and metric, with the error and the interval of builds that it was not fitted to.

    A law of one build is held to what the laws of several builds miss their rows by.
    """
    groups: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        groups.setdefault((row.law.name, row.metric), []).append(row)
    missed = {key: held_out(group) for key, group in groups.items()}
    found = []
    for (law, metric), group in sorted(groups.items(), key=lambda one: one[0]):
        mine = missed[law, metric] or [
            ratio for (_, other), all_ in missed.items() if other == metric for ratio in all_
        ]
        width, builds = spread(mine), len({row.build for row in group})
        if law == UNBUILT and metric == Metric.LUT.key:
            width = sqrt(width**2 + log(RATIO / laws.OVERSTATED) ** 2)
        errors = [abs(exp(-one) - 1) for one in missed[law, metric]]
        found.append(
            {
                "law": law,
                "metric": metric,
                "coefficients": solve(group),
                "rows": len(group),
                "builds": 0 if law == UNBUILT else builds,
                "from": SYNTHESIS if law == UNBUILT else f"{builds} routed build{'s' * (builds != 1)}",
                "median_error": round(median(errors), 3) if errors else None,
                "interval_90": round(width, 3),
            }
        )
    return found


def written(samples: Iterable[Sample], found: Sequence[Mapping[str, Any]]) -> str:
    """The calibration file: the laws, and the reports that they were fitted to."""
    sources = sorted({f"{one.row.project} (Vivado {one.row.version}, {one.row.device})" for one in samples if one.part})
    return json.dumps({"sources": sources, "laws": found}, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true", help=f"write {laws.CALIBRATION.name}")
    arguments = parser.parse_args()
    try:
        samples = nodes(arguments.rows)
        found = calibration(points(samples) + synthesised())
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"{'law':14}{'metric':8}{'rows':>5}{'median':>8}{'used':>7}")
    for law in found:
        error = "-" if law["median_error"] is None else f"{law['median_error']:.1%}"
        used = f"x{exp(law['interval_90']):.2f}"
        print(f"{law['law']:14}{law['metric']:8}{law['rows']:5}{error:>8}{used:>7}  {law['coefficients']}")
    if arguments.write:
        laws.CALIBRATION.write_text(written(samples, found))


if __name__ == "__main__":
    main()
