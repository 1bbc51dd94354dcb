"""Runs FINN up to its estimates: ``-m backends.finn.workers.finn_plus VERSION`` in the environment of finn-plus.

Reads the folder ``finn`` of the hand-over and runs its ``build.py``. Writes ``estimates.json``: by hardware node, its
cycles, LUT, BRAM18 and DSP by FINN's reports. Exits with 1 where finn-plus is of another version than VERSION, or where
a graph of FINN's, executed in Python, differs from the expected outputs.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib import metadata
from pathlib import Path

FOLDER = Path("finn")
REPORTS = FOLDER / "output" / "report"
COLUMNS = {"LUT": "lut", "BRAM_18K": "bram18", "DSP": "dsp"}


def installed() -> str:
    try:
        return metadata.version("finn-plus")
    except metadata.PackageNotFoundError:
        return "absent"


def main(version: str) -> None:
    if (installed_version := installed()) != version:
        sys.exit(
            f"in {sys.executable} finn-plus is {installed_version}, not {version}: mend what is on PATH, or take it off"
        )
    sys.argv = ["build.py", "--estimates"]
    runpy.run_path(str(FOLDER / "build.py"), run_name="__main__")
    cycles = json.loads((REPORTS / "estimate_layer_cycles.json").read_text())
    resources = json.loads((REPORTS / "estimate_layer_resources.json").read_text())
    nodes = {
        name: {"cycles": count, **{key: resources[name][column] for column, key in COLUMNS.items()}}
        for name, count in cycles.items()
    }
    Path("estimates.json").write_text(json.dumps(nodes, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
