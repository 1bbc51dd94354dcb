"""A store with two predicted runs, and evidence to hold against them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.core.evidence import SHELL, TOTAL, Metric, Reading, Tier
from flows.core.record import Document, NetworkFacts, Run, Verification, WeightsFacts, document_to_json
from flows.store import Store
from tests.backends.amd import fabric

DIGEST = "0123456789abcdef"
TODAY = "2026-11-28"


def predicted(
    metric: Metric, value: float, spread: float = 0.2, scope: str = TOTAL, stage: Tier | None = None
) -> Reading:
    low, high = value * (1 - spread), value * (1 + spread)
    return Reading(metric, value, Tier.MODELLED, "toy", "a model", scope, stage or Tier.ROUTED, low, high)


READINGS = (
    predicted(Metric.LUT, 8_000),
    predicted(Metric.LUT, 20_000, stage=Tier.HLS),
    predicted(Metric.BRAM18, 4, 0),
    predicted(Metric.DSP, 1, 0),
    predicted(Metric.LUT, 3_000, scope=SHELL),
    predicted(Metric.LATENCY_CYCLES, 6_000, stage=Tier.RTL_SIMULATED),
    predicted(Metric.THROUGHPUT_FPS, 1_000, stage=Tier.RTL_SIMULATED),
    predicted(Metric.LUT, 400, scope="MVAU_rtl_0"),
    predicted(Metric.LUT, 600, scope="MVAU_rtl_1"),
)


def run(name: str, flow: str = "finn", part: str = "xc7z020clg400-1") -> Run:
    return Run(
        name, flow, part, part[:7], 10.0, {}, WeightsFacts(DIGEST, None), DIGEST, READINGS,
        Verification(16, 16, "QONNX execution"), (), (), (), "python -m flows run",
    )  # fmt: skip


def save(store: Store, result: Run) -> None:
    store.save(result.name, document_to_json(Document(NetworkFacts("toy", 10, 100, DIGEST), (result,))))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    result = Store(tmp_path / "store")
    result.prepare()
    for each in (run("finn-a"), run("hls4ml-b", "hls4ml"), run("finn-c", part="xc7z010clg400-1")):
        save(result, each)
    return result


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = fabric.write_database(tmp_path / "prjxray")
    monkeypatch.setenv("XRAY_DATABASE_DIR", str(folder))
    return folder
