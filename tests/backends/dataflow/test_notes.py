"""What is said of a folding and of FIFOs, sentence by sentence."""

from __future__ import annotations

import pytest

from backends.dataflow.buffers import BRAM, SRL, Buffer
from backends.dataflow.folding import Cost, Folding
from backends.dataflow.notes import Wording, fifo_note, folding_notes
from backends.dataflow.options import NO_TARGET
from backends.dataflow.space import Answer
from flows.core.evidence import Metric
from flows.core.part import Target, find_part

USABLE = (15_840.0, 31_680.0, 108.0, 72.0)
TARGET = Target(find_part("xc7z010"), 10.0)
TAKEN = Folding({"conv": 0}, 2_000, (0.0, 0.0, 0.0, 0.0))


def said(answer: Answer, rate: str = NO_TARGET, faster: tuple[int, Cost] | None = None) -> list[str]:
    wording = Wording("folding", "it is", "the design takes")
    return [note.text for note in folding_notes(answer, wording, rate, TARGET, USABLE, faster)]


@pytest.mark.parametrize(
    ("sure", "why"),
    [
        (
            True,
            "whose estimates leave 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP free, "
            "with upper bounds within the part",
        ),
        (
            False,
            "whose estimates leave 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP free "
            "(near it, the upper bounds of none are within the part)",
        ),
    ],
)
def test_the_fastest_says_what_fits(sure: bool, why: str) -> None:
    assert said(Answer(TAKEN, sure)) == [f"it is the fastest {why}: the busiest layer takes 2,000 cycles"]


def test_the_cheapest_for_a_rate_says_the_rate() -> None:
    texts = said(Answer(TAKEN), rate="380")
    assert texts == ["it is the cheapest for 380 images/s: the busiest layer takes 2,000 cycles"]


def test_what_stops_a_faster_one_is_named() -> None:
    _, *others = said(Answer(TAKEN, True, stops=(Metric.LUT, Metric.DSP)))
    assert others == ["more LUT and DSP48E1 would let it be faster"]


@pytest.mark.parametrize("sure", [True, False])
def test_a_bolder_folding_is_reported_with_the_rate_that_asks_for_it(sure: bool) -> None:
    _, *others = said(Answer(TAKEN, sure), faster=(1_000, (17_000.0, 9_000.0, 40.0, 80.0)))
    assert others == [
        "by the estimates, with no margin, a faster one fits, in 1,000 cycles, and takes 17,000 LUT, 9,000 FF, "
        "40 RAMB18, 80 DSP48E1: --target-fps 100000"
    ]


def test_what_no_folding_leaves_enough_of_is_reported_with_what_is_usable() -> None:
    (text,) = said(Answer(TAKEN, lacking={Metric.BRAM18: 272.0}, nearest=TAKEN))
    assert "no folding could be found that would leave 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP free" in text
    assert "272 RAMB18 (108 would fit)" in text and "the busiest layer takes 2,000 cycles" in text


def fifo(reader: str, depth: int, storage: str) -> Buffer:
    return Buffer("conv", reader, depth, 8, storage)


def test_fifos_that_are_not_of_the_usual_depth_are_named() -> None:
    buffers = fifo("relu", 16, SRL), fifo("add", 16, SRL), fifo("pool", 1_290, BRAM)
    (note,) = fifo_note(buffers, "simulated", "words")
    assert note.text == (
        "FIFO depths (simulated): 16 words, but conv to pool 1,290; 2 in shift registers, 1 in block RAM"
    )


def test_fifos_of_one_depth_need_no_exception() -> None:
    (note,) = fifo_note((fifo("relu", 16, SRL),), "16", "words")
    assert note.text == "FIFO depths (16): 16 words; 1 in shift registers"


def test_nothing_is_said_where_there_are_no_fifos() -> None:
    assert not list(fifo_note((), "simulated", "words"))
