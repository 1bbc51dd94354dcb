"""What an ONNX graph computes of constants: shapes (``x.view(x.size(0), -1)`` is six nodes in what torch's exporter
wrote), the padding of ``F.pad``, kernels that stand transposed.

It is computed here, for a batch of one, into constants. No result is larger than `LIMIT`, nor are all together larger
than `TOTAL`, except for what only turns or renames a constant of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from models.imported.workers.onnx_file import ADVICE, TYPES, type_name
from models.imported.workers.onnx_graph import Graph, Node

Array = NDArray[Any]

LIMIT, TOTAL = 1 << 16, 1 << 22
"""Elements of one result, and of all results of a file."""
TURNS = {"Identity", "Transpose", "Reshape"}
"""What takes no memory."""


def computed(graph: Graph, node: Node) -> Array | None:
    """The constant that `node` makes, None where it reads a tensor that the network computes."""
    kind = node.place.kind
    if kind == "Shape":
        return _shape(graph, node)
    if kind not in OPERATORS or not all(name in graph.constants for name in node.inputs if name):
        return None
    inputs = [graph.constants[name] for name in node.inputs if name]
    if kind not in TURNS and max((operand.size for operand in inputs), default=0) > LIMIT:
        raise node.place.refusal(f"it computes with a constant of more than {LIMIT:,} elements")
    result = np.asarray(OPERATORS[kind](node, *inputs))
    if not any(np.may_share_memory(result, operand) for operand in inputs):
        graph.computed += result.size
    if graph.computed > TOTAL:
        raise node.place.refusal(f"with it, the file computes constants of more than {TOTAL:,} elements", ADVICE)
    return result


def _shape(graph: Graph, node: Node) -> Array:
    """The shape that ONNX gives a tensor, for a batch of one."""
    name = node.inputs[0]
    known = name in graph.constants
    shape = list(graph.constants[name].shape) if known else graph.dimensions(graph.value(node))
    return np.array(shape[node.settings.get("start", 0) : node.settings.get("end")], np.int64)


def _bounded(node: Node, count: int) -> None:
    if count > LIMIT:
        raise node.place.refusal(f"it computes more than {LIMIT:,} elements")


def _gather(node: Node, data: Array, indices: Array) -> Array:
    node.expect("axis", 0)
    _bounded(node, indices.size * max(data[:1].size, 1))
    return data[indices]


def _axes(node: Node, constant: Array | None) -> tuple[int, ...] | None:
    axes = node.settings.get("axes") if constant is None else constant.ravel().tolist()
    return None if axes is None else tuple(axes)


def _unsqueeze(node: Node, data: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(data, _axes(node, axes) or ())


def _squeeze(node: Node, data: Array, axes: Array | None = None) -> Array:
    return np.squeeze(data, _axes(node, axes))


def _concat(node: Node, *parts: Array) -> Array:
    node.expect("axis", 0)
    _bounded(node, sum(part.size for part in parts))
    return np.concatenate(parts)


def _range(node: Node, start: Array, limit: Array, delta: Array) -> Array:
    _bounded(node, int((limit.item() - start.item()) / delta.item()))
    return np.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def _filled(node: Node, shape: Array) -> Array:
    _bounded(node, int(np.prod(shape.astype(float))))
    filling = numpy_helper.to_array(node.settings["value"]) if "value" in node.settings else np.zeros(1, np.float32)
    return np.full(shape.tolist(), filling.item(), filling.dtype)


def _slice(node: Node, data: Array, starts: Array, ends: Array, *rest: Array) -> Array:
    axes = rest[0].tolist() if rest else range(len(starts))
    steps = rest[1].tolist() if len(rest) > 1 else [1] * len(starts)
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        data = np.take(data, range(data.shape[axis])[start : None if end <= -data.shape[axis] else end : step], axis)
    return data


def _reshape(node: Node, data: Array, shape: Array) -> Array:
    if not data.flags.c_contiguous:
        _bounded(node, data.size)  # it is copied
    zero = not node.settings.get("allowzero", 0)
    return data.reshape([data.shape[at] if zero and not length else length for at, length in enumerate(shape.tolist())])


def _cast(node: Node, data: Array) -> Array:
    if node.settings["to"] not in TYPES:
        raise node.place.refusal(f"it casts to {type_name(node.settings['to'])}", "export the float network")
    return data.astype(TYPES[node.settings["to"]], copy=False)


def _arithmetic(operation: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def compute(node: Node, first: Array, second: Array) -> Array:
        _bounded(
            node,
            int(
                np.prod([float(broadcast_shape) for broadcast_shape in np.broadcast_shapes(first.shape, second.shape)])
            ),
        )
        return operation(first, second).astype(first.dtype)

    return compute


def _quotient(first: Array, second: Array) -> Array:
    """ONNX's: of whole numbers towards zero."""
    return np.trunc(first / second) if first.dtype.kind == "i" else first / second


OPERATORS: Mapping[str, Callable[..., Array]] = {
    "Add": _arithmetic(np.add),
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Div": _arithmetic(_quotient),
    "Gather": _gather,
    "Identity": lambda node, data: data,
    "Mul": _arithmetic(np.multiply),
    "Pow": _arithmetic(np.power),
    "Range": _range,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _arithmetic(np.subtract),
    "Transpose": lambda node, data: data.transpose(node.settings.get("perm")),
    "Unsqueeze": _unsqueeze,
}
