"""Whatever text comes in, what comes out is safe to show and to be called by."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from flows.core.text import LONGEST_IDENTIFIER, LONGEST_TITLE, identifier, lines, markdown, printable, title

TEXTS = st.text(st.characters(), max_size=40)
"""Surrogates as well: a name of a file need be no text."""


@given(TEXTS)
@example("\u202e\u2066\u00ad\u200b\ufeff\u2028\u00a0\U000e0041\ue000\U0010ffff\udcff\x9b31m\x1b\r\n")
def test_what_is_shown_has_a_shape(text: str) -> None:
    shown = printable(text)
    assert {unicodedata.category(each)[0] for each in shown.replace(" ", "")} <= set("LMNPS")
    assert printable(shown) == shown and printable(lines(text)).isprintable()
    assert lines(text).count("\n") == text.count("\n") and markdown(text).isprintable()


def test_an_escape_says_which_character_it_was() -> None:
    assert printable("\x1b\u202e\U000e0041\n") == r"\x1b\u202e\U000e0041\x0a"
    assert printable("Größe, 网络, a b") == "Größe, 网络, a b"


@given(TEXTS)
@example("a_ _b  c.. -")
@example("\uff21\u3164\ufb01\u1112\u1161\u11ab" * 20)
@example("ß" * 200)
@example("\U00020000" * 200)
def test_a_title_is_words_and_stays_as_it_is(text: str) -> None:
    name = title(text)
    assert re.fullmatch(r"\w([\w.-]| (?! ))*", name) and title(name) == name and name.isprintable()
    assert name[0] not in "._- " and name[-1] not in "._- "
    assert len(name) <= LONGEST_TITLE and len(f"{name}.quantisation.json".encode()) <= 255


@given(TEXTS)
@example("1" * 100)
@example("_" * 100)
def test_an_identifier_is_one_in_every_language(text: str) -> None:
    name = identifier(text, "layer")
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name) and identifier(name, "layer") == name
    assert len(name) <= LONGEST_IDENTIFIER


def test_usual_names_stay() -> None:
    for name in ("arch8", "mobilenet_v2.int8", "my net-2", "网络", "Größe"):
        assert title(name) == name
    assert title("re\u0301seau (final)") == "réseau_final" == title("réseau\t(final).")
