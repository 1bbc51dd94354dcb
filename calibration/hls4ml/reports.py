"""Reads from csynth reports of whole designs what truth files leave out: ReLUs, zero padding, FIFOs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from backends.hls4ml import counts
from backends.hls4ml.counts import Features
from calibration.hls4ml.description import Description, FittedModel, Module
from calibration.hls4ml.modules import modules
from calibration.hls4ml.rows import CsynthRow
from flows.core.errors import InputError

PADDED_CHANNELS = (3, 32, 64)
"""Channels of the zero paddings of the Vivado HLS 2019.2 report, in its order: of the convolutions behind them."""


def modules_of_report(path: Path, rows: Sequence[CsynthRow]) -> list[Module]:
    """ReLU modules and FIFOs of a Vitis HLS report, zero padding and FIFOs of a Vivado HLS one.

    `rows` tell which project the report is of.
    """
    try:
        return [*(_vitis if path.suffix == ".xml" else _vivado)(path, rows)]
    except (OSError, UnicodeDecodeError, ElementTree.ParseError, ValueError, KeyError, IndexError) as error:
        raise InputError(str(path), f"no csynth report: {error}", "give a report of a whole design") from None


def _report(path: Path, rows: Sequence[CsynthRow], tool: str, version: str, device: str, luts: float) -> CsynthRow:
    """What the report says of itself; its project and design are those of the rows of the same report."""
    alike = [row for row in rows if row.version.startswith(version) and row.device == device]
    if len({row.design for row in alike}) > 1:
        tops = {row.design for row in alike if row.layer == "TOP" and row.measured.get("lut") == luts}
        alike = [row for row in alike if row.design in tops]
    project, design = (alike[0].project, alike[0].design) if alike else (path.stem, path.stem)
    clock_ns = alike[0].clock_ns if alike else None
    return CsynthRow(path.name, tool, version, device, project, design, "", "", {}, {}, clock_ns=clock_ns)


def _module(report: CsynthRow, model: str, features: Features, **measured: float) -> Module:
    models = dict.fromkeys(measured, FittedModel(model, features))
    return Module(replace(report, measured=measured), Description(models))


def _vitis(path: Path, rows: Sequence[CsynthRow]) -> Iterator[Module]:
    root = ElementTree.parse(path).getroot()
    counted = {}
    for module in root.iter("Module"):
        area = module.find("AreaEstimates/Resources")
        if area is not None:
            lut, ff = (float(area.findtext(key, "0")) for key in ("LUT", "FF"))
            cycles = float(module.findtext("PerformanceEstimates/SummaryOfOverallLatency/Worst-caseLatency", "nan"))
            counted[module.findtext("Name", "")] = {"lut": lut, "ff": ff, "cycles": cycles}
    top = counted[root.findtext("UserAssignments/TopModelName", "")]
    version, device = root.findtext("ReportVersion/Version", ""), root.findtext("UserAssignments/Part", "")
    report = _report(path, rows, "vitis", version, device, top["lut"])
    layers = [name for name in counted if re.match(r"(linear|relu|conv_2d_cl|dense)_array_(?!.*Pipeline)", name)]
    relus = [
        replace(report, layer="relu", module=name, measured=counted[name]) for name in layers if name.startswith("relu")
    ]
    known = [row for row in rows if row.design == report.design]
    yield from modules([*known, *relus])[len(known) :]
    fifo_luts = top["lut"] - sum(counted[name]["lut"] for name in layers)
    yield _module(report, "fifo", {"one": float(len(root.findall("FIFOInformation/FIFOInst")))}, lut=fifo_luts)


def _vivado(path: Path, rows: Sequence[CsynthRow]) -> Iterator[Module]:
    text = path.read_text()
    version, device = (re.findall(rf"{key}:\s+(\S+)", text)[0] for key in ("Version", "Target device"))
    luts = float(re.findall(r"\|Total +\| +\d+\| +\d+\| +\d+\| +(\d+)\|", text)[0])
    report = _report(path, rows, "vivado", version, device, luts)
    pads = re.findall(r"\|zeropad2d\w+U0 *\|\w+ *\| *\d+\| *\d+\| *(\d+)\| *(\d+)\|", text)
    for channels, (ff, lut) in zip(PADDED_CHANNELS, pads, strict=False):
        yield _module(report, "padding", counts.per_channel(channels), lut=float(lut), ff=float(ff))
    fifos = re.findall(r"\|layer\w+_U +\| +(\d+)\| +(\d+)\|", text)
    for bram, ff in fifos:
        yield _module(report, "fifo", {"one": 1.0, "in_block_ram": float(int(bram) > 0)}, ff=float(ff))
    total = re.search(r"\|FIFO +\| +\d+\| +-\| +\d+\| +(\d+)\|", text)
    if fifos and total:
        yield _module(report, "fifo", {"one": float(len(fifos))}, lut=float(total[1]))
