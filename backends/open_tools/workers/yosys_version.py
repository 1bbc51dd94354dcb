"""Worker: whether the yosys on PATH is one that is known to read these modules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.core.errors import SetupError
from flows.core.worker import run_worker

OLDEST = (0, 66)
"""The oldest that these modules were synthesised with."""


def main(ask: Mapping[str, Any]) -> None:
    said = re.search(r"Yosys (\d+)\.(\d+)", Path("yosys.log").read_text(errors="replace"))
    if said is None:
        raise SetupError("yosys on PATH", "does not say its version", "use the package: `pip install pyosys`")
    version = int(said[1]), int(said[2])
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        fact = f"version {said[1]}.{said[2]}, older than {oldest}, the oldest that these modules were tried with"
        raise SetupError("yosys on PATH", fact, f"install {oldest} or newer, or the package: `pip install pyosys`")
    Path("yosys.json").write_text(json.dumps({"yosys": f"{said[1]}.{said[2]}"}))


if __name__ == "__main__":
    run_worker(main)
