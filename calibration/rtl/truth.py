"""The models of the RTL flow beside what Yosys counts and nextpnr places, stage by stage.

python -m calibration.rtl.truth FILE [--markdown]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import median
from textwrap import wrap

from backends.cost.amounts import Total, summed
from backends.rtl.stages import predicted, stages
from calibration.rtl.rows import METRICS, StageRow, design_of, read
from flows.core.errors import FlowsError
from flows.core.evidence import RESOURCES

PAGE = """# The RTL flow: model, Yosys and nextpnr, stage by stage

What `flows estimate rtl` says of each stage, what Yosys counts of it, and what nextpnr places, with the Fmax of the
longest of all its paths ([0025](../adr/0025-every-path-is-timed.md)). This page is what the following prints; the first
command takes half an hour of a core, the second a second.

```sh
python -m calibration.rtl.count calibration/rows/rtl.json {designs} --route 3600
python -m calibration.rtl.truth calibration/rows/rtl.json --markdown
```

A stage is an instance of `top.sv`, synthesised out of context with stand-ins for the contents of its memories
(`synth_xilinx -family xc7`), and routed between shift registers, whose cost is taken off. LUTs of Yosys are those of
its cells: nextpnr puts two small ones into one site. On four modules of identical RTL Vivado took 1.21 to 1.64 times
fewer LUTs than Yosys, FFs within 2 %; but a block RAM's output register is one of its own in Vivado and a flip-flop in
Yosys, so of stages with weights in block RAM Yosys counts more FFs. No Vivado report of these stages is known.
"""


@dataclass(frozen=True)
class Compared:
    """A row, and what the models predict for it by resource; `is_current` where the flow still builds such a stage."""

    row: StageRow
    predicted: dict[str, Total]
    is_current: bool


def compared(rows: Sequence[StageRow]) -> Iterator[Compared]:
    for row in rows:
        design = design_of(row.design)
        kinds = {stage.name: stage.kind for stage in stages(design)}
        amounts = predicted(design).get(row.stage, {})
        totals = {metric.key: summed(amounts.get(metric, ())) for metric in RESOURCES}
        yield Compared(row, totals, kinds.get(row.stage) == row.kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true", help="print the page of docs/reference")
    arguments = parser.parse_args()
    try:
        rows = list(compared(read(arguments.file)))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    if arguments.markdown:
        names = dict.fromkeys(":".join(stage.row.design.split(":")[:3]) for stage in rows)
        print(PAGE.format(designs=" ".join(names)))
    print("\n".join(page(rows)))


def page(rows: Sequence[Compared]) -> Iterator[str]:
    for design in dict.fromkeys(stage.row.design for stage in rows):
        of_it = [stage for stage in rows if stage.row.design == design]
        network, part, mhz, folding = design.split(":")
        tools = ", ".join(dict.fromkeys(stage.row.tool for stage in of_it))
        yield f"## {network.upper()} on the {part}, {mhz} MHz asked for ({tools})\n"
        folds = f"PE x SIMD: {folding.replace('=', ' ').replace(',', ', ')}."
        yield from (*wrap(folds, 118), "")
        yield from _table(of_it)
        yield ""
    yield "## How far the models are off\n"
    yield from _errors(rows)


def _table(compared_stages: Sequence[Compared]) -> Iterator[str]:
    yield "| stage | module | LUT model / Yosys / nextpnr | FF | RAMB18 | DSP48E1 | Fmax, MHz |"
    yield "| --- | --- | --- | --- | --- | --- | ---: |"
    for stage in compared_stages:
        row = stage.row
        cells = [" / ".join(_number(value) for value in _values(stage, metric)) for metric in METRICS]
        fmax = f"{row.routed['fmax_mhz']:.0f}" if row.routed else "not routed"
        name = row.stage if stage.is_current else f"{row.stage} (no longer built so)"
        yield f"| {name} | {row.module} | {' | '.join(cells)} | {fmax} |"
    sums = [_sums(compared_stages, metric) for metric in METRICS]
    yield f"| **all** | | {' | '.join(sums)} | |"


def _values(stage: Compared, metric: str) -> tuple[float | None, float, float | None]:
    routed = stage.row.routed
    return stage.predicted[metric].value, stage.row.counted[metric], routed.get(metric) if routed else None


def _sums(rows: Sequence[Compared], metric: str) -> str:
    model, yosys = (sum(_values(stage, metric)[place] or 0 for stage in rows) for place in (0, 1))
    routed = [_values(stage, metric)[2] for stage in rows]
    last = None if None in routed else sum(value or 0 for value in routed)
    return " / ".join(_number(value) for value in (model, yosys, last))


def _errors(rows: Sequence[Compared]) -> Iterator[str]:
    yield "| resource | stages | median error | largest | within the interval | factor that nine of ten keep to |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for metric in METRICS:
        used = [
            stage for stage in rows if stage.is_current and (stage.row.counted[metric] or stage.predicted[metric].value)
        ]
        if not used:
            continue
        ratios = sorted(
            abs(log(max(stage.row.counted[metric], 1) / max(stage.predicted[metric].value, 1))) for stage in used
        )
        held = sum(holds(stage, metric) for stage in used)
        nine = exp(ratios[min(len(ratios) - 1, int(0.9 * len(ratios)))])
        yield (
            f"| {metric} | {len(used)} | {exp(median(ratios)) - 1:.0%} | {exp(ratios[-1]) - 1:.0%} "
            f"| {held} of {len(used)} | x{nine:.2f} |"
        )


def holds(stage: Compared, metric: str) -> bool:
    """Whether what Yosys counted is in the interval that the models give."""
    total = stage.predicted[metric]
    return round(total.low) <= stage.row.counted[metric] <= round(total.high)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    main()
