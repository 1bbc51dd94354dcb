"""Small QONNX graphs, and what finn-plus 1.6.1 does with each (cases/index.json): readiness says the same.

`nox -s finn` puts them through finn-plus again (calibration/finn_plus/cases.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
from backends.finn.readiness.conditions import JUDGED
from backends.finn.workers.readiness import assess

FOLDER = Path(__file__).with_name("cases")
INDEX = json.loads((FOLDER / "index.json").read_text())
CASES: dict[str, Any] = INDEX["cases"]
MAPPED_ONLY = {"maxpool_ceil"}
"""Mapped whole, though its hardware nodes cannot be executed: told, and left to the user."""


def test_every_graph_has_an_answer_by_the_version_that_is_named() -> None:
    assert CASES.keys() == {path.stem for path in FOLDER.glob("*.onnx")}
    assert INDEX["judged"] == JUDGED


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_what_finn_does(name: str) -> None:
    readiness = assess(FOLDER / f"{name}.onnx", (), None)
    quantised = {verdict.condition: verdict.status.name.lower() for verdict in readiness.verdicts if verdict.findings}
    assert quantised == CASES[name]["verdict"]
    taken = CASES[name]["finn"]["taken"] or name in MAPPED_ONLY
    assert taken == (not readiness.broken)
