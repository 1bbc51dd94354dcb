"""Pictures from a command: drawn by a module of `reports.pictures`, or left out with a message where matplotlib is
missing."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.executor import run_attached
from flows.packages import package_version


def draw(name: str, job: Path, picture: Path) -> None:
    """`picture` from `job` by ``reports.pictures.NAME``; a picture that cannot be drawn spoils nothing else."""
    if package_version("matplotlib") == "absent":
        print(f"no {picture.name}: matplotlib is not installed (pip install -e '.[pictures]')", file=sys.stderr)
    elif run_attached(f"reports.pictures.{name}", str(job), str(picture)):
        print(f"no {picture.name}: drawing it failed, as said above; {job} holds its data", file=sys.stderr)
    else:
        print(f"picture: {picture}", file=sys.stderr)
