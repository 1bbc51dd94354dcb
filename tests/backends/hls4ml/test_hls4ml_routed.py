"""What is routed: the structure of units, what Vivado leaves out of it, and how the parts become a whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.amounts import Total, summed
from backends.cost.shell import ACCELERATOR, DMA, find_shell
from backends.hls4ml import BACKEND, built, structure
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.reuse import legal
from backends.hls4ml.routed_products import effective_bits, loses_bits
from backends.hls4ml.structure import RAM, REGISTERS, SHIFT, Counts, Product
from backends.protocol import Job
from flows.core.evidence import RESOURCES, SHELL, TOTAL, Metric, Reading, Tier, nearest, total
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Dense, Flatten, ReLU
from models.network import INPUT, Network
from models.weights import open_weights, save_weights
from models.zoo import ARCH8
from tests.backends.hls4ml.answers import said

MLP = Network(
    "mlp",
    (1, 1, 16),
    (
        Flatten("flatten", (INPUT,)),
        Dense("fc1", ("flatten",), 64),
        ReLU("relu1", ("fc1",)),
        Dense("fc2", ("relu1",), 5),
    ),
)
types = st.builds(
    FixedType,
    st.integers(2, 10),
    st.integers(-2, 8),
    st.booleans(),
    st.sampled_from([Rounding.TRN, Rounding.RND]),
    st.sampled_from([Overflow.WRAP, Overflow.SAT]),
)


def estimate(job: Job[Hls4mlOptions]) -> list[Reading]:
    return list(BACKEND.estimate(BACKEND.resolve(job)))


@given(types, types)
def test_where_no_bit_is_cut_nothing_rounds_or_saturates(source: FixedType, output: FixedType) -> None:
    """Against every code of the source: what enters as it is, is neither rounded nor saturated."""
    values = [source.value(code) for code in range(source.low, source.high + 1)]
    unchanged = all(output.value(output.enter(value)) == value for value in values)
    if loses_bits(source, output):
        assert not unchanged
    if unchanged:
        assert not loses_bits(source, output)


def test_a_relu_of_equal_types_only_masks() -> None:
    word = FixedType(16, 6, True, Rounding.RND, Overflow.SAT)
    assert not loses_bits(word, word)
    assert loses_bits(word, FixedType(16, 5, True, Rounding.RND, Overflow.SAT))
    assert not loses_bits(FixedType(9, 3), FixedType(8, 2, False, Rounding.RND, Overflow.SAT), positive=True)


@pytest.mark.parametrize(("reach", "bits"), [(0.0, 1), (0.2, 9), (0.4999, 10), (1.5, 12), (31.0, 16), (500.0, 16)])
def test_bits_above_the_largest_weight_tell_nothing(tmp_path: Any, reach: float, bits: int) -> None:
    """ap_fixed<16,6> has 10 fraction bits: a weight of 0.2 is 205 steps, which take 8 bits and a sign."""
    kernels = {name: np.zeros(shape, np.float32) for name, shape in MLP.weight_shapes()}
    kernels["fc1/kernel"][0, 0] = reach
    save_weights(tmp_path / "w.safetensors", kernels, MLP)
    weights = open_weights(tmp_path / "w.safetensors", MLP)
    assert effective_bits(weights, "fc1", FixedType(16, 6)) == bits
    assert effective_bits(None, "fc1", FixedType(16, 6)) == 16


@given(st.integers(1, 64), st.integers(1, 32), st.integers(2, 16))
def test_fewer_multipliers_take_no_more_adders_and_registers(n_in: int, n_out: int, bits: int) -> None:
    every = [Product(n_in, n_out, factor, bits, bits, 2 * bits, bits) for factor in legal(n_in, n_out) if factor > 1]
    for faster, slower in pairwise(every):
        assert slower.multipliers <= faster.multipliers
        if faster.shared == slower.shared:
            assert slower.counts.logic <= faster.counts.logic and slower.counts.ff <= faster.counts.ff


def test_a_window_keeps_rows_in_shift_registers() -> None:
    narrow, wide = (structure.line_buffer((3, 3, 32), row, 8) for row in (16, 17))
    assert (narrow, wide) == (256, 512), "two bits share a LUT up to 16 pixels a row"


@pytest.mark.parametrize(
    ("depth", "bits", "kind", "ff"),
    [(64, 8, SHIFT, 9), (100, 16, RAM, 57), (1024, 8, RAM, 50), (2, 256, REGISTERS, 515)],
)
def test_a_fifo_has_its_pointers(depth: int, bits: int, kind: str, ff: int) -> None:
    assert structure.fifo(depth, bits, kind).ff == ff


def test_memory_is_certain_and_a_unit_without_rows_as_wide_as_all() -> None:
    (lut,), (ff,) = built.amounts("product", Counts(1000, 300, 500)).values()
    assert lut and ff and lut.low > 300 and lut.low < lut.value < lut.high and "n = 20" in lut.source
    (unseen,) = built.amounts("add", Counts(1000, 0, 0))[Metric.LUT]
    spread = built.shipped()[built.EVERY_UNIT, "lut"]["interval_90"]
    assert unseen and unseen.high == pytest.approx(1000 * np.exp(spread)) and "no built design" in unseen.source


def test_the_interval_of_a_whole_is_calibrated_on_wholes() -> None:
    whole = built.whole(Metric.LUT, Total(12_000, 0, 10**6), charged=2_000)
    spread = built.spread_of_whole(Metric.LUT)
    assert (whole.low, whole.high) == pytest.approx((2_000 + 10_000 / spread, 2_000 + 10_000 * spread))
    exact = Total(5, 4, 6)
    assert built.whole(Metric.DSP, exact, 0) is exact and summed([]).value == 0


def test_a_design_has_both_models_and_is_judged_on_what_is_routed(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    readings = estimate(job_of(ARCH8, reuse_factor="252"))
    for metric in RESOURCES:
        stages = [reading.stage for reading in readings if reading.metric is metric and reading.scope == TOTAL]
        assert stages == [Tier.HLS, Tier.ROUTED]
        judged = total(nearest(readings), metric)
        assert judged and judged.stage is Tier.ROUTED
    lut = total(nearest(readings), Metric.LUT)
    assert lut and lut.high and "each repository held out" in lut.source
    assert len([reading for reading in readings if reading.scope == SHELL]) == len(RESOURCES)


@pytest.mark.parametrize("strategy", ["resource", "latency"])
def test_dense_layers_of_io_parallel_are_known_once_routed(
    job_of: Callable[..., Job[Hls4mlOptions]], strategy: str
) -> None:
    job = job_of(MLP, io_type="io_parallel", reuse_factor="16", strategy=strategy)
    readings = estimate(job)
    assert {reading.stage for reading in readings} == {Tier.ROUTED}
    assert {reading.metric for reading in readings if reading.scope == TOTAL} == {*RESOURCES, Metric.FMAX_MHZ}
    assert any(reading.scope == "fifo" for reading in readings) == (strategy == "resource")
    assert any("4 designs of 2 repositories" in text for text in said(job))


def test_convolutions_of_io_parallel_are_not_guessed(job_of: Callable[..., Job[Hls4mlOptions]], tiny: Network) -> None:
    job = job_of(tiny, io_type="io_parallel", reuse_factor="4")
    assert {each.metric for each in estimate(job)} == {Metric.FMAX_MHZ}
    assert any("no built design with convolutions" in text for text in said(job))


@pytest.mark.parametrize(
    ("shape", "bits", "io_type", "blocks"),
    [((32, 32, 3), 8, "io_stream", 6), ((16,), 16, "io_stream", 0), ((64,), 16, "io_stream", 0),
     ((32, 32, 3), 8, "io_parallel", 0)],
)  # fmt: skip
def test_the_fifo_before_a_core_with_converters_holds_a_frame(
    job_of: Callable[..., Job[Hls4mlOptions]], shape: tuple[int, ...], bits: int, io_type: str, blocks: int
) -> None:
    """6 RAMB18 in RN06 as it is routed (32x32x3 values of 8 bits), none in an MLP of 16."""
    flat = (Flatten("flat", (INPUT,)), Dense("out", ("flat",), 5)) if len(shape) > 1 else (Dense("out", (INPUT,), 5),)
    precision = f"ap_fixed<16,6>,{INPUT}.result=ap_fixed<{bits},1>"
    job = job_of(Network("wrapped", shape, flat), precision=precision, io_type=io_type, shell=ACCELERATOR)
    shell = BACKEND.resolve(job).design.shell
    assert shell.range(Metric.BRAM18).value - find_shell(DMA).range(Metric.BRAM18).value == blocks
