"""Whatever a file calls a network and its layers, FINN is handed the same graph and the same script."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings

from flows.conformance.networks import TINY
from flows.core.text import title
from models.network import Network
from tests.backends.finn.w4a4 import quantised
from tests.backends.hostile import HOSTILE, WHOLE, benign, entered, layers_of, with_names

FACTS: dict[str, object] = {
    "design": "0123456789abcdef", "part": "xc7z020clg400-1", "board": None, "clock_ns": "10", "tie_bits": 9,
    "own": False, "atol": 0.0,
    "fps": "1,000", "vectors": 16, "shape": [16, 3, 8, 8], "classes": 5,
}  # fmt: skip


@given(HOSTILE)
@example(WHOLE[0])
@example(WHOLE[5])
def test_the_script_does_not_depend_on_the_name(name: str) -> None:
    from backends.finn.workers.handover import texts

    plain, made = (texts(FACTS | {"network": one}) for one in ("benign", title(name)))
    assert made == {file: with_names(text, lambda *_: title(name)) for file, text in plain.items()}
    docstring, *rest = ast.parse(made["build.py"]).body
    assert ast.dump(ast.Module(rest, [])) == ast.dump(ast.Module(ast.parse(plain["build.py"]).body[1:], []))
    assert isinstance(docstring, ast.Expr)


def rows(network: Network) -> Iterator[tuple[str, ...]]:
    """The graph, a row a node and a constant, once ONNX has found nothing wrong with it."""
    onnx = pytest.importorskip("onnx")
    from backends.finn.workers.export import model_of

    tensors = {name: np.zeros(shape, np.float32) for name, shape in network.weight_shapes()}
    model = model_of(quantised(network), tensors)
    onnx.checker.check_model(model)
    names = [node.name for node in model.graph.node]
    made = [name for node in model.graph.node for name in node.output]
    made += [one.name for one in (*model.graph.initializer, *model.graph.input)]
    assert len(names) == len(set(names)) and len(made) == len(set(made)), "each name means one thing"
    yield tuple(one.name for one in (model.graph, *model.graph.input, *model.graph.output))
    for node in model.graph.node:
        yield node.op_type, node.name, *node.input, *node.output
    yield from ((one.name,) for one in model.graph.initializer)


@given(HOSTILE, layers_of(TINY))
@example("a", ["a", "a_quant", "image", "image_quant", "a_out", "a_kernel", "a.kernel", "a_flat", "a_quant_quant", "x"])
@example(WHOLE[0], WHOLE[:10])
@settings(max_examples=40)
def test_the_graph_does_not_depend_on_names(network: str, layers: list[str]) -> None:
    hostile = entered(TINY, network, layers)
    names = [hostile.name, *(layer.name for layer in hostile.layers)]
    meant = [tuple(with_names(one, lambda _, place: names[place + 1]) for one in row) for row in rows(benign(TINY))]
    assert list(rows(hostile)) == meant
