"""Notes on FINN designs: how the folding was chosen, what it misses, what may be hard to build."""

from __future__ import annotations

import json

import pytest

from backends.finn.estimate import estimate
from backends.finn.notes import notes
from backends.finn.resolve import taken
from backends.protocol import NoteKind
from flows.core.evidence import RESOURCES, Metric
from flows.core.fit import Verdict, judge
from flows.core.part import find_part
from models.zoo import ARCH5, ARCH8
from tests.backends.finn.w4a4 import quantised, solved

W4A4 = quantised(ARCH8)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"target_fps": "500"}, NoteKind.NOTE, "it is the cheapest for 500 images/s"),
        ({"target_fps": "500", "folding": "finn"}, NoteKind.NOTE, "FINN's own search for 500 images/s"),
        ({"folding": "{}"}, NoteKind.NOTE, "the folding is the file's"),
        ({"folding": '{"MVAU_rtl_1": {"inFIFODepths": [9]}}'}, NoteKind.NOTE, "left aside in it: inFIFODepths"),
        ({}, NoteKind.NOTE, "it is the fastest whose estimates leave 20 % of LUT, 25 % of FF, 2 % of"),
        (
            {"target_fps": "1743", "folding": "finn"},
            NoteKind.WARNING,
            "with its FIFOs the design reaches 1,732 of the 1743 images/s",
        ),
    ],
)
def test_notes_say_how_the_folding_was_solved(options: dict[str, str], kind: NoteKind, said: str) -> None:
    design = list(notes(solved(**options)))
    assert any(said in note.text and note.kind is kind for note in design)
    assert design[0].text.startswith("PE x SIMD: block1_conv1 ")
    assert sum("FIFOs in" in note.text for note in design) == 1


def test_notes_name_a_faster_folding_that_may_fit() -> None:
    design = solved(ARCH5, "xc7z010")
    (said,) = (note.text for note in notes(design) if "by the estimates, with no margin," in note.text)
    rate = said.rpartition(" ")[2]
    faster = solved(ARCH5, "xc7z010", target_fps=rate)
    assert design.design.interval > faster.design.interval <= 1e8 / int(rate)
    verdicts = [judge(estimate(each), find_part("xc7z010").device).verdict for each in (design, faster)]
    assert verdicts[0] is Verdict.FITS and verdicts[1] in (Verdict.AT_RISK, Verdict.UNDECIDED)


def test_where_none_fits_the_notes_say_what_is_lacking_and_what_was_taken() -> None:
    design = solved(part="xc7z007s")
    (said,) = (note.text for note in notes(design) if "no folding could be found" in note.text)
    assert "LUT (11,520 would fit)" in said and "the busiest layer takes 150,528 cycles" in said
    assert judge(estimate(design), find_part("xc7z007s").device).verdict is Verdict.UNDECIDED


def test_what_is_lacking_is_reported_with_what_the_design_takes() -> None:
    design = solved(part="xc7z007s")
    assert design.answer
    takes = dict(zip(RESOURCES, taken(design.design, False), strict=True))
    assert design.answer.lacking == {Metric.LUT: takes[Metric.LUT]}


def test_notes_name_units_of_wide_weights() -> None:
    design = solved(folding=json.dumps({"MVAU_rtl_1": {"PE": 1, "SIMD": 36}}))
    (said,) = (note.text for note in notes(design) if "wider than the 36 bits" in note.text)
    assert "block1_conv2" in said
