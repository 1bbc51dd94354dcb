"""The conditions in the order in which they are reported, and the verdicts on a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.finn.readiness import joins, layers, operators, pools, products, quantisers, weights
from backends.finn.readiness.entry import entry
from backends.finn.readiness.graph import PRODUCTS, Graph, GraphNode
from flows.core.readiness import Finding, Verdict, status_of

JUDGED = "finn-plus 1.6.1"
"""What the conditions were tried with; ``nox -s finn`` tries the cases of the tests again."""


@dataclass(frozen=True)
class Condition:
    """`applies` says whether the graph holds anything that is under it, `findings` what breaks it or costs."""

    key: str
    about: str
    findings: Callable[[Graph], Iterable[Finding]]
    applies: Callable[[Graph], bool] = lambda graph: True

    def verdict(self, graph: Graph) -> Verdict:
        findings = tuple(sorted(self.findings(graph), key=lambda finding: finding.taken))
        return Verdict(self.key, self.about, status_of(findings, self.applies(graph)), findings, JUDGED)


def _of(*kinds: str) -> Callable[[Graph], bool]:
    return lambda graph: any(True for _ in graph.of_kind(*kinds))


def _any(nodes: Callable[[Graph], Iterable[GraphNode]]) -> Callable[[Graph], bool]:
    return lambda graph: any(True for _ in nodes(graph))


CONDITIONS = (
    Condition("operators", "only operators of ONNX and QONNX that are judged here", operators.unknown),
    Condition("no-qcdq", "no QuantizeLinear and DequantizeLinear", operators.dequantised),
    Condition("no-float", "no float operator before the last layer", operators.float_operators),
    Condition("static-shapes", "every shape is fixed, the batch apart", operators.moving),
    Condition("batch", "the batch is 1", operators.batches),
    Condition("input", "one input, quantised; as bytes where UINT8, scalar scale, zero point 0", entry),
    Condition(
        "convolution", "over images, attributes written out, 1 group or depthwise",
        products.convolutions, _of("Conv"),
    ),
    Condition("dense", "a Gemm with alpha and beta 1", products.dense, _of("Gemm")),
    Condition(
        "weights", "weights of zero point 0, one scale a layer or output channel, 8 bits",
        weights.weights, weights.has_weights,
    ),
    Condition("narrow-weights", "weights signed, of narrow range", weights.narrow, weights.has_weights),
    Condition("float32", "scales are float32", quantisers.doubles, quantisers.has_quantisers),
    Condition("rounding", "activations round to the nearest", quantisers.rounding, quantisers.has_activations),
    Condition(
        "activations", "activations: one scale a tensor, zero point 0, at most 8 bits",
        quantisers.activations, quantisers.has_activations,
    ),
    Condition("relu", "a ReLU is followed only by an unsigned quantiser", layers.relus, _of("Relu")),
    Condition(
        "signed-identity", "a quantiser behind no ReLU is signed", quantisers.identities, quantisers.has_identities
    ),
    Condition("bias", "a quantiser behind every layer's bias, the last apart", products.biases, _of(*PRODUCTS)),
    Condition("add", "both inputs of a sum quantised, scales equal to the last bit", joins.additions, _any(joins.sums)),
    Condition("product", "both inputs of a product quantised", joins.multiplications, _any(joins.products)),
    Condition("concat", "channels of quantised tensors of one scale", joins.concatenations, _any(joins.concats)),
    Condition(
        "maxpool", "MaxPool of a quantised tensor, best without padding, kernel = stride",
        pools.poolings, _of("MaxPool"),
    ),
    Condition(
        "average", "the average is GlobalAveragePool, best over a power of two", pools.averages, _of(*layers.AVERAGES)
    ),
)  # fmt: skip


def judge(graph: Graph) -> tuple[Verdict, ...]:
    """One verdict a condition."""
    return tuple(condition.verdict(graph) for condition in CONDITIONS)
