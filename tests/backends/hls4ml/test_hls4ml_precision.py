"""The arithmetic that is lowered: what was measured is held, no accumulator overflows, and every deviation is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hls4ml.explain import explain
from backends.hls4ml.option_texts import FEWEST_BITS, precision_text
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.hls4ml.ranged import careful, entered, integer_bits, tensors, with_bits
from backends.protocol import Job, NoteKind
from models.fixed import FixedType, Overflow, Rounding, parse_type
from models.layers import Flatten, MaxPool2D, Softmax
from models.network import INPUT, Network
from models.pixels import parse_pixels
from models.quantised import QuantisedNetwork
from models.weights import save_weights

BASES = st.builds(lambda width, integer: FixedType(width, integer).name, st.integers(3, 20), st.integers(-2, 10))
REACHES = st.lists(st.tuples(st.floats(-500, 0.0), st.floats(0.0, 500)), min_size=10, max_size=10)


def with_reach(network: Network, pairs: list[tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return dict(zip((layer.name for layer in network.layers), pairs, strict=True))


def ends(type: FixedType) -> tuple[Fraction, Fraction]:
    return type.value(type.low), type.value(type.high)


@given(base=BASES, pairs=REACHES, softmax=st.sampled_from(["skip", "keep"]))
def test_what_was_measured_enters_within_one_step(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], base: str, pairs: list[tuple[float, float]], softmax: str
) -> None:
    reach = with_reach(tiny, pairs)
    quantised = lower(job_of(tiny, reach, precision=base, softmax=softmax))
    for layer in quantised.computed:
        type = quantised.type_of(layer.name)
        assert type.width == parse_type(base).width
        if isinstance(layer, MaxPool2D | Flatten):
            assert type == quantised.type_of(layer.inputs[0])
        elif not isinstance(layer, Softmax):
            assert (type.rounding, type.overflow) == (Rounding.RND, Overflow.SAT)
            for value in map(Fraction, reach[layer.name]):
                assert abs(type.value(type.enter(value)) - value) <= type.value(1)
    image = quantised.type_of(INPUT)
    assert abs(image.value(image.enter(Fraction(1))) - 1) <= image.value(1)


@given(base=st.one_of(BASES, st.just("stock")), pairs=REACHES)
def test_accumulators_hold_the_extreme_codes(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], base: str, pairs: list[tuple[float, float]]
) -> None:
    """Every product at its largest or smallest and the bias beside them; `--precision stock` breaks it in the pool."""
    quantised = lower(job_of(tiny, with_reach(tiny, pairs), precision=base))
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if types.accumulator is None or (base == "stock" and types.kernel is None):
            continue
        data = ends(quantised.type_of(layer.inputs[0]))
        if types.kernel and types.bias:
            products = [a * b for a in data for b in ends(types.kernel)]
            count = prod(layer.weight_shapes(*tiny.input_shapes(layer))["kernel"][:-1])
            low, high = (
                count * extreme + bias
                for extreme, bias in zip((min(products), max(products)), ends(types.bias), strict=True)
            )
        else:
            low, high = (prod(tiny.input_shapes(layer)[0][:2]) * each for each in data)
        assert ends(types.accumulator)[0] <= low and high <= ends(types.accumulator)[1]


def test_the_stock_types_are_those_of_hls4ml(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    """By hand, for ap_fixed<16,6>: a sum of n products has 6 + 6 + ceil(log2 n) + 1 integer and 20 fraction bits."""
    quantised = lower(job_of(tiny, precision="stock"))
    outputs = {name: types.output.name for name, types in quantised.layers.items()}
    assert outputs == {
        "conv1": "ap_fixed<38,18>",
        "relu1": "ap_fixed<16,6>",
        "conv2": "ap_fixed<39,19>",
        "relu2": "ap_fixed<16,6>",
        "shortcut": "ap_fixed<35,15>",
        "add": "ap_fixed<36,16>",
        "pool": "ap_fixed<36,16>",
        "gap": "ap_fixed<16,6>",
        "dense": "ap_fixed<35,15>",
    }
    accumulator = quantised.layers["gap"].accumulator
    assert accumulator is not None and accumulator.name == "ap_fixed<16,6>"


@given(low=st.floats(-1e6, 0), high=st.floats(0, 1e6))
def test_integer_bits_are_enough_and_no_more(low: float, high: float) -> None:
    bits = integer_bits(low, high)
    assert -(2.0 ** (bits - 1)) <= low and high < 2.0 ** (bits - 1)
    assert bits == 1 or low < -(2.0 ** (bits - 2)) or high >= 2.0 ** (bits - 2)


def deviating(quantised: QuantisedNetwork, base: FixedType) -> dict[str, str]:
    types = {"the image": quantised.input.type} | {name: each.output for name, each in quantised.layers.items()}
    return {name: type.name for name, type in types.items() if type.integer != base.integer}


@given(base=BASES, pairs=REACHES)
def test_every_deviation_is_explained(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], base: str, pairs: list[tuple[float, float]]
) -> None:
    job = job_of(tiny, with_reach(tiny, pairs), precision=base, softmax="keep")
    quantised = lower(job)
    lines = [note.text for note in explain(job, quantised)]
    expected = deviating(quantised, parse_type(base))
    for name, type in expected.items():
        assert len([line for line in lines if line.startswith(f"{name} is {type}")]) == 1
    for kind in ("conv2d", "dense", "global_average_pool"):
        assert any(line.startswith(f"accumulators of {kind} are") for line in lines)
    assert any("AP_RND, AP_SAT" in line and "weights" in line for line in lines)
    assert any("tables of softmax" in line for line in lines)
    assert len(lines) == len(expected) + 3 + 1 + 1, "one line a deviation, none besides"


@pytest.mark.parametrize("softmax", ["skip", "keep"])
def test_stock_is_a_loud_warning(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], softmax: str) -> None:
    job = job_of(tiny, precision="stock", softmax=softmax)
    (note,) = explain(job, lower(job))
    assert note.kind is NoteKind.WARNING


def test_a_number_of_bits_is_placed_by_range(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    tensors = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in tiny.weight_shapes()}
    tensors["dense/kernel"] *= 10
    save_weights(tmp_path / "tiny.safetensors", tensors, tiny)
    job = job_of(tiny, {"relu1": (0, 5.9), "conv1": (-30, 5.9), "add": (-3, 2), "gap": (0, 0.4)}, precision="8")
    types = lower(replace(job, weights=replace(job.weights, path=tmp_path / "tiny.safetensors")))
    assert types.input.type.name == "ap_ufixed<8,0,AP_RND,AP_SAT>"
    assert [types.type_of(name).name for name in ("relu1", "conv1", "add", "pool", "gap")] == [
        "ap_ufixed<8,3,AP_RND,AP_SAT>",
        "ap_fixed<9,4,AP_RND,AP_SAT>",
        "ap_fixed<8,3,AP_RND,AP_SAT>",
        "ap_fixed<8,3,AP_RND,AP_SAT>",
        "ap_ufixed<8,0,AP_RND,AP_SAT>",
    ]
    for layer in ("conv1", "dense"):
        chosen, trained = types.layers[layer].kernel, tensors[f"{layer}/kernel"]
        assert chosen and chosen.width == 8
        error = ((entered(trained, chosen) - trained) ** 2).sum()
        for integer in range(-2, 8):
            other = replace(chosen, integer=integer)
            assert error <= ((entered(trained, other) - trained) ** 2).sum()


@given(number=st.floats(-100, 100, width=32), width=st.integers(2, 16), integer=st.integers(-2, 8))
def test_arrays_enter_a_type_as_single_numbers_do(number: float, width: int, integer: int) -> None:
    type = careful(FixedType(width, integer))
    (result,) = entered(np.array([number], np.float32), type)
    assert result == float(type.value(type.enter(Fraction(number))))


@pytest.mark.parametrize(
    ("pixels", "precision", "words"),
    [
        ("raw", "ap_fixed<16,6>", ""),
        ("raw", "8", ""),
        ("unit", "8", ""),
        ("centred", "8", ""),
        ("raw", "stock", "reach 0 to 255: they wrap"),
        ("0.5,0.01", "ap_fixed<16,6>,input.result=ap_fixed<8,4,AP_RND,AP_SAT>", "reach -50 to 50: they saturate"),
    ],
)
def test_pixels_enter_a_type_that_holds_them_or_a_warning_says_so(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], pixels: str, precision: str, words: str
) -> None:
    job = job_of(replace(tiny, pixels=parse_pixels(pixels)), precision=precision)
    quantised = [
        note.text
        for note in explain(job, lower(job))
        if note.text.startswith("the image is") and "and its" in note.text
    ]
    assert len(quantised) == bool(words) and all(words in text for text in quantised)


@given(pairs=REACHES, bits=st.lists(st.integers(FEWEST_BITS, 12), min_size=40, max_size=40))
def test_each_tensor_has_the_bits_that_are_asked_for_it(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], pairs: list[tuple[float, float]], bits: list[int]
) -> None:
    asked = dict(zip(tensors(tiny), bits, strict=False))
    options = with_bits(Hls4mlOptions(), asked)
    quantised = lower(job_of(tiny, with_reach(tiny, pairs), precision=options.precision))
    assert asked.keys() == set(tensors(tiny))
    for name, count in asked.items():
        layer, _, role = name.rpartition(".")
        types = quantised.layers.get(layer)
        type = types.kernel if types and role == "weight" else quantised.type_of(layer)
        assert type and type.width == count, name


@pytest.mark.parametrize("precision", ["8", "ap_fixed<16,6>"])
def test_bits_that_are_those_of_all_change_nothing(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], precision: str
) -> None:
    name = next(layer.name for layer in tiny.layers if layer.kind == "dense")
    reach = with_reach(tiny, [(-3.0, 5.0)] * 10)
    plain, quantised = (
        lower(job_of(tiny, reach, precision=text)) for text in (precision, f"{precision},{name}.weight=5")
    )
    kernel, other = quantised.layers[name].kernel, plain.layers[name].kernel
    assert kernel and kernel.width == 5 and other
    same = {layer: types for layer, types in quantised.layers.items() if layer != name}
    assert same == {layer: types for layer, types in plain.layers.items() if layer != name}


@pytest.mark.parametrize("text", ["8,dense.accum=20", "8,dense.weight=1", "8,dense.weight=33", "8,dense.weight=x"])
def test_bits_that_no_tensor_can_have_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        precision_text(text)
