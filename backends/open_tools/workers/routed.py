"""Worker: what nextpnr made of a stage, without the shift registers around it, and its paths through DSP48E1 slices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.open_tools import dsp_timing, fasm, netlist, sdf
from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    whole = json.loads(Path(ask["harnessed"]).read_text())
    report = json.loads(Path(ask["report"]).read_text())
    with Path(ask["fasm"]).open() as lines:
        placed = fasm.placed(lines)
    with Path(ask["sdf"]).open() as lines:
        delays = sdf.parse(lines)
    delays.keep(*netlist.lut_drivers(whole))
    slices = netlist.parameters(whole, "DSP48E1")
    dsp_timing.add(delays, slices)
    path = sdf.longest(delays, slices) if slices else None
    fabric = min(clock["achieved"] for clock in report["fmax"].values())
    slowest = 1000 / path.ns if path else None
    cells = next(iter(whole["modules"].values()))["cells"]
    kinds = [(name.startswith(f"{netlist.TOP}."), cell["type"]) for name, cell in cells.items()]
    around = sum(1 for is_harness, kind in kinds if is_harness and kind.startswith("FD"))
    result = {
        "lut": placed.lut - netlist.sites_of_harness(json.loads(Path(ask["placed"]).read_text()), set(cells)),
        "ff": report["utilization"].get("SLICE_FFX", {"used": 0})["used"] - around,
        "bram18": placed.ramb18,
        "dsp": placed.dsp,
        "fabric_mhz": round(fabric, 2),
        "dsp_mhz": None if slowest is None else round(slowest, 2),
        "fmax_mhz": round(min(fabric, slowest or fabric), 2),
        "slowest": [path.pins[0], path.pins[-1]] if path else None,
    }
    Path(ask["routed"]).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    run_worker(main)
