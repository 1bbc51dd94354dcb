"""Files as users of hls4ml have them: what is taken, what is said, and that no weight is lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.hls4ml.ranged import careful, integer_bits, moved
from backends.protocol import Job, NoteKind
from models.fixed import FixedType
from models.folding import folded, folded_weights
from models.network import Network
from tests.backends.hls4ml.answers import design_of, only_refusal, refusals, said
from tests.backends.jobs import job_with, measured

CASES = Path(__file__).with_name("cases")
Cases = Callable[..., Job[Hls4mlOptions]]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    """A job on one of the files, its ranges measured on the check images."""
    pytest.importorskip("h5py")
    pytest.importorskip("torch")
    from models.imported.workers.keras_layers import read_keras

    folder, known = tmp_path_factory.mktemp("cases"), dict[str, Job[Hls4mlOptions]]()

    def read(name: str) -> Job[Hls4mlOptions]:
        network, tensors = read_keras(CASES / name, name)
        hardware = folded(network)
        single = {each: tensor.astype(np.float32) for each, tensor in folded_weights(network, tensors).items()}
        return job_with(hardware, single, measured(hardware, single), folder, Hls4mlOptions())

    def make(name: str, **options: Any) -> Job[Hls4mlOptions]:
        if name not in known:
            known[name] = read(name)
        if "config" in options:
            options["config"] = str(CASES / options["config"])
        return replace(known[name], options=Hls4mlOptions(**options))

    return make


def lost(job: Job[Hls4mlOptions]) -> Mapping[str, float]:
    """The squared error that the types of a design make of trained tensors, by their squares."""
    quantised, content = lower(job), {}
    for name, tensor in job.weights.tensors().items():
        layer, role = name.split("/")
        types = quantised.layers[layer]
        type = types.kernel if role == "kernel" else types.bias
        assert type is not None
        kept = np.array([float(type.value(type.enter(Fraction(float(each))))) for each in tensor.ravel()])
        content[name] = float(((kept - tensor.ravel()) ** 2).sum() / max(float((tensor**2).sum()), 1e-30))
    return content


@pytest.mark.parametrize("name", ["big_weights.keras", "tiny_weights.keras"])
@pytest.mark.parametrize("precision", ["ap_fixed<16,6>", "ap_fixed<10,4>", "12"])
def test_no_weight_leaves_its_type(case: Cases, name: str, precision: str) -> None:
    """At ap_fixed<16,6> 1,464 of 1,920 weights of the one would saturate, and most of the other become zero."""
    job = case(name, precision=precision)
    assert refusals(job) == () and max(lost(job).values()) < 0.01
    texts = said(job)
    assert not [text for text in texts if "saturate," in text or "become zero" in text]
    assert precision == "12" or [text for text in texts if text.startswith("the kernel of ") and "trained to" in text]


@pytest.mark.parametrize(
    ("name", "precision", "fact"),
    [
        (
            "big_weights.keras",
            "stock",
            "kernel, ap_fixed<16,6>: 1,464 of 1,920 weights wrap to other numbers, 0 become",
        ),
        (
            "tiny_weights.keras",
            "stock",
            "kernel, ap_fixed<16,6>: 0 of 162 weights wrap to other numbers, 74 become zero",
        ),
        (
            "big_weights.keras",
            "ap_fixed<16,6>,dense_22.weight=ap_fixed<16,6,AP_RND,AP_SAT>",
            "dense_22 kernel, ap_fixed<16,6,AP_RND,AP_SAT>: 1,464 of 1,920 weights saturate, 0 become zero",
        ),
        (
            "tiny_weights.keras",
            "ap_fixed<16,6>,@Conv2D.weight=ap_fixed<16,6,AP_RND,AP_SAT>",
            "conv2d_40 kernel, ap_fixed<16,6,AP_RND,AP_SAT>: 0 of 162 weights saturate, 162 become zero",
        ),
    ],
)
def test_weights_outside_a_type_that_was_forced_are_counted(case: Cases, name: str, precision: str, fact: str) -> None:
    job = case(name, precision=precision)
    counted = [text for text in said(job) if "become zero" in text]
    assert any(fact in text for text in counted) and set(counted) <= set(said(job, NoteKind.WARNING))


@given(
    width=st.integers(2, 20),
    integer=st.integers(-4, 12),
    ends=st.tuples(st.floats(-1e4, 1e4, width=32), st.floats(-1e4, 1e4, width=32)),
)
@example(width=2, integer=3, ends=(0.0, -1.0))
def test_a_moved_type_holds_both_ends_and_is_no_wider(width: int, integer: int, ends: tuple[float, float]) -> None:
    low, high = sorted(ends)
    base = FixedType(width, integer)
    type = careful(moved(base, low, high))
    assert type.width == width
    for end in (low, high):
        assert abs(type.value(type.enter(Fraction(end))) - Fraction(end)) <= type.value(1)
    largest = max(-low, high)
    if type.integer < integer:
        assert largest < 2.0**-base.fraction * 16, "only where hardly a code of it was used"
    assert integer_bits(low, high) >= type.integer or type.integer == integer


@pytest.mark.parametrize(
    ("accumulator", "facts"),
    [
        ("ap_fixed<40,20>", []),
        ("ap_fixed<36,16>", []),
        ("ap_fixed<35,15>", ["conv1, ap_fixed<35,15>, is 1 bit short of every sum"]),
        ("ap_fixed<34,14>", ["conv1, ap_fixed<34,14>, is 2 bits short of every sum"]),
    ],
)
def test_an_accumulator_that_is_too_narrow_is_said_to_be(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], accumulator: str, facts: list[str]
) -> None:
    """27 products of two numbers of up to -32 and a bias of up to 32 reach 27 * 1024 + 32: below 2^15, 16 bits with the
    sign."""
    job = job_of(tiny, precision=f"ap_fixed<16,6>,conv1.accum={accumulator}")
    assert refusals(job) == ()
    short = [text for text in said(job, NoteKind.WARNING) if "short of every sum" in text]
    assert len(short) == len(facts) and all(fact in text for fact, text in zip(facts, short, strict=True))
    wide = next(text for text in said(job) if text.startswith("accumulators of conv2d"))
    assert "wide enough" in wide, "of the others"


def test_a_config_of_hls4mls_own_snaps_every_layer(case: Cases) -> None:
    job = case("named_seq.keras", config="all64.yml")
    assert refusals(job) == ()
    assert design_of(job).reuse == {"conv1": 54, "conv2": 72, "fc1": 75, "out": 48}
    assert job.options.softmax == "keep", "Skip: false"
    text = "\n".join(said(job))
    assert "conv1 54, conv2 72, fc1 75, out 48" in text
    assert "Part xc7z010clg400-1 is not taken: --part says it" in text and "ClockPeriod 5 is not taken: --clock" in text
    assert "the config says no Strategy: hls4ml then takes Latency, this flow Resource" in text


@pytest.mark.parametrize("name", ["c7_plain_layer_type.yml", "c8_default_in_layer.yml"])
def test_a_plain_precision_is_every_type_of_the_layer(case: Cases, name: str) -> None:
    """Also of its accumulator, which would round: that is refused, with what to write."""
    refusal = only_refusal(case("named_seq.keras", config=name))
    assert refusal.culprit == "--precision" and "conv2: ap_fixed<8,3> would round" in refusal.fact
    assert "conv2.accum=auto" in refusal.nearest and "accum: auto in a config" in refusal.nearest


def test_a_folded_layer_is_named_with_what_it_is_folded_into(case: Cases) -> None:
    job = case("lenet_bn.keras", config="e1_bn.yml")
    assert refusals(job) == ()
    assert [text for text in said(job) if "batch_normalization_3" in text] == [
        "what is said of batch_normalization_3 is left out: it is folded into conv2d_18"
    ]
    kernel = lower(job).layers["conv2d_18"].kernel
    assert kernel is not None and kernel.name == "ap_fixed<16,6>"


@pytest.mark.parametrize(
    ("name", "options", "facts"),
    [
        (
            "c14_io_parallel.yml",
            {"backend": "vivado", "io_type": "io_parallel"},
            ["ClockPeriod 5 is not taken: --clock", "XilinxPart xcku115-flvb2104-2-i is not taken: --part"],
        ),
        (
            "e2_streamdepth.yml",
            {"backend": "vitis", "io_type": "io_stream", "reuse_factor": "6"},
            ["conv1.StreamDepth 82 is not taken: --fifo-depth", "Model.FIFO_opt 0 is not taken: --fifo-depth"],
        ),
    ],
)
def test_other_keys_are_taken_or_named(case: Cases, name: str, options: dict[str, str], facts: list[str]) -> None:
    job = case("named_seq.keras", config=name)
    assert refusals(job) == () and options.items() <= vars(job.options).items()
    for fact in facts:
        assert [text for text in said(job) if fact in text], fact


def test_an_option_wins_over_the_config_even_where_it_is_the_default(case: Cases) -> None:
    job = case("named_seq.keras", config="c14_io_parallel.yml", io_type="io_stream", backend="vitis")
    assert (job.options.io_type, job.options.backend) == ("io_stream", "vitis")


def test_parallel_convolutions_are_snapped_below_their_kernels(case: Cases) -> None:
    job = case("bn_noscale.keras", io_type="io_parallel", reuse_factor="54")
    assert design_of(job).reuse == {"conv2d_16": 27, "conv2d_17": 54, "dense_12": 54}
