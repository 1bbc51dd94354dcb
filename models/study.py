"""What test images say of a network and its quantised forms: shares, pairs, classes. Pure, and exact where it counts.

Labels and classes are integers from 0, one an image, in the order of the test images; names of classes stand in theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import ceil

from flows.core.study import Classified, Disagreement, Pairing, Scope, Share
from models.cifar10 import CLASSES
from models.fixed import FixedType
from models.network import Network
from models.proportion import wilson

CONFIDENCE = 0.95


def share(right: int, n: int) -> Share:
    return Share(right, n, *wilson(right, n, CONFIDENCE))


def mcnemar(first_only: int, second_only: int) -> float:
    """McNemar's exact test, two-sided: how likely a split at least this uneven is, were both sides equally likely.

    The smallest positive double where p is below it. Source: McNemar 1947; the binomial form as in Fagerland et al.
    2013, "The McNemar test for binary matched-pairs data".

    >>> mcnemar(1, 5), mcnemar(0, 0)
    (0.21875, 1.0)
    """
    n, few = first_only + second_only, min(first_only, second_only)
    ways = term = 1
    for chosen in range(few):
        term = term * (n - chosen) // (chosen + 1)
        ways += term
    return max(min(2 * ways / 2**n, 1.0), sys.float_info.min)


def pair(labels: Sequence[int], floating: Sequence[int], other: Sequence[int]) -> Pairing:
    """The float network's classes beside another's."""
    rows = list(zip(labels, floating, other, strict=True))
    float_only = sum(first == label != second for label, first, second in rows)
    other_only = sum(second == label != first for label, first, second in rows)
    differ = sum(first != second for _, first, second in rows)
    return Pairing(float_only, other_only, differ, mcnemar(float_only, other_only))


def accuracy(labels: Sequence[int], classes: Sequence[int]) -> Share:
    return share(sum(label == result for label, result in zip(labels, classes, strict=True)), len(labels))


def classified(name: str, labels: Sequence[int], classes: Sequence[int], names: Sequence[str] = CLASSES) -> Classified:
    """Raises `ValueError` where a class has no image."""
    confusion = [[0] * len(names) for _ in names]
    for label, result in zip(labels, classes, strict=True):
        confusion[label][result] += 1
    by_class = tuple(share(row[index], sum(row)) for index, row in enumerate(confusion))
    return Classified(name, accuracy(labels, classes), by_class, tuple(map(tuple, confusion)))


def disagreements(
    labels: Sequence[int], floating: Sequence[int], quantised: Sequence[int], names: Sequence[str] = CLASSES
) -> tuple[Disagreement, ...]:
    """The images that the float and the quantised network call differently, by class numbers, one for each image."""
    return tuple(
        Disagreement(image, names[label], names[first], names[second])
        for image, (label, first, second) in enumerate(zip(labels, floating, quantised, strict=True))
        if first != second
    )


def size_bytes(network: Network, type: FixedType | None, scope: Scope) -> int:
    """What the parameters take, packed, those outside `scope` at 32 bits."""
    biases = sum(shape[0] for name, shape in network.weight_shapes() if name.endswith("/bias"))
    narrow = network.parameters if scope is not Scope.WEIGHTS else network.parameters - biases
    bits = type.width if type else 32
    return ceil((narrow * bits + (network.parameters - narrow) * 32) / 8)
