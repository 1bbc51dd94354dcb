"""Keeps what finn-plus said of whole designs, as the fixture of tests/backends/finn/test_finn_plus.py.

    python -m flows run finn --part xc7z020 --part xc7z010 --out OUT   # with finn-plus-1.6.1 on PATH
    python -m flows run finn --part xc7z020 --target-fps 500 --out OUT
    python -m calibration.finn_plus.graph OUT/finn-* > tests/backends/finn/finn_plus_1.6.1_arch8.json

A row a run: network, part, folding, and cycles, LUT, BRAM18 and DSP of each node.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KEPT = ("PE", "SIMD", "parallel_window")


def row(run: Path) -> dict[str, Any]:
    """Of the files of one run."""
    folding = json.loads((run / "steps/handover/finn/folding.json").read_text())
    facts = json.loads((run / "steps/handover/job.json").read_text())["facts"]
    return {
        "network": facts["network"],
        "part": facts["part"],
        "folding": {
            name: {key: values[key] for key in KEPT if key in values} for name, values in folding.items() if values
        },
        "nodes": json.loads((run / "steps/finn-plus/estimates.json").read_text()),
    }


def main() -> None:
    rows = [row(Path(run)) for run in sys.argv[1:]]
    print("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]")


if __name__ == "__main__":
    main()
