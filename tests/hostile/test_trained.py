"""Weights, ranges and cards that are none, or say what cannot be."""

from __future__ import annotations

import ast
import json
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.core.errors import FlowsError, InputError
from flows.jobs import PRETRAINED
from models.card import Score, read_card, record
from models.layers import Conv2D, ReLU
from models.network import INPUT, Network
from models.ranges import Ranges, load_ranges
from models.weights import open_weights, save_weights
from tests.hostile.conftest import CASES, ErrorLine

ARCH4 = PRETRAINED / "arch4.safetensors"
ENDINGS = (".safetensors", ".ranges.json", ".card.json")


@pytest.mark.parametrize("case", sorted((CASES / "weights").iterdir()), ids=lambda path: path.name)
def test_files_beside_the_weights(case: Path, error_line: ErrorLine, tmp_path: Path) -> None:
    """A case is a table of files, by ending, that stand in for the shipped ones."""
    for ending in ENDINGS:
        shutil.copy(ARCH4.with_suffix(ending), tmp_path / f"own{ending}")
    result = ast.literal_eval(case.read_text())
    for ending, content in result.items():
        (tmp_path / f"own{ending}").write_bytes(content)
    line = error_line("estimate", "hls4ml", "--network", "arch4", "--weights", tmp_path / "own.safetensors")
    assert "damaged" in line and any(f"own{ending}" in line for ending in result)


SMALL = Network("small", (4, 4, 2), (Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", 3), ReLU("relu", ("conv",))))
TENSORS = {"conv/kernel": np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3), "conv/bias": np.ones(3, np.float32)}
ENTRIES: dict[str, Any] = {
    "conv/bias": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
    "conv/kernel": {"dtype": "F32", "shape": [1, 1, 2, 3], "data_offsets": [12, 36]},
}


def safetensors(header: Any, data: bytes = bytes(36)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_entry(**changes: Any) -> bytes:
    return safetensors(ENTRIES | {"conv/bias": ENTRIES["conv/bias"] | changes})


HEADERS = {
    "deep": (safetensors(b"[" * 5000), "nested too deep"),
    "not an object": (safetensors([]), "no object"),
    "null entry": (safetensors(ENTRIES | {"conv/bias": None}), "conv/bias is null"),
    "twice": (safetensors(b'{"a": 1, "a": 2}'), "has 'a' twice"),
    "not text": (safetensors(b"\xff\xfe"), "no text"),
    "negative shape": (with_entry(shape=[-3]), r"conv/bias.shape\[0\] is -3"),
    "two negative": (with_entry(shape=[-1, -3]), "is -1"),
    "huge shape": (with_entry(shape=[10**400]), "is 1000"),
    "huge product": (with_entry(shape=[1 << 40] * 8), "its place"),
    "many axes": (with_entry(shape=[1] * 4000), "a list of at most 8"),
    "fraction": (with_entry(shape=[3.0]), "is 3.0"),
    "true": (with_entry(shape=[True, 3]), "is true"),
    "NaN": (safetensors(b'{"conv/bias": NaN}'), "conv/bias is nan"),
    "overlap": (with_entry(data_offsets=[12, 24]), "its place"),
    "huge offsets": (with_entry(data_offsets=[0, 10**30]), "data_offsets"),
    "one offset": (with_entry(data_offsets=[0]), "no begin and end"),
    "unknown key": (with_entry(more=1), "conv/bias.more is no field"),
    "metadata": (safetensors(ENTRIES | {"__metadata__": {"a": 1}}), "__metadata__.a is 1"),
    "long header": (struct.pack("<Q", 1 << 62) + b"{}", "does not start"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str, tmp_path: Path) -> None:
    content, fact = HEADERS[name]
    (tmp_path / "own.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=f"corrupt weights file: .*{fact}") as refusal:
        open_weights(tmp_path / "own.safetensors", SMALL)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(("number", "count"), [(np.nan, 2), (np.inf, 1), (-np.inf, 3)])
def test_weights_that_are_not_finite_are_counted(number: float, count: int, tmp_path: Path) -> None:
    kernel = TENSORS["conv/kernel"].copy()
    kernel.ravel()[:count] = number
    kernel.ravel()[count:] = np.finfo(np.float32).max  # large, and finite
    path = tmp_path / "own.safetensors"
    save_weights(path, TENSORS | {"conv/kernel": kernel}, SMALL)
    with pytest.raises(InputError, match=f"conv/kernel holds {count} numbers? not finite"):
        open_weights(path, SMALL)
    save_weights(path, TENSORS | {"conv/kernel": np.nan_to_num(kernel)}, SMALL)
    open_weights(path, SMALL)


def saved_ranges(tmp_path: Path) -> tuple[Path, str]:
    save_weights(tmp_path / "own.safetensors", TENSORS, SMALL)
    digest = open_weights(tmp_path / "own.safetensors", SMALL).digest
    path = tmp_path / "own.ranges.json"
    Ranges(SMALL.digest, digest, "0" * 16, 9, {INPUT: (0.0, 1.0), "conv": (-2.5, 3.0), "relu": (0.0, 3.0)}).save(path)
    return path, digest


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        ("-2.5", "4.5", "ranges.conv is no list of two numbers, the lower first"),
        ("-2.5", "NaN", r"ranges.conv\[0\] is nan"),
        ("-2.5", "-1e39", r"ranges.conv\[0\] is -1e\+39"),
        ("-2.5", f"-{'9' * 400}", r"ranges.conv\[0\] is -999"),
        ("-2.5", "false", r"ranges.conv\[0\] is false"),
        ('"n": 9', '"n": -1', "images.n is -1"),
        ('"n": 9', '"n": 9.5', "images.n is 9.5"),
        ('"n": 9', '"n": 9, "n": 8', "has 'n' twice"),
        ('"ranges"', '"range"', "range is no field that is known"),
    ],
)
def test_ranges_that_cannot_be(before: str, after: str, fact: str, tmp_path: Path) -> None:
    path, digest = saved_ranges(tmp_path)
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(InputError, match=f"damaged ranges file .*{fact}"):
        load_ranges(path, SMALL, digest)


CARD = {"weights": "0" * 16, "test": {"accuracy": 0.75, "n": 40, "low95": 0.6}, "recipe": {"any": [None]}}
DESIGN = {"right": 30, "n": 40, "agree": 39, "flow": "hls"}


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"test": {"accuracy": 1.7, "n": 40}}, "test.accuracy is 1.7"),
        ({"test": {"accuracy": 0.751, "n": 40}}, "test.accuracy is 0.751, which is no share of 40 whole images"),
        ({"test": {"accuracy": 0.75, "n": 0}}, "test.n is 0"),
        ({"test": {"accuracy": 0.75, "n": 10**300}}, "test.n is 1000"),
        ({"test": {"accuracy": 0.75}}, "test.n is missing"),
        ({"test": [1]}, "test is missing, or no object"),
        ({"designs": {"ab": DESIGN | {"right": 41}}}, "designs.ab.right is 41 of 40 images"),
        ({"designs": {"ab": DESIGN | {"agree": 41}}}, "designs.ab.agree is 41 of 40 images"),
        ({"designs": {"ab": DESIGN | {"right": -1}}}, "designs.ab.right is -1"),
        ({"designs": {"ab": DESIGN | {"right": 29.5}}}, "designs.ab.right is 29.5"),
        ({"designs": {"ab": None}}, "designs.ab is missing, or no object"),
        ({"designs": [DESIGN]}, "designs is no object"),
        ({"weights": None}, "is null"),
    ],
)
def test_cards_that_cannot_be(change: dict[str, Any], fact: str, tmp_path: Path) -> None:
    path = tmp_path / "own.card.json"
    path.write_text(json.dumps(CARD | change))
    with pytest.raises(InputError, match=f"damaged model card .*{fact}"):
        read_card(path, "0" * 16)


def test_a_card_keeps_what_it_says_beside(tmp_path: Path) -> None:
    path = tmp_path / "own.card.json"
    path.write_text(json.dumps(CARD))
    record(path, "ab", Score(30, 40, 39), {"flow": "hls"})
    assert json.loads(path.read_text()) == CARD | {"designs": {"ab": DESIGN}}
    card = read_card(path, "0" * 16)
    assert card and (card.trained, card.designs) == (Score(30, 40), {"ab": Score(30, 40, 39)})


quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=6
)


@st.composite
def edited(draw: st.DrawFn, content: Any) -> Any:
    """`content` with one value somewhere replaced, removed or added."""
    if not isinstance(content, (dict, list)) or not content or draw(st.integers(0, 5)) == 0:
        return draw(values)
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    at = keys[draw(st.integers(0, len(keys) - 1))]
    if isinstance(content, list):
        return [draw(edited(item)) if place == at else item for place, item in enumerate(content)]
    match draw(st.integers(0, 4)):
        case 0:
            return {key: item for key, item in content.items() if key != at}
        case 1:
            return content | {draw(st.text(max_size=4)): draw(values)}
    return content | {at: draw(edited(content[at]))}


@quick
@given(header=edited(ENTRIES | {"__metadata__": {"architecture": SMALL.digest}}), data=st.binary(max_size=40))
def test_any_header(header: Any, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(safetensors(header, data))
    with suppress(FlowsError):
        open_weights(tmp_path / "own.safetensors", SMALL)


@quick
@given(data=st.data())
def test_any_bytes_of_weights(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_weights(path, TENSORS, SMALL)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, 2 * len(content)))])
    with suppress(FlowsError):
        opened = open_weights(path, SMALL)
        assert all(np.isfinite(tensor).all() for tensor in opened.tensors().values())


@quick
@given(data=st.data())
def test_any_ranges(data: st.DataObject, tmp_path: Path) -> None:
    path, digest = saved_ranges(tmp_path)
    path.write_text(json.dumps(data.draw(edited(json.loads(path.read_text())))))
    with suppress(FlowsError):
        ranges = load_ranges(path, SMALL, digest)
        assert all(low <= high for low, high in ranges.reach.values()) and ranges.n > 0


@quick
@given(content=edited(CARD | {"designs": {"ab": DESIGN}}))
def test_any_card(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "own.card.json"
    path.write_text(json.dumps(content))
    with suppress(FlowsError):
        card = read_card(path, "0" * 16)
        assert card and all(0 <= each.right <= each.n for each in (card.trained, *card.designs.values()))
