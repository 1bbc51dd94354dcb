"""Worker: shift registers at the ports of a synthesised stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.open_tools.netlist import harnessed
from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    whole, harness = harnessed(json.loads(Path(ask["netlist"]).read_text()), ask["module"])
    Path(ask["harnessed"]).write_text(json.dumps(whole))
    Path(ask["harness"]).write_text(json.dumps(vars(harness)))


if __name__ == "__main__":
    run_worker(main)
