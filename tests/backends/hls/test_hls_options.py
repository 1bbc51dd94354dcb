"""The options of the flow as text: what is taken and how it is kept, and what is refused, with what to give instead."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.layers.options import LEAST, LONGEST, MOST, SHORTEST, formats_text, parse_formats
from backends.hls.options import HlsOptions
from flows.__main__ import main

OPTIONS: dict[str, Field[Any]] = {field.name: field for field in fields(HlsOptions)}
LEGAL = [
    ("folding", "auto", "auto"),
    ("folding", " conv1=4x9 , dense=1x8", "conv1=4x9,dense=1x8"),
    ("folding", "conv1=2x3:lut", "conv1=2x3:lut"),
    ("target_fps", "none", "none"),
    ("target_fps", "60", "60"),
    ("target_fps", "0.5", "0.5"),
    ("target_fps", "1e3", "1000"),
    ("fifo_depth", "simulated", "simulated"),
    ("fifo_depth", "0016", "16"),
    ("fifo_storage", "bram", "bram"),
    ("shell", "lut=3000, ff=3500..4000,bram18=4", "lut=3000,ff=3500..4000,bram18=4"),
    ("weight_format", "Q1.7, conv1 = q2.6", "Q1.7,conv1=Q2.6"),
    ("weight_scale", "none", "none"),
    ("activation_bits", "16", 16),
    ("accumulator_bits", "48", 48),
    ("packing", "off", "off"),
    ("vendor", "cosim", "cosim"),
    ("vendor_timeout", "0.25", 0.25),
]
ILLEGAL = [
    ("folding", "block1_conv1=0x4", 2, "at least 1"),
    ("folding", "absent.json", 3, "give auto, block1_conv1=4x9"),
    ("folding", "block1_conv1=4", 3, "give auto, block1_conv1=4x9"),
    ("target_fps", "fast", 2, "images per second, above 0, or none"),
    ("target_fps", "0", 2, "images per second, above 0, or none"),
    ("target_fps", "inf", 2, "images per second, above 0, or none"),
    ("fifo_depth", "deep", 2, "simulated, or a number from 1 to 65,536"),
    ("fifo_depth", "0", 2, "simulated, or a number from 1 to 65,536"),
    ("fifo_depth", "65537", 2, "simulated, or a number from 1 to 65,536"),
    ("fifo_storage", "blockram", 2, "auto, srl, lutram, bram"),
    ("shell", "dma-2x1", 2, "give dma, dma-1x1, smartconnect, none, a .toml file"),
    ("shell", "accelerator", 2, "the shell of hls4ml's VivadoAccelerator: give dma, dma-1x1, smartconnect, none"),
    ("shell", "lut=1,ff=1", 2, "needs bram18, too"),
    ("weight_format", "int8", 2, "2 to 16 bits, as in Q1.7"),
    ("weight_format", "Q0.8", 2, "2 to 16 bits, as in Q1.7"),
    ("weight_format", "Q1.99", 2, "2 to 16 bits, as in Q1.7"),
    ("weight_format", "Q1.7,dense", 2, "as in block1_conv1=Q1.11"),
    ("weight_scale", "channel", 2, "layer, none"),
    ("activation_bits", "1", 2, "2 to 16 bits"),
    ("activation_bits", "17", 2, "2 to 16 bits"),
    ("activation_bits", "8.0", 2, "2 to 16 bits"),
    ("accumulator_bits", "15", 2, "16 to 48 bits"),
    ("accumulator_bits", "49", 2, "16 to 48 bits"),
    ("packing", "none", 2, "auto, off"),
    ("vendor", "cosin", 2, "did you mean cosim?"),
    ("vendor_timeout", "0", 2, "hours above 0, at most 1000"),
    ("vendor_timeout", "nan", 2, "hours above 0, at most 1000"),
    ("vendor_timeout", "1500", 2, "hours above 0, at most 1000"),
    ("vendor_timeout", "soon", 2, "hours above 0, at most 1000"),
]


def test_every_option_has_its_cases() -> None:
    assert {name for name, *_ in LEGAL} == {name for name, *_ in ILLEGAL} == set(OPTIONS)


@pytest.mark.parametrize(("option", "text", "kept"), LEGAL)
def test_a_legal_value_is_kept_one_way(option: str, text: str, kept: object) -> None:
    metadata = OPTIONS[option].metadata
    if "choices" in metadata:
        assert text == kept and text in metadata["choices"]
    else:
        assert metadata["parse"](text) == kept == metadata["parse"](str(kept))


@pytest.mark.parametrize("field", OPTIONS.values(), ids=list(OPTIONS))
def test_a_default_is_legal_and_explained(field: Field[Any]) -> None:
    metadata = field.metadata
    assert metadata["help"]
    if "choices" in metadata:
        assert field.default in metadata["choices"]
    else:
        assert metadata["unit"] and metadata["parse"](str(field.default)) == field.default


@pytest.mark.parametrize(("option", "text", "code", "advice"), ILLEGAL)
def test_an_illegal_value_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], option: str, text: str, code: int, advice: str
) -> None:
    flag = f"--{option.replace('_', '-')}"
    assert main(["estimate", "hls", flag, text]) == code
    (line,) = capsys.readouterr().err.splitlines()
    culprit = flag if code == 2 else f"{option} {text}"
    assert culprit in line and advice in line.replace("Give", "give")


@given(st.integers(-2, 70))
def test_bits_lie_within_what_a_dsp_takes(number: int) -> None:
    for option, least, most in (("activation_bits", LEAST, MOST), ("accumulator_bits", SHORTEST, LONGEST)):
        parse = OPTIONS[option].metadata["parse"]
        if least <= number <= most:
            assert parse(str(number)) == number
        else:
            with pytest.raises(ValueError, match=f"give {least} to {most} bits"):
                parse(str(number))


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_format_of_weights_is_kept_where_a_dsp_multiplies_it(integer: int, fraction: int) -> None:
    text = f"Q{integer}.{fraction}"
    if integer and LEAST <= integer + fraction <= MOST:
        (usual, layers) = parse_formats(f"{text},conv1={text}")
        assert (usual.integer, usual.fraction) == (integer, fraction) and layers == {"conv1": usual}
        assert formats_text(text) == text
    else:
        with pytest.raises(ValueError, match=r"give Qm\.n of 2 to 16 bits, as in Q1\.7"):
            parse_formats(text)
