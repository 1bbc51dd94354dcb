"""Digests: equal values are equal everywhere, and only those."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.digest import LENGTH, digest_bytes, digest_of, plain

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Colour(Enum):
    RED = 1


@dataclass(frozen=True)
class Point:
    x: int
    colour: Colour


def test_plain_forms() -> None:
    assert plain({"at": Point(1, Colour.RED), "half": Fraction(1, 2), 3: (4,)}) == {
        "at": {"x": 1, "colour": "red"},
        "half": "1/2",
        "3": [4],
    }


def test_a_known_digest_stays() -> None:
    """Stores of earlier versions are named by it."""
    assert digest_of({"b": 1, "a": [True, None]}) == digest_bytes(b'{"a":[true,null],"b":1}') == "51705a2c9eb3e7e4"


@given(st.dictionaries(st.text(), VALUES, min_size=2, max_size=5))
def test_order_of_keys_does_not_count(value: dict[str, Json]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(value.items())))
    assert len(digest_of(value)) == LENGTH


@given(VALUES, VALUES)
def test_different_values_have_different_digests(one: Json, other: Json) -> None:
    assert (digest_of(one) == digest_of(other)) == _same(one, other)


def _same(json: Json, other: Json) -> bool:
    """Equal but for the order of keys, with True apart from 1 and 0.0 apart from -0.0 and 0, as in JSON."""
    if isinstance(json, dict) and isinstance(other, dict):
        return json.keys() == other.keys() and all(_same(json[key], other[key]) for key in json)
    if isinstance(json, list) and isinstance(other, list):
        return len(json) == len(other) and all(map(_same, json, other))
    return repr(json) == repr(other)


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", Point])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        digest_of(value)


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError):
        digest_of(float("nan"))
