"""The FINN flow on a tiny residual network: arithmetic read off trained files, the graph equal to the reference."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import backends
from backends.finn import BACKEND
from backends.finn.design.arithmetic import Ungridded, lower
from backends.finn.design.graph import nodes
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve
from backends.protocol import Job, Refusal, Unbuildable
from flows.conformance.networks import TINY
from flows.core.plan import Output
from models.evaluation.oracle import evaluate
from models.fixed import FixedType, Overflow
from models.network import INPUT, Conv2D, Dense, GlobalAveragePool, Network, ReLU, Softmax
from models.pixels import CENTRED, RAW, scaled
from models.quantised import Arithmetic
from models.serial import quantised_from_json, quantised_to_json
from models.vectors import vectors
from models.weights import Weights, save_weights
from tests.backends.finn.tiny import tiny_job
from tests.backends.finn.w4a4 import FLAT

VECTOR = Network(
    "vector",
    (20,),
    (Dense("hidden", (INPUT,), 8), ReLU("relu", ("hidden",)), Dense("dense", ("relu",), 4)),
)
GREY = Network(
    "grey",
    (8, 8, 1),
    (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), (1, 1, 1, 1), 4),
        ReLU("relu", ("conv",)),
        GlobalAveragePool("gap", ("relu",)),
        Dense("dense", ("gap",), 5),
    ),
)


@pytest.fixture
def job(tmp_path: Path) -> Job[FinnOptions]:
    return tiny_job(tmp_path)


def test_types_are_those_of_the_quantisers(job: Job[FinnOptions]) -> None:
    made = lower(job)
    assert made.input.type.name == "ap_ufixed<8,0>" and made.input.pixels == scaled(Fraction(1, 256))
    assert made.type_of("relu1").name == "ap_ufixed<4,2,AP_RND_CONV,AP_SAT>"
    assert made.type_of("shortcut").name == "ap_fixed<5,4,AP_RND_CONV,AP_SAT_SYM>"
    assert made.type_of("relu2").fraction == made.type_of("shortcut").fraction == made.type_of("add").fraction
    for layer in ("conv1", "conv2", "shortcut", "dense"):
        kernel = made.layers[layer].kernel
        assert kernel and kernel.name == "ap_fixed<4,1,AP_RND_CONV,AP_SAT_SYM>"
        assert made.layers[layer].accumulator == made.type_of(layer) or layer == "shortcut"
    made_of = resolve(job)
    assert BACKEND.check(job) == () and BACKEND.notes(made_of) and BACKEND.estimate(made_of)
    assert BACKEND.lower(made_of).digest == made.digest


@pytest.mark.parametrize("weight_bits", range(2, 9))
@pytest.mark.parametrize("activation_bits", range(2, 9))
@pytest.mark.parametrize("per_channel", [False, True])
def test_bits_are_read_off_the_files(tmp_path: Path, weight_bits: int, activation_bits: int, per_channel: bool) -> None:
    made = lower(tiny_job(tmp_path, "xc7z020", weight_bits, activation_bits, per_channel))
    assert set(made.weight_bits.values()) == {weight_bits}
    assert set(made.code_bits) == ({"conv1", "conv2", "shortcut"} if per_channel else set())
    assert made.type_of("relu1").width == activation_bits and not made.type_of("relu1").signed
    assert made.type_of("shortcut").width == min(activation_bits + 1, 8) and made.type_of("shortcut").signed
    assert quantised_from_json(quantised_to_json(made)).digest == made.digest


@pytest.mark.parametrize("weight_bits", range(2, 9))
@pytest.mark.parametrize("per_channel", [False, True])
def test_float_scales_are_read_off_the_files(tmp_path: Path, weight_bits: int, per_channel: bool) -> None:
    job = tiny_job(tmp_path, weight_bits=weight_bits, per_channel=per_channel, float_scales=True)
    made = lower(job)
    assert set(made.weight_bits.values()) == {weight_bits}
    assert set(made.code_bits) == {"conv1", "conv2", "shortcut", "dense"}
    told = "float scales by channel" if per_channel else "one float scale"
    assert any(f"conv1 {weight_bits} bits at {told}" in note.text for note in BACKEND.notes(resolve(job)))
    plain = lower(tiny_job(tmp_path, weight_bits=weight_bits))
    sums = [[node.result.width for node in nodes(one) if node.op.startswith("MVAU")] for one in (made, plain)]
    assert all(abs(ours - theirs) <= 1 for ours, theirs in zip(*sums, strict=True))  # of codes, not of their multiples


def test_bytes_are_taken_as_they_are_and_other_scalings_are_refused(job: Job[FinnOptions]) -> None:
    raw = replace(job, network=replace(job.network, pixels=RAW))
    assert BACKEND.check(raw) == ()
    contract = lower(raw).input
    assert (contract.type.name, contract.tables) == ("ap_ufixed<8,8>", (tuple(range(256)),))
    (refusal,) = BACKEND.check(replace(job, network=replace(job.network, pixels=CENTRED)))
    assert refusal.culprit == "--pixels" and "(x / 255 - 0.5) / 0.5" in refusal.fact and refusal.nearest


def refused(job: Job[FinnOptions]) -> Refusal:
    """The only reason why a job cannot be done, said by `resolve`."""
    assert not BACKEND.check(job)
    with pytest.raises(Unbuildable) as caught:
        resolve(job)
    (refusal,) = caught.value.refusals
    return refusal


@pytest.mark.parametrize(("tensor", "bits"), [("weights", (9, 4)), ("range", (4, 9))])
def test_bits_that_finn_does_not_build_are_refused(tmp_path: Path, tensor: str, bits: tuple[int, int]) -> None:
    other = tiny_job(tmp_path, "xc7z020", *bits)
    with pytest.raises(Ungridded, match=f"the {tensor}"):
        lower(other)
    refusal = refused(other)
    assert refusal.culprit == "weights" and "--qat" in refusal.nearest


def test_a_range_that_no_quantiser_left_is_refused(job: Job[FinnOptions]) -> None:
    reach = dict(job.ranges.reach) | {"relu1": (0.0, 3.7)}
    with pytest.raises(Ungridded, match="the range of relu1"):
        lower(replace(job, ranges=replace(job.ranges, reach=reach)))


def test_float_weights_are_refused(job: Job[FinnOptions], tmp_path: Path) -> None:
    tensors = {name: np.full(shape, 0.1, np.float32) for name, shape in TINY.weight_shapes()}
    save_weights(tmp_path / "float.safetensors", tensors, TINY)
    other = replace(job, weights=Weights(tmp_path / "float.safetensors", "f" * 16, None))
    assert "do not lie on grids" in refused(other).fact


def test_the_plan_writes_judges_and_executes(job: Job[FinnOptions]) -> None:
    made = BACKEND.plan(resolve(job))
    assert [(step.name, step.needs) for step in made.steps] == [
        ("export", ()),
        ("readiness", ("export",)),
        ("execute", ("export",)),
        ("brevitas", ("export",)),
        ("handover", ("export", "execute")),
        ("finn-plus", ("handover",)),
    ]
    assert made.artefact == Output("execute", "outputs.json")
    assert json.loads(str(made.steps[4].files["folding.json"]))["Defaults"] == {}


@pytest.mark.parametrize(
    ("network", "per_channel", "float_scales"),
    [
        *[(TINY, False, False), (TINY, True, False), (TINY, False, True), (TINY, True, True), (FLAT, True, False)],
        *[(VECTOR, False, False), (GREY, False, False), (replace(TINY, name="bytes", pixels=RAW), False, False)],
    ],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_qonnx_executes_the_graph_to_the_references_integers(
    tmp_path: Path, network: Network, per_channel: bool, float_scales: bool
) -> None:
    pytest.importorskip("qonnx")
    job = tiny_job(tmp_path, per_channel=per_channel, float_scales=float_scales, network=network)
    steps = {step.name: step for step in BACKEND.plan(resolve(job)).steps}
    root = Path(backends.__file__).resolve().parents[1]

    def work(name: str) -> None:
        (tmp_path / "job.json").write_text(str(steps[name].files["job.json"]))
        environment = {"PYTHONPATH": str(root), "PATH": ""}
        command = [sys.executable, *steps[name].argv[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    (tmp_path / "weights.safetensors").write_bytes(job.weights.path.read_bytes())
    work("export")
    (tmp_path / "given").mkdir()
    shutil.copy(tmp_path / "model.onnx", tmp_path / "given")
    work("readiness")
    work("execute")
    made, images = lower(job), vectors(network.input_shape)
    expected = [list(evaluate(made, job.weights.tensors(), image)[made.output]) for image in images[:4]]
    assert json.loads((tmp_path / "outputs.json").read_text())[:4] == expected

    (tmp_path / "folding.json").write_text(str(steps["handover"].files["folding.json"]))
    work("handover")
    given, logits = (np.load(tmp_path / "finn" / name) for name in ("input.npy", "expected_output.npy"))
    assert given.dtype == logits.dtype == np.float32 and np.array_equal(given, np.moveaxis(images, -1, 1))
    assert np.array_equal(logits[:4] * 2.0 ** made.type_of(made.output).fraction, expected)
    assert {path.name for path in (tmp_path / "finn").iterdir()} == {
        *("model.onnx", "folding.json", "build.py", "README.md", "input.npy", "expected_output.npy")
    }


@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("signed", [False, True])
def test_the_average_holds_every_value_of_what_it_averages(tmp_path: Path, side: int, signed: bool) -> None:
    """Constant and mixed images of every code: the mean is exact, without a sign where its input has none."""
    head = (GlobalAveragePool("gap", ("made",)), Dense("dense", ("gap",), 3), Softmax("softmax", ("dense",)))
    conv = Conv2D("conv" if not signed else "made", (INPUT,), (1, 1), (1, 1), "same", 2)
    body = (conv,) if signed else (conv, ReLU("made", ("conv",)))
    job = tiny_job(tmp_path, network=Network("mean", (side, side, 3), (*body, *head)))
    made = lower(job)
    source, types, area = made.type_of("made"), made.layers["gap"], side * side
    assert types.output.signed == source.signed == signed
    lowest = source.low + (source.overflow is Overflow.SAT_SYM and signed)
    for code in range(lowest, source.high + 1):
        for other in (lowest, code, source.high):
            image = np.full((side, side, 2), code, object)
            image[0, 0] = other
            (mean, again) = average(types, source, image)
            total = code * (area - 1) + other
            assert types.output.value(mean) == Fraction(total, area) * source.value(1) and again == mean


def average(types: Arithmetic, source: FixedType, image: np.ndarray) -> list[int]:
    """The codes of the global average of an image of codes, as the exact reference computes them."""
    from models.evaluation.oracle import _layer

    layer = GlobalAveragePool("gap", ("made",))
    return list(_layer(layer, types, {}, [image], [source.fraction]))
