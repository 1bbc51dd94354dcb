"""A user's QONNX file through the flow: rewritten, proved code for code, handed over with thresholds of its own."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("qonnx")
pytest.importorskip("torch")
from onnx import ModelProto, TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from backends.finn import BACKEND
from backends.finn.design.nodes import MatrixVector
from backends.finn.handover.step import facts
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve
from backends.finn.workers import handover, own_graph, prove
from backends.finn.workers.handover import thresholds
from backends.protocol import Job, Refusal
from flows.core.errors import InputError
from flows.core.part import Target, find_part
from models.evaluation.fast import FastNetwork
from models.integer_network import QuantisedTensor, open_integers
from models.ranges import Ranges
from models.serial import network_from_json
from models.thresholds import Affine, ladder
from models.vectors import vectors
from models.weights import open_weights
from tests.backends.finn.test_finn_handover import STEPS, VECTORS
from tests.models.imported.qonnx_graphs import FORMS, Builder, read, residual


@pytest.fixture(params=FORMS)
def job(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job[FinnOptions]:
    return job_on(FORMS[request.param](), tmp_path, monkeypatch)


def job_on(model: ModelProto, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Job[FinnOptions]:
    path = read(model, folder, monkeypatch)
    network = network_from_json(json.loads((path / "network.json").read_text()))
    weights = open_weights(path / "weights.safetensors", network)
    ranges = Ranges(network.digest, weights.digest, "quantisers", 0, json.loads((path / "ranges.json").read_text()))
    integer = open_integers(path, json.loads((path / "integers.json").read_text()))
    return Job(network, weights, ranges, Target(find_part("xc7z020")), FinnOptions(), integer)


def prepare(job: Job[FinnOptions], folder: Path) -> dict[str, Any]:
    """Lays out what the proof reads; returns what it is asked."""
    assert job.integer and not isinstance(job.integer, Refusal)
    (folder / "graph.onnx").write_bytes(job.integer.graph.path.read_bytes())
    own_graph.main({})
    (folder / "integers.safetensors").write_bytes(job.integer.weights.path.read_bytes())
    return {"integers": json.loads(json.dumps(job.integer.facts)), "vectors": 4}


def test_the_flow_proves_every_code_and_hands_the_graph_over(job: Job[FinnOptions], tmp_path: Path) -> None:
    assert BACKEND.check(job) == () and job.integer and not isinstance(job.integer, Refusal)
    solved = resolve(job)
    quantised = BACKEND.lower(solved)
    assert quantised.digest == job.integer.quantised.digest and BACKEND.estimate(solved) and BACKEND.notes(solved)
    ask = prepare(job, tmp_path)
    prove.main(ask)
    rows = json.loads((tmp_path / "outputs.json").read_text())
    exact = FastNetwork(quantised, job.integer.weights.tensors())(vectors(quantised.network.input_shape, 4))
    assert rows == exact[quantised.output].long().tolist()
    counts = json.loads((tmp_path / "codes.json").read_text())
    tensors = sum(exact[tensor.layer][0].numel() for tensor in job.integer.tensors)
    assert counts["compared"] == 4 * (tensors + 5) and counts["rounded"] == 0

    steps = {step.name: step for step in BACKEND.plan(solved).steps}
    assert list(steps) == ["export", "readiness", "execute", "handover", "finn-plus"]
    (tmp_path / "folding.json").write_text(str(steps["handover"].files["folding.json"]))
    handover.main(json.loads(str(steps["handover"].files["job.json"])))
    path = tmp_path / "finn"
    assert np.load(path / "expected_output.npy").shape == (4, 5)
    with np.load(path / "thresholds.npz") as handed:
        assert len(handed) == sum(bool(tensor.gains) for tensor in job.integer.tensors)
    assert ModelProto.FromString((path / "model.onnx").read_bytes()).graph.input[0].name == "x"


def test_a_threshold_that_is_wrong_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_on(residual(norm=True), tmp_path, monkeypatch)
    ask = prepare(job, tmp_path)
    weights = load_file("integers.safetensors")
    save_file(weights | {"r1_q/thresholds": weights["r1_q/thresholds"] + 9}, "integers.safetensors")
    with pytest.raises(SystemExit, match=r"r1_q: .* codes differ"):
        prove.main(ask)


def test_a_kernel_that_is_wrong_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_on(residual(), tmp_path, monkeypatch)
    ask = prepare(job, tmp_path)
    weights = load_file("integers.safetensors")
    save_file(weights | {"y/kernel": weights["y/kernel"] + 1}, "integers.safetensors")
    with pytest.raises(SystemExit, match="logits differ"):
        prove.main(ask)


def rounding_case() -> tuple[float, float]:
    """(scale of a weight, scale of a quantiser) with which a pixel times 3 lies so near a half that floats miss it."""
    random = np.random.default_rng(0)
    while True:
        weight = np.float32(random.uniform(0.01, 0.1))
        scale = np.float32(3 * 64 / 256 * float(weight) / 4.5)  # of pixel 64
        exact = Fraction(192, 256) * Fraction(float(weight)) / Fraction(float(scale))
        single = np.float32(np.float32(64 / 256) * np.float32(3 * weight)) / scale
        if round(exact) != np.rint(single):
            return float(weight), float(scale)


def test_a_code_that_single_precision_rounds_is_reported_and_the_exact_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight, scale = rounding_case()
    build = Builder()
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    kernel = build.constant("w", np.eye(3).reshape(3, 3, 1, 1) * 3 * weight)
    conv = build.node("Conv", [source, build.quant(kernel, "w_q", weight, narrow=1)], "c")
    code = build.quant(build.node("Relu", [conv], "r"), "r_q", scale, signed=0)
    flat = build.node("Flatten", [build.node("GlobalAveragePool", [code], "g")], "f")
    model = build.model(build.node("Gemm", [flat, build.weights("d", 5, 3)], "y", transB=1))
    ask = prepare(job_on(model, tmp_path, monkeypatch), tmp_path)
    proof = prove.Proof(ask["integers"], load_file("integers.safetensors"))
    proof.run(np.full((8, 8, 3), 64, np.uint8))
    assert proof.count.rounded == 192 and proof.count.furthest < 1e-6


def test_means_over_the_image_become_what_finn_knows() -> None:
    model = residual()
    plain = {node.op_type for node in own_graph.as_finn_takes_it(model).graph.node}
    assert "GlobalAveragePool" in plain and "ReduceMean" not in plain
    kept = residual()
    mean = next(node for node in kept.graph.node if node.op_type == "ReduceMean")
    del mean.attribute[:]
    mean.attribute.append(helper.make_attribute("keepdims", 0))
    mean.input.append("axes")
    kept.graph.initializer.append(numpy_helper.from_array(np.array([-1, -2]), "axes"))
    graph = own_graph.as_finn_takes_it(kept).graph
    assert [node.op_type for node in graph.node if node.name.startswith("m")] == ["GlobalAveragePool", "Flatten"]


def test_what_a_quantiser_leaves_out_is_written_and_its_width_is_a_scalar() -> None:
    """qonnx has no default for the attributes, and makes no number of an array of one."""
    model = residual()
    quantiser = next(node for node in model.graph.node if node.name == "r1_q")
    del quantiser.attribute[:]
    for tensor in model.graph.initializer:
        if tensor.name == quantiser.input[3]:
            tensor.dims.append(1)
    graph = own_graph.as_finn_takes_it(model).graph
    (same,) = (node for node in graph.node if node.name == "r1_q")
    assert {each.name: each.i for each in same.attribute} == {"signed": 1, "narrow": 0}
    (width,) = (tensor for tensor in graph.initializer if tensor.name == same.input[3])
    assert numpy_helper.to_array(width).shape == ()


@pytest.mark.parametrize(("values", "shape"), [([4.0], ()), ([4.0, 4.0], (2,))])
def test_a_width_of_a_constant_node_is_a_scalar_too_where_it_is_one_number(
    values: list[float], shape: tuple[int, ...]
) -> None:
    model = residual()
    quantiser = next(node for node in model.graph.node if node.name == "r1_q")
    width = numpy_helper.from_array(np.array(values, np.float32))
    quantiser.input[3] = "own_width"
    model.graph.node.insert(0, helper.make_node("Constant", [], ["own_width"], value=width))
    graph = own_graph.as_finn_takes_it(model).graph
    (constant,) = (node for node in graph.node if node.output[0] == "own_width")
    assert numpy_helper.to_array(constant.attribute[0].t).shape == shape


def test_casts_of_floats_to_floats_go_as_dropouts_do() -> None:
    """Torch's traced exporter leaves one behind each quantiser of an activation."""
    model = residual()
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    added: dict[str, dict[str, Any]] = {"Cast": {"to": TensorProto.FLOAT}, "Dropout": {}}
    for kind, settings in added.items():
        source = pool.input[0]
        pool.input[0] = f"{source}_{kind}"
        place = list(model.graph.node).index(pool)
        model.graph.node.insert(place, helper.make_node(kind, [source], [pool.input[0]], name=kind, **settings))
    content = {node.name: node.op_type for node in own_graph.as_finn_takes_it(model).graph.node}
    assert content["Cast"] == content["Dropout"] == "Identity"


@pytest.mark.parametrize(("form", "instead"), [("ReLU6", "Relu"), ("HardTanh", "Identity")])
def test_a_clip_that_quantisers_make_needless_goes(
    form: str, instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    prepare(job_on(FORMS[form](), tmp_path, monkeypatch), tmp_path)
    image = np.random.default_rng(2).uniform(0, 1, (1, 3, 8, 8)).astype(np.float32)
    graphs = [ModelWrapper(str(tmp_path / f"{name}.onnx")).transform(InferShapes()) for name in ("graph", "model")]
    assert [node.op_type for graph in graphs for node in graph.graph.node if node.name == "r1"] == ["Clip", instead]
    theirs, ours = (execute_onnx(graph, {"x": image})["y"] for graph in graphs)
    assert np.array_equal(theirs, ours) and np.ptp(ours) > 0.1


def test_an_open_batch_becomes_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = residual()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    prepare(job_on(model, tmp_path, monkeypatch), tmp_path)
    result = ModelProto.FromString((tmp_path / "model.onnx").read_bytes())
    assert result.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1


def test_thresholds_in_floats_lie_half_way_between_integers() -> None:
    """FINN divides them by the gain again: what it rounds up is the integer threshold, whatever its floats do."""
    random = np.random.default_rng(3)
    for _ in range(50):
        gain, offset, unit = (float(np.float32(each)) for each in random.normal(0, (0.01, 1, 0.2)))
        _, steps = ladder(Affine(Fraction(gain), Fraction(offset)), Fraction(abs(unit)), 0, 15, 1 << 17)
        tensor = QuantisedTensor("t", "t", abs(unit), False, None, (gain,), (offset,), (0.0,))
        (values,) = thresholds({"t/thresholds": np.array([steps], np.int32)}, [tensor])
        inside = abs(np.array(steps)) < 1 << 17
        again = np.ceil((values[0] - np.float32(offset)) / np.float32(abs(gain)))
        assert np.array_equal(again[inside], np.array(steps)[inside])


WINDOW = "ConvolutionInputGenerator_rtl"
FIRST = ("FMPadding_rtl", WINDOW, "MVAU_rtl", "Thresholding_rtl")
COUNTED = ("Thresholding_rtl", WINDOW, "MVAU_hls", "Thresholding_rtl", WINDOW, "MVAU_hls", "Thresholding_rtl")
UNITS = {
    "W1A1": (*COUNTED, WINDOW, "Pool_hls", "MVAU_hls", "Thresholding_rtl", "MVAU_hls"),
    "W1A2": (*COUNTED, WINDOW, "Pool_hls", "MVAU_hls", "Thresholding_rtl", "MVAU_hls"),
    "Trunc": (*FIRST, WINDOW, "Pool_hls", "MVAU_rtl", "Thresholding_rtl", "GlobalAccPool_hls", "MVAU_rtl"),
    "Trunc of the image": (*FIRST, WINDOW, "Pool_hls", "MVAU_rtl"),
}
"""By form, the hardware nodes that finn-plus 1.6.1 makes of it."""


@pytest.mark.parametrize("form", UNITS)
def test_units_are_those_that_finn_plus_makes(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design = resolve(job_on(FORMS[form](), tmp_path, monkeypatch)).design
    assert tuple(node.op for node in design.nodes) == UNITS[form]


def test_weights_of_one_bit_take_two_but_where_products_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As finn-plus 1.6.1 types them; a count of 54 products has 6 bits, and no sign."""
    design = resolve(job_on(FORMS["W1A1"](), tmp_path, monkeypatch)).design
    units = [node for node in design.nodes if isinstance(node, MatrixVector)]
    assert [(unit.data.width, unit.weight) for unit in units] == [(8, 2), (1, 1), (1, 1), (1, 1)]
    assert units[1].inputs == 54 and units[1].result.name == "UINT6"
    assert design.quantised.weight_bits == {"c1": 1, "c2": 1, "h": 1, "d": 1}


@pytest.mark.parametrize("form", ["plain", "signed input"])
def test_the_build_is_python_and_names_steps_that_exist(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = resolve(job_on(FORMS[form](), tmp_path, monkeypatch)).design
    text = handover.texts(facts(design) | VECTORS)["build.py"]
    tree = ast.parse(text)
    named = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and str(node.value).startswith("step_")
    }
    assert named and named <= set(STEPS)
    assert "verification_mean_rtol=1e9," in text, "FINN takes what floats leave of a logit of 0 as a share of it"
    assert "exact_thresholds,\n" in text and "round_to_even" not in text
    assert ("find_consumers(image.name)\n    scale" in text) == (form == "plain")


def test_why_a_file_has_no_integers_is_the_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_on(residual(), tmp_path, monkeypatch)
    reason = Refusal("own.onnx, layer c1", "its weights are not quantised", "quantise them")
    assert BACKEND.check(replace(job, integer=reason)) == (reason,)


def test_a_depthwise_convolution_becomes_a_window_and_a_vector_unit_that_fold_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nodes that finn-plus 1.6.1 makes of it, their cycles, and FINN's own figures of the unit."""
    job = job_on(FORMS["depthwise"](), tmp_path, monkeypatch)
    design = resolve(job).design
    unit = next(node for node in design.nodes if node.op == "VVAU_hls")
    window = next(node for node in design.nodes if node.name == unit.sources[0])
    assert (unit.layer, unit.channels, unit.pixels, window.op) == ("c2", 6, 16, "ConvolutionInputGenerator_rtl")
    assert design.folding[window.name].simd == design.folding[unit.name].pe
    assert [unit.cycles(fold) for fold in unit.folds] == [9 * 6 // pe * 16 for pe in (1, 2, 3, 6)]
    apart = json.dumps({window.name: {"SIMD": 2}, unit.name: {"PE": 3, "SIMD": 1}})
    with pytest.raises(InputError, match="fold alike"):
        resolve(replace(job, options=replace(job.options, folding=apart)))
    lut = next(row for row in BACKEND.estimate(resolve(job)) if row.metric.key == "lut" and row.scope == "total")
    assert lut.at_least, "what the unit takes of LUTs is not known"


@pytest.mark.parametrize(
    ("shape", "settings", "fact"),
    [
        (
            (6, 3, 3, 3),
            {"group": 2, "pads": [1] * 4},
            "2 groups, and FINN builds 1 group, or a filter for each channel",
        ),
        ((12, 1, 3, 3), {"group": 6, "pads": [1] * 4}, "6 groups, and FINN builds 1"),
        ((6, 1, 1, 1), {"group": 6}, "a depthwise convolution of 1x1 pixels"),
    ],
)
def test_groups_that_finn_does_not_build_are_named(
    shape: tuple[int, ...], settings: dict[str, Any], fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Builder()
    source = build.quant("x", "x_q", 1 / 256, bits=8, signed=0)
    code = build.quant(build.node("Conv", [source, build.weights("c", 6, 3, 1, 1)], "c"), "c_q", 0.1)
    grouped = build.node("Conv", [code, build.weights("g", *shape)], "g", kernel_shape=list(shape[2:]), **settings)
    code = build.quant(grouped, "g_q", 0.1)
    flat = build.node("Flatten", [build.node("GlobalAveragePool", [code], "a")], "f")
    folder = read(build.model(build.node("Gemm", [flat, build.weights("d", 5, shape[0])], "y", transB=1)),
                  tmp_path, monkeypatch)  # fmt: skip
    refusal = json.loads((folder / "not_integers.json").read_text())
    assert refusal["culprit"].endswith("layer g") and fact in refusal["fact"]
