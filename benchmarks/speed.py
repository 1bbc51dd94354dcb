"""How much CPU time the commands take that run no tool: ``python benchmarks/speed.py [--against TREE] [--store DIR]``.

`--help`, estimates of every flow, on one part and on ten, and a sweep; with a store that holds their runs, also `run`
of what is stored, and `compare` of many copies of its runs. With --long, also a sweep of four flows of more than 1,000
points. What is asked of the program stands beside it, as a ratio.
With TREE, the folder of another version, the same is measured there, turn about, and that ratio printed too. The least
of `TIMES` measurements counts: a busy machine only adds to it. Modules are compiled before, as they are once a package
is installed, whatever PYTHONDONTWRITEBYTECODE says.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ("finn", "hls", "hls4ml", "rtl", "c")
TOGETHER = ("finn", "hls", "hls4ml")
PARTS = tuple(f"xc7z{number}" for number in ["007s", "010", "012s", "014s", "015", "020", "030", "035", "045", "100"])
TIMES = 3
DESIGNS = 50
HELP, TEN, STORED = "--help", "estimate three flows, ten parts", "run {}, stored"
COMPARE = f"compare {DESIGNS} designs"
AXES = ["--activation-bits", "4..8", "--clock", "10,8,7,6,5"]
POINTS, A_POINT = 50, 0.11
"""Of two flows along `AXES`, and the CPU seconds of each: 1,000 in less than a minute on two cores."""
SWEEP, NEW = f"sweep {POINTS} points", "an empty store"
LONG = "sweep 1,050 points"
LONG_AXES = [
    *["--part", "xc7z010,xc7z020", "--clock", "10,8,7,6,5", "--target-fps", "none,250,500,1000,2000"],
    *["--activation-bits", "4..8", "--precision", "8,10,12,14,16"],
    *["--weight-memory", "internal_decoupled,internal_embedded", "--weight-style", "auto,block,distributed"],
]
"""Of hls and rtl (250 points each), hls4ml (250) and finn (300)."""
ASKED = {HELP: 0.2, TEN: 4.0, SWEEP: POINTS * A_POINT, LONG: 120.0, COMPARE: 0.5}
ASKED |= {STORED.format(flow): 0.5 for flow in FLOWS}
"""CPU seconds that these may take."""


def seconds(tree: Path, compiled: str, *command: str) -> float:
    """CPU seconds of a command of the tree, processes that it starts included; infinite where it fails. Compiled
    modules are kept in the folder `compiled`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as store:
        words = [store if word == NEW else word for word in command]
        done = subprocess.run([sys.executable, "-m", "flows", *words], cwd=tree, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent if done.returncode == 0 else float("inf")


def on(*parts: str) -> list[str]:
    return [word for part in parts for word in ("--part", part)]


def full_store(store: Path, folder: Path) -> Path:
    """A store in `folder` with `DESIGNS` records: copies of those in `store`, each under a name of its own."""
    records = sorted((store / "runs").glob("*.json"))
    if not records:
        sys.exit(f"store {store}: no runs in it. Make them: python -m flows run {' '.join(FLOWS)} --store {store}")
    (folder / "runs").mkdir()
    for number in range(DESIGNS):
        content = json.loads(records[number % len(records)].read_text())
        for run in content["runs"]:
            run["name"] += f"-{number}"
        (folder / "runs" / f"{number}.json").write_text(json.dumps(content))
    return folder


def commands(store: Path | None, folder: Path, is_long: bool) -> dict[str, list[str]]:
    """By what they do; `folder` is empty, for what they read."""
    by_name = {HELP: ["--help"]}
    by_name |= {f"estimate {flow}, one part": ["estimate", flow, *on("xc7z020")] for flow in FLOWS}
    by_name |= {f"estimate {flow}, ten parts": ["estimate", flow, *on(*PARTS)] for flow in FLOWS}
    by_name[TEN] = ["estimate", *TOGETHER, *on(*PARTS)]
    by_name[SWEEP] = ["sweep", "hls", "rtl", *AXES, "--jobs", "2", "--store", NEW]
    if is_long:
        by_name[LONG] = ["sweep", "hls", "rtl", "hls4ml", "finn", *LONG_AXES, "--jobs", "2", "--store", NEW]
    if store:
        for flow in FLOWS:
            by_name[STORED.format(flow)] = ["run", flow, *on("xc7z020"), "--store", str(store)]
        by_name[COMPARE] = ["compare", "--store", str(full_store(store, folder))]
    return by_name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="TREE")
    parser.add_argument("--store", type=Path, metavar="DIR")
    parser.add_argument("--long", action="store_true")
    asked = parser.parse_args()
    trees = [ROOT, *([asked.against.resolve()] if asked.against else [])]
    with tempfile.TemporaryDirectory() as compiled, tempfile.TemporaryDirectory() as folder:
        for name, command in commands(asked.store and asked.store.resolve(), Path(folder), asked.long).items():
            for tree in trees:
                seconds(tree, compiled, *command)  # compiles, and makes results: each version has its own
            times = [[seconds(tree, compiled, *command) for tree in trees] for _ in range(TIMES)]
            here, *there = [min(each) for each in zip(*times, strict=True)]
            limit = f"   {here / ASKED[name]:4.1f} of {ASKED[name]:g} s asked" if name in ASKED else ""
            ratio = f"   {there[0]:6.2f} s there, {there[0] / here:.1f} times" if there else ""
            print(f"{name:32} {here:6.2f} s{limit:20}{ratio}", flush=True)


if __name__ == "__main__":
    main()
