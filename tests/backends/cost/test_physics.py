"""The physics: examples in the docstrings, and bounds that hold for any memory and any product."""

from __future__ import annotations

import doctest
from math import ceil
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost import block_design, blockram, dsp, fabric, shell

sizes = st.integers(1, 20_000)
widths = st.integers(1, 600)


@pytest.mark.parametrize("module", [block_design, blockram, dsp, fabric, shell], ids=lambda module: module.__name__)
def test_the_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


@given(depth=sizes, width=widths)
def test_block_ram_is_enough_and_not_wasteful(depth: int, width: int) -> None:
    count = blockram.bram18(depth, width)
    assert count >= ceil(depth * width / blockram.BITS)
    assert count <= ceil(depth / 512) * ceil(width / 36)


@given(depth=sizes, width=widths)
def test_a_deeper_or_wider_memory_takes_no_less(depth: int, width: int) -> None:
    for count in (blockram.bram18, fabric.shift_register_luts, fabric.ram_luts):
        assert count(depth, width) <= count(depth + 1, width)
        assert count(depth, width) <= count(depth, width + 1)


@given(depth=sizes, width=widths)
def test_lut_ram_is_enough_and_not_wasteful(depth: int, width: int) -> None:
    """A LUT holds 64 bits, and three of four of them are read; at most a block more than full is taken each way."""
    count = fabric.ram_luts(depth, width)
    assert count % 4 == 0 and count * 48 >= depth * width
    assert count <= 4 * ceil(depth / 64) * ceil(width / 3)
    assert count <= 4 * ceil(depth / 32) * ceil(width / 6)
    assert count * 48 < (depth + 32) * (width + 6)


@given(a=st.integers(1, 64), b=st.integers(1, 64))
def test_a_product_does_not_care_about_order(a: int, b: int) -> None:
    assert dsp.dsp48(a, b) == dsp.dsp48(b, a)
    assert (dsp.dsp48(a, b) == 1) == (max(a, b) <= 25 and min(a, b) <= 18)


def test_an_empty_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="0 words"):
        blockram.bram18(0, 8)
