"""What is refused before anything is generated: each refusal names what is wrong and a choice that is then taken."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.nodes import MATRIX_VECTOR, nodes
from backends.dataflow.pe_simd import Fold, legal
from backends.hls import BACKEND
from backends.hls.options import HlsOptions
from backends.protocol import Job, Refusal, Unbuildable
from flows.core.evidence import Metric
from flows.core.fit import Verdict, judge
from models.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from tests.backends.hls.networks import SMALL, job_on, refusals, reweighted

IMAGE = (6, 8, 3)
CONV = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
HEAD = GlobalAveragePool("gap", ("last",)), Dense("dense", ("gap",), 5)


def only(job: Job[HlsOptions]) -> Refusal:
    (refusal,) = refusals(job)
    return refusal


def refusal_of(folder: Path, *layers: Layer) -> Refusal:
    return only(job_on(Network("odd", IMAGE, layers), folder))


def asked_by(job: Job[HlsOptions], nearest: str) -> Job[HlsOptions]:
    """`job` with the option that a refusal gives, as in ``--accumulator-bits 40``."""
    option, value = nearest.removeprefix("--").replace("-", "_").split(" ", 1)
    (field,) = (field for field in fields(job.options) if field.name == option)
    legal: Any = value if value in field.metadata.get("choices", ()) else field.metadata["parse"](value)
    return replace(job, options=replace(job.options, **{option: legal}))


def test_what_can_be_built_is_taken(tmp_path: Path) -> None:
    assert refusals(job_on(SMALL, tmp_path)) == ()
    assert refusals(job_on(Network("plain", IMAGE, (replace(CONV, name="last"), *HEAD)), tmp_path)) == ()


@pytest.mark.parametrize("layer", [BatchNorm("odd", ("conv",)), Dropout("odd", ("conv",), 0.5)])
def test_a_layer_without_a_template_is_refused_with_those_that_have_one(tmp_path: Path, layer: Layer) -> None:
    refusal = refusal_of(tmp_path, CONV, layer, ReLU("last", ("odd",)), *HEAD)
    assert refusal.culprit == "layer odd" and f"no template for {layer.kind}" in refusal.fact
    assert "conv2d" in refusal.nearest and layer.kind not in refusal.nearest


@pytest.mark.parametrize(("filters", "groups"), [(8, 2), (8, 4), (4, 2)])
def test_groups_are_built_where_each_is_a_channel_with_a_filter(tmp_path: Path, filters: int, groups: int) -> None:
    grouped = GroupedConv2D("last", ("conv",), (3, 3), (1, 1), "same", filters, groups)
    refusal = refusal_of(tmp_path, CONV, grouped, *HEAD)
    assert refusal.culprit == "layer last" and f"{groups} groups make {filters} filters of 4 channels" in refusal.fact
    assert (
        refusals(job_on(Network("deep", IMAGE, (CONV, replace(grouped, filters=4, groups=4), *HEAD)), tmp_path)) == ()
    )


def test_a_softmax_is_left_to_the_host_at_the_end_alone(tmp_path: Path) -> None:
    inner = Softmax("inner", ("dense",)), Dense("again", ("inner",), 3)
    refusal = refusal_of(tmp_path, replace(CONV, name="last"), *HEAD, *inner)
    assert refusal.culprit == "layer inner" and "no template for softmax" in refusal.fact


@pytest.mark.parametrize("width", [3, 4])
def test_a_pool_takes_four_columns(tmp_path: Path, width: int) -> None:
    """Its pipeline reads a column again no sooner than a row later."""
    layer = MaxPool2D("last", (INPUT,), (2, 2), (1, 1), "same")
    refused = refusals(job_on(Network("narrow", (6, width, 3), (layer, *HEAD)), tmp_path))
    assert [(refusal.culprit, refusal.nearest) for refusal in refused] == [
        ("layer last", "an image of 4 columns or more")
    ][width - 3 :]


@pytest.mark.parametrize("kernel", [(1, 3), (3, 3)])
def test_a_convolution_takes_any_number_of_columns(tmp_path: Path, kernel: tuple[int, int]) -> None:
    narrow = Network("row", (6, 3, 3), (replace(CONV, name="last", kernel=kernel), *HEAD))
    assert refusals(job_on(narrow, tmp_path)) == ()


@pytest.mark.parametrize(
    ("layers", "fact"),
    [
        ((Flatten("flat", ("conv",)), ReLU("relu", ("flat",)), Dense("dense", ("relu",), 5)), "comes relu"),
        ((Flatten("flat", ("conv",)),), "the end of the network"),
    ],
)
def test_an_image_is_flattened_for_a_dense_layer_alone(tmp_path: Path, layers: tuple[Layer, ...], fact: str) -> None:
    refusal = refusal_of(tmp_path, CONV, *layers)
    assert refusal.culprit == "layer flat" and fact in refusal.fact
    assert refusals(job_on(Network("even", IMAGE, (CONV, layers[0], Dense("dense", ("flat",), 5))), tmp_path)) == ()


def test_a_tensor_has_two_readers_at_most(tmp_path: Path) -> None:
    pointwise = [Conv2D(name, (INPUT,), (1, 1), (1, 1), "same", 4) for name in ("one", "two", "three")]
    joined = Add("sum", ("one", "two")), Add("last", ("sum", "three"))
    refusal = refusal_of(tmp_path, *pointwise, *joined, *HEAD)
    assert (refusal.culprit, refusal.nearest) == (f"tensor {INPUT}", "two readers at most")
    assert "one, two, three" in refusal.fact


def test_a_stream_is_read_once(tmp_path: Path) -> None:
    refusal = refusal_of(tmp_path, CONV, Add("last", ("conv", "conv")), *HEAD)
    assert refusal.culprit == "layer last" and "takes conv twice" in refusal.fact


def test_the_last_stage_sends_a_vector(tmp_path: Path) -> None:
    refusal = refusal_of(tmp_path, CONV)
    assert refusal.culprit == "layer conv" and "an image of 6x8x4" in refusal.fact


def test_the_first_stage_receives_images_and_vectors(tmp_path: Path) -> None:
    dense, softmax = Dense("dense", (INPUT,), 4), Softmax("softmax", (INPUT,))
    assert not refusals(job_on(Network("vector", (10,), (dense,)), tmp_path))
    (without_weights,) = refusals(job_on(Network("odd", (10,), (softmax,)), tmp_path))
    assert "no layer of it has weights" in without_weights.fact


def test_a_network_without_weights_is_refused(tmp_path: Path) -> None:
    first, *_ = refusals(job_on(Network("odd", IMAGE, (GlobalAveragePool("gap", (INPUT,)),)), tmp_path))
    assert first.culprit == "network odd" and "no layer of it has weights" in first.fact


@settings(max_examples=30)
@given(pe=st.integers(1, 30), simd=st.integers(1, 60), name=st.sampled_from(("conv1", "shortcut", "conv2", "dense")))
def test_what_is_no_fold_is_refused_with_the_nearest(
    tmp_path_factory: pytest.TempPathFactory, name: str, pe: int, simd: int
) -> None:
    folder = tmp_path_factory.mktemp("folding")
    job = job_on(SMALL, folder, folding=f"{name}={pe}x{simd}")
    (node,) = (each for each in nodes(lower(job)) if each.kind == MATRIX_VECTOR and each.name == name)
    refused = refusals(job)
    assert bool(refused) == (Fold(pe, simd) not in legal(node.foldable))
    for refusal in refused:
        assert refusal.culprit == "--folding" and f"{pe}x{simd} is no fold of {name}" in refusal.fact
        assert refusals(job_on(SMALL, folder, folding=refusal.nearest)) == ()


@pytest.mark.parametrize(
    ("option", "value"),
    [("folding", "conv9=1x1"), ("weight_format", "Q1.7,conv9=Q1.3"), ("weight_format", "Q1.7,pool=Q1.3")],
)
def test_a_layer_without_weights_is_refused_with_its_namesakes(tmp_path: Path, option: str, value: str) -> None:
    options: dict[str, Any] = {option: value}
    refusal = only(job_on(SMALL, tmp_path, **options))
    assert refusal.culprit == f"--{option.replace('_', '-')}"
    assert repr(value.replace(",", "=").split("=")[-2]) in refusal.fact
    assert set(refusal.nearest.split(", ")) <= {"conv1", "shortcut", "conv2", "dense"}


@pytest.mark.parametrize(
    ("weight", "activation", "accumulator"), [("Q1.7", 8, 16), ("Q1.15", 16, 32), ("Q1.15", 12, 30)]
)
def test_an_accumulator_too_short_is_refused_with_its_bits(
    tmp_path: Path, weight: str, activation: int, accumulator: int
) -> None:
    options: dict[str, Any] = {"weight_format": weight, "activation_bits": activation}
    job = job_on(SMALL, tmp_path, accumulator_bits=accumulator, **options)
    refusal = only(job)
    assert refusal.culprit == "--accumulator-bits" and f"{accumulator} bits cannot hold" in refusal.fact
    assert refusals(asked_by(job, refusal.nearest)) == ()
    enough = int(refusal.nearest.split()[-1])
    assert only(job_on(SMALL, tmp_path, accumulator_bits=enough - 1, **options)).culprit == "--accumulator-bits"


@pytest.mark.parametrize("scale", [1e-6, 1e-9, 1e-12, 1e-30])
@pytest.mark.parametrize("layer", ["conv1", "dense"])
def test_biases_far_above_their_weights_are_refused(tmp_path: Path, layer: str, scale: float) -> None:
    """Weights near zero, at a power of two of their own, leave the biases many bits before their point."""

    def changed(name: str, each: np.ndarray) -> np.ndarray:
        return {f"{layer}/kernel": each * scale, f"{layer}/bias": np.ones_like(each)}.get(name, each)

    job = reweighted(job_on(SMALL, tmp_path, accumulator_bits=28), changed)
    refused = refusals(job)
    assert "--accumulator-bits" in [refusal.culprit for refusal in refused]
    for refusal in refused:
        assert refusals(asked_by(job, refusal.nearest)) == ()


def test_results_are_held_by_a_beat(tmp_path: Path) -> None:
    """An accumulator of 48 bits holds them, the output stream does not, and shorter activations make them shorter."""
    last = Network("wide", IMAGE, (replace(CONV, name="last"), *HEAD))
    job = job_on(last, tmp_path, weight_format="Q1.15", activation_bits=16, accumulator_bits=48)
    job = reweighted(job, lambda name, each: np.ones_like(each))
    refusal = only(job)
    assert refusal.culprit == "layer dense" and "a beat of the output stream has 32" in refusal.fact
    assert refusal.nearest.startswith("--activation-bits")
    assert refusals(asked_by(job, refusal.nearest)) == ()


def test_where_activations_do_not_count_the_nearest_choice_is_another(tmp_path: Path) -> None:
    """Pixels have eight bits whatever is asked of the tensors behind them."""
    line = Network("linear", (32, 32, 3), (Flatten("flat", (INPUT,)), Dense("dense", ("flat",), 4)))
    job = job_on(line, tmp_path, weight_format="Q1.15", accumulator_bits=48)
    job = reweighted(job, lambda name, each: np.ones_like(each))
    refusal = only(job)
    assert refusal.nearest == "--weight-format Q1.11"
    assert refusals(asked_by(job, refusal.nearest)) == ()
    assert refusals(asked_by(job, "--weight-format Q1.12"))


def test_every_reason_of_a_kind_is_listed_at_once(tmp_path: Path) -> None:
    wrong = job_on(SMALL, tmp_path, folding="conv1=3x1,conv2=1x5,conv9=1x1")
    assert [refusal.nearest for refusal in refusals(wrong)] == ["conv2, conv1", "conv1=2x1", "conv2=1x4"]


def test_a_part_that_cannot_hold_the_weights_is_a_result(tmp_path: Path) -> None:
    """Some 600,000 weights of 8 bits are beyond the 2.1 Mb of block RAM of the xc7z010."""
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 256), Conv2D("last", ("conv",), (3, 3), (1, 1), "same", 256)
    job = job_on(Network("heavy", (8, 8, 3), (*conv, *HEAD)), tmp_path, part="xc7z010")
    assert refusals(job) == ()
    fit = judge(BACKEND.estimate(BACKEND.resolve(job)), job.target.part.device)
    assert fit.verdict is Verdict.OVER and fit.excess[Metric.BRAM18] > 0


def test_words_wider_than_an_integer_can_be_are_refused(tmp_path: Path) -> None:
    """Seven results at a time do not divide 520, so that a word is all of them: 4,160 bits."""
    layers = (
        Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", 520),
        GlobalAveragePool("gap", ("conv",)),
        Dense("dense", ("gap",), 3),
    )
    network = Network("wide", (4, 4, 2), layers)
    with pytest.raises(Unbuildable) as raised:
        BACKEND.resolve(job_on(network, tmp_path, folding="conv=7x1,dense=1x1"))
    assert "the words of conv have 4,160 bits, and AMD's ap_uint takes 4,096" in str(raised.value)
    BACKEND.resolve(job_on(network, tmp_path, folding="conv=8x1,dense=1x1"))
