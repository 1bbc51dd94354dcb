"""Conditions on the graph as a whole: which operators it may hold, its shapes, its batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backends.finn.readiness.graph import (
    ARITHMETIC,
    LAYOUT,
    MOVES,
    PRODUCTS,
    QUANTISER_DOMAINS,
    QUANTISERS,
    Graph,
    GraphNode,
)
from backends.finn.readiness.joins import in_float
from backends.finn.readiness.layers import AVERAGES, stops
from backends.finn.readiness.pools import truncated
from backends.finn.readiness.wording import DONE, size
from flows.core.readiness import Finding

OWN_DOMAINS = ("", "ai.onnx")
QDQ = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
QCDQ = (*QDQ, "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
JUDGED = (*PRODUCTS, *ARITHMETIC, *LAYOUT, *AVERAGES, *QCDQ, "Constant", "Relu", "MaxPool", "BatchNormalization")
REQUIRED: Mapping[str, Mapping[str, int]] = {"Quant": {"signed": 1, "narrow": 0}, "BipolarQuant": {}}
"""Attributes of quantisers that qonnx' code wants written, with the values that its specification means."""
NEWEST_IR = 13
"""That onnxruntime 1.25.1 reads, which finn-plus 1.6.1 asks for."""
HOSTED = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "Cast", *ARITHMETIC, "BatchNormalization")
"""What may follow the last layer: FINN leaves it to the host. A TopK that reads integers becomes a LabelSelect."""
VERSAL = ("Sigmoid", "Tanh", "Gelu", "Erf")
"""What finn-plus builds as PWPolyF, which no Zynq-7000 has the slices for."""
ADVICE = {
    "Clip": "leave it out: a quantiser saturates where its codes end (a ReLU6 is a Relu and a Quant up to 6)",
    "Selu": "take a Relu: FINN converts a Selu, but its outputs differ from the graph's",
}
TRAINING = "take it out, or replace it by ReLU and a quantiser"


def float_operators(graph: Graph) -> Iterator[Finding]:
    for node in graph.nodes:
        if node.domain not in OWN_DOMAINS or node.nested or _aside(graph, node):
            continue
        if on_host(graph, node):
            if node.kind not in (*LAYOUT, *PRODUCTS, "Add"):
                fact = "it stands behind the last layer: FINN leaves it to the host, or builds it in float"
                yield Finding(str(node), fact, _spared(node), taken=True)
        elif node.kind in ("Softmax", "LogSoftmax"):
            yield Finding(str(node), "a softmax, in float", "end the graph before it: the largest logit is the same")
        elif node.kind in VERSAL:
            fact = "a float operator: FINN's unit for it (PWPolyF) is for Versal parts alone"
            yield Finding(str(node), fact, TRAINING)
        elif node.kind not in (*JUDGED, *MOVES):
            yield Finding(str(node), "a float operator, which FINN has no unit for", ADVICE.get(node.kind, TRAINING))
        elif node.kind in (*PRODUCTS, "Sub", "Div") and len(graph.computed(node)) > 1:
            yield Finding(str(node), "it joins two computed tensors", "join them by Add, Mul or Concat")
        elif node.kind in ("Sub", "Div") and node.inputs[0] in graph.fixed:
            fact = "its constant stands first, and FINN computes it the other way round: its outputs differ"
            yield Finding(str(node), fact, "fold it into the layer before" if node.kind == "Sub" else TRAINING)
        elif node.kind == "BatchNormalization" and node.settings.get("training_mode", 0):
            fact = "it is in training mode: FINN takes the statistics of the file, and its outputs differ"
            yield Finding(str(node), fact, "export in evaluation mode")
        elif node.kind in (*ARITHMETIC, "BatchNormalization") and len(graph.computed(node)) == 1:
            yield from _loose(graph, node)


def _spared(node: GraphNode) -> str:
    if node.kind in ("Softmax", "LogSoftmax"):
        return "end the graph before it: the largest logit is the same"
    return "end the graph before it, or compute it there"


def on_host(graph: Graph, node: GraphNode) -> bool:
    """Whether it and all behind it can be left to the host: no layer with weights, no quantiser, no pooling there."""
    waiting, seen = [node], {node.index}
    while waiting:
        current = waiting.pop()
        if current.kind not in (*HOSTED, *LAYOUT) or len(graph.computed(current)) != 1:
            return False
        for reader in (reader for name in current.outputs for reader in graph.consumers(name)):
            if reader.index not in seen:
                seen.add(reader.index)
                waiting.append(reader)
    return True


def _aside(graph: Graph, node: GraphNode) -> bool:
    """Whether it makes constants or shapes, and nothing of the image."""
    return all(name in graph.fixed or name in graph.sizes for name in node.outputs)


def _loose(graph: Graph, node: GraphNode) -> Iterator[Finding]:
    """Constant arithmetic that no quantiser's thresholds take in, nor a layer's scale."""
    readers = [stop for stop in stops(graph, node) if not _passes(graph, node, stop)]
    if readers:
        names = ", ".join(map(str, readers))
        fact = f"constant arithmetic in float, which {names} reads with no quantiser between"
        yield Finding(str(node), fact, "fold it into the layer before, or put a Quant behind it")


def _passes(graph: Graph, node: GraphNode, reader: GraphNode) -> bool:
    """Whether FINN moves the arithmetic on through `reader`: a scale always, an offset through what pads nothing."""
    if graph.steps.get(node.outputs[0]) is not None or reader.kind == "Trunc":
        return True
    if reader.kind == "Add" and in_float(graph, reader):  # reported at the sum
        return True
    offset = node.kind in ("Add", "Sub") and graph.scalar(node) is not None
    return offset and reader.kind in PRODUCTS and not any(reader.settings.get("pads", ()))


def dequantised(graph: Graph) -> Iterator[Finding]:
    for node in graph.of_kind(*QCDQ):
        change = "export QONNX (brevitas.export.export_qonnx), or convert it with qonnx' QCDQToQuant"
        yield Finding(str(node), "of the QCDQ format, which FINN does not read", change)


def unknown(graph: Graph) -> Iterator[Finding]:
    if graph.ir_version > NEWEST_IR:
        fact = f"its IR version is {graph.ir_version}, and FINN's onnxruntime reads {NEWEST_IR} at most"
        yield Finding("the graph", fact, "save it by an older onnx, or set model.ir_version = 10")
    for name in graph.functions:
        yield Finding(f"function {name!r}", "the file's own, and not judged", "export plain operators, inlined")
    for name in graph.outputs:
        if graph.consumers(name):
            fact = "it is read inside the graph as well: FINN's streamlining fails on that fork"
            yield Finding(f"output {name!r}", fact, "take it off the outputs, or let nothing read it")
    nested = any(node.nested for node in graph.nodes)  # whose own graph may read what seems unread
    for node in graph.nodes:
        read = any(name in graph.outputs or graph.consumers(name) for name in node.outputs)
        if not (read or nested or _aside(graph, node)):
            fact = "nothing reads its result: FINN's streamlining of such a graph does not end"
            yield Finding(str(node), fact, "take it out, with what leads to it alone")
    averaged = [truncated(graph, node) for node in graph.of_kind("AveragePool")]
    for node in graph.nodes:
        if node.nested:
            yield Finding(str(node), "a loop or branch: it holds a graph of its own", "export without control flow")
        elif node.domain in QUANTISER_DOMAINS and node.kind == "IntQuant":
            yield Finding(str(node), "FINN knows it by its other name alone, and leaves it in float", "call it Quant")
        elif graph.quantiser(node) and (absent := [name for name in REQUIRED[node.kind] if name not in node.settings]):
            fact = f"its attribute {absent[0]} is not written, and qonnx has no default for it"
            yield Finding(str(node), fact, f"write {absent[0]} = {REQUIRED[node.kind][absent[0]]} {DONE}")
        elif (quantiser := graph.quantiser(node)) and quantiser.bits_shape:
            fact = f"its bit width has shape {size(quantiser.bits_shape)}, of which FINN can make no number"
            yield Finding(str(node), fact, f"give it as a scalar, of no axes {DONE}")
        elif node.domain in QUANTISER_DOMAINS and node.kind == "Trunc":
            if node not in averaged:
                fact = "FINN takes a Trunc only behind an AveragePool (and a Mul, in version 1)"
                yield Finding(str(node), fact, "average by GlobalAveragePool and quantise with Quant")
        elif node.domain in QUANTISER_DOMAINS and node.kind not in QUANTISERS:
            fact = f"{node.kind} of {node.domain} is not judged here"
            yield Finding(str(node), fact, "give the graph as exported, before any conversion; quantise with Quant")
        elif node.domain in OWN_DOMAINS and node.kind in MOVES and node.kind != "Concat" and not _aside(graph, node):
            fact = "it picks or repeats elements, which is not judged here"
            yield Finding(str(node), fact, "do without it, or try FINN itself, which has hardware for some of these")
        elif node.domain not in (*OWN_DOMAINS, *QUANTISER_DOMAINS):
            fact = f"of domain {node.domain!r}, which is not judged here"
            yield Finding(str(node), fact, "export it with operators of ONNX and QONNX alone")


def moving(graph: Graph) -> Iterator[Finding]:
    known = True
    for name in graph.inputs:
        shape = graph.shapes.get(name)
        if shape is None or not all(isinstance(axis, int) and axis > 0 for axis in shape[1:]):
            known = False
            fact = f"its shape is {size(shape)}"
            yield Finding(f"input {name!r}", fact, "export with a fixed size")
    fixed = known and all(isinstance(graph.shapes[name][0], int) for name in graph.inputs if graph.shapes[name])
    for node in graph.nodes:
        if node.domain in OWN_DOMAINS and graph.sizes.issuperset(node.outputs):
            fact = "it works on shapes while the graph runs"
            if fixed:
                fact += ": FINN's own cleanup computes it first, since the input's size and batch are fixed"
            yield Finding(str(node), fact, "export with a fixed size, then run qonnx-cleanup", taken=fixed)
        elif node.nested or (node.domain not in OWN_DOMAINS and not graph.quantiser(node)):
            continue  # its shapes are unknown: reported among the operators
        elif known and not _static(graph, node.outputs[0]) and _all_static(graph, node):
            fact = f"the shape of its result is {size(graph.shapes.get(node.outputs[0]))}"
            yield Finding(str(node), fact, "export with fixed sizes, then run qonnx-cleanup")


def _static(graph: Graph, name: str) -> bool:
    """Whether its shape is known, its first axis apart; what is equal for every image has no say."""
    shape = graph.shapes.get(name)
    return name in graph.fixed or (shape is not None and all(isinstance(axis, int) for axis in shape[1:]))


def _all_static(graph: Graph, node: GraphNode) -> bool:
    return all(_static(graph, name) for name in node.inputs)


_BATCH = f"export with a batch of 1, or set it by qonnx' ChangeBatchSize(1) {DONE}"


def batches(graph: Graph) -> Iterator[Finding]:
    for name in graph.inputs:
        match graph.shapes.get(name):
            case (int(batch), *_) if batch != 1:
                yield Finding(f"input {name!r}", f"its batch is {batch}", _BATCH)
            case (str() | None, *_):
                yield Finding(f"input {name!r}", "its batch is symbolic, which FINN takes as 0 images", _BATCH)
