"""The examples in the docstrings of calibration/ are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from calibration import tables
from calibration.finn import parts

MODULES = (tables, parts)


@pytest.mark.parametrize("module", MODULES, ids=[module.__name__ for module in MODULES])
def test_examples_are_true(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
