"""Shapes check parsed JSON: a shape is a function that returns the value it stands for, or raises `Wrong`.

>>> shape = fields({"right": whole(0, 9), "on": optional(text())}, dict)
>>> shape({"right": 5, "on": None})
{'right': 5, 'on': None}
>>> shape({"right": 12, "on": None})
Traceback (most recent call last):
flows.core.shape.Wrong: right is 12, where a whole number from 0 to 9 belongs
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flows.core.text import printable

T = TypeVar("T")
Shape = Callable[[Any], T]

TEXT_LIMIT = 1 << 16
"""Characters of one text: a note, a command line, an option."""
LIST_LIMIT = 100_000


class Wrong(ValueError):
    """An invalid value: the fact about it, and its path in the file: ``runs[0].readings[3].low``."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact, self.place = fact, ""

    def within(self, key: str | int) -> Wrong:
        """The same, seen from one level further out."""
        step = f"[{key}]" if isinstance(key, int) else printable(key)[:60]
        dot = "." if self.place and not self.place.startswith("[") else ""
        self.place = f"{step}{dot}{self.place}"
        return self

    def __str__(self) -> str:
        return f"{self.place} {self.fact}" if self.place else self.fact


def parse(content: str) -> Any:
    """The value of a JSON text; raises `Wrong` where it is none, is nested too deep or holds a name twice.

    NaN and Infinity come through: no shape takes them, and says where they stand.
    """
    try:
        return json.loads(content, object_pairs_hook=_unique)
    except Wrong:
        raise
    except (ValueError, RecursionError) as reason:
        fact = "nested too deep" if isinstance(reason, RecursionError) else "not JSON, or a truncated file"
        raise Wrong(fact) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise Wrong(f"has {_shown(name)} twice")
        values[name] = value
    return values


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else printable(repr(value)[:40])


def _instead(value: Any, expected: str) -> Wrong:
    return Wrong(f"is {_shown(value)}, where {expected} belongs")


def text(pattern: str = "", about: str = "a text") -> Shape[str]:
    """A text of at most `TEXT_LIMIT` characters, all of which match `pattern` where there is one: `about` in words."""
    match = re.compile(pattern or "(?s:.*)").fullmatch

    def shape(value: Any) -> str:
        if not isinstance(value, str) or len(value) > TEXT_LIMIT or not match(value):
            long = isinstance(value, str) and len(value) > TEXT_LIMIT
            raise _instead(value, f"{about} of at most {TEXT_LIMIT:,} characters" if long else about)
        return value

    return shape


def number(low: float, high: float) -> Shape[float]:
    def shape(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise _instead(value, f"a number from {low:,g} to {high:,g}")
        return value

    return shape


def whole(low: int, high: int) -> Shape[int]:
    def shape(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _instead(value, f"a whole number from {low:,} to {high:,}")
        return value

    return shape


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _instead(value, "true or false")
    return value


def choice(table: Mapping[str, T]) -> Shape[T]:
    """A name in `table`; gives what it stands for."""

    def shape(value: Any) -> T:
        if not isinstance(value, str) or value not in table:
            raise _instead(value, f"one of {', '.join(table)}")
        return table[value]

    return shape


def optional(inner: Shape[T]) -> Shape[T | None]:
    return lambda value: None if value is None else inner(value)


def listing(inner: Shape[T], limit: int = LIST_LIMIT) -> Shape[tuple[T, ...]]:
    def shape(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list) or len(value) > limit:
            raise _instead(value, f"a list of at most {limit:,}")
        values: list[T] = []
        try:
            for item in value:
                values.append(inner(item))
        except Wrong as wrong:
            raise wrong.within(len(values)) from None
        return tuple(values)

    return shape


def mapping(inner: Shape[T], limit: int = LIST_LIMIT) -> Shape[dict[str, T]]:
    """An object whose names may be any."""

    def shape(value: Any) -> dict[str, T]:
        if not isinstance(value, dict) or len(value) > limit:
            raise _instead(value, f"an object of at most {limit:,} names")
        return {_name(name): _inner(name, inner, item) for name, item in value.items()}

    return shape


_name = text()


def fields(
    table: Mapping[str, Shape[Any]], build: Callable[..., T], default: Mapping[str, Any] | None = None
) -> Shape[T]:
    """An object with the names in `table`, those of `default` optional; gives ``build(name=value, ...)``.

    `build` may raise `Wrong` itself, for what two fields say together.
    """
    absent = default or {}
    wanted = table.keys() - absent.keys()

    def shape(value: Any) -> T:
        if not isinstance(value, dict):
            raise _instead(value, "an object")
        if unknown := value.keys() - table.keys():
            raise Wrong("is no field that is known").within(min(unknown))
        if missing := wanted - value.keys():
            raise Wrong("is missing").within(min(missing))
        read, name = dict(absent), ""
        try:  # around all of them, not each: of 50 records there are 100,000
            for name, item in value.items():
                read[name] = table[name](item)
        except Wrong as wrong:
            raise wrong.within(name) from None
        return build(**read)

    return shape


def _inner(name: str, inner: Shape[T], value: Any) -> T:
    try:
        return inner(value)
    except Wrong as wrong:
        raise wrong.within(name) from None
