"""A Keras network, and the W4A4 file that `flows train --qat` made of it: one architecture, one report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.__main__ import main

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("h5py")

HERE = Path(__file__).parent
FLOAT, QUANTISED = HERE / "resnet8.keras", HERE / "resnet8-keras-w4a4.onnx"
"""`python -m flows train resnet8.keras --qat --epochs 1 --data FILE.npz` wrote the second, on random images."""
RUNS = ("finn", QUANTISED), ("hls", FLOAT), ("hls4ml", FLOAT)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What each flow estimates, as `--json` writes it."""
    folder = tmp_path_factory.mktemp("records")
    files = []
    for flow, network in RUNS:
        files.append(folder / f"{flow}.json")
        texts = ["--network", str(network), "--json", str(files[-1]), "--store", str(folder / "store")]
        texts += ["--calibration", str(HERE / "images.npy")] if network is FLOAT else []
        assert main(["estimate", flow, *texts]) == 0
    return files


def test_float_and_quantised_are_one_architecture(records: list[Path]) -> None:
    networks = [json.loads(file.read_text())["network"] for file in records]
    assert [network["name"] for network in networks] == ["resnet8-keras-w4a4", "resnet8", "resnet8"]
    assert len({network["architecture"] for network in networks}) == 1
    assert len({network["macs"] for network in networks}) == len({network["parameters"] for network in networks}) == 1


def test_one_report_has_all_three(records: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert main(["report", *map(str, records), "--out", str(out), "--store", str(tmp_path / "store")]) == 0
    (page,) = out.rglob("report.html")
    runs = json.loads(page.with_suffix(".json").read_text())["document"]["runs"]
    assert {run["flow"] for run in runs} == {"finn", "hls", "hls4ml"}
