"""Fits the post-route models of backends/hls4ml to designs that others built.

    python -m calibration.hls4ml.built calibration/rows/hls4ml_built.json [--write]

A row is a design with its units: their configuration, and what each took once built (of designs that are known as a
whole only: what the design took, and what of it lies outside hls4ml's units). Prints the factor of every unit and how
far it is off on repositories held out, then the same for whole designs. ``--write`` puts both where the backend reads
them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, log
from pathlib import Path
from statistics import median
from typing import Any

from backends.cost.fabric import shift_register_luts
from backends.hls4ml import built, structure
from backends.hls4ml.structure import RAM, REGISTERS, SHIFT, Counts, Product

METRICS = ("lut", "ff")
SMALL = 200
"""LUTs or FFs below which a unit's relative error matters to no design."""
ENOUGH = 3
"""Repositories from which on a unit's own errors, each repository held out, are its interval."""


@dataclass(frozen=True)
class Unit:
    """One unit of a design, or several alike: what the structure counts, and what was built, LUTs without memory."""

    repository: str
    design: str
    kind: str
    name: str
    counts: Counts
    built: Mapping[str, float]
    """By metric; empty where only the whole design is known."""

    def ratio(self, metric: str) -> float:
        """The logarithm of what was built over what the structure counts."""
        counted = self.counts.logic if metric == "lut" else self.counts.ff
        return log(max(self.built[metric], 1.0) / counted)


@dataclass(frozen=True)
class Design:
    repository: str
    name: str
    units: Sequence[Unit]
    built: Mapping[str, float]


def read(path: Path) -> list[Design]:
    return [_design(row) for row in json.loads(path.read_text())]


def _design(row: Mapping[str, Any]) -> Design:
    units = [_unit(row, unit) for unit in row["units"]]
    if "whole" in row:
        taken = {metric: float(row["whole"][metric] - beside) for metric, beside in row["outside"].items()}
    else:
        taken = {"lut": float(sum(unit["built"]["lut"] for unit in row["units"]))}
        taken["ff"] = float(sum(unit["built"]["ff"] for unit in row["units"]))
    return Design(row["repo"], row["design"], units, taken)


def _unit(row: Mapping[str, Any], unit: Mapping[str, Any]) -> Unit:
    kind, counts = structure_of(unit, row["io_type"] == "io_stream")
    count = unit.get("count", 1)
    every = Counts(counts.logic * count, counts.memory * count, counts.ff * count)
    taken = {}
    if "built" in unit:
        held = unit["built"].get("srl", 0) + unit["built"].get("lutram", 0)
        taken = {"lut": float(unit["built"]["lut"] - held), "ff": float(unit["built"]["ff"])}
    return Unit(row["repo"], row["design"], kind, unit.get("name", ""), every, taken)


def structure_of(unit: Mapping[str, Any], streamed: bool) -> tuple[str, Counts]:
    """(kind, counts) of a unit of a row."""
    of = unit["config"]
    match unit["unit"]:
        case "conv2d" | "dense":
            return _product(unit, streamed)
        case "maxpool2d":
            return "pool", structure.pool((of["pool"], of["pool"], of["n_chan"]), of["in_width"], of["bits"])
        case "padding":
            return "padding", structure.padding(of["n_chan"], of["bits"])
        case "relu":
            kind = "relu" if streamed else "relu_parallel"
            return kind, structure.relu(of["channels"], of["taken"], of["put"], of["rounded"], streamed)
        case "softmax":
            return "softmax", structure.softmax(of["classes"])
        case "average":
            return "average", structure.average(of["channels"], of["accum"])
        case "start":
            return "start", structure.start()
        case "fifo":
            kind = held_in(of["depth"], of["bits"], unit.get("built"))
            memory = shift_register_luts(of["depth"], of["bits"]) if kind == SHIFT else 0
            return kind, structure.fifo(of["depth"], of["bits"], kind, memory)
    raise ValueError(f"unit {unit['unit']!r}")


def held_in(depth: int, bits: int, taken: Mapping[str, float] | None) -> str:
    """What holds a FIFO of Vivado HLS, where the row does not tell: block RAM beyond a depth of 128."""
    if depth <= 2:
        return REGISTERS
    if taken is None:
        return SHIFT if depth <= 128 else RAM
    return SHIFT if taken.get("srl") else RAM


def _product(unit: Mapping[str, Any], streamed: bool) -> tuple[str, Counts]:
    of = unit["config"]
    window, n_in, n_out, row = None, of.get("n_in"), of.get("n_out"), 1
    if unit["unit"] == "conv2d":
        window = of["filt_height"], of["filt_width"], of["n_chan"]
        n_in, n_out, row = window[0] * window[1] * window[2], of["n_filt"], of["in_width"]
    weight = of.get("effective", of["weight"])
    if of["strategy"] == "latency":
        products = of.get("products", n_in * n_out)
        left = products - of.get("dsp", unit.get("built", {}).get("dsp", 0))
        memory = structure.line_buffer(window, row, of["data"]) if window else 0
        return "constants", structure.constants((products, left), n_in, of["data"], weight, of["accum"], memory)
    product = Product(
        n_in,
        n_out,
        of["reuse_factor"],
        of["data"],
        weight,
        of["accum"],
        of["result"],
        of["rounded"],
        window,
        row,
        structure.in_luts(of["data"], of["weight"], "vivado"),
        streamed,
    )
    return ("product" if streamed else "product_parallel"), product.counts


def factors(units: Iterable[Unit], metric: str) -> dict[str, float]:
    """The factor of each kind of unit: the median ratio, every repository of equal weight."""
    kinds: dict[str, dict[str, list[float]]] = {}
    for unit in units:
        if unit.built:
            kinds.setdefault(unit.kind, {}).setdefault(unit.repository, []).append(unit.ratio(metric))
    return {kind: exp(median(map(median, rows.values()))) for kind, rows in kinds.items()}


def missed(units: Sequence[Unit], metric: str) -> Iterator[tuple[Unit, float]]:
    """(unit, log ratio of what was built to what is foretold), its repository held out where another has the kind."""
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
        sums = list(totals(designs, metric))
        interval = quantile_90(error for _, error in sums)
        repositories = {design.repository for design, _ in sums}
        entries.append(_entry(built.WHOLE, metric, 1.0, interval, len(sums), repositories))
    return entries


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
    """(design, log ratio of what was built to what is foretold), each repository held out."""
    for design in designs:
        if metric not in design.built:
            continue
        others = [unit for other in designs if other.repository != design.repository for unit in other.units]
        known = factors(others, metric)
        foretold = sum(_foretold(unit, metric, known.get(unit.kind, 1.0)) for unit in design.units)
        yield design, log(design.built[metric] / foretold)


def _foretold(unit: Unit, metric: str, factor: float) -> float:
    return unit.counts.memory + unit.counts.logic * factor if metric == "lut" else unit.counts.ff * factor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {built.CALIBRATION.name}")
    arguments = parser.parse_args()
    designs = read(arguments.rows)
    entries = calibration(designs)
    for entry in entries:
        print(
            f"{entry['unit']:18}{entry['metric']:5}factor {entry['factor']:6.3f}  90 % within x"
            f"{exp(entry['interval_90']):5.2f}  {entry['rows']:4} rows of {entry['repositories']} repositories"
        )
    for metric in METRICS:
        errors = list(totals(designs, metric))
        print(f"\nwhole designs, {metric}, each repository held out (built over foretold):")
        for design, error in errors:
            print(f"  {design.name:18}{design.built[metric]:9,.0f}  {exp(error):5.2f}")
        print(f"  median error {median(abs(exp(-error) - 1) for _, error in errors):.0%}")
    if arguments.write:
        built.CALIBRATION.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
