"""Rows of designs that others built with hls4ml: each unit's structure beside what it took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, prod
from pathlib import Path
from typing import Any

from backends.cost.blockram import bram18
from backends.cost.dsp import dsp48
from backends.cost.fabric import shift_register_luts
from backends.hls4ml import resources, structure
from backends.hls4ml.structure import RAM, REGISTERS, SHIFT, Counts, Product

VITIS = "2020.2"
"""The version of Vivado that Vitis HLS came with."""
METRICS, EXACT = ("lut", "ff"), ("bram18", "dsp")
"""What is fitted, and what follows from the configuration."""


@dataclass(frozen=True)
class Unit:
    """One unit of a design, or several alike: what the structure counts, and what was built, LUTs without memory."""

    repository: str
    design: str
    kind: str
    name: str
    counts: Counts
    exact: Mapping[str, float]
    """Block RAM and DSP slices, which follow from the configuration; empty where the model gives bounds alone."""
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
    part: str
    tool: str
    stage: str
    units: Sequence[Unit]
    built: Mapping[str, float]

    blocks: float
    """RAMB18 that follow from its configuration, tables of softmax included."""

    @property
    def is_vitis(self) -> bool:
        return self.tool >= VITIS


def read(path: Path) -> list[Design]:
    return [_design(row) for row in json.loads(path.read_text())]


def _design(row: Mapping[str, Any]) -> Design:
    units = [_unit(row, unit) for unit in row["units"]]
    if "whole" in row:
        taken = {metric: float(row["whole"][metric] - beside) for metric, beside in row["outside"].items()}
    else:
        built_units = [unit["built"] for unit in row["units"]]
        taken = {metric: float(sum(unit.get(metric, 0) for unit in built_units)) for metric in (*METRICS, *EXACT)}
    blocks = sum(unit.exact.get("bram18", 0.0) for unit in units)
    blocks += sum(_tables(unit, row["tool"]) for unit in row["units"] if unit["unit"] == "softmax")
    return Design(row["repo"], row["design"], row["part"], row["tool"], row["stage"], units, taken, blocks)


def _tables(unit: Mapping[str, Any], version: str) -> float:
    return resources.softmax_bram("vitis" if version >= VITIS else "vivado", unit["config"]["classes"]).value


def _unit(row: Mapping[str, Any], unit: Mapping[str, Any]) -> Unit:
    kind, counts = structure_of(unit, row["io_type"] == "io_stream")
    count = unit.get("count", 1)
    every = Counts(counts.logic * count, counts.memory * count, counts.ff * count)
    taken = {}
    if "built" in unit:
        held = unit["built"].get("srl", 0) + unit["built"].get("lutram", 0)
        taken = {"lut": float(unit["built"]["lut"] - held), "ff": float(unit["built"]["ff"])}
        taken |= {metric: float(unit["built"].get(metric, 0)) for metric in EXACT}
    exact = {metric: value * count for metric, value in _exact(unit, kind, row["io_type"] == "io_stream").items()}
    return Unit(row["repo"], row["design"], kind, unit.get("name", ""), every, exact, taken)


def _exact(unit: Mapping[str, Any], kind: str, streamed: bool) -> dict[str, float]:
    of = unit["config"]
    if kind.startswith("product"):
        product = product_of(unit, streamed)
        weights = 0 if structure.in_lut_rom(product.factor, "vivado") else product.weights_bram18
        dsp = 0 if product.in_luts else product.multipliers * dsp48(product.data, of["weight"])
        return {"bram18": weights + product.table_bram18, "dsp": dsp}
    if kind in ("constants", "softmax"):
        return {}
    return {"bram18": bram18(of["depth"], of["bits"], widest=18) if kind == RAM else 0, "dsp": 0}


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
    """What holds a FIFO; where the row does not tell, what Vivado chooses."""
    if depth <= 2:
        return REGISTERS
    shifted = depth * bits <= structure.SHIFTED_BITS if taken is None else taken.get("srl")
    return SHIFT if shifted else RAM


def product_of(unit: Mapping[str, Any], streamed: bool) -> Product:
    """The product of a unit with the Resource strategy, as Vivado HLS builds it."""
    of = unit["config"]
    window, n_in, n_out, row = _shape(unit)
    in_luts = structure.in_luts(of["data"], of["weight"], "vivado")
    weight, factor, result = of.get("effective", of["weight"]), of["reuse_factor"], of["result"]
    widths = of["data"], weight, of["accum"], result
    return Product(n_in, n_out, factor, *widths, of["rounded"], window, row, in_luts, streamed)


def _shape(unit: Mapping[str, Any]) -> tuple[tuple[int, int, int] | None, int, int, int]:
    """(window, inputs, results, pixels a line) of a layer with weights."""
    of = unit["config"]
    if unit["unit"] == "dense":
        return None, of["n_in"], of["n_out"], 1
    window = of["filt_height"], of["filt_width"], of["n_chan"]
    return window, prod(window), of["n_filt"], of["in_width"]


def _product(unit: Mapping[str, Any], streamed: bool) -> tuple[str, Counts]:
    of = unit["config"]
    if of["strategy"] == "resource":
        return ("product" if streamed else "product_parallel"), product_of(unit, streamed).counts
    window, n_in, n_out, row = _shape(unit)
    products = of.get("products", n_in * n_out)
    left = products - of.get("dsp", unit.get("built", {}).get("dsp", 0))
    memory = structure.line_buffer(window, row, of["data"]) if window else 0
    weight = of.get("effective", of["weight"])
    return "constants", structure.constants((products, left), n_in, of["data"], weight, of["accum"], memory)
