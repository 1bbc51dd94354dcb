"""Fits the post-route models of backends/hls4ml to designs that others built, and reports the errors.

    python -m calibration.hls4ml.built calibration/rows/hls4ml_built.json [--write]

A row is a design with its units: their configuration, and what each took once built (of designs that are known as a
whole only: what the design took, and what of it lies outside hls4ml's units). Prints a page of the factors of every
unit, and of units and whole designs with their repositories held out. ``--write`` puts factors and intervals where the
backend reads them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, exp, log
from pathlib import Path
from statistics import median
from typing import Any

from backends.hls4ml import built
from calibration.hls4ml.built_rows import EXACT, METRICS, Design, Unit, read

SMALL = 200
"""Units below this many LUTs or FFs do not count for the interval of all units: their relative error hardly matters."""
BLOCKS = "bram18"
WHOLES = (*METRICS, BLOCKS)
"""What whole designs are tested on."""
FEW_BLOCKS = 10.0
"""Designs below this many RAMB18 are counted as this many: one RAMB18 more or less is no error there."""
ENOUGH = 3
"""A unit known from this many repositories has its interval from its own held-out errors."""


def factors(units: Iterable[Unit], metric: str) -> dict[str, float]:
    """The factor of each kind of unit: the median ratio, every repository of equal weight."""
    kinds: dict[str, dict[str, list[float]]] = {}
    for unit in units:
        if unit.built:
            kinds.setdefault(unit.kind, {}).setdefault(unit.repository, []).append(unit.ratio(metric))
    return {kind: exp(median(map(median, rows.values()))) for kind, rows in kinds.items()}


def missed(units: Sequence[Unit], metric: str) -> Iterator[tuple[Unit, float]]:
    """(unit, log ratio of built to predicted), with the repository of the unit held out. Kinds that no other repository
    has are left out."""
    for repository in {unit.repository for unit in units}:
        known = factors((unit for unit in units if unit.repository != repository), metric)
        for unit in units:
            if unit.repository == repository and unit.built and unit.kind in known:
                yield unit, unit.ratio(metric) - log(known[unit.kind])


def quantile_90(errors: Iterable[float]) -> float:
    """The conformal 90 % quantile of absolute errors: of few of them, the largest."""
    ascending = sorted(map(abs, errors))
    return ascending[min(ceil(0.9 * (len(ascending) + 1)), len(ascending)) - 1]


def calibration(designs: Sequence[Design]) -> list[dict[str, Any]]:
    """The entries of ``calibration/built.json``."""
    units = [unit for design in designs for unit in design.units]
    entries = []
    for metric in METRICS:
        known, held_out = factors(units, metric), list(missed(units, metric))
        floor = quantile_90(error for unit, error in held_out if unit.built[metric] >= SMALL)
        for kind, factor in sorted(known.items()):
            rows = [unit for unit in units if unit.kind == kind and unit.built]
            repositories = {unit.repository for unit in rows}
            own = quantile_90(error for unit, error in held_out if unit.kind == kind) if len(repositories) > 1 else 0.0
            within = quantile_90(unit.ratio(metric) - log(factor) for unit in rows)
            interval = own if len(repositories) >= ENOUGH else max(own, within, floor)
            entries.append(_entry(kind, metric, factor, interval, len(rows), repositories))
        repositories = {unit.repository for unit in units if unit.built}
        entries.append(_entry(built.EVERY_UNIT, metric, 1.0, floor, len(held_out), repositories))
        entries.append(_whole(list(totals(designs, metric)), metric))
    return [*entries, _whole(list(totals(designs, BLOCKS)), BLOCKS)]


def _whole(sums: Sequence[tuple[Design, float]], metric: str) -> dict[str, Any]:
    interval = quantile_90(error for _, error in sums)
    repositories = {design.repository for design, _ in sums}
    vitis = sum(design.is_vitis for design, _ in sums)
    return _entry(built.WHOLE, metric, 1.0, interval, len(sums), repositories) | {"vitis": vitis}


def _entry(
    unit: str, metric: str, factor: float, interval: float, rows: int, repositories: Iterable[str]
) -> dict[str, Any]:
    names = sorted(repositories)
    return {
        "unit": unit,
        "metric": metric,
        "factor": round(factor, 3),
        "interval_90": round(interval, 3),
        "rows": rows,
        "repositories": len(names),
        "from": names,
    }


def totals(designs: Sequence[Design], metric: str) -> Iterator[tuple[Design, float]]:
    """(design, log ratio of what was built to what is predicted), each repository held out; nothing is fitted to block
    RAM."""
    for design in designs:
        if metric not in design.built:
            continue
        if metric == BLOCKS:
            yield design, log(max(design.built[BLOCKS], FEW_BLOCKS) / max(design.blocks, FEW_BLOCKS))
            continue
        others = [unit for other in designs if other.repository != design.repository for unit in other.units]
        known = factors(others, metric)
        predicted = sum(_predicted(unit, metric, known.get(unit.kind, 1.0)) for unit in design.units)
        yield design, log(design.built[metric] / predicted)


def _predicted(unit: Unit, metric: str, factor: float) -> float:
    return unit.counts.memory + unit.counts.logic * factor if metric == "lut" else unit.counts.ff * factor


def held(designs: Sequence[Design], metric: str) -> tuple[int, int]:
    """(designs within the interval that the designs of all other repositories give, all designs)."""
    errors = list(totals(designs, metric))
    within = 0
    for design, error in errors:
        others = [other for built_design, other in errors if built_design.repository != design.repository]
        within += abs(error) <= quantile_90(others)
    return within, len(errors)


def page(designs: Sequence[Design], entries: Sequence[Mapping[str, Any]], command: str) -> str:
    """The page of the evidence."""
    return "\n".join(
        (TOP.format(command=command), *_units(designs, entries), "", *_wholes(designs), "", *_exacts(designs))
    )


def _units(designs: Sequence[Design], entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Units\n"
    yield "| unit | metric | factor on the structure | median error, held out | 90 % within | rows | repositories |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    units = [unit for design in designs for unit in design.units]
    for entry in entries:
        if entry["unit"] in (built.EVERY_UNIT, built.WHOLE):
            continue
        errors = [abs(exp(-error) - 1) for unit, error in missed(units, entry["metric"]) if unit.kind == entry["unit"]]
        middle = f"{median(errors):.0%}" if errors else "one repository"
        yield (
            f"| {entry['unit']} | {entry['metric']} | {entry['factor']:.2f} | {middle} | "
            f"x{exp(entry['interval_90']):.2f} | {entry['rows']} | {entry['repositories']} |"
        )


def _wholes(designs: Sequence[Design]) -> Iterator[str]:
    yield "## Whole designs, every repository held out\n"
    yield "| design | repository | part, tool, stage | metric | built | predicted | error |"
    yield "| --- | --- | --- | --- | ---: | ---: | ---: |"
    for metric in WHOLES:
        for design, error in totals(designs, metric):
            taken = design.built[metric]
            predicted = design.blocks if metric == BLOCKS else taken / exp(error)
            yield (
                f"| {design.name} | {design.repository} | {design.part}, {design.tool}, {design.stage} | {metric} | "
                f"{taken:,.0f} | {predicted:,.0f} | {exp(-error) - 1:+.0%} |"
            )
    yield ""
    for metric in WHOLES:
        errors = [abs(exp(-error) - 1) for _, error in totals(designs, metric)]
        within, count = held(designs, metric)
        coverage = f"{within} of {count} designs within the interval that the other repositories give"
        yield f"- {metric.upper()}: median error {median(errors):.0%}; {coverage}."


def _exacts(designs: Sequence[Design]) -> Iterator[str]:
    yield "## Block RAM and DSP slices of units, which nothing is fitted to\n"
    yield "| design | RAMB18 built | predicted | DSP built | predicted |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for design in designs:
        known = [unit for unit in design.units if unit.built and unit.exact]
        if known:
            sums = [f"{sum(amounts[metric] for amounts in side):,.0f}" for metric in EXACT for side in _sides(known)]
            yield f"| {design.name} | {' | '.join(sums)} |"


def _sides(units: Sequence[Unit]) -> tuple[list[Mapping[str, float]], list[Mapping[str, float]]]:
    return [unit.built for unit in units], [unit.exact for unit in units]


TOP = """\
# hls4ml's estimates against what was built

How far what `flows estimate hls4ml` says of the routed design is from designs that others built, on repositories that
it was not fitted to. This page is what the following prints; the rows tell where each is from
([calibration/rows](../../calibration/rows/README.md)).

```sh
{command}
```

A unit's LUTs and FFs are counted from what the generated code must have (`backends/hls4ml/structure.py`), times one
factor a kind of unit: the median ratio, every repository of equal weight. An interval is the conformal 90 % quantile of
the errors with the unit's repository held out; of a kind with fewer than three repositories it is no narrower than that
of all units of 200 LUTs or FFs and more. The errors of one design's units are not independent: the interval of a total
is that of sums, here. Block RAM follows from the configuration, but which memory Vivado and each version of hls4ml put
FIFOs and weights into does not: of whole designs it has an interval of sums, too; two designs whose FIFO depths are not
recorded are left out of it, and below 10 RAMB18 one more or less is no error. Units are known of three repositories, by
hierarchical utilization reports; of the others only the whole design is, and what of it is no unit of hls4ml's (shell,
wrapper of floats) is taken off by other designs' figures. *Decoded* is counted from a bitstream (LUTs -6.9 to +0.3 % of
24 published totals), *synthesised* is before placement, which takes some 3 to 10 % off. One design of Vitis HLS with
io_stream is among them (har-conv1d, Latency): of its Resource strategy no routed design was found. What has no row at
all (`add`, `average`, `clone`) is as wide as all units together. The structure was written down with the units of the
first three repositories in view.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {built.CALIBRATION.name}")
    arguments = parser.parse_args()
    designs = read(arguments.rows)
    entries = calibration(designs)
    print(page(designs, entries, f"python -m calibration.hls4ml.built {arguments.rows.as_posix()}"))
    if arguments.write:
        built.CALIBRATION.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
