"""Worker: a script of Yosys, run by the pyosys package."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    from pyosys import libyosys

    design = libyosys.Design()
    libyosys.run_pass(f"tee -q -o yosys.log script {ask['script']}", design)
    sys.stdout.write("synthesised\n")


if __name__ == "__main__":
    run_worker(main)
