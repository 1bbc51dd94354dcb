"""The scripts of benchmarks/, which are no package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


def script(name: str) -> ModuleType:
    pytest.importorskip("numpy")
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    return importlib.import_module(name)


@pytest.fixture
def bench() -> ModuleType:
    return script("truth")


@pytest.fixture
def fit() -> ModuleType:
    return script("fit_hls4ml")
