"""A value of a flow's option, from text or as Python code gives it. The rules are those of the option's own field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import Field, fields
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from itertools import islice
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from flows.core.errors import UsageError
from models.fixed import separated

if TYPE_CHECKING:
    from backends.protocol import Backend

T = TypeVar("T")

AUTO_CLOCK = 0.0
"""In place of a clock period: the fastest that is credible of each flow and part."""
LONGEST_NS = 1e6
"""A millisecond: no network is clocked so slowly, and its times still fit every report."""


AUTO = "auto"


def clock_period(value: float | str) -> float:
    """`value` in ns, a number or the text of one; `AUTO_CLOCK` of "auto". Raises `ValueError` where it is no clock
    period."""
    if value == AUTO:
        return AUTO_CLOCK
    try:
        if isinstance(value, bool) or not isinstance(value, Real | str):
            raise ValueError
        period = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number: give nanoseconds, 10 for 100 MHz") from None
    if not 0 < period <= LONGEST_NS:
        raise ValueError(f"{period:g} is no clock period: give nanoseconds above 0, up to {LONGEST_NS:,.0f}")
    return period


def count(culprit: str, value: Any) -> int:
    """`value`, a whole number above 0 as Python code gives it. Raises `UsageError` with this culprit."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(culprit, f"{value!r} is no whole number above 0", "give 1 or more")
    return value


def flag(name: str) -> str:
    """An option's name on the command line."""
    return f"--{name.replace('_', '-')}"


def parsed(field: Field[Any], text: str) -> Any:
    """The value that `text` stands for; raises `ValueError` with the reason where it is none."""
    choices = field.metadata.get("choices")
    if choices and text not in choices:
        near = get_close_matches(text, choices, n=1, cutoff=0.5)
        guess = f": did you mean {near[0]}?" if near else ""
        raise ValueError(f"{text!r} is none of {', '.join(choices)}{guess}")
    return field.metadata.get("parse", type(field.default))(text)


NUMBER = r"(-?\d+(?:\.\d+)?)"
RANGE = re.compile(rf"{NUMBER}\.\.{NUMBER}(?:\.\.{NUMBER})?")
"""FIRST..LAST or FIRST..LAST..STEP, with both ends."""
MOST = 10_000
"""Values of one axis of a sweep."""


def several(parse: Callable[[str], Any], text: str) -> list[Any]:
    """The values that `text` lists with commas, each a value or a range of numbers: FIRST..LAST or FIRST..LAST..STEP.

    Where a part is no value by itself, the whole is one: Q1.7,conv1=Q1.11 is one format. Raises `ValueError`.

    >>> several(int, "8..12..2"), several(float, "10,8,7.5"), several(int, "6..4..-1,1")
    ([8, 10, 12], [10.0, 8.0, 7.5], [6, 5, 4, 1])
    """
    try:
        return [parse(value) for part in separated(text) for value in _expanded(part.strip())]
    except ValueError:
        with suppress(ValueError):
            return [parse(text)]
        raise


def _expanded(text: str) -> list[str]:
    """The values of a range as texts; any other text as it is."""
    if bounds := RANGE.fullmatch(text):
        return [f"{value.normalize():f}" for value in _range(*(Decimal(end or "1") for end in bounds.groups()))]
    return [text]


def single(parse: Callable[[str], T], text: str) -> T:
    """The value of `text`; raises `ValueError`, which says so where it lists several."""
    try:
        return parse(text)
    except ValueError as reason:
        values: list[T] = []
        with suppress(ValueError):
            values = several(parse, text)
        if len(values) < 2:
            raise
        raise ValueError(f"{text!r} is several values: give one, or all to `python -m flows sweep`") from reason


def _range(first: Decimal, last: Decimal, step: Decimal) -> list[Decimal]:
    if not step or (last - first) / step < 0:
        raise ValueError(f"a range from {first} to {last} in steps of {step} has no end")
    if (count := int((last - first) / step) + 1) > MOST:
        raise ValueError(f"a range of {count:,} values: at most {MOST:,}")
    return [first + step * place for place in range(count)]


def is_several(value: Any) -> bool:
    """Whether Python code gives several values: a list, a range, an array."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def listed(culprit: str, several: Iterable[Any]) -> list[Any]:
    """Those of an axis; raises `UsageError` where there are none, or too many."""
    values = list(islice(several, MOST + 1))
    if not values:
        raise UsageError(culprit, "it has no value", "give one or more, or leave it out")
    if len(values) > MOST:
        raise UsageError(culprit, f"more than {MOST:,} values", "give fewer")
    return values


def checked(field: Field[Any], value: Any) -> Any:
    """A value as Python code gives it: one of the kind that the option has, or the text of one.

    Raises `ValueError` with the reason where it is neither.
    """
    if isinstance(field.default, bool) or isinstance(value, bool):
        if isinstance(field.default, bool) and isinstance(value, bool):
            return value
        raise ValueError(
            f"{value!r}: {'True or False is' if isinstance(field.default, bool) else 'a value is'} asked for"
        )
    if is_several(value):
        raise ValueError(f"{value!r}: give a number or a text; a sweep takes several")
    if not isinstance(value, str | Real):
        raise ValueError(f"{value!r}: give a number or a text")
    return parsed(field, f"{value}")


def by_flow(backends: Mapping[str, Backend[Any, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The `Options` of each flow, by the name that it was asked for, from values by the name of an option: one that
    several flows have speaks to all of them.

    Raises `UsageError` for an option that none of the flows has, and for a value that is none.
    """
    chosen = {name: axis(list(backends.values()), name, [value])[0] for name, value in settings.items()}
    options = {}
    for flow, backend in backends.items():
        own = {field.name for field in fields(backend.options)}
        options[flow] = backend.options(**{name: value for name, value in chosen.items() if name in own})
    return options


def axis(backends: Sequence[Backend[Any, Any]], name: str, values: Iterable[Any] | str) -> list[Any]:
    """The values of the option `name`, checked, or those that a text lists as `several` reads it; raises `UsageError`
    as `by_flow` and `listed` do."""
    known = {field.name: field for backend in backends for field in fields(backend.options)}
    if name == "clock":  # of the command line
        raise UsageError("option 'clock'", "not known here", "in Python it is clock_ns")
    if name not in known:
        flows = " ".join(backend.name for backend in backends)
        raise UsageError.unknown("option", name, known, f"python -m flows estimate {flows} --help")
    try:
        if isinstance(values, str):
            return several(partial(parsed, known[name]), values)
        return [checked(known[name], value) for value in listed(f"option {name}", values)]
    except ValueError as reason:
        raise UsageError(f"option {name}", str(reason), known[name].metadata["help"]) from None
