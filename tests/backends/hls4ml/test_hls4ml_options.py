"""The options' text: what is taken, written back one way, and refused."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.options import hours
from backends.hls4ml.option_texts import accelerated_shell_text, parse_reuse, precision_text, reuse_text
from backends.hls4ml.options import Hls4mlOptions
from models.fixed import FixedType

NAMES = st.text("abcdefgh_0123456789", min_size=1)


@given(single=st.none() | st.integers(1, 10**6), layers=st.dictionaries(NAMES, st.integers(1, 10**6)))
def test_reuse_factors_survive_their_text(single: int | None, layers: dict[str, int]) -> None:
    text = ", ".join(["auto" if single is None else str(single), *(f"{name}={each}" for name, each in layers.items())])
    assert parse_reuse(text) == (single, layers)
    written = reuse_text(text)
    assert parse_reuse(written) == (single, layers)
    assert reuse_text(written) == written


def test_layers_alone_leave_the_rest_to_the_solver() -> None:
    assert reuse_text("conv1=27") == "auto,conv1=27"


@pytest.mark.parametrize("text", ["", "fast", "64,auto", "64,32", "64,", "=3", "conv1=", "conv1=x", "1.5", "--5", "²"])
def test_what_is_no_reuse_factor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no reuse factor"):
        reuse_text(text)


@pytest.mark.parametrize("text", ["0", "-3", "auto,conv1=0", "64,conv1=-1"])
def test_reuse_factors_start_at_1(text: str) -> None:
    with pytest.raises(ValueError, match="not above 0: 1 is the lowest"):
        reuse_text(text)


@given(width=st.integers(1, 40), integer=st.integers(-5, 40))
def test_precision_is_written_one_way(width: int, integer: int) -> None:
    name = FixedType(width, integer).name
    assert precision_text(f" fixed< {width}, {integer} >") == name == precision_text(name)
    assert precision_text("stock") == "stock"


@pytest.mark.parametrize("text", ["float", "ap_ufixed<8,2>", "ap_fixed<16,6,AP_RND,AP_SAT>", "ap_fixed<0,0>", "16,6"])
def test_other_precisions_are_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"ap_fixed<|fixed-point type of 0 bits"):
        precision_text(text)


def test_defaults_are_legal_and_every_option_has_its_help() -> None:
    options = Hls4mlOptions()
    for field in fields(Hls4mlOptions):
        value = getattr(options, field.name)
        assert field.metadata["help"]
        assert (
            value in field.metadata["choices"]
            if "choices" in field.metadata
            else value == field.metadata["parse"](value)
        )


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "long", "1001"])
def test_a_time_limit_is_in_hours(text: str) -> None:
    assert hours("0.5") == 0.5
    with pytest.raises(ValueError, match="is no time limit"):
        hours(text)


def test_the_shell_of_vivado_accelerator_is_taken_beside_those_of_every_flow() -> None:
    assert accelerated_shell_text("accelerator") == "accelerator" and accelerated_shell_text("dma-1x1") == "dma-1x1"
    with pytest.raises(ValueError, match="is no shell"):
        accelerated_shell_text("accelerators")
