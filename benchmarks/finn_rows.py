"""Rows of FINN nodes, as a truth file holds them, and what each is to the laws of backends/finn.

Fields of a row: `id`, `stage` ("post-route" or "csynth estimate"), `scope` ("layer" is a node), `op_type`, `config`
(FINN's attributes), `LUT`, `FF`, `DSP`, `BRAM_18K`, `latency_cycles`, `tool`, `part`. Further fields are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csynth_rows import Row, table_of

from backends.finn import laws
from backends.finn.fifos import SRL, Buffer, Converter
from backends.finn.formulas import BLOCK, Memory
from backends.finn.laws import Amount, Amounts, Calibration, Law
from backends.finn.nodes import Fold, Integer, MatrixVector, Node, Padding, Window
from flows.core.errors import InputError
from flows.core.evidence import Metric

METRICS = {"LUT": "lut", "FF": "ff", "BRAM_18K": "bram18", "DSP": "dsp"}
BY_KEY = {metric.key: metric for metric in (Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)}
ROUTED, CSYNTH = "post-route", "csynth estimate"
LATENCY = 10
"""Cycles beside its turns until the last result of a matrix unit (``backends.finn.schedule``)."""


@dataclass(frozen=True)
class Sample:
    """One row; `part` is what it is to the laws, None where it is nothing that they speak of, for the `reason`."""

    row: Row
    part: Buffer | Converter | tuple[Node, Fold, Memory] | None
    reason: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for rows that cannot tell laws apart: they are held out together."""
        if isinstance(self.part, Buffer):
            return "fifo", self.part.depth, self.part.bits, self.part.storage
        return (self.row.place,)

    def law(self, key: str) -> Law | None:
        metric = BY_KEY.get(key)
        if self.part is None or metric not in (Metric.LUT, Metric.FF):
            return None
        if isinstance(self.part, tuple):
            return laws.law_of_node(*self.part[:2], metric)
        return laws.law_of_link(self.part, metric)

    def amount(self, key: str, calibration: Calibration) -> Amount | None:
        if self.part is None:
            return None
        if key == "cycles":
            assert isinstance(self.part, tuple)
            return laws.exact(self.part[0].cycles(self.part[1]) + LATENCY, "cycles")
        if law := self.law(key):
            return laws.fitted(law, BY_KEY[key], calibration)
        amounts: Amounts = laws.of_node(*self.part) if isinstance(self.part, tuple) else laws.of_link(self.part)
        return amounts[BY_KEY[key]]


def read(path: Path) -> tuple[list[Sample], list[InputError]]:
    """The nodes of a truth file, and what is wrong with rows that cannot be read. Subsystems are the shell's."""
    found: list[Sample] = []
    wrong: list[InputError] = []
    for index, record in enumerate(table_of(path)):
        place = f"{path.name}, row {index}"
        try:
            found += samples(place, record)
        except InputError as error:
            wrong.append(error)
    return found, wrong


def samples(place: str, record: Any) -> Iterator[Sample]:
    """What one record holds. Raises `InputError` where a field is missing or wrong."""
    if not isinstance(record, dict):
        raise InputError(place, f"a JSON {type(record).__name__}, not an object", "give an object a row")
    if _field(place, record, "scope", str) != "layer":
        return
    stage, op, config = (
        _field(place, record, key, kind) for key, kind in (("stage", str), ("op_type", str), ("config", dict))
    )
    if stage not in (ROUTED, CSYNTH):
        raise InputError(f"{place}, field stage", f"{stage!r}", f"known are {ROUTED!r} and {CSYNTH!r}")
    measured = {name: _amount(place, record, key) for key, name in METRICS.items()} if stage == ROUTED else {}
    cycles = record.get("latency_cycles")
    if stage == CSYNTH and isinstance(cycles, dict):
        measured["cycles"] = _amount(place, cycles, "max")
    version = re.search(r"20\d\d\.\d", str(record.get("tool")))
    name, project = str(record.get("id")), "/".join(str(record.get("source")).split("/")[:2])
    row = Row(
        place, "finn", version[0] if version else "", str(record.get("part")), project, name, op, name, config, measured
    )
    try:
        part, reason = part_of(op, config)
    except KeyError as error:
        raise InputError(f"{place}, field config.{error.args[0]}", "missing", f"{op} needs it") from None
    except (TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise InputError(f"{place}, field config", f"no configuration of {op}: {error}", "correct it") from None
    yield Sample(row, part, reason)


def part_of(op: str, given: Mapping[str, Any]) -> tuple[Any, str]:
    """What a node is to the laws, or why it is nothing to them."""
    name = ("node", op, ("input",))
    match op:
        case "StreamingFIFO_rtl":
            depth, bits = int(given["depth"]), int(given["width_bits"])
            block = given["impl_style"] == "vivado" or given["ram_style"] == "block"
            return Buffer("writer", "reader", depth, bits, BLOCK if block else SRL), ""
        case "StreamingDataWidthConverter_rtl":
            return Converter("writer", "reader", int(given["inWidth"]), int(given["outWidth"])), ""
        case "FMPadding_rtl":
            (rows, columns), channels, pads = given["ImgDim"], given["NumChannels"], tuple(given["Padding"])
            data = integer(given["inputDataType"])
            shape = rows + pads[0] + pads[2], columns + pads[1] + pads[3], channels
            node = Padding(*name, (rows, columns, channels), shape, data, data, pads)
            return (node, Fold(simd=given["SIMD"]), Memory()), ""
        case "ConvolutionInputGenerator_rtl":
            taken, shape = ((*given[key], given["IFMChannels"]) for key in ("IFMDim", "OFMDim"))
            kernel, strides = tuple(given["ConvKernelDim"]), tuple(given["Stride"])
            data, style = integer(given["inputDataType"]), given.get("ram_style", "distributed")
            node = Window(*name, taken, shape, data, data, kernel, strides, bool(given["depthwise"]))
            fold = Fold(simd=given["SIMD"], parallel=bool(given["parallel_window"]))
            return (node, fold, Memory(window_style=style)), ""
        case "MVAU_rtl" | "MVAU_hls":
            pixels = math.prod(given["numInputVectors"])
            width = integer(given["weightDataType"]).width
            kinds = integer(given["inputDataType"]), integer(given["outputDataType"])
            shapes = (pixels, given["MW"]), (pixels, given["MH"])
            node = MatrixVector(*name, *shapes, *kinds, given["MW"], width, op == "MVAU_rtl")
            memory = Memory(given.get("mem_mode", "internal_decoupled"), given.get("ram_style", "auto"))
            return (node, Fold(given["PE"], given["SIMD"]), memory), ""
        case "IODMA_hls":
            return None, "a DMA engine, which the shell has as routed"
        case "StreamingMaxPool_hls":
            return None, "a node that finn-plus 1.6.1 builds no more, of which there is one row"
    return None, f"no law of {op}"


def integer(name: str) -> Integer:
    """``UINT4`` or ``INT4``."""
    match = re.fullmatch(r"(U?)INT(\d+)", name)
    if not match:
        raise ValueError(f"{name!r} is no integer type")
    return Integer(int(match[2]), not match[1])


def _field(place: str, record: Mapping[str, Any], key: str, kind: type) -> Any:
    if key not in record:
        raise InputError(f"{place}, field {key}", "missing", "every row needs it")
    if not isinstance(record[key], kind):
        what = "a text" if kind is str else "an object"
        raise InputError(f"{place}, field {key}", f"{record[key]!r} is not {what}", f"give {what}")
    return record[key]


def _amount(place: str, record: Mapping[str, Any], key: str) -> float:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(f"{place}, field {key}", f"{value!r} is no amount", "give a number")
    return float(value)


def nodes(paths: Sequence[Path]) -> list[Sample]:
    """All samples of `paths`; raises the first error."""
    found: list[Sample] = []
    for path in paths:
        here, wrong = read(path)
        if wrong:
            raise wrong[0]
        found += here
    return found
