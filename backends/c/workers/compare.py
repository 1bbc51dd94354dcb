"""Compares results of the ARM binary with the exact reference's: ``python -m backends.c.workers.compare JOB.json``.

JOB.json: ``outputs`` and ``reference``, files beside it. Writes ``equal.json`` with the number of images, or ends with
the first that differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.core.errors import MismatchError
from flows.core.worker import run_worker


def main(ask: Mapping[str, Any]) -> None:
    computed = json.loads(Path(ask["outputs"]).read_text())
    meant = json.loads(Path(ask["reference"]).read_text())["codes"]
    wrong = [place for place, (ours, theirs) in enumerate(zip(computed, meant, strict=True)) if ours != theirs]
    if wrong:
        first = wrong[0]
        fact = (
            f"{len(wrong)} of {len(meant)} vectors differ from the exact reference; "
            f"at vector {first} it gives {computed[first]}, the reference {meant[first]}"
        )
        raise MismatchError("the ARM binary under qemu-arm", fact, "report it with the folder of step generate")
    Path("equal.json").write_text(json.dumps({"vectors": len(meant)}))


if __name__ == "__main__":
    run_worker(main)
