"""The float network that a QONNX graph computes: its quantisers taken away.

An unsigned quantiser cuts off what is negative. So on a tensor that can be negative it is a ReLU, and becomes one: the
graph is another architecture then than it seems, whatever its nodes are called.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto

from backends.finn.readiness.graph import LAYOUT, QUANTISER_DOMAINS, QUANTISERS

KEEP_SIGN = (*LAYOUT, "MaxPool", "GlobalAveragePool", "ReduceMean", "Add", "Trunc", *QUANTISERS)
"""Of tensors that are never negative they make none that is."""


def plain_model(model: ModelProto) -> ModelProto:
    """A copy with an Identity or a Relu in place of each quantiser; nodes keep their places and names.

    A BipolarQuant of an activation is a sign function, which no float layer is, and stays.
    """
    plain = ModelProto()
    plain.CopyFrom(model)
    fixed = {"", *(tensor.name for tensor in model.graph.initializer)}
    positive = {value.name for value in model.graph.input}  # pixels
    for node in plain.graph.node:
        computed = [name for name in node.input if name not in fixed]
        if not computed:
            fixed.update(node.output)
        if node.domain in QUANTISER_DOMAINS and node.input:
            _replace(node, bool(computed), node.input[0] in positive)
        if node.op_type == "Relu" or (computed and node.op_type in KEEP_SIGN and positive.issuperset(computed)):
            positive.update(node.output)
    return plain


def _replace(node: NodeProto, activation: bool, positive: bool) -> None:
    if node.op_type not in (*QUANTISERS, "Trunc") or (node.op_type == "BipolarQuant" and activation):
        return
    signed = next((attribute.i for attribute in node.attribute if attribute.name == "signed"), 1)
    rectifies = activation and not positive and not signed and node.op_type != "Trunc"
    become(node, "Relu" if rectifies else "Identity")


def become(node: NodeProto, kind: str) -> None:
    """Makes it an operator of ONNX, of its first input alone."""
    node.op_type, node.domain = kind, ""
    del node.input[1:]
    del node.attribute[:]
