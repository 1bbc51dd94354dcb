"""Whatever is damaged or forged in a QONNX file: verdicts, or a refusal that names the file. Never another error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.finn.readiness.conditions import CONDITIONS
from models.serial import network_to_json

onnx = pytest.importorskip("onnx")
from onnx import ModelProto, helper, numpy_helper  # noqa: E402

from backends.finn.workers import qonnx_file, readiness  # noqa: E402
from models.imported.workers.onnx_file import Tensors  # noqa: E402
from tests.backends.finn.graphs import find, put, ready, settle, small  # noqa: E402

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answer(content: bytes, folder: Path) -> dict[str, Any]:
    """What the worker leaves; its shape is checked, and that it can be written."""
    (folder / "own.onnx").write_bytes(content)
    ask = {"file": str(folder / "own.onnx"), "external": [], "network": network_to_json(small())}
    facts = readiness.answer(ask)
    json.dumps(facts, allow_nan=False)
    if "refusal" in facts:
        assert "own.onnx" in facts["refusal"]["culprit"]
    elif "wanted" not in facts:
        assert [each["condition"] for each in facts["verdicts"][:-1]] == [each.key for each in CONDITIONS]
        for each in facts["verdicts"]:
            assert (each["status"] in ("broken", "slower")) == bool(each["findings"])
            assert (each["status"] == "broken") == any(not finding["taken"] for finding in each["findings"])
    return facts


WHOLE = ready().SerializeToString()


@quick
@given(
    places=st.lists(st.floats(0, 0.999999), min_size=1, max_size=4),
    values=st.binary(min_size=4, max_size=4),
    end=st.floats(0.2, 1) | st.just(1.0),
)
def test_any_damage_to_a_file(places: list[float], values: bytes, end: float, tmp_path: Path) -> None:
    content = bytearray(WHOLE)
    for place, value in zip(places, values, strict=False):
        content[int(place * len(content))] = value
    answer(bytes(content[: int(end * len(content))]), tmp_path)


NODES = [node.name for node in ready().graph.node]
TENSORS = sorted({name for node in ready().graph.node for name in (*node.input, *node.output)})
ATTRIBUTES = [
    "pads",
    "strides",
    "kernel_shape",
    "signed",
    "narrow",
    "rounding_mode",
    "axes",
    "transB",
    "auto_pad",
    "group",
    "alpha",
]


@quick
@given(data=st.data())
def test_any_change_to_a_node(data: st.DataObject, tmp_path: Path) -> None:
    """Attributes of another type, other operators, inputs from anywhere, none at all."""
    model = ready()
    for _ in range(data.draw(st.integers(1, 3))):
        node = find(model, data.draw(st.sampled_from(NODES)))
        match data.draw(st.sampled_from(["attribute", "kind", "domain", "input", "output", "bare"])):
            case "attribute":
                value = data.draw(st.integers(-3, 1 << 40) | st.lists(st.integers(-3, 9), min_size=1) | st.text())
                settle(model, node.name, **{data.draw(st.sampled_from(ATTRIBUTES)): value})
            case "kind":
                node.op_type = data.draw(st.sampled_from(["Add", "Conv", "Relu", "Quant", "MaxPool", "If", ""]))
            case "domain":
                node.domain = data.draw(st.sampled_from(["", "ai.onnx", "onnx.brevitas", "elsewhere"]))
            case "input":
                node.input[:] = data.draw(st.lists(st.sampled_from([*TENSORS, ""]), max_size=5))
            case "output":
                node.output[:] = data.draw(st.lists(st.sampled_from([*TENSORS, ""]), max_size=2))
            case "bare":
                del node.input[:], node.attribute[:]
    answer(model.SerializeToString(), tmp_path)


@quick
@given(
    name=st.sampled_from([name for name in TENSORS if name.endswith(("_scale", "_zero", "_bits", "_wq", "_b"))]),
    values=st.lists(st.floats(width=32), max_size=4),
    shape=st.sampled_from([(-1,), (-1, 1, 1), (1, -1, 1, 1)]),
)
def test_any_constant(name: str, values: list[float], shape: tuple[int, ...], tmp_path: Path) -> None:
    """None, several, infinite, and those that are no number."""
    model = ready()
    put(model, name, np.array(values, np.float32).reshape(shape) if values else np.zeros(0))
    answer(model.SerializeToString(), tmp_path)


@pytest.mark.parametrize("content", [b"", b"no protobuf at all", b"PK\x03\x04" * 50, b"\x08\x08"])
def test_what_is_no_network_is_refused(content: bytes, tmp_path: Path) -> None:
    refusal = answer(content, tmp_path)["refusal"]
    assert "no ONNX" in refusal["fact"] and "export_qonnx" in refusal["next_step"]


def reordered() -> ModelProto:
    model = ready()
    node = model.graph.node[0]
    model.graph.node.remove(node)
    model.graph.node.append(node)
    return model


def cycle() -> ModelProto:
    model = ready()
    find(model, "c1").input[0] = "r2_q_out"
    return model


def run_twice() -> ModelProto:
    model = ready()
    find(model, "c2").output[0] = "c1_out"
    return model


@pytest.mark.parametrize(
    ("model", "fact"),
    [(reordered, "nothing before it makes"), (cycle, "nothing before it makes"), (run_twice, "there already")],
)
def test_a_graph_that_cannot_run_is_refused(model: Any, fact: str, tmp_path: Path) -> None:
    refusal = answer(model().SerializeToString(), tmp_path)["refusal"]
    assert fact in refusal["fact"] and "node[" in refusal["culprit"]


def test_nothing_but_scales_and_shapes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are of no concern to the conditions, so that a large file costs little."""
    read: list[int] = []
    real = Tensors.read

    def watched(self: Any, tensor: Any) -> Any:
        read.append(int(np.prod(tensor.dims)))
        return real(self, tensor)

    monkeypatch.setattr(Tensors, "read", watched)
    model = ready()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1024, 1024), np.float32), "huge"))
    model.graph.node.insert(0, helper.make_node("Identity", ["huge"], ["unread"], name="unread"))
    onnx.save(model, tmp_path / "own.onnx")
    assert not readiness.assess(tmp_path / "own.onnx", (), None).broken
    assert read and max(read) <= qonnx_file.LARGEST
