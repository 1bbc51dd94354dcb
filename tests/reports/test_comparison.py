"""The decision, and what it is made from."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports.json
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, Metric, Reading, Subject, Tier
from flows.core.fit import Verdict
from flows.core.record import Document, StepFacts, WeightsFacts
from flows.core.record_reader import document_from_json
from reports import html, markdown
from reports.comparison import Absent, Comparison, compare
from reports.decision import Decision
from reports.leads import leads
from tests.reports.runs import document_of, readings_of, run_of


@pytest.fixture
def reviewed() -> Comparison:
    """Three flows on one part: one fast, one accurate, one that does not fit; on another, none fits."""
    fast = run_of("fast", readings=readings_of(0.5, fps=900.0, accuracy=0.80), quantised="1" * 16)
    exact = run_of("exact", readings=readings_of(0.7, fps=300.0, accuracy=0.84), quantised="2" * 16)
    large = run_of("large", readings=readings_of(1.8, fps=5000.0, accuracy=0.86), quantised="3" * 16)
    small = [run_of(flow, "xc7z010", readings_of(share, "xc7z010")) for flow, share in (("fast", 1.2), ("exact", 2.0))]
    return compare([document_of(fast, exact), document_of(large, *small)])


def doubts(decision: Decision) -> list[str]:
    return [f"{doubt.unknown.topic}: {doubt.unknown.fact}" for doubt in decision.doubts]


def test_the_decision_of_a_part(reviewed: Comparison) -> None:
    small, large = reviewed.decisions
    assert large.headline == "Take fast for speed, exact for accuracy"
    assert [each.design.label for each in (*large.fastest, *large.most_accurate)] == ["fast", "exact"]
    assert "2 of 3 designs fit, with 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP kept free." in large.why
    assert "Fastest (modelled for rtl-simulated): fast, 900.0 images/s, at 50 % of its binding resource" in large.why
    assert "Most accurate (evaluated, 10,000 images): exact, 84.00 %." in large.why
    assert [design.fit.verdict for design in large.designs] == [Verdict.FITS, Verdict.FITS, Verdict.OVER]
    assert small.headline == "Nothing fits, judged at csynth" and not small.candidates and not small.fastest
    assert "Nearest, judged at csynth: fast, over: LUT by 3,520 (2,464 at the lower end), FF by" in small.why


def test_what_leads_stands_first() -> None:
    roomy, quick = run_of("a", readings=readings_of(0.3, fps=100.0)), run_of("b", readings=readings_of(0.7))
    (decision,) = compare([document_of(roomy, quick)]).decisions
    assert [design.label for design in decision.designs] == ["b", "a"] and decision.leading[0] is decision.designs[0]


def test_a_design_over_is_never_the_fastest(reviewed: Comparison) -> None:
    chosen = [
        lead.design.label for decision in reviewed.decisions for lead in (*decision.fastest, *decision.most_accurate)
    ]
    assert chosen and "large" not in chosen


def test_numbers_of_another_tier_are_not_ranked() -> None:
    board = run_of("board", readings=readings_of(fps=100.0, cycles=Tier.MEASURED))
    model = run_of("model", readings=readings_of(fps=900.0))
    (decision,) = compare([document_of(board, model)]).decisions
    assert {lead.design.label: str(lead.evidence) for lead in decision.fastest} == {
        "board": "measured",
        "model": "modelled for rtl-simulated",
    }
    cannot = "which is faster cannot be told: board (measured) or model (modelled for rtl-simulated)"
    assert decision.headline == f"2 designs fit; {cannot}"
    assert "evidence: leads of different evidence are not ranked against each other" in doubts(decision)


@pytest.mark.parametrize(("modelled", "text"), [(900.0, "Take model"), (105.0, "cannot be told"), (40.0, "Take rtl")])
def test_a_simulated_rate_and_one_that_is_modelled_for_it_are_ranked_where_they_lie_apart(
    modelled: float, text: str
) -> None:
    simulated = (
        replace(each, tier=Tier.RTL_SIMULATED, predicts=None) if each.predicts is Tier.RTL_SIMULATED else each
        for each in readings_of(fps=100.0)
    )
    rtl = run_of("rtl", readings=tuple(simulated))
    model = run_of("model", readings=readings_of(fps=modelled))
    (decision,) = compare([document_of(rtl, model)]).decisions
    assert text in decision.headline
    assert "rtl-simulated" in decision.headline and "modelled for rtl-simulated" in decision.headline
    ranked = "a rate that is modelled is ranked with one that is not, since they differ by over 10 %"
    assert (ranked in " ".join(doubts(decision))) == (modelled != 105.0)


def test_verdicts_of_several_stages_say_so() -> None:
    late = run_of("late", readings=readings_of(tier=Tier.ROUTED, predicts=None))
    (decision,) = compare([document_of(late, run_of("early"))]).decisions
    assert any("of different stages" in text and "routed: late" in text for text in doubts(decision))


def test_intervals_that_meet_are_not_distinguished() -> None:
    run, other = (run_of(flow, readings=readings_of(accuracy=value)) for flow, value in (("a", 0.83), ("b", 0.835)))
    (decision,) = compare([document_of(run, other)]).decisions
    (lead,) = decision.most_accurate
    assert decision.headline == "Take a: none that fits is surely faster, and none that fits is surely more accurate"
    assert decision.fastest[0].design.label == "a"
    assert lead.design.label == "b" and [each.label for each in lead.close] == ["a"]
    assert "not told apart from a" in decision.why


@pytest.mark.parametrize(
    ("accuracies", "spread", "reason"),
    [
        ((0.84, 0.80), 1.0, "the fastest that fits, and the most accurate"),
        ((0.84, 0.835), 1.0, "the fastest that fits, and none that fits is surely more accurate"),
        ((0.84, 0.80), 1.5, "none that fits is surely faster, and the most accurate"),
        ((None, None), 1.0, "the fastest that fits"),
        ((None, 0.80), 1.0, "the fastest that fits; its accuracy is not known"),
        ((0.80, None), 1.0, "the fastest that fits, and the most accurate of those whose accuracy is known"),
    ],
)
def test_a_headline_claims_no_more_than_intervals_tell_apart(
    accuracies: tuple[float | None, float | None], spread: float, reason: str
) -> None:
    runs = []
    for flow, fps, accuracy in zip("ab", (500.0, 400.0), accuracies, strict=True):
        readings = [
            replace(each, low=fps / spread, high=fps * spread) if each.metric is Metric.THROUGHPUT_FPS else each
            for each in readings_of(fps=fps, accuracy=accuracy)
        ]
        runs.append(run_of(flow, readings=readings))
    assert compare([document_of(*runs)]).decisions[0].headline == f"Take a: {reason}"


def test_with_nothing_known_nothing_is_decided() -> None:
    (decision,) = compare([document_of(run_of(readings=()))]).decisions
    assert decision.headline == "Not known: no design has a reading of every resource"
    assert (
        decision.why
        == "The only design is not known to fit with 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP kept free."
    )
    runs = [run_of(flow, readings=()) for flow in "ab"]
    (decision,) = compare([document_of(*runs)]).decisions
    assert (
        decision.why
        == "None of 2 designs is known to fit with 20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP kept free."
    )


def test_what_could_not_be_ranked_is_named() -> None:
    runs = run_of("a"), run_of("b", readings=readings_of(fps=None, accuracy=None))
    (decision,) = compare([document_of(*runs)]).decisions
    assert "not ranked: images/s unknown of b; accuracy unknown of b" in doubts(decision)


def test_at_risk_is_said_and_not_sold() -> None:
    (decision,) = compare([document_of(run_of(readings=readings_of(0.88, spread=0.3)))]).decisions
    assert decision.headline == "Nothing is sure to fit; undecided, and first to look into: toy"
    assert any(
        "LUT takes 32,771 to 60,861 of 53,200 (42,560 with the margin free)" in text for text in doubts(decision)
    )
    assert "a utilization report of logic synthesis or routing would settle it." in decision.why
    (decision,) = compare([document_of(run_of(readings=readings_of(0.9, spread=0.02)))]).decisions
    assert decision.headline == "Nothing is sure to fit; at risk, and first to look into: toy"
    assert "Known to take some of a margin, and no more than the part has: only the build can tell." in decision.why


def test_accuracy_of_the_float_network_is_not_the_designs() -> None:
    floating = Reading(Metric.ACCURACY, 0.99, Tier.RECORDED, "images", "card", n=10_000, of=Subject.FLOAT)
    run = run_of(readings=(*readings_of(accuracy=None), floating))
    comparison = compare([document_of(run)])
    assert not comparison.decisions[0].most_accurate
    assert "Of none is the accuracy known." in comparison.decisions[0].why


def test_what_is_not_known_is_reported() -> None:
    readings = [each for each in readings_of() if each.metric is not Metric.FF]
    lut = next(reading for reading in readings if reading.metric is Metric.LUT)
    partial = Reading(Metric.LUT, lut.value, lut.tier, lut.on, lut.source, predicts=lut.predicts, at_least=True)
    extra = Reading(Metric.DSP, 3, Tier.MODELLED, "xc7z020", "model", "softmax", Tier.HLS)
    run = run_of(readings=[partial, *(reading for reading in readings if reading is not lut), extra], equal=None)
    comparison = compare([document_of(run)], [Absent("rtl", "xc7z020clg400-1", "refused: too large")])
    rows = {(item.topic, item.fact) for item, _ in comparison.unknowns}
    for expected in (
        ("resources", "FF: no resource model and no report covers it"),
        ("unmodelled blocks", "LUT is at least 26,600: softmax"),
        ("proof", "not shown to compute the trained network: a simulation did not run"),
        ("steps skipped", "csynth: vitis_hls is not on PATH"),
        ("clock", "100 MHz is asked for; no timing report says that it is met"),
    ):
        assert expected in rows
    assert any(topic == "power" for topic, _ in rows)
    assert "rtl on xc7z020clg400-1: refused: too large" in markdown.report(comparison)
    (design,) = comparison.designs
    assert Metric.FF not in design.totals and design.share(Metric.FF) is None


def test_other_architectures_are_refused_with_the_digests() -> None:
    with pytest.raises(InputError, match=r"fedcba9876543210.*0123456789abcdef"):
        compare([document_of(run_of("a")), document_of(run_of("b"), architecture="fedcba9876543210")])


def test_labels_tell_runs_of_one_flow_apart() -> None:
    runs = [run_of("a", options={"precision": bits, "io_type": "stream"}) for bits in ("8", "16")]
    decision = compare([document_of(*runs, run_of("b"))]).decisions[0]
    assert sorted(design.label for design in decision.designs) == ["a (precision 16)", "a (precision 8)", "b"]


def test_trainings_that_differ_are_reported() -> None:
    runs = run_of("a"), run_of("b", weights=WeightsFacts("f" * 16, None))
    assert any("come from 2 trainings" in text for text in doubts(compare([document_of(*runs)]).decisions[0]))
    derived = run_of("c", weights=WeightsFacts("e" * 16, "0123456789abcdef"))
    assert not any("trainings" in text for text in doubts(compare([document_of(runs[0], derived)]).decisions[0]))


def test_where_answers_differ_is_bounded(reviewed: Comparison) -> None:
    difference = reviewed.differences[0]
    assert (difference.least, difference.most, difference.n) == (0, 200, 10_000)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.sampled_from([Tier.RTL_SIMULATED, Tier.MEASURED])), max_size=8))
def test_a_lead_is_the_largest_of_its_kind_and_every_kind_has_one(speeds: list[tuple[float, Tier]]) -> None:
    runs = [run_of(f"flow{at}", readings=readings_of(fps=fps, cycles=tier)) for at, (fps, tier) in enumerate(speeds)]
    designs = compare([document_of(*runs)]).designs
    result = leads(designs, Metric.THROUGHPUT_FPS)
    kinds = {tier for _, tier in speeds}
    assert {lead.evidence.stage for lead in result} == kinds
    for lead in result:
        assert lead.reading.value == max(fps for fps, tier in speeds if tier is lead.evidence.stage)


def test_designs_are_named_in_few_words() -> None:
    runs = [run_of("a", part) for part in ("xc7z010", "xc7z020")]
    runs += [run_of("b", "xc7z020", options={"bits": bits}) for bits in ("8", "16")]
    comparison = compare([document_of(*runs, run_of("c", "xc7z010"))])
    by_place = {design.place: design for design in comparison.designs}
    a_small, a_large, b_8, c = (
        by_place[name] for name in ("a on xc7z010", "a on xc7z020", "b (bits 8) on xc7z020", "c on xc7z010")
    )
    assert comparison.places(comparison.designs) == "every design"
    assert comparison.places([a_small, a_large, b_8]) == "all of a; b (bits 8) on xc7z020"
    assert comparison.places([a_small, c]) == "a, c on xc7z010"
    assert comparison.places([a_small, b_8]) == "a on xc7z010; b (bits 8) on xc7z020"


def test_where_answers_differ_is_half_a_table(reviewed: Comparison) -> None:
    head, *rows = reviewed.answers()
    assert head[0] == "" and [len(row) for row in rows] == [len(head)] * len(rows)
    texts = [cell for row in rows for cell in row[1:] if cell]
    assert len(texts) == len(reviewed.differences) and texts[0] == "0 to 200 of 10,000"


def test_what_turns_a_verdict_first_is_the_first_doubt() -> None:
    (decision,) = compare([document_of(run_of(readings=readings_of(0.7, spread=0.05)))]).decisions
    assert doubts(decision)[0].startswith("room: least is left of FF: 78,204 of 79,800 usable at the upper end")


def test_an_upper_end_in_the_margin_is_reported_against_the_part() -> None:
    (decision,) = compare([document_of(run_of(readings=readings_of(0.7, spread=0.2)))]).decisions
    assert decision.designs[0].fit.verdict is Verdict.FITS
    assert doubts(decision)[0].startswith("room: least is left of FF: 89,376 of the part's 106,400 at the upper end")


@pytest.mark.parametrize(
    ("share", "spread", "turn"),
    [
        (2.0, 0.2, "LUT, FF, BRAM18, DSP over at the lower end, and one design in twenty lies below it"),
        (1.1, 0.2, "LUT takes 46,816 to 70,224 of 53,200 (42,560 with the margin free), FF takes"),
        (0.9, 0.2, "LUT takes 38,304 to 57,456 of 53,200 (42,560 with the margin free), FF takes"),
    ],
)
def test_what_a_wide_interval_turns_is_reported(share: float, spread: float, turn: str) -> None:
    (decision,) = compare([document_of(run_of(readings=readings_of(share, spread=spread)))]).decisions
    (words,) = [text for text in doubts(decision) if text.startswith("intervals: ")]
    assert words.startswith(f"intervals: {turn}")


def test_csynths_count_stands_beside_what_is_judged() -> None:
    built = [each for each in readings_of(0.4, predicts=Tier.ROUTED) if each.metric in RESOURCES]
    comparison = compare([document_of(run_of(readings=(*readings_of(0.9), *built)))])
    assert comparison.designs[0].fit.stage is Tier.ROUTED
    for page in (markdown.report(comparison), html.report(comparison)):
        assert "21,280" in page and "csynth would count 38,304" in page, "a fifth of the 47,880 is the shell"


def test_a_flow_that_was_not_run_on_a_part_is_reported_with_its_decision() -> None:
    runs = run_of("a", "xc7z010"), run_of("a", "xc7z020"), run_of("b", "xc7z020")
    small, large = compare([document_of(*runs)]).decisions
    assert small.headline == "Take a: nothing else that was run fits"
    assert doubts(small)[0] == "no run: b: not run; flows report --run does"
    assert not any(text.startswith("no run") for text in doubts(large))
    refused = compare([document_of(*runs)], [Absent("b", "xc7z010clg400-1", "too large")])
    assert doubts(refused.decisions[0])[0] == "no run: b: too large" and len(refused.absent) == 1


def test_markdown_and_json_say_the_same(reviewed: Comparison) -> None:
    page, content = markdown.report(reviewed), json.loads(reports.json.report(reviewed))
    assert [each["headline"] for each in content["decisions"]] == [decision.headline for decision in reviewed.decisions]
    assert re.search(r"### xc7z020clg400-1 \(.*TUL PYNQ-Z2.*\): Take fast for speed, exact for accuracy", page)
    assert document_from_json(json.dumps(content["document"]), "here") == reviewed.document
    assert "**26,600** of 53,200 (50 %)<br>90 %: 25,270 .. 27,930<br>*modelled for csynth, on xc7z020*" in page


def test_a_report_names_no_folder_of_the_machine_that_wrote_it() -> None:
    step = StepFacts("build", "done", 1.0, {}, "", "/home/somebody/store")
    comparison = compare([document_of(run_of(steps=(step,)))])
    for text in (reports.json.report(comparison), markdown.report(comparison)):
        assert "somebody" not in text


def test_names_do_no_harm(hostile: Document) -> None:
    comparison = compare([hostile])
    page = markdown.report(comparison)
    assert page.replace("\n", "").isprintable() and "<script>" not in page.replace("`", "")[: page.index("|")]
    tables = [line for line in page.splitlines() if line.startswith("| ")]
    widths = {line.replace("\\|", "").count("|") for line in tables}
    assert widths <= {3, 7, 8, 9, 10}
    json.loads(reports.json.report(comparison))


def test_of_steps_that_were_skipped_in_a_row_the_first_alone_is_a_doubt() -> None:
    cause = "gcc is not on PATH"
    steps = (
        StepFacts("compile", "skipped", 0.0, {}, cause, None),
        StepFacts("link", "skipped", 0.0, {}, "needs compile, which was skipped: gcc is not on PATH", None, cause),
    )
    (decision,) = compare([document_of(run_of(steps=steps))]).decisions
    assert [text for text in doubts(decision) if text.startswith("steps skipped")] == [
        "steps skipped: compile: gcc is not on PATH"
    ]
