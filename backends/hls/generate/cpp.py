"""Types and arithmetic of the design as C++ text."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from models.fixed import FixedType, Overflow, Rounding
from models.layers import Clip, LeakyReLU, ReLU

Activation = ReLU | Clip | LeakyReLU

STORED = ((8, "signed char"), (16, "short"), (32, "int"), (64, "long long"))
"""Weights are written as native integers: lists of tens of thousands of ap_int overload compilers."""


def integer(type: FixedType) -> str:
    """The integer type that holds the codes of `type`.

    >>> integer(FixedType(8, 3)), integer(FixedType(5, 0, signed=False))
    ('ap_int<8>', 'ap_uint<5>')
    """
    return f"ap_{'' if type.signed else 'u'}int<{type.width}>"


def stored(width: int) -> str:
    """The native integer that holds signed codes of `width` bits; raises `ValueError` above 64."""
    for bits, name in STORED:
        if width <= bits:
            return name
    raise ValueError(f"no native integer has {width} bits")


@dataclass(frozen=True)
class Function:
    """A static member ``result``: its comment, its arguments and the lines of its body."""

    comment: str
    arguments: str
    lines: tuple[str, ...]


def entering(expression: str, fraction: int, type: FixedType, clip: Clip | None = None) -> str:
    """The expression that converts the integer `expression`, with `fraction` fraction bits, into `type`.

    `type` rounds halves up and saturates, or the number fits unchanged. A clip is done by the saturation: rounding is
    monotonic, so clipping to rounded ends after rounding is the same.

    >>> entering("sum", 10, FixedType(8, 5, False, Rounding.RND, Overflow.SAT))
    'saturated<Result, 0, 255>(half_up<7>(sum))'
    >>> entering("sum", 10, FixedType(32, 22))
    'sum'
    """
    drop = fraction - type.fraction
    if type.overflow is Overflow.WRAP:
        if drop or clip:
            raise ValueError(f"{type.name} neither rounds nor saturates")
        return expression
    if type.overflow is not Overflow.SAT or (drop > 0 and type.rounding is not Rounding.RND):
        raise ValueError(f"there is no template that enters {type.name}")
    moved = f"half_up<{drop}>({expression})" if drop > 0 else f"{expression} << {-drop}" if drop < 0 else expression
    low, high = (type.enter(Fraction(end)) for end in (clip.low, clip.high)) if clip else (type.low, type.high)
    return f"saturated<Result, {low}, {high}>({moved})"


def point(fraction: int) -> str:
    """The position of the binary point of an integer, in words."""
    if fraction >= 0:
        return f"{fraction} bits behind the point"
    return f"in steps of {2**-fraction}"


def sum_result(
    accumulator: FixedType, type: FixedType, activation: Activation | None = None, slope: FixedType | None = None
) -> Function:
    """The result of an accumulator, through the activation after it."""
    comment = f"{point(accumulator.fraction).capitalize()} become {type.name}{_through(activation)}."
    if isinstance(activation, LeakyReLU) and slope:
        lines, _ = _sloped("sum", "sloped", accumulator, activation, slope, type)
        return Function(comment, "Sum sum", lines)
    clip = activation if isinstance(activation, Clip) else None
    return Function(comment, "Sum sum", (f"return {entering('sum', accumulator.fraction, type, clip)};",))


def _through(activation: Activation | None) -> str:
    match activation:
        case Clip():
            return f", clipped to {activation.low:g} .. {activation.high:g}"
        case LeakyReLU():
            return f", times {activation.slope:g} below zero"
        case ReLU():
            return ": a ReLU, since nothing below zero is held"
    return ""


def activated(
    source: FixedType, type: FixedType, activation: Activation, slope: FixedType | None
) -> tuple[Function, int]:
    """(an activation in a stage of its own, the bits before rounding)."""
    fraction, width = source.fraction, _width(source.low, source.high, source.fraction, type)
    comment = f"{point(fraction).capitalize()} become {type.name}{_through(activation)}."
    if isinstance(activation, LeakyReLU) and slope and source.signed:
        lines, width = _sloped("value", "sum", source, activation, slope, type)
        return Function(comment, "Value value", lines), width
    is_plain = not isinstance(activation, ReLU) or not (source.signed and type.signed)
    value = "value" if is_plain else "value > 0 ? value : Value(0)"
    clip = activation if isinstance(activation, Clip) else None
    lines = (f"const Sum sum = {value};", f"return {entering('sum', fraction, type, clip)};")
    return Function(comment, "Value value", lines), width


def _sloped(
    name: str, wide: str, source: FixedType, activation: LeakyReLU, slope: FixedType, type: FixedType
) -> tuple[tuple[str, ...], int]:
    """(the lines of a leaky ReLU of the code called `name`, the bits of the intermediate number `wide`)."""
    code, more = slope.enter(Fraction(activation.slope)), slope.fraction
    width = _width(source.low << more, source.high << more, source.fraction + more, type)
    held = f"ap_int<{width}>"
    lines = (
        f"const {held} {wide} = {name} < 0 ? {held}({held}({name}) * {code}) : {held}({held}({name}) << {more});",
        f"return {entering(wide, source.fraction + more, type)};",
    )
    return lines, width


def added(left: FixedType, right: FixedType, type: FixedType) -> tuple[Function, int]:
    """(the sum of two codes, its bits before rounding)."""
    fraction = max(left.fraction, right.fraction)
    low, high = (
        sum(getattr(term, end) << fraction - term.fraction for term in (left, right)) for end in ("low", "high")
    )
    terms = " + ".join(
        f"(Sum({name}) << {fraction - term.fraction})" if fraction > term.fraction else f"Sum({name})"
        for name, term in (("left", left), ("right", right))
    )
    lines = (f"const Sum sum = {terms};", f"return {entering('sum', fraction, type)};")
    comment = f"Both with {point(fraction)}; the sum becomes {type.name}."
    return Function(comment, "LeftValue left, RightValue right", lines), _width(low, high, fraction, type)


def aligned(left: FixedType, right: FixedType, type: FixedType) -> tuple[Function, int, tuple[int, int]]:
    """(a code of either tensor converted to `type`, the bits before rounding, the shift of each to a common point)."""
    fraction = max(left.fraction, right.fraction)
    ups = fraction - left.fraction, fraction - right.fraction
    low, high = min(left.low << ups[0], right.low << ups[1]), max(left.high << ups[0], right.high << ups[1])
    comment = f"Both with {point(fraction)}; they become {type.name}."
    lines = (f"return {entering('sum', fraction, type)};",)
    return Function(comment, "Sum sum", lines), _width(low, high, fraction, type), ups


def averaged(source: FixedType, area: int, accumulator: FixedType, type: FixedType) -> tuple[Function, int]:
    """(the average from the sum of an area, the bits of that sum)."""
    width = _width(area * source.low, area * source.high, accumulator.fraction, type)
    more = accumulator.fraction - source.fraction
    if area == 1 << more:
        comment = f"A sum of {area} values is their average, with {more} more bits behind the point."
        lines: tuple[str, ...] = (f"return {entering('sum', accumulator.fraction, type)};",)
    else:
        comment = f"Divided by {area}, towards zero, with {more} more bits behind the point."
        moved = _width(source.low << more, source.high << more, accumulator.fraction, type)
        wide = f"ap_int<{max(accumulator.width, moved)}>"
        lines = (
            f"const {wide} average = {wide}({wide}(sum) << {more}) / {area};",
            f"return {entering('average', accumulator.fraction, type)};",
        )
    return Function(f"{comment} It becomes {type.name}.", "Sum sum", lines), width


def _width(low: int, high: int, fraction: int, type: FixedType) -> int:
    """Bits of a signed integer that holds these ends while they are converted to `type`: with the half that rounding
    adds, or with zeros appended."""
    drop = fraction - type.fraction
    half = 1 << drop >> 1 if drop > 0 else 0
    ends = (low << max(-drop, 0), (high << max(-drop, 0)) + half)
    return max(ends[1].bit_length(), (-ends[0] - 1).bit_length() if ends[0] < 0 else 0) + 1


def listed(values: object, indent: int = 0) -> str:
    """Nested lists of integers as an initialiser, a line for each innermost list."""
    assert isinstance(values, list)
    if not values or not isinstance(values[0], list):
        return "{" + ", ".join(map(str, values)) + "}"
    pad = " " * (indent + 4)
    rows = ",\n".join(pad + listed(row, indent + 4) for row in values)
    return "{\n" + rows + ",\n" + " " * indent + "}"
