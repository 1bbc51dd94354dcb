"""The arithmetic of the generated code: how numbers become integers, and that no sum of them leaves its accumulator."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dataflow.layers.arithmetic import Reach, codes, lower, reaches
from backends.hls.options import HlsOptions
from backends.protocol import Job
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Conv2D, Dense, Flatten, GlobalAveragePool, ReLU
from models.network import INPUT, Network
from models.pixels import scaled
from tests.backends.hls.networks import SMALL, job_on, refusals, reweighted

FORMATS = st.builds(
    lambda integer, fraction: FixedType(integer + fraction, integer, True, Rounding.RND_CONV, Overflow.SAT),
    st.integers(1, 4),
    st.integers(1, 12),
)
CHAIN = Network(
    "chain",
    (4, 5, 2),
    (
        Conv2D("conv", (INPUT,), (2, 3), (1, 1), "valid", 3),
        Conv2D("stored", ("conv",), (1, 1), (1, 1), "valid", 4),
        Conv2D("summed", ("stored",), (2, 2), (1, 1), "same", 3),
        ReLU("relu", ("summed",)),
        Flatten("flat", ("relu",)),
        Dense("dense", ("flat",), 3),
    ),
)
"""Its sums are rounded, go into a ReLU, and are the logits."""
WEIGHTED = "conv", "stored", "summed", "dense"
OPTIONS = st.fixed_dictionaries(
    {
        "weight_format": st.sampled_from(("Q1.7", "Q1.1", "Q2.6", "Q1.15")),
        "weight_scale": st.sampled_from(("layer", "none")),
        "activation_bits": st.sampled_from((2, 8, 11, 16)),
        "accumulator_bits": st.sampled_from((32, 48)),
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@given(FORMATS, st.lists(st.floats(-20, 20, width=32), min_size=1))
def test_codes_are_exact(type: FixedType, numbers: list[float]) -> None:
    assert codes(np.array(numbers, np.float32), type).tolist() == [type.enter(Fraction(number)) for number in numbers]


@given(FORMATS, st.integers(-(2**16), 2**16))
def test_halves_go_to_the_even_code_and_what_is_beyond_to_the_ends(type: FixedType, below: int) -> None:
    half = np.float32(Fraction(2 * below + 1, 2 ** (type.fraction + 1)))
    (code,) = codes(np.array([half]), type).tolist()
    even = below + below % 2
    assert code == min(max(even, type.low), type.high)


@given(st.integers(0, 2**32), st.floats(1e-6, 1e6), st.sampled_from(("Q1.7", "Q2.6", "Q1.2")))
@settings(max_examples=30)
def test_weights_just_fit_a_power_of_two_by_layer(folder: Path, seed: int, scale: float, format: str) -> None:
    job = job_on(CHAIN, folder, seed=seed, weight_format=format)
    job = reweighted(job, lambda name, each: each * scale)
    fraction = int(format[3:])
    for name in WEIGHTED:
        kernel, width = lower(job).layers[name].kernel, int(format[1]) + fraction
        assert kernel and kernel.width == width
        largest = abs(job.weights.tensors()[f"{name}/kernel"]).max()
        end = Fraction(2) ** (kernel.integer - 1)
        assert end / 2 < Fraction(float(largest)) <= end


@pytest.mark.parametrize("exponent", [-3, 0, 2])
def test_a_power_of_two_is_its_own(tmp_path: Path, exponent: int) -> None:
    job = reweighted(job_on(SMALL, tmp_path), lambda name, each: np.sign(each) * 2.0**exponent)
    kernel = lower(job).layers["conv1"].kernel
    assert kernel and kernel.integer == exponent + 1


def test_weights_keep_their_format_where_they_are_not_scaled(tmp_path: Path) -> None:
    job = reweighted(job_on(SMALL, tmp_path, weight_scale="none"), lambda name, each: 3 * each)
    kernel = lower(job).layers["conv1"].kernel
    assert kernel == FixedType(8, 1, True, Rounding.RND_CONV, Overflow.SAT)
    beyond = job.weights.tensors()["conv1/kernel"] >= 1
    assert beyond.any() and set(codes(job.weights.tensors()["conv1/kernel"], kernel)[beyond]) == {127}


@pytest.mark.parametrize("bits", [8, 16])
def test_tensors_between_layers_are_short_and_sums_are_not(tmp_path: Path, bits: int) -> None:
    quantised = lower(job_on(CHAIN, tmp_path, activation_bits=bits))
    assert quantised.input.type == FixedType(8, 0, signed=False) and quantised.input.pixels == scaled(Fraction(1, 256))
    stored, relu = quantised.type_of("stored"), quantised.type_of("relu")
    assert stored == FixedType(bits, 3, True, Rounding.RND, Overflow.SAT), "it reaches from -4 to 4"
    assert relu == quantised.type_of("flat") == FixedType(bits, 2, False, Rounding.RND, Overflow.SAT), "from 0 to 4"
    for name in ("summed", "dense"):
        assert quantised.type_of(name) == quantised.layers[name].accumulator


def matrix(job: Job[HlsOptions], layer: str) -> tuple[np.ndarray, np.ndarray]:
    """(weights (products, results), biases) of a layer as integers."""
    types, tensors = lower(job).layers[layer], job.weights.tensors()
    assert types.kernel and types.bias
    kernel = codes(tensors[f"{layer}/kernel"], types.kernel)
    return kernel.reshape(-1, kernel.shape[-1]), codes(tensors[f"{layer}/bias"], types.bias)


def entering(job: Job[HlsOptions], layer: str) -> tuple[int, int]:
    """(what is added to a sum before its bits are dropped, the bits that it gets where it has too few)."""
    quantised = lower(job)
    accumulator = quantised.layers[layer].accumulator
    assert accumulator
    drop = accumulator.fraction - quantised.type_of("relu" if layer == "summed" else layer).fraction
    return (1 << drop - 1 if drop > 0 else 0), max(-drop, 0)


@given(seed=st.integers(0, 2**32), options=OPTIONS)
@settings(max_examples=40)
def test_a_sum_stays_within_its_reach_and_gets_there(folder: Path, seed: int, options: dict[str, Any]) -> None:
    """Also with some of its terms alone, in any order."""
    job, random = job_on(CHAIN, folder, seed=seed, **options), np.random.default_rng(seed)
    quantised = {each.layer: each for each in reaches(job, lower(job))}
    assert tuple(quantised) == WEIGHTED
    for name, reach in quantised.items():
        source, (half, zeros) = lower(job).type_of(CHAIN[name].inputs[0]), entering(job, name)
        weights, biases = matrix(job, name)
        values = random.integers(source.low, source.high, (50, len(weights), 1), endpoint=True)
        parts = (values * weights)[:, random.permutation(len(weights))].cumsum(1)
        for sums in (parts, parts + biases):
            assert reach.low <= int(sums.min()) << zeros
            assert (int(sums.max()) << zeros) + half <= reach.high
        most = (np.where(weights > 0, source.high, source.low) * weights).sum(0)
        least = (np.where(weights > 0, source.low, source.high) * weights).sum(0)
        assert reach.high == (int(max(most.max(), (most + biases).max())) << zeros) + half
        assert reach.low == int(min(least.min(), (least + biases).min())) << zeros


@given(width=st.integers(2, 50), low=st.integers(-(2**48), 0), high=st.integers(0, 2**48))
def test_a_reach_fits_what_has_its_bits(width: int, low: int, high: int) -> None:
    reach = Reach("layer", low, high, FixedType(width, 1))
    assert reach.fits == (reach.bits <= width)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_no_image_overflows_what_is_taken(folder: Path, seed: int) -> None:
    """Random, black and white ones."""
    job, random = job_on(CHAIN, folder, seed=seed), np.random.default_rng(seed)
    images = random.integers(0, 256, (20, *CHAIN.input_shape))
    images[0], images[1] = 0, 255
    windows = np.lib.stride_tricks.sliding_window_view(images, (2, 3), axis=(1, 2))
    weights, biases = matrix(job, "conv")
    sums = np.moveaxis(windows, 3, -1).reshape(-1, len(weights)) @ weights + biases
    fitting = []
    for bits in range(16, 25):
        wide = replace(job, options=replace(job.options, accumulator_bits=bits))
        reach = next(reaches(wide, lower(wide)))
        fitting.append(reach.fits)
        assert not reach.fits or (reach.holds.low <= sums.min() and sums.max() <= reach.holds.high)
    assert any(fitting) and not all(fitting)


@given(area=st.tuples(st.integers(1, 70), st.integers(1, 70)), bits=st.sampled_from((2, 8, 16)))
def test_the_sum_of_an_area_fits(folder: Path, area: tuple[int, int], bits: int) -> None:
    layers = (
        Conv2D("last", (INPUT,), (1, 1), (1, 1), "same", 2),
        GlobalAveragePool("gap", ("last",)),
        Dense("dense", ("gap",), 2),
    )
    quantised = lower(job_on(Network("area", (*area, 1), layers), folder, activation_bits=bits))
    source, accumulator = quantised.type_of("last"), quantised.layers["gap"].accumulator
    assert accumulator
    more = accumulator.fraction - source.fraction
    assert accumulator.low <= (area[0] * area[1] * source.low) << more
    assert (area[0] * area[1] * source.high) << more <= accumulator.high
    assert 2**more >= area[0] * area[1], "no bit of the average is lost"


PIXELS = 256
FURTHEST = PIXELS * 255 * 32767
"""White pixels times the largest weight of 16 bits: 8.5 million below 2**31, which the bias adds."""


def summing(folder: Path, total: int, is_last: bool) -> Job[HlsOptions]:
    """A layer whose sum, or its last one before bits are dropped, comes to `total` and not further."""
    sign = 1 if total > 0 else -1
    head = () if is_last else (Dense("dense", ("furthest",), 2),)
    layers = Flatten("flat", (INPUT,)), Dense("furthest", ("flat",), 1), *head
    job = job_on(Network("edge", (1, PIXELS, 1), layers), folder, weight_format="Q1.15", weight_scale="none")
    accumulator = lower(job).layers["furthest"].accumulator
    assert accumulator
    half = 0 if is_last or total < 0 else 1 << accumulator.fraction - lower(job).type_of("furthest").fraction - 1
    codes = {"furthest/kernel": sign * 32767 / 2**15, "furthest/bias": (total - sign * FURTHEST - half) / 2**23}
    return reweighted(job, lambda name, each: np.full_like(each, codes.get(name, 0)))


@pytest.mark.parametrize("over", [-1000, -1, 0, 1, 1000])
@pytest.mark.parametrize("is_last", [True, False])
@pytest.mark.parametrize("end", [2**31 - 1, -(2**31)])
def test_32_bits_hold_all_up_to_their_ends(tmp_path: Path, end: int, over: int, is_last: bool) -> None:
    total = end + over if end > 0 else end - over
    job = summing(tmp_path, total, is_last)
    reach = next(reaches(job, lower(job)))
    assert total in (reach.low, reach.high)
    refused = refusals(job)
    assert bool(refused) == (over > 0)
    for refusal in refused:
        assert ("33 bits" in refusal.fact) and (f"{abs(total):,}" in refusal.fact or "a beat" in refusal.fact)
