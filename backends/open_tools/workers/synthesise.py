"""Worker: a script of Yosys, run by the pyosys package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    from pyosys import libyosys

    libyosys.run_pass(f"script {ask['script']}", libyosys.Design())  # an error ends this process, with a line on it


if __name__ == "__main__":
    run_worker(main)
