"""Refusals: each names the option, the fact and a choice that is then taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hls4ml import BACKEND, reuse
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, NoteKind
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    Padding,
)
from models.network import INPUT, Network
from models.zoo import ARCH8
from tests.backends.hls4ml.answers import design_of, only_refusal, refusals, said


def test_the_default_is_taken(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    assert refusals(job_of(ARCH8)) == () == refusals(job_of(tiny))


@pytest.mark.parametrize(
    ("option", "value", "nearest"), [("io_type", "io_parallel", "io_stream"), ("strategy", "latency", "resource")]
)
def test_past_the_unroll_limit_is_refused(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], option: str, value: str, nearest: str
) -> None:
    refusal = only_refusal(job_of(ARCH8, **{option: value}))
    culprit = f"--{option.replace('_', '-')}"
    assert (refusal.culprit, refusal.nearest) == (f"{culprit} {value}", f"{culprit} {nearest}")
    assert "28,224" in refusal.fact and "4,096" in refusal.fact
    assert refusals(job_of(ARCH8, **{option: nearest})) == ()
    assert refusals(job_of(tiny, **{option: value})) == ()


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (Clip("odd", ("conv",), 0.0, 3.0), "it clips to 0 .. 3, and hls4ml's ReLU with an upper end is relu6"),
        (Clip("odd", ("conv",), -1.0, 1.0), "it clips to -1 .. 1, and"),
        (LeakyReLU("odd", ("conv",), 0.1), "leaky_relu: hls4ml has LeakyReLU, but"),
        (Concat("odd", ("conv", INPUT)), "concat: hls4ml has Concatenate, but"),
        (GroupedConv2D("odd", ("conv",), (3, 3), (1, 1), "same", 4, 2), "hls4ml 1.3.0 reads no `groups`"),
        (GroupedConv2D("odd", ("conv",), (3, 3), (1, 1), "same", 8, 4), "those with a filter a channel"),
    ],
)
def test_what_hls4ml_has_and_the_flow_does_not_build_is_reported(
    job_of: Callable[..., Job[Hls4mlOptions]], layer: Layer, why: str
) -> None:
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
    tail = GlobalAveragePool("gap", ("odd",)), Dense("dense", ("gap",), 2)
    refusal = only_refusal(job_of(Network("odd", (8, 8, 3), (conv, layer, *tail))))
    assert refusal.culprit == "layer odd" and why in refusal.fact and refusal.nearest


@pytest.mark.parametrize(
    "layer",
    [Clip("odd", ("conv",), 0.0, 6.0), GroupedConv2D("odd", ("conv",), (3, 3), (1, 1), "same", 4, 4)],
    ids=lambda layer: layer.kind,
)
def test_depthwise_convolutions_and_relu6_are_built_of_streams_alone(
    job_of: Callable[..., Job[Hls4mlOptions]], layer: Layer
) -> None:
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
    network = Network("odd", (8, 8, 3), (conv, layer, GlobalAveragePool("gap", ("odd",)), Dense("dense", ("gap",), 2)))
    assert refusals(job_of(network)) == ()
    refusal = only_refusal(job_of(network, io_type="io_parallel"))
    assert refusal.culprit == "--io-type io_parallel" and "as odd is" in refusal.fact


@pytest.mark.parametrize(("name", "nearest"), [("block1_conv", "block1_conv1"), ("shortcut", "block1_shortcut")])
def test_an_unknown_layer_is_refused_with_its_namesake(
    job_of: Callable[..., Job[Hls4mlOptions]], name: str, nearest: str
) -> None:
    refusal = only_refusal(job_of(ARCH8, reuse_factor=f"auto,{name}=4"))
    assert repr(name) in refusal.fact and nearest in refusal.nearest


@pytest.mark.parametrize(
    ("size", "strides", "padding", "taken"),
    [(8, (2, 2), "valid", True), (8, (2, 2), "same", True), (7, (2, 2), "same", False), (8, (1, 1), "valid", False)],
)
@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D])
def test_only_windows_side_by_side_are_pooled(
    job_of: Callable[..., Job[Hls4mlOptions]],
    kind: type[MaxPool2D | AveragePool2D],
    size: int,
    strides: tuple[int, int],
    padding: Padding,
    taken: bool,
) -> None:
    """hls4ml 1.3.0 takes the others, and its C simulation then aborts."""
    pool = kind("pool", (INPUT,), (2, 2), strides, padding)
    layers = (pool, Flatten("flat", ("pool",)), Dense("dense", ("flat",), 2))
    refused = refusals(job_of(Network("pooled", (size, size, 3), layers)))
    assert (refused == ()) == taken
    for refusal in refused:
        assert (refusal.culprit, refusal.nearest) == ("layer pool", "strides (2, 2), valid")


def test_a_layer_like_no_other_is_refused_with_all_that_there_are(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    assert only_refusal(job_of(ARCH8, reuse_factor="auto,xyz=4")).nearest == ", ".join(reuse.sizes(ARCH8))


@given(name=st.sampled_from(sorted(reuse.sizes(ARCH8))), factor=st.integers(1, 40_000))
@settings(max_examples=25, deadline=None)
def test_the_factor_of_a_layer_is_snapped_and_a_note_says_so(
    job_of: Callable[..., Job[Hls4mlOptions]], name: str, factor: int
) -> None:
    job = job_of(ARCH8, reuse_factor=f"64,{name}={factor}")
    assert refusals(job) == ()
    legal = reuse.legal(*reuse.sizes(ARCH8)[name])
    design = design_of(job).reuse[name]
    assert design == reuse.nearest(legal, factor)
    snapped = [text for text in said(job) if f"{name} {design} instead of {factor}" in text]
    assert bool(snapped) == (factor not in legal) and set(snapped) <= set(said(job, NoteKind.WARNING))


@pytest.mark.parametrize("strategy", ["resource", "latency"])
def test_parallel_convolutions_take_no_factor_above_their_inputs(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], strategy: str
) -> None:
    """hls4ml asserts it in C++ ("correct only for RF <= FILT_HEIGHT * FILT_WIDTH * N_CHAN"), where nothing checks it
    before; a dense layer takes them, and no layer of the Latency strategy is snapped."""
    job = job_of(tiny, io_type="io_parallel", reuse_factor="54,shortcut=12,dense=20", strategy=strategy)
    assert refusals(job) == ()
    unsnapped = {"conv1": 54, "conv2": 54, "shortcut": 12, "dense": 20}
    snapped = {"conv1": 27, "conv2": 36, "shortcut": 3, "dense": 20}
    assert design_of(job).reuse == (unsnapped if strategy == "latency" else snapped)
    assert design_of(job_of(tiny, reuse_factor="54")).reuse["conv1"] == 54


@given(width=st.integers(2, 40), integer=st.integers(1, 40))
def test_a_sum_beyond_the_reference_is_refused_with_the_widest_type(
    job_of: Callable[..., Job[Hls4mlOptions]], width: int, integer: int
) -> None:
    """504 terms take 9 bits and the bias one: operands of up to 21 bits stay within 53."""
    refused = BACKEND.check(job_of(ARCH8, precision=f"ap_fixed<{width},{integer}>"))
    assert bool(refused) == (width > 21)
    for refusal in refused:
        assert refusal.culprit == "--precision" and "504 products" in refusal.fact
        assert refusal.nearest.startswith("ap_fixed<21,") and not BACKEND.check(
            job_of(ARCH8, precision=refusal.nearest)
        )


def test_every_reason_is_listed_at_once(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    asked = job_of(ARCH8, io_type="io_parallel", reuse_factor="auto,dens=3", precision="ap_fixed<32,6>")
    assert [refusal.culprit for refusal in refusals(asked)] == [
        "--io-type io_parallel",
        "--reuse-factor",
        "--precision",
    ]


def test_a_skip_too_shallow_is_refused_with_the_depth_that_it_needs(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    refusal = only_refusal(job_of(ARCH8, fifo_depth="32"))
    assert refusal.culprit == "--fifo-depth" and "clone input to block1_shortcut" in refusal.fact
    enough = int(refusal.nearest.rpartition(" ")[2])
    assert refusals(job_of(ARCH8, fifo_depth=str(enough))) == () == refusals(job_of(ARCH8, fifo_depth="hls4ml"))
    assert refusals(job_of(ARCH8, fifo_depth=str(enough - 1))), "the least that works, not an upper bound of it"


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_a_rate_and_fifos_too_shallow_are_refused_for_the_fifos(
    job_of: Callable[..., Job[Hls4mlOptions]], part: str
) -> None:
    """A design that deadlocks has no interval that could be compared with the rate."""
    assert only_refusal(job_of(ARCH8, part=part, target_fps="100", fifo_depth="4")).culprit == "--fifo-depth"


@given(depth=st.integers(1, 40), skip=st.sampled_from([(3, 3), (5, 5), (1, 1)]), width=st.integers(6, 12))
@settings(max_examples=15, deadline=None)
def test_the_depth_that_is_offered_is_the_least_that_works(
    job_of: Callable[..., Job[Hls4mlOptions]], depth: int, skip: tuple[int, int], width: int
) -> None:
    network = Network(
        "skip",
        (6, width, 3),
        (
            Conv2D("first", (INPUT,), (3, 3), (1, 1), "same", 3),
            Conv2D("second", ("first",), skip, (1, 1), "same", 3),
            Add("join", ("second", INPUT)),
            GlobalAveragePool("gap", ("join",)),
        ),
    )
    for refusal in refusals(job_of(network, fifo_depth=str(depth))):
        least = int(refusal.nearest.rpartition(" ")[2])
        assert least > depth and refusals(job_of(network, fifo_depth=str(least))) == ()
        assert least == depth + 1 or refusals(job_of(network, fifo_depth=str(least - 1)))


def test_a_strategy_for_an_unknown_layer_is_refused(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    refusal = only_refusal(job_of(ARCH8, strategy="resource,dens=latency"))
    assert (refusal.culprit, refusal.nearest) == ("--strategy", "dense")
    assert refusals(job_of(ARCH8, strategy="resource,dense=latency")) == ()
    assert "28,224" in only_refusal(job_of(ARCH8, strategy="resource,block2_conv2=latency")).fact
