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

BINARY, REPORT = "the ARM binary under qemu-arm", "report it with the folder of step generate"


def rows(path: Path, number: int) -> list[Any]:
    """What the binary wrote. Raises `MismatchError` where that is not the results of `number` images."""
    try:
        computed = json.loads(path.read_text(errors="replace"))
    except ValueError:
        raise MismatchError(BINARY, "what it wrote is no table of results", REPORT) from None
    if not isinstance(computed, list) or len(computed) != number:
        raise MismatchError(BINARY, f"it did not write the results of {number} images", REPORT)
    return computed


def main(ask: Mapping[str, Any]) -> None:
    meant = json.loads(Path(ask["reference"]).read_text())["codes"]
    computed = rows(Path(ask["outputs"]), len(meant))
    wrong = [place for place, (ours, theirs) in enumerate(zip(computed, meant, strict=True)) if ours != theirs]
    if wrong:
        first = wrong[0]
        fact = (
            f"{len(wrong)} of {len(meant)} vectors differ from the exact reference; "
            f"at vector {first} it gives {computed[first]}, the reference {meant[first]}"
        )
        raise MismatchError(BINARY, fact, REPORT)
    Path("equal.json").write_text(json.dumps({"vectors": len(meant)}))


if __name__ == "__main__":
    run_worker(main)
