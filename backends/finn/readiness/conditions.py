"""The conditions in the order in which they are told, and the verdicts on a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backends.finn.readiness import layers, operators, quantisers
from backends.finn.readiness.graph import PRODUCTS, Graph
from flows.core.readiness import Finding, Status, Verdict


@dataclass(frozen=True)
class Condition:
    """`applies` says whether the graph holds anything that is under it, `breaks` what breaks it."""

    key: str
    about: str
    breaks: Callable[[Graph], Iterable[Finding]]
    applies: Callable[[Graph], bool] = lambda graph: True

    def verdict(self, graph: Graph) -> Verdict:
        findings = tuple(self.breaks(graph))
        if findings:
            return Verdict(self.key, self.about, Status.BROKEN, findings)
        return Verdict(self.key, self.about, Status.HELD if self.applies(graph) else Status.NOT_APPLICABLE)


def _of(*kinds: str) -> Callable[[Graph], bool]:
    return lambda graph: any(True for _ in graph.of_kind(*kinds))


def _sums(graph: Graph) -> bool:
    return any(True for _ in layers.sums(graph))


CONDITIONS = (
    Condition("operators", "only operators of ONNX and QONNX that are judged here", operators.unknown),
    Condition("no-qcdq", "no QuantizeLinear and DequantizeLinear", operators.dequantised),
    Condition("no-float", "no softmax or other float operator inside", operators.float_operators),
    Condition("static-shapes", "every shape is fixed, the batch apart", operators.moving),
    Condition("batch", "the batch is 1", operators.batches),
    Condition("input", "one input, and a quantiser behind it", quantisers.entry),
    Condition(
        "weights", "weights signed, at most 8 bits, zero point 0", quantisers.weights, quantisers.has_weights
    ),
    Condition("narrow-weights", "weights of narrow range", quantisers.narrow, quantisers.has_signed_weights),
    Condition("rounding", "every quantiser rounds by ROUND", quantisers.rounding, quantisers.has_quantisers),
    Condition(
        "activations", "activations: one scale a tensor, zero point 0, at most 8 bits",
        quantisers.activations, quantisers.has_activations,
    ),
    Condition("relu", "a ReLU is followed only by an unsigned quantiser", layers.relus, _of("Relu")),
    Condition(
        "signed-identity", "a quantiser behind no ReLU is signed", quantisers.identities, quantisers.has_identities
    ),
    Condition("bias", "a quantiser behind every layer's bias, the last apart", layers.biases, _of(*PRODUCTS)),
    Condition("add", "both inputs of a sum quantised, scales equal to the last bit", layers.additions, _sums),
    Condition("maxpool", "MaxPool of a quantised tensor, no padding, kernel = stride", layers.poolings, _of("MaxPool")),
    Condition(
        "average", "the average is GlobalAveragePool over the whole image", layers.averages, _of(*layers.AVERAGES)
    ),
)  # fmt: skip


def judge(graph: Graph) -> tuple[Verdict, ...]:
    """One verdict a condition."""
    return tuple(condition.verdict(graph) for condition in CONDITIONS)
