"""Model cards: what is recorded of trained weights and of designs on them, for clones that have no images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.core.errors import InputError
from flows.core.evidence import Subject
from flows.core.files import read_text, write_atomic
from flows.core.shape import Shape, Wrong, fields, number, optional, parse, text, whole

ADVICE = "remove it, or put back the one that `flows train` wrote"
MOST = 10**9
"""Images of a test set."""
NO_IMAGE = 1e-3
"""Far more than rounding leaves of a share times its images, far less than an image."""


@dataclass(frozen=True)
class Score:
    """`right` of `n` test images; `agree` with the float network in class (None for the float network itself)."""

    right: int
    n: int
    agree: int | None = None


@dataclass(frozen=True)
class Card:
    """The score as training left the network, and those of designs by the digest of their arithmetic
    (`QuantisedNetwork.digest`). `of` says what was trained: the float network, or one with its quantisers."""

    path: Path
    trained: Score
    of: Subject
    designs: Mapping[str, Score]


def read_card(path: Path, weights: str) -> Card | None:
    """The card in `path`, None where there is none; raises `InputError` where it is damaged or of other weights."""
    if not path.exists():
        return None
    content = _content(path)
    try:
        test = _known(content, "test", _TEST)
        designs = _designs(content.get("designs", {}))
        of = text()(content.get("weights"))
    except Wrong as wrong:
        raise InputError(str(path), f"damaged model card ({wrong})", ADVICE) from None
    if of != weights:
        raise InputError(str(path), f"the card of weights {of}, not of {weights}", ADVICE)
    return Card(path, test, Subject.TRAINING if "derived_from" in content else Subject.FLOAT, designs)


@dataclass(frozen=True)
class HeldOut:
    """Training images that training left out to choose its epoch by: `count` drawn by `seed` have this digest."""

    count: int
    seed: int
    digest: str


def held_out(path: Path) -> HeldOut | None:
    """What the card in `path` says was held out; None where it does not say so."""
    content = _content(path)
    try:
        chosen_by, recipe = content["chosen_by"], content["recipe"]
        return HeldOut(
            whole(1, MOST)(recipe["held_out"]), whole(0, 1 << 32)(recipe["seed"]), text()(chosen_by["images"])
        )
    except (LookupError, TypeError, Wrong):
        return None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = parse(read_text(path, ADVICE))
        if not isinstance(content, dict):
            raise Wrong("it is no object")
    except Wrong as wrong:
        raise InputError(str(path), f"damaged model card ({wrong})", ADVICE) from None
    return content


def _known(content: Mapping[str, Any], name: str, shape: Mapping[str, Shape[Any]]) -> Score:
    """The score under `name`; a card may say more of it, for people."""
    row = content.get(name)
    try:
        if not isinstance(row, dict):
            raise Wrong("is missing, or no object")
        return fields(shape, _score)({key: value for key, value in row.items() if key in shape})
    except Wrong as wrong:
        raise wrong.within(name) from None


def _score(n: int, right: int = 0, agree: int | None = None, accuracy: float | None = None) -> Score:
    if accuracy is not None:
        right = round(accuracy * n)
        if abs(accuracy * n - right) > NO_IMAGE:
            raise Wrong(f"is {accuracy!r}, which is no share of {n:,} whole images").within("accuracy")
    for name, count in (("right", right), ("agree", agree or 0)):
        if count > n:
            raise Wrong(f"is {count:,} of {n:,} images").within(name)
    return Score(right, n, agree)


def _designs(rows: Any) -> dict[str, Score]:
    try:
        if not isinstance(rows, dict):
            raise Wrong("is no object")
        return {digest: _known(rows, digest, _DESIGN) for digest in rows}
    except Wrong as wrong:
        raise wrong.within("designs") from None


_COUNT = whole(0, MOST)
_TEST = {"n": whole(1, MOST), "accuracy": number(0, 1)}
_DESIGN = {"n": whole(1, MOST), "right": _COUNT, "agree": optional(_COUNT)}


def record(path: Path, digest: str, score: Score, design: Mapping[str, Any]) -> None:
    """Writes a design's score into an existing card, with what `design` it is; raises `SetupError` where it cannot."""
    content = _content(path)
    row = {"right": score.right, "n": score.n, "agree": score.agree}
    content["designs"] = content.get("designs", {}) | {digest: {**row, **design}}
    write_atomic(path, json.dumps(content, indent=1) + "\n")
