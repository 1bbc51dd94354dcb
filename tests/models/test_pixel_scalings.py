"""What bytes become before the first layer: exact, by channel, and before any padding."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import pixels as told
from flows.core.errors import InputError
from flows.jobs import run_name
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Conv2D, Dense, Flatten
from models.network import INPUT, Network
from models.pixels import CENTRED, RAW, UNIT, Pixels, normalised, parse_pixels, reads_bytes, simple
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.serial import network_from_json, network_to_json, quantised_from_json, quantised_to_json
from models.vectors import vectors
from tests.backends.jobs import job_with, random_weights

NUMBERS = st.fractions(min_value=-4, max_value=4, max_denominator=1000)
SCALES = st.fractions(min_value=Fraction(1, 1000), max_value=4, max_denominator=1000)
WORD = FixedType(9, 4, rounding=Rounding.RND, overflow=Overflow.SAT)
IMAGENET = parse_pixels("0.485,0.456,0.406,0.229,0.224,0.225")


@given(st.lists(st.tuples(NUMBERS, SCALES), min_size=3, max_size=3), st.integers(0, 255), st.integers(0, 2))
def test_a_number_is_what_the_formula_says(rows: list[tuple[Fraction, Fraction]], byte: int, channel: int) -> None:
    mean, deviation = zip(*rows, strict=True)
    scaling = normalised(mean, deviation)
    number = (Fraction(byte, 255) - mean[channel]) / deviation[channel]
    assert scaling.number(byte, channel) == number == scaling.tables[channel][byte]
    again = RAW.then(scaling.gain, scaling.offset)
    assert [again.number(byte, each) for each in range(3)] == [scaling.number(byte, each) for each in range(3)]
    assert scaling.ends[0] <= number <= scaling.ends[1]


@pytest.mark.parametrize("text", ["raw", "unit", "centred", "0.5,0.25", "128/255,1/255", "0.1,0.2,0.3,0.4,0.5,0.6"])
def test_the_formula_of_a_scaling_says_which_option_gives_it(text: str) -> None:
    assert parse_pixels(told.option(str(parse_pixels(text)))) == parse_pixels(text)


@pytest.mark.parametrize(
    "text", ["", "grey", "0.5", "1,2,3", "0.5,0", "0.5,-1", "0.5,nan", "1/0,1", "1e99999999,1", ","]
)
def test_what_is_no_scaling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_pixels(text)


@given(st.floats(2**-13, 1e4, width=32))
def test_a_simple_fraction_is_the_number_to_single_precision(number: float) -> None:
    assert np.float32(float(simple(number))) == pytest.approx(np.float32(number), rel=3e-7)


def test_what_reads_bytes() -> None:
    assert simple(float(np.float32(1 / 255))) == Fraction(1, 255)
    for scaling, over in ((UNIT, True), (CENTRED, True), (parse_pixels("128/255,1/255"), True), (IMAGENET, True)):
        assert reads_bytes(scaling.gain, scaling.offset) == over
    for gain, offset in ((1, 0), (2, -1), (255, 0)):
        assert not reads_bytes([Fraction(gain)], [Fraction(offset)])


def test_as_many_scalings_as_channels() -> None:
    layers = (Flatten("flat", (INPUT,)), Dense("dense", ("flat",), 2))
    assert Network("n", (2, 2, 3), layers, pixels=IMAGENET).pixels == IMAGENET
    with pytest.raises(InputError, match="3 scalings of pixels, and its input is"):
        Network("n", (2, 2, 1), layers, pixels=IMAGENET)


def padded(scaling: Pixels) -> QuantisedNetwork:
    """A convolution that pads, on pixels of this scaling."""
    network = Network("n", (4, 5, 3), (Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 2),), pixels=scaling)
    types = Arithmetic(FixedType(20, 8), WORD, WORD, FixedType(40, 20))
    return QuantisedNetwork(network, "none", InputContract(WORD, scaling), {"conv": types})


@pytest.mark.parametrize("scaling", [UNIT, RAW, CENTRED, IMAGENET, parse_pixels("128/255,1/255")], ids=str)
def test_zeros_stand_around_what_pixels_become(scaling: Pixels) -> None:
    """By hand: each byte enters the type as the exact number that the formula gives, and padding is the number 0."""
    pytest.importorskip("torch")
    from models.evaluation import oracle
    from models.evaluation.fast import FastNetwork

    design = padded(scaling)
    random = np.random.default_rng(3)
    shapes = {"conv/kernel": (3, 3, 3, 2), "conv/bias": (2,)}
    weights = {name: random.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    images = vectors((4, 5, 3), 12)
    tensors = FastNetwork(design, weights)(images)
    kernel, bias = (oracle.quantise(weights[f"conv/{role}"], WORD) for role in ("kernel", "bias"))
    for index, image in enumerate(images):
        exact = oracle.evaluate(design, weights, image)
        for name in (INPUT, "conv"):
            assert np.array_equal(tensors[name][index].movedim(0, -1).long().numpy(), exact[name])
        codes = np.zeros((6, 7, 3), object)
        for y, x, c in np.ndindex(4, 5, 3):
            codes[y + 1, x + 1, c] = WORD.enter(scaling.number(int(image[y, x, c]), c))
        sums = (codes[:3, :3, :, None] * kernel).sum((0, 1, 2)) + bias * 2**WORD.fraction
        corner = [design.layers["conv"].output.enter(Fraction(each, 1 << 10)) for each in sums]
        assert exact["conv"][0, 0].tolist() == corner


def test_the_float_network_reads_them_too() -> None:
    pytest.importorskip("torch")
    from models.training.torch_network import as_input

    images = vectors((2, 3, 3), 16)
    assert np.allclose(as_input(images), images.transpose(0, 3, 1, 2) / 255)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    assert np.allclose(as_input(images, IMAGENET), ((images / 255 - mean) / deviation).transpose(0, 3, 1, 2), atol=1e-6)
    rows = vectors((7,), 16)
    assert np.allclose(as_input(rows, CENTRED), rows / 127.5 - 1, atol=1e-6)


def test_they_are_written_and_count_in_the_arithmetic_but_not_in_the_architecture() -> None:
    designs = [padded(each) for each in (UNIT, RAW, CENTRED, IMAGENET)]
    for design in designs:
        assert quantised_from_json(quantised_to_json(design)) == design
        assert network_from_json(network_to_json(design.network)).pixels == design.network.pixels
    assert len({design.digest for design in designs}) == 4 and len({design.network.digest for design in designs}) == 1


def test_a_run_on_other_pixels_is_another_run(tmp_path: Path) -> None:
    """Also where the formulas look alike."""
    network = Network("n", (2, 2, 3), (Flatten("flat", (INPUT,)), Dense("dense", ("flat",), 2)))
    job = job_with(network, random_weights(network, 1.0), {}, tmp_path, None)
    scalings = [UNIT, RAW, CENTRED, IMAGENET, parse_pixels("0.5,0.2500000001"), parse_pixels("0.5,0.2500000002")]
    names = {run_name("hls", replace(job, network=replace(network, pixels=scaling))) for scaling in scalings}
    assert len(names) == len(scalings) and run_name("hls", job) in names


@pytest.mark.parametrize(
    "damage", [{"gain": "0"}, {"gain": ["1", "2"]}, {"gain": "1/0"}, {"gain": 3}, {"gain": [], "offset": []}]
)
def test_damaged_scalings_are_named(damage: dict[str, Any]) -> None:
    content = network_to_json(padded(CENTRED).network)
    with pytest.raises(InputError, match="damaged description"):
        network_from_json(content | {"pixels": damage})
