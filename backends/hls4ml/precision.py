"""The arithmetic of an hls4ml design: every type computed here, from the default precision and the measured ranges.

hls4ml's own defaults are numerically broken on residual networks: sums wrap in the global average pool, activations
beyond the default type wrap to the other sign, a wide result flattens the softmax. So results round and saturate, their
integer bits hold the measured range, and accumulators hold any sum that their types allow. `--precision stock` gives
hls4ml's own types instead (rules of hls4ml 1.3.0, ``optimizer/passes/infer_precision.py``), to show what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil, log2, prod

from backends.hls4ml.options import STOCK, Hls4mlOptions, parse_precision
from backends.hls4ml.ranged import LOGIT_BITS, PIXELS, ByRange, Choice, Widened
from backends.hls4ml.reuse import sizes
from backends.protocol import Job, Note, warning
from models.fixed import FixedType, Overflow, Rounding, parse_type
from models.lowering import lowered
from models.network import (
    INPUT,
    Add,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool2D,
    Softmax,
)
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables

DEFAULT = FixedType(16, 6)
TABLE = FixedType(18, 8, rounding=Rounding.RND, overflow=Overflow.SAT)
"""hls4ml's type of softmax tables, sums and divisors (``fpga_backend.py``, `softmax` attributes)."""
TABLE_SIZE = 1024
WEIGHTS = "weight", "bias"


def lower(job: Job[Hls4mlOptions]) -> QuantisedNetwork:
    """The exact arithmetic that the design of `job` has."""
    asked, given = parse_precision(job.options.precision)
    choice = _choice(job, asked)
    entry = given.get(INPUT, {}).get("result", choice.image if choice else DEFAULT)

    def arithmetic(layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
        named = given.get(layer.name, {})
        chosen = _ranged(job, layer, sources[0], choice, named) if choice else _stock(job, layer, sources)
        return _given(chosen, named)

    keeps_softmax = job.options.softmax != "skip"
    return lowered(job.network, job.weights.digest, InputContract(entry), arithmetic, keeps_softmax)


def _choice(job: Job[Hls4mlOptions], asked: str) -> Choice | None:
    if asked == STOCK:
        return None
    return ByRange(job, int(asked)) if asked.isdecimal() else Widened(job, parse_type(asked))


def _given(arithmetic: Arithmetic, types: Mapping[str, FixedType]) -> Arithmetic:
    """With the types that were given by role, of the roles that the layer has."""

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
    job: Job[Hls4mlOptions], layer: Layer, source: FixedType, choice: Choice, given: Mapping[str, FixedType]
) -> Arithmetic:
    """Accumulators hold any sum of the types that go into them, also of those `given`."""
    match layer:
        case Conv2D() | Dense():
            kernel, bias = (given.get(role, type) for role, type in zip(WEIGHTS, choice.weights(layer), strict=True))
            terms = sizes(job.network)[layer.name][0]
            return Arithmetic(choice.result(layer), kernel, bias, _sum(source, kernel, terms, bias))
        case GlobalAveragePool():
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
        case Conv2D() | Dense():
            total = _sum(source, DEFAULT, sizes(job.network)[layer.name][0])
            return Arithmetic(total, DEFAULT, DEFAULT, total)
        case Add():
            return Arithmetic(_added(*sources))
        case GlobalAveragePool():
            return Arithmetic(DEFAULT, accumulator=DEFAULT)
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


def _added(one: FixedType, other: FixedType) -> FixedType:
    integer = max(one.integer, other.integer) + 1
    return FixedType(integer + max(one.fraction, other.fraction), integer)


def _wider(source: FixedType, terms: int, fraction: int) -> FixedType:
    """Any sum of `terms` codes of `source`, exactly, and their mean to `fraction` bits behind the point."""
    integer = source.integer + ceil(log2(terms)) + (not source.signed)
    return FixedType(integer + max(source.fraction, fraction), integer)


def _area(job: Job[Hls4mlOptions], layer: Layer) -> int:
    return prod(job.network.shapes[layer.inputs[0]][:2])


def _tables(source: FixedType) -> SoftmaxTables:
    difference = FixedType(source.width - 1, source.integer - 1, signed=False)
    return SoftmaxTables(TABLE_SIZE, difference, TABLE, TABLE, TABLE, TABLE)


def explain(job: Job[Hls4mlOptions], quantised: QuantisedNetwork) -> Iterator[Note]:
    """Why types differ from the default precision: a line for each kind of deviation, with the measured range."""
    asked, given = parse_precision(job.options.precision)
    if asked == STOCK:
        yield warning(
            "--precision stock pins nothing: sums wrap in the global average pool, activations of 32 and more "
            "turn negative. See what it does to accuracy (--data), and do not build it"
        )
        return
    if given:
        yield Note(f"types of {', '.join(given)} are as given")
    if asked.isdecimal():
        yield Note(
            f"types have {asked} bits; their integer bits hold what each tensor reaches on "
            f"{job.ranges.n:,} training images, and the trained weights; what is never negative has no sign, what only "
            f"a ReLU reads has the ReLU's type and a sign, and logits have {max(int(asked), LOGIT_BITS)} bits"
        )
        yield from _common(quantised)
        return
    base = parse_type(asked)
    if quantised.input.type.integer != base.integer:
        yield Note(f"the image is {quantised.input.type.name}: its pixels reach {PIXELS[1]:g}")
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if types.output.integer == base.integer or layer.name in given:
            continue
        if isinstance(layer, MaxPool2D | Flatten):
            yield Note(f"{layer.name} is {types.output.name}, as {layer.inputs[0]} is")
            continue
        low, high = job.ranges.reach[layer.name]
        yield Note(
            f"{layer.name} is {types.output.name}: it reaches {low:.1f} .. {high:.1f} on {job.ranges.n:,} training "
            f"images, {base.name} ends at +-{2 ** (base.integer - 1)}"
        )
    yield from _common(quantised)


def _common(quantised: QuantisedNetwork) -> Iterator[Note]:
    yield Note(
        "weights and layer results round and saturate (AP_RND, AP_SAT) where hls4ml truncates and wraps: a value "
        "beyond its type then stays at the end of the range instead of changing sign"
    )
    for name, types in quantised.layers.items():
        if tables := types.softmax:
            yield Note(f"the tables of {name} are hls4ml's own: {tables.exponential.name}, {tables.size:,} entries")
    for kind, layers in _accumulators(quantised).items():
        yield Note(
            f"accumulators of {kind} are {layers}: wide enough for every sum that the types of their terms allow"
        )


def _accumulators(quantised: QuantisedNetwork) -> Mapping[str, str]:
    found: dict[str, list[int]] = {}
    for layer in quantised.computed:
        if accumulator := quantised.layers[layer.name].accumulator:
            found.setdefault(layer.kind, []).append(accumulator.width)
    return {
        kind: f"{min(widths)} bits" if min(widths) == max(widths) else f"{min(widths)} to {max(widths)} bits"
        for kind, widths in found.items()
    }
