"""Synthesises, and where asked routes, every stage of designs of the RTL flow, and writes what was counted.

    python -m calibration.rtl.count FILE DESIGN [DESIGN ...] [--route SECONDS] [--store DIR] [--jobs N]

A DESIGN is NETWORK:PART:MHZ, as in arch8:xc7z010:125. The file is written after every stage, so that what was counted
stays where it is ended; counts of stages that are in the store are found there. With ``--route`` nextpnr has so many
seconds for each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from backends.open_tools import routing, synthesis
from backends.open_tools.stage import RtlStage
from backends.rtl.stages import library, stages
from calibration.rtl.rows import METRICS, StageRow, design_of, pinned, to_json
from flows.core.errors import FlowsError
from flows.core.plan import Plan, Products
from flows.executor import Executor
from flows.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("designs", nargs="+", metavar="DESIGN")
    parser.add_argument("--route", type=float, metavar="SECONDS")
    parser.add_argument("--store", type=Path, default=Path(".store"), metavar="DIR")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    arguments = parser.parse_args()
    executor = Executor(Store(arguments.store), arguments.jobs, _tell)
    rows: list[StageRow] = []
    try:
        for row in counted(arguments.designs, executor, arguments.route):
            rows.append(row)
            arguments.file.write_text(to_json(rows))
    except FlowsError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def counted(designs: list[str], executor: Executor, route_s: float | None) -> Iterator[StageRow]:
    for asked in designs:
        name = pinned(asked)
        design = design_of(name)
        for stage in sorted(stages(design), key=_size):
            steps = synthesis.steps([stage], library(), synthesis.PYOSYS)
            if route_s is not None:
                steps += routing.steps([synthesis.netlist(stage)], design.job.target, routing.Routing(route_s))
            yield _row(name, stage, executor.execute(Plan(steps)))


def _row(design: str, of: RtlStage, products: Products) -> StageRow:
    counts = synthesis.of_stage(of, products)
    assert counts, "pyosys is a package, so that the step is never skipped"
    values = dict(zip(METRICS, (counts.lut, counts.ff, counts.ramb18, counts.dsp), strict=True))
    routed = routing.result_of(synthesis.netlist(of), products)
    routed_counts = {key: routed[key] for key in (*METRICS, "fmax_mhz")} if routed else None
    return StageRow(
        design, of.name, of.module, of.kind, synthesis.tool_name(synthesis.name(of), products), values, routed_counts
    )


def _size(of: RtlStage) -> int:
    """Small ones first."""
    pe, simd = of.parameters.get("PE", 0), of.parameters.get("SIMD", 0)
    return int(pe) * int(simd)


def _tell(what: str, step: object, text: str) -> None:
    if what not in ("line", "kept"):
        print(what, getattr(step, "name", ""), text, file=sys.stderr)


if __name__ == "__main__":
    main()
