"""From a job to its design: of a float network in the arithmetic of its options, of a QONNX file in the file's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from backends.dataflow.layers import check as layers
from backends.dataflow.layers import clocks
from backends.dataflow.layers.options import FormatOptions
from backends.dataflow.space import Solved
from backends.protocol import Job, Refusal
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import RtlOptions
from models.integer_network import IntegerNetwork
from models.integers import GlobalSum, HostScale, Threshold
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, MaxPool2D, ReLU, Softmax

KINDS = frozenset(kind.kind for kind in (Conv2D, Dense, MaxPool2D, GlobalAveragePool, Add, ReLU, Flatten, Softmax))
"""Layers that the library has modules for, and a softmax at the end, which the host computes."""
OF_INTEGERS = frozenset(kind.kind for kind in (Conv2D, Dense, MaxPool2D, GlobalSum, Add, Threshold, Flatten, HostScale))
"""Those of networks of integers; the last scale is the host's."""


def check(job: Job[RtlOptions]) -> Sequence[Refusal]:
    if isinstance(job.integer, IntegerNetwork):
        return (*layers.check(_of_integers(job, job.integer), OF_INTEGERS), *_formats(job.options))
    return layers.check(job, KINDS)


def _formats(options: RtlOptions) -> Iterator[Refusal]:
    """Formats that were asked for of a network that has its own."""
    usual = RtlOptions()
    for field in fields(FormatOptions):
        if getattr(options, field.name) != getattr(usual, field.name):
            fact = "the network has integers of its own, which are built as they were trained"
            yield Refusal(f"--{field.name.replace('_', '-')}", fact, "leave it out, or give the float network")


def resolve(job: Job[RtlOptions]) -> Solved[RtlDesign]:
    """Raises `Unbuildable` where `clocks.resolve` and `clocks.resolve_arithmetic` do."""
    if isinstance(job.integer, IntegerNetwork):
        return clocks.resolve_arithmetic(_of_integers(job, job.integer), job.integer.quantised, RtlDesign)
    return clocks.resolve(job, RtlDesign)


def _of_integers(job: Job[RtlOptions], integer: IntegerNetwork) -> Job[RtlOptions]:
    """`job` on its network of integers in place of the float twin."""
    return replace(job, network=integer.quantised.network, weights=integer.weights)
