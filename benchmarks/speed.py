"""How much CPU time the commands take that run no tool: ``python benchmarks/speed.py [--against TREE] [--store DIR]``.

Estimates of every flow, on one part and on ten; with a store that holds their runs, also `run` of what is stored. With
TREE, the folder of another version, the same is measured there, turn about, and the ratio printed. The least of
`TIMES` measurements counts: a busy machine only adds to it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ("finn", "hls", "hls4ml")
PARTS = tuple(f"xc7z{number}" for number in ["007s", "010", "012s", "014s", "015", "020", "030", "035", "045", "100"])
TIMES = 3


def seconds(tree: Path, *command: str) -> float:
    """CPU seconds of a command of the tree, processes that it starts included; infinite where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run([sys.executable, "-m", "flows", *command], cwd=tree, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent if done.returncode == 0 else float("inf")


def on(*parts: str) -> list[str]:
    return [word for part in parts for word in ("--part", part)]


def commands(store: Path | None) -> dict[str, list[str]]:
    found = {f"estimate {flow}, one part": ["estimate", flow, *on("xc7z020")] for flow in FLOWS}
    found |= {f"estimate {flow}, ten parts": ["estimate", flow, *on(*PARTS)] for flow in FLOWS}
    found["estimate three flows, ten parts"] = ["estimate", *FLOWS, *on(*PARTS)]
    if store:
        for flow in FLOWS:
            found[f"run {flow}, stored"] = ["run", flow, *on("xc7z020"), "--store", str(store)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="TREE")
    parser.add_argument("--store", type=Path, metavar="DIR")
    asked = parser.parse_args()
    trees = [ROOT, *([asked.against.resolve()] if asked.against else [])]
    for name, command in commands(asked.store and asked.store.resolve()).items():
        if command[0] == "run":
            for tree in trees:
                seconds(tree, *command)  # each version has results of its own
        times = [[seconds(tree, *command) for tree in trees] for _ in range(TIMES)]
        least = [min(each) for each in zip(*times, strict=True)]
        ratio = f"   {least[1]:6.2f} s there, {least[1] / least[0]:.1f} times" if len(least) > 1 else ""
        print(f"{name:32} {least[0]:6.2f} s{ratio}", flush=True)


if __name__ == "__main__":
    main()
