"""Weights and their ranges: what is opened, and what is refused before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from flows.core.errors import InputError
from models.layers import Conv2D, ReLU
from models.network import INPUT, Network
from models.proportion import wilson
from models.ranges import Ranges, load_ranges
from models.weights import open_weights, save_weights

SMALL = Network("small", (4, 4, 2), (Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", 3), ReLU("relu", ("conv",))))
TENSORS = {
    "conv/kernel": np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3),
    "conv/bias": np.array([0.5, -1.0, 2.0], np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(tmp_path / "small.safetensors", TENSORS, SMALL, derived_from="0123456789abcdef")
    return tmp_path / "small.safetensors"


def test_what_is_saved_is_opened(path: Path) -> None:
    weights = open_weights(path, SMALL)
    assert weights.derived_from == "0123456789abcdef"
    tensors = weights.tensors()
    assert tensors.keys() == TENSORS.keys()
    assert all(np.array_equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_the_digest_is_of_the_tensors_and_not_of_the_file(path: Path, tmp_path: Path) -> None:
    """safetensors orders its metadata as it likes, so that two files of the same weights may differ."""
    digest = open_weights(path, SMALL).digest
    save_weights(tmp_path / "same.safetensors", dict(reversed(TENSORS.items())), SMALL)
    assert open_weights(tmp_path / "same.safetensors", SMALL).digest == digest
    name = next(iter(TENSORS))
    save_weights(tmp_path / "other.safetensors", TENSORS | {name: -TENSORS[name] - 1}, SMALL)
    assert open_weights(tmp_path / "other.safetensors", SMALL).digest != digest


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "half a header": lambda content: content[:40],
    "header of no end": lambda content: b"\xff" * 8 + content[8:],
    "a pickle": lambda content: b"\x80\x04" + content,
    "no JSON": lambda content: content[:8] + b"#" + content[9:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_file_is_named(path: Path, damage: str) -> None:
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(InputError, match="corrupt") as refusal:
        open_weights(path, SMALL)
    assert refusal.value.culprit == str(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_weights(tmp_path / "none.safetensors", SMALL)
    with pytest.raises(InputError, match="not a regular file"):
        open_weights(tmp_path, SMALL)


@pytest.mark.parametrize(
    ("tensors", "fact"),
    [
        ({"conv/kernel": TENSORS["conv/kernel"]}, "conv/bias is absent"),
        (TENSORS | {"more/bias": TENSORS["conv/bias"]}, "more/bias"),
        (TENSORS | {"conv/bias": np.zeros(4, np.float32)}, r"conv/bias is \(4,\)"),
    ],
)
def test_tensors_of_another_network(path: Path, tensors: dict[str, np.ndarray], fact: str) -> None:
    save_weights(path, tensors, SMALL)
    with pytest.raises(InputError, match=f"another network: {fact}"):
        open_weights(path, SMALL)


def test_equal_shapes_of_another_architecture(path: Path) -> None:
    bare = Network("bare", (4, 4, 2), SMALL.layers[:1])
    with pytest.raises(InputError, match="made for architecture"):
        open_weights(path, bare)


def test_other_numbers_than_float32(path: Path) -> None:
    save_file({name: tensor.astype(np.float16) for name, tensor in TENSORS.items()}, path)
    with pytest.raises(InputError, match="F16, not F32"):
        open_weights(path, SMALL)


REACH = {INPUT: (0.0, 1.0), "conv": (-2.5, 3.0), "relu": (0.0, 3.0)}


def ranges(path: Path) -> Ranges:
    return Ranges(SMALL.digest, open_weights(path, SMALL).digest, "fedcba9876543210", 100, REACH)


def test_ranges_come_back_equal(path: Path) -> None:
    ranges(path).save(path.with_suffix(".ranges.json"))
    assert load_ranges(path.with_suffix(".ranges.json"), SMALL, open_weights(path, SMALL).digest) == ranges(path)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"architecture": "0" * 16}, "another network"),
        ({"ranges": {INPUT: [0, 1]}}, "another network"),
        ({"weights": "0" * 16}, "measured on weights"),
        ({"ranges": {**REACH, "conv": [0]}}, "damaged"),
        ({"ranges": {**REACH, "conv": [0, "high"]}}, "damaged"),
        ({"images": None}, "damaged"),
    ],
)
def test_other_ranges_are_refused(path: Path, change: dict[str, object], fact: str) -> None:
    file = path.with_suffix(".ranges.json")
    ranges(path).save(file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=fact):
        load_ranges(file, SMALL, open_weights(path, SMALL).digest)


def test_ranges_that_are_not_there_or_cut_off(path: Path) -> None:
    file = path.with_suffix(".ranges.json")
    with pytest.raises(InputError, match="no ranges"):
        load_ranges(file, SMALL, open_weights(path, SMALL).digest)
    ranges(path).save(file)
    file.write_text(file.read_text()[:-9])
    with pytest.raises(InputError, match="damaged"):
        load_ranges(file, SMALL, open_weights(path, SMALL).digest)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(right: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    assert wilson(right, n, 0.95) == pytest.approx((low, high), abs=1e-4)


def test_a_wilson_interval_holds_its_proportion() -> None:
    """All of 20 right ended at 1 less a rounding error, and the record of such a run was refused as damaged."""
    for n in range(1, 200):
        for right in (0, n // 2, n):
            low, high = wilson(right, n, 0.9)
            assert low <= right / n <= high


@pytest.mark.parametrize(("right", "n"), [(0, 0), (-1, 10), (11, 10)])
def test_no_interval_of_what_is_no_share(right: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{right} right of {n}"):
        wilson(right, n, 0.95)
