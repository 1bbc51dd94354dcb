"""FINN's own estimates of whole designs: ours agree with them, and they become readings beside ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import backends
from backends.finn import BACKEND
from backends.finn.design import folding_file
from backends.finn.design.design import FinnDesign
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import HardwareNode, Thresholds
from backends.finn.estimate import finn_figures
from backends.finn.handover import finn_plus
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve
from backends.protocol import Job
from flows.conformance.networks import quantised_job_on
from flows.core.errors import StepFailed
from flows.core.evidence import Metric, Tier
from flows.core.plan import Products, State, StepResult
from flows.executor import Executor
from flows.store import Store
from models.zoo import ARCH8
from tests.backends.finn import w4a4

GOLDEN = json.loads(Path(__file__).with_name("finn_plus_1.6.1_arch8.json").read_text())
"""``calibration/finn_plus/graph.py`` made it from runs of finn-plus 1.6.1, with the command in its first lines."""


@pytest.fixture
def job(tmp_path: Path) -> Job[FinnOptions]:
    return quantised_job_on(tmp_path, FinnOptions())


def figures_of(design: FinnDesign, node: HardwareNode) -> dict[str, int]:
    """What FINN should say of a node, by our formulas."""
    ours = finn_figures(design, node) | {Metric.INTERVAL_CYCLES: node.cycles(design.folding[node.name])}
    return {key: ours[metric] for metric, key in finn_plus.METRICS.items()}


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["part"])
def test_nodes_cycles_dsp_and_block_ram_of_a_design_are_finns(row: dict[str, Any]) -> None:
    quantised = w4a4.quantised(ARCH8)
    folding = folding_file.read(json.dumps(row["folding"]), nodes(quantised))
    design = w4a4.with_folding(quantised, folding, row["part"]).design
    assert {node.name for node in design.nodes} == row["nodes"].keys()
    for node in design.nodes:
        counts = figures_of(design, node)
        if isinstance(node, Thresholds):  # FINN compares as many bits as these sums and thresholds have, we as sums may
            steps = counts.pop("lut") / node.data.width
            assert counts.keys() and 0 < row["nodes"][node.name]["lut"] <= steps * (node.data.width + 1)
        assert counts == {key: row["nodes"][node.name][key] for key in counts}, node.name


def test_its_figures_become_readings_beside_ours(job: Job[FinnOptions], tmp_path: Path) -> None:
    solved = resolve(job)
    figures = {node.name: figures_of(solved.design, node) for node in solved.design.nodes}
    first = solved.design.nodes[0].name
    figures[first]["lut"] += 7
    (tmp_path / "estimates.json").write_text(json.dumps(figures))
    readings = BACKEND.read(solved, products(tmp_path))
    assert len(readings) == 4 * len(solved.design.nodes)
    assert {(each.tier, each.on) for each in readings} == {(Tier.MODELLED, "xc7z020")}
    lut = {each.scope: each for each in readings if each.metric is Metric.LUT}
    assert lut[first].value == figures[first]["lut"] and lut[first].source.endswith("our formula gives 0")
    assert all("gives the same" in item.source for scope, item in lut.items() if scope != first)
    ours = {(each.metric, each.scope) for each in BACKEND.estimate(solved)}
    assert {(each.metric, each.scope) for each in readings} <= ours

    (tmp_path / "estimates.json").write_text(json.dumps({**figures, "Shuffle_hls_0": {}}))
    with pytest.raises(StepFailed, match="Shuffle_hls_0"):
        BACKEND.read(solved, products(tmp_path))


def products(folder: Path | None) -> Products:
    state = State.DONE if folder else State.SKIPPED
    return Products({"finn-plus": StepResult("finn-plus", state, folder, 0.0, {})})


def test_without_finn_plus_the_step_is_skipped_and_the_notes_say_what_is_lost(job: Job[FinnOptions]) -> None:
    solved = resolve(job)
    assert BACKEND.read(solved, products(None)) == ()
    assert any("they are lost where finn-plus-1.6.1 is not on PATH" in note.text for note in BACKEND.notes(solved))
    assert BACKEND.plan(solved).steps[-1].tool == "finn-plus-1.6.1"


FAKE = """\
import json, pathlib, sys
assert sys.argv[1:] == ["--estimates"]
report = pathlib.Path("finn/output/report")
report.mkdir(parents=True)
(report / "estimate_layer_cycles.json").write_text('{"Pool_hls_0": 64}')
resources = {"LUT": 1, "BRAM_18K": 2, "DSP": 3, "URAM": 0}
(report / "estimate_layer_resources.json").write_text(json.dumps({"Pool_hls_0": resources, "total": resources}))
if pathlib.Path("finn/differs").exists():
    sys.exit("1 verifications differ, the first: verify_initial_python_0_FAIL.npy")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A step's folder with a stand-in for build.py, and one for the distribution."""
    (tmp_path / "finn").mkdir()
    (tmp_path / "finn/build.py").write_text(FAKE)
    facts = tmp_path / "site/finn_plus-1.6.1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: finn-plus\nVersion: 1.6.1\n")
    return tmp_path


def work(folder: Path, version: str = finn_plus.VERSION) -> subprocess.CompletedProcess[str]:
    root = Path(backends.__file__).resolve().parents[1]
    command = [sys.executable, "-P", "-m", "backends.finn.workers.finn_plus", version]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{folder / 'site'}"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def test_the_worker_reads_finns_reports(folder: Path) -> None:
    assert work(folder).returncode == 0
    figures = json.loads((folder / "estimates.json").read_text())
    assert figures == {"Pool_hls_0": {"cycles": 64, "lut": 1, "bram18": 2, "dsp": 3}}


def test_another_version_and_a_graph_that_differs_are_reported(folder: Path) -> None:
    done = work(folder, "1.7.0")
    assert done.returncode == 1 and "finn-plus is 1.6.1, not 1.7.0: mend what is on PATH" in done.stderr
    (folder / "finn/differs").touch()
    done = work(folder)
    assert done.returncode == 1 and done.stderr.startswith("1 verifications differ")
    assert not (folder / "estimates.json").exists()


@pytest.mark.slow
def test_finn_plus_itself_takes_a_tiny_network(job: Job[FinnOptions], tmp_path: Path) -> None:
    """With ``finn-plus-1.6.1`` on PATH: its graphs equal the reference, and its nodes are those that we modelled."""
    solved = resolve(job)
    results = Executor(Store(tmp_path / "store"), 1, lambda *_: None).execute(BACKEND.plan(solved))
    if results.results["finn-plus"].state is State.SKIPPED:
        pytest.skip("finn-plus-1.6.1 is not on PATH")
    readings = BACKEND.read(solved, results)
    assert {each.scope for each in readings} == {node.name for node in solved.design.nodes}
    others = [each for each in readings if each.metric is not Metric.LUT]
    assert all(other.source.endswith("our formula gives the same") for other in others)
