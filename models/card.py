"""Model cards: what is recorded of trained weights and of designs on them, for clones that have no images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.core.errors import InputError
from flows.core.files import write_atomic


@dataclass(frozen=True)
class Score:
    """`right` of `n` test images; `agree` with the float network in class (None for the float network itself)."""

    right: int
    n: int
    agree: int | None = None


@dataclass(frozen=True)
class Card:
    """The score as training left the network, and those of designs by the digest of their arithmetic
    (`QuantisedNetwork.digest`). `form` says what was trained: the float network, or one with its quantisers."""

    path: Path
    trained: Score
    form: str
    designs: Mapping[str, Score]


def read_card(path: Path, weights: str) -> Card | None:
    """The card in `path`, None where there is none; raises `InputError` where it is damaged or of other weights."""
    if not path.exists():
        return None
    advice = "remove it, or put back the one that `flows train` wrote"
    try:
        content = json.loads(path.read_text())
        test = content["test"]
        trained = Score(round(test["accuracy"] * test["n"]), test["n"])
        form = "quantisers in torch" if "derived_from" in content else "float network"
        designs = {digest: Score(**_score(row)) for digest, row in content.get("designs", {}).items()}
        of = content["weights"]
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise InputError(str(path), f"damaged model card ({reason!r})", advice) from None
    if of != weights:
        raise InputError(str(path), f"the card of weights {of}, not of {weights}", advice)
    return Card(path, trained, form, designs)


def _score(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(row[name]) for name in ("right", "n", "agree")}


def record(path: Path, digest: str, score: Score, design: Mapping[str, Any]) -> None:
    """Writes a design's score into an existing card, with what `design` it is; raises `SetupError` where it cannot."""
    content = json.loads(path.read_text())
    row = {"right": score.right, "n": score.n, "agree": score.agree}
    content["designs"] = content.get("designs", {}) | {digest: {**row, **design}}
    write_atomic(path, json.dumps(content, indent=1) + "\n")
