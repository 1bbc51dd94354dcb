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
    on_chip = json.loads(Path(ask["placed"]).read_text())
    with Path(ask["fasm"]).open() as lines:
        placed = fasm.placed(lines)
    with Path(ask["sdf"]).open() as lines:
        delays = sdf.parse(lines)
    delays.keep(netlist.lut_inputs(on_chip))
    fabric = sdf.longest(delays)
    slices = netlist.parameters(whole, "DSP48E1")
    dsp_timing.add(delays, slices)
    of_slices = sdf.longest(delays, slices) if slices else None
    reported = min(clock["achieved"] for clock in report["fmax"].values())
    slowest = max((path for path in (fabric, of_slices) if path), key=lambda path: path.ns, default=None)
    cells = next(iter(whole["modules"].values()))["cells"]
    kinds = [(name.startswith(f"{netlist.TOP}."), cell["type"]) for name, cell in cells.items()]
    around = sum(1 for is_harness, kind in kinds if is_harness and kind.startswith("FD"))
    result = {
        "lut": placed.lut - netlist.sites_of_harness(on_chip, set(cells)),
        "ff": report["utilization"].get("SLICE_FFX", {"used": 0})["used"] - around,
        "bram18": placed.ramb18,
        "dsp": placed.dsp,
        "reported_mhz": round(reported, 2),
        "fabric_mhz": _mhz(fabric),
        "dsp_mhz": _mhz(of_slices),
        "fmax_mhz": min(filter(None, (_mhz(slowest), round(reported, 2)))),
        "slowest": [slowest.pins[0], slowest.pins[-1]] if slowest else None,
    }
    Path(ask["routed"]).write_text(json.dumps(result, indent=1))


def _mhz(path: sdf.LongestPath | None) -> float | None:
    return round(1000 / path.ns, 2) if path else None


if __name__ == "__main__":
    run_worker(main)
