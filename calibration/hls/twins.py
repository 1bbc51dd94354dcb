"""The LUTs and FFs that the models of the manual HLS flow give a stage, beside what Yosys counts of its twin.

    python -m calibration.hls.twins calibration/rows/rtl.json

The twin of a stage is the module of the RTL flow that computes the same, in the same fold and between the same words:
rows of ``calibration.rtl.count``. FIFOs are those of each flow, so clones, which are nothing else, have no twin. The
table is part of docs/hls-estimates.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from statistics import median

from backends.cost.amounts import Amounts, Total, summed
from backends.dataflow.layers.clocks import resolve
from backends.dataflow.layers.nodes import CLONE
from backends.hls.design.design import HlsDesign
from backends.hls.options import HlsOptions
from backends.rtl.stages import predicted
from calibration.rtl.rows import StageRow, read
from flows import jobs
from flows.core.errors import FlowsError
from flows.core.evidence import Metric
from flows.core.part import Target, find_part

COMPARED = (Metric.LUT, Metric.FF)


@dataclass(frozen=True)
class Twins:
    """What the models say of a stage, by resource, and what Yosys counts of the same stage as RTL."""

    row: StageRow
    modelled: dict[str, Total]

    def ratio(self, metric: Metric) -> float:
        """How many times the count the model is."""
        return max(self.modelled[metric.key].value, 1) / max(self.row.counted[metric.key], 1)

    def holds(self, metric: Metric) -> bool:
        """Whether the count is in the interval of the model."""
        total = self.modelled[metric.key]
        return round(total.low) <= self.row.counted[metric.key] <= round(total.high)


@cache
def modelled(design: str) -> dict[str, Amounts]:
    """By stage, of the design NETWORK:PART:MHZ:FOLDING, built by the manual HLS flow."""
    network, part, mhz, folding = design.split(":")
    target = Target(find_part(part), 1000 / float(mhz))
    job = jobs.find_trained(network, None).job(target, HlsOptions(folding=folding))
    return predicted(resolve(job, HlsDesign).design)


def twins(rows: Sequence[StageRow]) -> Iterator[Twins]:
    for row in (row for row in rows if row.module != CLONE):
        amounts = modelled(row.design).get(row.stage, {})
        yield Twins(row, {metric.key: summed(amounts.get(metric, ())) for metric in COMPARED})


def page(pairs: Sequence[Twins]) -> Iterator[str]:
    yield "| stage | twin | LUT: model | twin | FF: model | twin |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for pair in pairs:
        cells = " | ".join(f"{_said(pair.modelled[of.key])} | {pair.row.counted[of.key]:,.0f}" for of in COMPARED)
        yield f"| {pair.row.stage} | {pair.row.module} | {cells} |"
    sums = [
        sum(value)
        for of in COMPARED
        for value in zip(*((pair.modelled[of.key].value, pair.row.counted[of.key]) for pair in pairs), strict=True)
    ]
    yield f"| **all** | | {' | '.join(f'{each:,.0f}' for each in sums)} |"
    yield ""
    yield "| | stages | median of model / twin | nine of ten within | twin in the interval |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for metric in COMPARED:
        middle, nine = scatter(pairs, metric)
        held = sum(pair.holds(metric) for pair in pairs)
        yield f"| {metric.key.upper()} | {len(pairs)} | {middle:.2f} | x{nine:.2f} | {held} of {len(pairs)} |"


def scatter(pairs: Sequence[Twins], metric: Metric) -> tuple[float, float]:
    """(the median of how many times the count of its twin a model is, the factor about it that nine of ten keep to)."""
    logs = [log(pair.ratio(metric)) for pair in pairs]
    middle = median(logs)
    off = sorted(abs(value - middle) for value in logs)
    return exp(middle), exp(off[min(len(off) - 1, int(0.9 * len(off)))])


def _said(total: Total) -> str:
    return f"{total.value:,.0f} ({total.low:,.0f} .. {total.high:,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE")
    try:
        print("\n".join(page(list(twins(read(parser.parse_args().file))))))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
