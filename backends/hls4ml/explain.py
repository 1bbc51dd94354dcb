"""Why the types of a design are what they are, and what of the trained network they do not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import count
from math import floor, prod

from backends.hls4ml.option_texts import STOCK, TypesByPlace, parse_precision
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.places import bits_of, types_of
from backends.hls4ml.precision import WEIGHTS
from backends.hls4ml.ranged import LOGIT_BITS, Widened, numbers_of, reach_of
from backends.protocol import Job, Note, warning
from models.fixed import FixedType, Overflow, Rounding, parse_type
from models.layers import WEIGHTED, Flatten, Layer, MaxPool2D
from models.quantised import QuantisedNetwork
from models.weights import Weights

WORTH_SAYING = 0.1
"""A squared error of weights, by their squares, that is said of any type: a tenth is 10 dB."""


def _image(quantised: QuantisedNetwork) -> Iterator[Note]:
    """Where pixels reach beyond the type that they enter, by more than the step to which they are rounded."""
    type, (low, high) = quantised.input.type, quantised.input.pixels.ends
    lowest, highest, step = (type.value(code) for code in (type.low, type.high, 1))
    if low < lowest - step or high > highest + step:
        does = "wrap" if type.overflow is Overflow.WRAP else "saturate"
        yield warning(
            f"the image is {type.name}, {float(lowest):g} to {float(highest):g}, and its pixels, "
            f"{quantised.input.pixels}, reach {float(low):g} to {float(high):g}: they {does}"
        )


def explain(job: Job[Hls4mlOptions], quantised: QuantisedNetwork) -> Iterator[Note]:
    """Why types differ from the default precision: a line for each kind of deviation, with the measured range."""
    asked, named_types = parse_precision(job.options.precision)
    yield from _image(quantised)
    if asked == STOCK:
        yield warning(
            "--precision stock pins nothing: sums wrap in the global average pool, activations of 32 and more "
            "turn negative. See what it does to accuracy (--data), and do not build it"
        )
        yield from _losses(job, quantised, lambda layer, role: True)
        return

    def is_named(layer: str, role: str) -> bool:
        return role in types_of(job.network, named_types, layer)

    if named := [name for name in job.network.shapes if types_of(job.network, named_types, name)]:
        yield Note(f"types of {', '.join(named)} are as given")
    if placed := [name for name in job.network.shapes if bits_of(job.network, named_types, name)]:
        yield Note(
            f"{', '.join(placed)}: as many bits as given, and the point where ranges and trained weights need it"
        )
    if asked.isdecimal():
        yield Note(
            f"types have {asked} bits; their integer bits hold what each tensor reaches on "
            f"{job.ranges.measured}, and the trained weights; what is never negative has no sign, what only "
            f"a ReLU reads has the ReLU's type and a sign, and logits have {max(int(asked), LOGIT_BITS)} bits"
        )
        yield from _common(quantised)
        yield from _losses(job, quantised, is_named)
        return
    base = parse_type(asked)
    if quantised.input.type.integer != base.integer:
        yield Note(
            f"the image is {quantised.input.type.name}: its pixels reach {_reach(*map(float, job.network.pixels.ends))}"
        )
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        yield from _moved(job, layer, base, named_types)
        if types.output.integer == base.integer or "result" in types_of(job.network, named_types, layer.name):
            continue
        if isinstance(layer, MaxPool2D | Flatten):
            yield Note(f"{layer.name} is {types.output.name}, as {layer.inputs[0]} is")
            continue
        low, high = job.ranges.reach[layer.name]
        yield Note(
            f"{layer.name} is {types.output.name}: it reaches {_reach(low, high)} on {job.ranges.measured}, "
            f"{_limits(base)}"
        )
    yield from _common(quantised)
    yield from _losses(job, quantised, is_named)


def _moved(job: Job[Hls4mlOptions], layer: Layer, base: FixedType, named_types: TypesByPlace) -> Iterator[Note]:
    """Why weights have another type than `base`."""
    types = Widened(job, base).weights(layer) if isinstance(layer, WEIGHTED) else ()
    for role, tensor, type in zip(WEIGHTS, ("kernel", "bias"), types, strict=False):
        if type.integer != base.integer and role not in types_of(job.network, named_types, layer.name):
            reach = _reach(*reach_of(job.weights)[f"{layer.name}/{tensor}"])
            yield Note(f"the {tensor} of {layer.name} is {type.name}: trained to {reach}, {_limits(base)}")


def _reach(low: float, high: float) -> str:
    """
    >>> _reach(-1539.94, 1231.1), _reach(-0.00012, 0)
    ('-1539.9 .. 1231.1', '-0.00012 .. 0')
    """
    return " .. ".join(f"{end:.1f}" if abs(end) >= 1 else f"{end:.2g}" for end in (low, high))


def _limits(base: FixedType) -> str:
    return f"{base.name} ends at +-{2.0 ** (base.integer - 1):g} and steps by {2.0**-base.fraction:.2g}"


def _common(quantised: QuantisedNetwork) -> Iterator[Note]:
    yield Note(
        "weights and layer results round and saturate (AP_RND, AP_SAT) where hls4ml truncates and wraps: a value "
        "beyond its type then stays at the end of the range instead of changing sign"
    )
    for name, types in quantised.layers.items():
        if tables := types.softmax:
            yield Note(f"the tables of {name} are hls4ml's own: {tables.exponential.name}, {tables.size:,} entries")
    yield from _accumulators(quantised)


def _accumulators(quantised: QuantisedNetwork) -> Iterator[Note]:
    """Which hold every sum that can come, and by how much those that were given do not."""
    wide: dict[str, list[int]] = {}
    for layer in quantised.computed:
        if not (type := quantised.layers[layer.name].accumulator):
            continue
        low, high, fraction = sums(quantised, layer)
        lacking = next(bits for bits in count() if _holds(replace(type, integer=type.integer + bits), low, high))
        name = f"the accumulator of {layer.name}, {type.name},"
        if lacking:
            fact = f"is {_bits(lacking)} short of every sum that the types of its terms allow"
            yield warning(f"{name} {fact}: a larger one wraps to the other sign")
        if fraction > type.fraction:
            yield warning(f"{name} drops {_bits(fraction - type.fraction)} of each term")
        if not lacking and fraction <= type.fraction:
            wide.setdefault(layer.kind, []).append(type.width)
    for kind, widths in wide.items():
        span = f"{min(widths)} bits" if min(widths) == max(widths) else f"{min(widths)} to {max(widths)} bits"
        yield Note(f"accumulators of {kind} are {span}: wide enough for every sum that the types of their terms allow")


def sums(quantised: QuantisedNetwork, layer: Layer) -> tuple[Fraction, Fraction, int]:
    """(the least, the greatest) sum that the types of the terms of `layer` allow, and fraction bits of its terms."""
    types, shapes = quantised.layers[layer.name], quantised.network.input_shapes(layer)
    source = quantised.type_of(layer.inputs[0])
    if not (types.kernel and types.bias):
        area = prod(shapes[0][:2])
        return area * source.value(source.low), area * source.value(source.high), source.fraction
    terms = prod(layer.weight_shapes(*shapes)["kernel"][:-1])
    data, weights, offsets = (
        (type.value(type.low), type.value(type.high)) for type in (source, types.kernel, types.bias)
    )
    products = [value * weight for value in data for weight in weights]
    fraction = max(source.fraction + types.kernel.fraction, types.bias.fraction)
    return terms * min(products) + offsets[0], terms * max(products) + offsets[1], fraction


def _holds(type: FixedType, low: Fraction, high: Fraction) -> bool:
    """Whether both, and all between them, are within `type`; of the bits behind the point nothing is said."""
    wide = Fraction(2) ** (type.integer - type.signed)
    return (-wide if type.signed or low < 0 else 0) <= low and high < wide


def _bits(number: int) -> str:
    return "1 bit" if number == 1 else f"{number} bits"


def _losses(job: Job[Hls4mlOptions], quantised: QuantisedNetwork, forced: Callable[[str, str], bool]) -> Iterator[Note]:
    """Weights that their type does not hold; `forced` tells types that were not chosen here, by layer and role."""
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        for role, tensor, type in zip(WEIGHTS, ("kernel", "bias"), (types.kernel, types.bias), strict=True):
            if type is None:
                continue
            loss = loss_of(job.weights, f"{layer.name}/{tensor}", type)
            if (loss.beyond and forced(layer.name, role)) or loss.error > WORTH_SAYING:
                fate = "saturate" if type.overflow is Overflow.SAT else "wrap to other numbers"
                yield warning(
                    f"{layer.name} {tensor}, {type.name}: {loss.beyond:,} of {loss.count:,} weights {fate}, "
                    f"{loss.zeroed:,} become zero"
                )


@dataclass(frozen=True, slots=True)
class Loss:
    """Of `count` numbers, those `beyond` a type, those `zeroed`, and the squared error by their squares."""

    count: int
    beyond: int
    zeroed: int
    error: float


@lru_cache(maxsize=256)
def loss_of(weights: Weights, tensor: str, type: FixedType) -> Loss:
    numbers = numbers_of(weights)[tensor]
    scale = 2.0**type.fraction
    if type.rounding is Rounding.TRN_ZERO:
        codes = [int(number * scale) for number in numbers]
    else:
        half = 0.0 if type.rounding is Rounding.TRN else 0.5
        codes = [floor(number * scale + half) for number in numbers]
    beyond = sum(not type.low <= code <= type.high for code in codes)
    zeroed = sum(code == 0 and number != 0 for code, number in zip(codes, numbers, strict=True))
    span = 1 << type.width
    rounded = (
        min(max(code, type.low), type.high) if type.overflow is Overflow.SAT else (code - type.low) % span + type.low
        for code in codes
    )
    error = sum((code / scale - number) ** 2 for code, number in zip(rounded, numbers, strict=True))
    return Loss(len(numbers), beyond, zeroed, error / (sum(number**2 for number in numbers) or 1.0))
