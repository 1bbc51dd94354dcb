"""Takes the delays of the DSP48E1 out of Project X-Ray's database (CC0): setup, clock to output, and through.

python -m calibration.dsp_timing DATABASE/zynq7/timings/DSP_L.sdf [--write]
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backends.open_tools import dsp_timing

NAMES = "|".join(sorted(dsp_timing.DEFAULTS, key=len, reverse=True))
SETTING = re.compile(rf"(?:^|_)({NAMES})_(NO_PATDET|PATDET|[A-Z]+|\d)")
CELL = re.compile(r'\(CELLTYPE "DSP48E1_?([^"]*)"\)(.*?)(?=\(CELLTYPE|\Z)', re.DOTALL)
IOPATH = re.compile(r"\(IOPATH (\w+) (\w+) \([^)]*\)\([\d.-]*::([\d.-]+)\)\)")
SETUP = re.compile(r"\(SETUP (\w+) \(posedge CLK\) \([\d.-]*::([\d.-]+)\)\)")


def arcs(sdf: str) -> Iterator[dict[str, Any]]:
    """Rows of the slow corner; of pattern detection, which nothing here uses, none."""
    for cell in CELL.finditer(sdf):
        settings = dict(SETTING.findall(cell[1]))
        if settings.get("USE_PATTERN_DETECT") == "PATDET":
            continue
        for source, sink, ns in IOPATH.findall(cell[2]):
            if "PATTERN" in sink:
                continue
            kind = dsp_timing.LAUNCH if source == "CLK" else dsp_timing.THROUGH
            ends = {"to": sink} if source == "CLK" else {"from": source, "to": sink}
            yield {"set": settings, "kind": kind, **ends, "ns": float(ns)}
        for source, ns in SETUP.findall(cell[2]):
            yield {"set": settings, "kind": dsp_timing.SETUP, "from": source, "ns": float(ns)}


def main() -> None:
    path, *options = sys.argv[1:]
    rows = list(arcs(Path(path).read_text()))
    print(f"{len(rows)} delays")
    if "--write" in options:
        lines = ",\n".join(json.dumps(row) for row in rows)
        source = "Project X-Ray, zynq7/timings/DSP_L.sdf (CC0), slow corner, ns"
        place = Path(dsp_timing.__file__).parent / "dsp48e1.json"
        place.write_text(f'{{"source": {json.dumps(source)}, "arcs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
