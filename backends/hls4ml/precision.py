"""The arithmetic of an hls4ml design: every type computed here, from the default precision and the measured ranges.

hls4ml's own defaults are numerically broken on residual networks: sums wrap in the global average pool, activations
beyond the default type wrap to the other sign, a wide result flattens the softmax. So results round and saturate, their
integer bits hold the measured range, and accumulators hold any sum that their types allow. `--precision stock` gives
hls4ml's own types instead (rules of hls4ml 1.3.0, ``optimizer/passes/infer_precision.py``), to show what they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, log2, prod

from backends.hls4ml.option_texts import STOCK, parse_precision
from backends.hls4ml.options import SKIP, Hls4mlOptions
from backends.hls4ml.places import bits_of, types_of
from backends.hls4ml.ranged import ByRange, TypeChoice, Widened
from backends.hls4ml.reuse import sizes
from backends.protocol import Job
from models.fixed import FixedType, Overflow, Rounding, parse_type
from models.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    Softmax,
)
from models.lowering import lowered
from models.network import INPUT
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables, channels_of

DEFAULT = FixedType(16, 6)
TABLE = FixedType(18, 8, rounding=Rounding.RND, overflow=Overflow.SAT)
"""hls4ml's type of softmax tables, sums and divisors (``fpga_backend.py``, `softmax` attributes)."""
TABLE_SIZE = 1024
WEIGHTS = "weight", "bias"


def lower(job: Job[Hls4mlOptions]) -> QuantisedNetwork:
    """The exact arithmetic that the design of `job` has."""
    asked, named_types = parse_precision(job.options.precision)
    placed = ByRange(job, int(asked) if asked.isdecimal() else DEFAULT.width, named_types)
    choice: TypeChoice | None = placed
    if not asked.isdecimal():
        choice = None if asked == STOCK else Widened(job, parse_type(asked))
    image = placed.image if bits_of(job.network, named_types, INPUT) else choice.image if choice else DEFAULT
    entry = types_of(job.network, named_types, INPUT).get("result", image)

    def arithmetic(layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
        named = {**types_of(job.network, named_types, layer.name), **placed.named(layer)}
        chosen = _ranged(job, layer, sources[0], choice, named) if choice else _stock(job, layer, sources)
        return _with_types(chosen, named)

    keeps_softmax = job.options.softmax != SKIP
    contract = InputContract(entry, job.network.pixels, channels=channels_of(job.network))
    return lowered(job.network, job.weights.digest, contract, arithmetic, keeps_softmax)


def _with_types(arithmetic: Arithmetic, types: Mapping[str, FixedType]) -> Arithmetic:
    """With the types that the user names by role, of the roles that the layer has."""

    def chosen(role: str, own: FixedType | None) -> FixedType | None:
        return own and types.get(role, own)

    return replace(
        arithmetic,
        output=types.get("result", arithmetic.output),
        kernel=chosen("weight", arithmetic.kernel),
        bias=chosen("bias", arithmetic.bias),
        accumulator=chosen("accum", arithmetic.accumulator),
    )


def _ranged(
    job: Job[Hls4mlOptions], layer: Layer, source: FixedType, choice: TypeChoice, named: Mapping[str, FixedType]
) -> Arithmetic:
    """Accumulators hold any sum of the types that go into them, also of those `named` by role."""
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            kernel, bias = (named.get(role, type) for role, type in zip(WEIGHTS, choice.weights(layer), strict=True))
            terms = sizes(job.network)[layer.name][0]
            return Arithmetic(choice.result(layer), kernel, bias, _sum(source, kernel, terms, bias))
        case GlobalAveragePool() | AveragePool2D():
            result = choice.result(layer)
            return Arithmetic(result, accumulator=_wider(source, _area(job, layer), result.fraction))
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
        case Softmax():
            return Arithmetic(choice.result(layer), softmax=_tables(source))
        case _:
            return Arithmetic(choice.result(layer))


def _stock(job: Job[Hls4mlOptions], layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
    source = sources[0]
    match layer:
        case Conv2D() | GroupedConv2D() | Dense():
            total = _sum(source, DEFAULT, sizes(job.network)[layer.name][0])
            return Arithmetic(total, DEFAULT, DEFAULT, total)
        case Add():
            return Arithmetic(_added(*sources))
        case GlobalAveragePool():
            return Arithmetic(DEFAULT, accumulator=DEFAULT)
        case AveragePool2D():
            more = ceil(log2(prod(layer.kernel)))
            total = FixedType(source.width + 2 * more, source.integer + more, source.signed)
            return Arithmetic(source, accumulator=total)
        case MaxPool2D() | Flatten():
            return Arithmetic(source)
        case Softmax():
            return Arithmetic(DEFAULT, softmax=_tables(source))
        case _:
            return Arithmetic(DEFAULT)


def _sum(source: FixedType, kernel: FixedType, terms: int, bias: FixedType | None = None) -> FixedType:
    """Any sum of `terms` products and a bias (of the kernel's type where none is given), exactly."""
    bias = bias or kernel
    integer = max(source.integer + kernel.integer + ceil(log2(terms)), bias.integer) + 1
    return FixedType(integer + max(max(source.fraction, 0) + kernel.fraction, bias.fraction), integer)


def _added(first: FixedType, second: FixedType) -> FixedType:
    integer = max(first.integer, second.integer) + 1
    return FixedType(integer + max(first.fraction, second.fraction), integer)


def _wider(source: FixedType, terms: int, fraction: int) -> FixedType:
    """Any sum of `terms` codes of `source`, exactly, and their mean to `fraction` bits behind the point."""
    integer = source.integer + ceil(log2(terms)) + (not source.signed)
    return FixedType(integer + max(source.fraction, fraction), integer)


def _area(job: Job[Hls4mlOptions], layer: Layer) -> int:
    return prod(layer.kernel if isinstance(layer, AveragePool2D) else job.network.shapes[layer.inputs[0]][:2])


def _tables(source: FixedType) -> SoftmaxTables:
    difference = FixedType(source.width - 1, source.integer - 1, signed=False)
    return SoftmaxTables(TABLE_SIZE, difference, TABLE, TABLE, TABLE, TABLE)
