"""PE x SIMD folds as text and as a file, and the legal ones near what was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.divisors import divisors
from backends.dataflow.options import AUTO
from backends.dataflow.pe_simd import Fold, Ways, folding_text, legal, nearest, parse_folding, refusals
from flows.core.errors import InputError

WAYS = st.tuples(st.integers(1, 600).map(divisors), st.integers(1, 128).map(divisors))
FOLDS = st.dictionaries(
    st.from_regex(r"[a-z_0-9]+", fullmatch=True),
    st.builds(Fold, st.integers(1, 999), st.integers(1, 999), st.booleans()),
    min_size=1,
)


@given(WAYS, st.integers(1, 700), st.integers(1, 200))
def test_nearest_is_legal_and_nothing_is_nearer(ways: Ways, pe: int, simd: int) -> None:
    near = nearest(ways, Fold(pe, simd))
    assert near in legal(ways)
    assert all(abs(fold.pe - pe) >= abs(near.pe - pe) for fold in legal(ways))
    assert all(abs(fold.simd - simd) >= abs(near.simd - simd) for fold in legal(ways))


@given(WAYS, st.integers(1, 700), st.integers(1, 200))
def test_what_is_no_fold_is_refused_with_the_nearest(ways: Ways, pe: int, simd: int) -> None:
    refused = list(refusals({"conv": Fold(pe, simd)}, {"conv": ways}))
    assert bool(refused) == (Fold(pe, simd) not in legal(ways))
    for refusal in refused:
        assert refusal.culprit == "--folding" and f"{pe}x{simd} is no fold of conv" in refusal.fact
        assert not list(refusals(parse_folding(refusal.nearest), {"conv": ways}))


@given(folds=FOLDS)
def test_a_folding_is_the_same_as_text_and_as_a_file(
    folds: dict[str, Fold], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("folding") / "folding.json"
    file.write_text(
        json.dumps({name: {"pe": fold.pe, "simd": fold.simd, "lut": fold.in_luts} for name, fold in folds.items()})
    )
    text = ", ".join(f"{name}={fold}" for name, fold in folds.items())
    assert parse_folding(folding_text(str(file))) == parse_folding(folding_text(text)) == folds


def test_a_file_says_pe_and_simd(tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    file.write_text('{"block1_conv1": {"pe": 4, "simd": 9}}')
    assert folding_text(str(file)) == "block1_conv1=4x9"
    file.write_text('{"dense": {"pe": 1, "simd": 8, "lut": true}, "conv": {"pe": 1, "simd": 1, "lut": false}}')
    assert folding_text(str(file)) == "dense=1x8:lut,conv=1x1"
    file.write_text('{"dense": {"pe": 1, "simd": 8, "lut": "yes"}}')
    with pytest.raises(InputError, match="true or false"):
        folding_text(str(file))


def test_auto_gives_no_fold() -> None:
    assert folding_text(" auto ") == AUTO
    assert parse_folding(AUTO) == {}


def test_a_fold_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        folding_text("conv=0x1")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("{", "not JSON"),
        ("[]", "is a list, where an object"),
        ("{}", "names no layer"),
        ('{"conv": 4}', "conv is 4, where an object belongs"),
        ('{"conv": {"pe": 4}}', "conv.simd is missing"),
        ('{"conv": {"pe": 4, "simd": 1.5}}', "conv.simd is 1.5, where a whole number from 1"),
        ('{"conv": {"pe": true, "simd": 1}}', "conv.pe is true"),
        ('{"conv": {"pe": 4, "simd": 1, "SIMD": 2}}', "conv.SIMD is no field that is known"),
        ('{"conv": {"pe": 4, "simd": 0}}', "conv.simd is 0"),
        ('{"a=b": {"pe": 4, "simd": 1}}', "a=b is no name of a layer"),
    ],
)
def test_a_damaged_file_is_named(content: str, fact: str, tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    file.write_text(content)
    with pytest.raises(InputError, match=fact):
        folding_text(str(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        folding_text(str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match="not a regular file"):
        folding_text(str(tmp_path))
