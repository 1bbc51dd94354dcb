from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flows.core.evidence import DESIGN, RESOURCES, SHELL, TOTAL, Metric, Reading, Tier, nearest
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts
from reports import words
from reports.terminal import layout
from reports.terminal import run as terminal
from reports.terminal.comparison import comparison

D = "0123456789abcdef"


def resource(
    metric: Metric,
    value: float,
    scope: str = TOTAL,
    low: float | None = None,
    high: float | None = None,
    at_least: bool = False,
) -> Reading:
    how = Tier.MODELLED, "xc7z010", "a formula", scope, Tier.HLS
    return Reading(metric, value, *how, low=low, high=high, at_least=at_least)


READINGS = (
    resource(Metric.LUT, 20_000, low=18_000, high=26_000),
    resource(Metric.FF, 9_000, low=8_000, high=10_000, at_least=True),
    resource(Metric.DSP, 40, low=40, high=40),
    Reading(Metric.INTERVAL_CYCLES, 1_000_000, Tier.MODELLED, "schedule", "cycles", predicts=Tier.RTL_SIMULATED),
    Reading(Metric.ACCURACY, 0.8384, Tier.EVALUATED, "10,000 images", "the reference", low=0.83, high=0.84, n=10_000),
    resource(Metric.LUT, 7_000, scope="conv1"),
    resource(Metric.DSP, 8, scope="conv1"),
    resource(Metric.LUT, 100, scope="pool"),
)


def run(readings: tuple[Reading, ...] = READINGS, equal: int | None = 16) -> Run:
    steps = (
        StepFacts("build", "done", 1.25, {}, "", None),
        StepFacts("csynth", "skipped", 0.0, {}, "no vitis_hls", None),
    )
    return Run(
        "toy-xc7z010-abc123", "toy", "xc7z010clg400-1", "xc7z010", 10.0, {"reuse_factor": "64"},
        WeightsFacts(D, "f" * 16), D, readings, Verification(16, equal, "a simulation"), steps,
        ("a note",), ("a warning",), "python -m flows run toy",
    )  # fmt: skip


def document(*runs: Run) -> Document:
    return Document(NetworkFacts("arch8", 52_622, 19_325_488, D), runs)


def test_a_run_in_full() -> None:
    lines = [" ".join(line.split()) for line in terminal.details(document(run()), layers=True).splitlines()]
    for expected in (
        "arch8: 52,622 parameters, 19,325,488 MACs, architecture 0123456789abcdef",
        "toy on xc7z010clg400-1, 10 ns clock (100 MHz), weights 0123456789abcdef, derived from ffffffffffffffff",
        "options: reuse-factor 64",
        "LUT 20,000 17,600 114 % 18,000 .. 26,000 modelled for csynth, on xc7z010",
        "FF >= 9,000 35,200 26 % 8,000 .. 10,000 modelled for csynth, on xc7z010",
        "BRAM18 unknown 120 no resource model and no report covers it",
        "accuracy 83.84 % n = 10,000 83.00 % .. 84.00 % evaluated, on 10,000 images",
        "conv1 7,000 8",
        "pool 100 unknown",
        "steps build 1.2 s, csynth skipped (no vitis_hls)",
        "WARNING a warning",
    ):
        assert expected in lines, expected
    text = "\n".join(lines)
    margins = "20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP kept free"
    result = f"over: LUT by 2,400 (400 at the lower end); binding resource LUT; judged at csynth, {margins}"
    assert result in " ".join(text.split())
    assert "16 of 16 vectors equal as integers, a simulation against the exact reference 0123456789abcdef" in text


def test_what_another_source_says_of_a_block_stands_beside_it() -> None:
    """Where both are of one tier, or the second is csynth's count."""
    ours = replace(READINGS[5], predicts=Tier.ROUTED)
    theirs = Reading(Metric.LUT, 6_500, Tier.MODELLED, "xc7z010", "their estimate; we agree", "conv1", Tier.SYNTHESISED)
    report = Reading(Metric.LUT, 90, Tier.ROUTED, "xc7z010", "a report", "pool")
    text = terminal.details(document(run((ours, *READINGS[6:], theirs, report))), layers=True)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "layer or block lut lut * dsp" in lines and "* their estimate" in lines
    assert "conv1 7,000 6,500 8" in lines and "pool 90 100 unknown" in lines


def test_csynths_count_stands_beside_what_is_built_once_and_by_that_name() -> None:
    built = [
        replace(each, value=each.value / (2 if each.metric is Metric.LUT else 1), predicts=Tier.ROUTED)
        for each in READINGS[5:]
    ]
    text = terminal.details(document(run((*READINGS, *built))), layers=True)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "layer or block lut lut * dsp" in lines and "conv1 3,500 7,000 8" in lines
    assert lines.count("* csynth's count, modelled") == 1 and "* a model" not in lines


def test_what_was_not_verified_says_so() -> None:
    assert "not verified: a simulation did not run" in terminal.details(document(run(equal=None)))


def test_the_reading_nearest_the_metal_is_shown() -> None:
    better = Reading(Metric.LUT, 12_345, Tier.HLS, "xc7z010", "csynth report")
    shown = nearest((better, *READINGS))
    assert better in shown and READINGS[0] not in shown
    assert set(nearest((*READINGS, better))) == set(shown)
    text = " ".join(terminal.details(document(run((better, *READINGS)))).split())
    assert "LUT 12,345 17,600 70 % csynth, on xc7z010; the model said 20,000 FF" in text


def test_what_stands_beside_a_number_is_of_its_own_stage_or_says_of_which() -> None:
    counted, modelled = (
        resource(Metric.LUT, 900),
        Reading(Metric.LUT, 400, Tier.MODELLED, "x", "model", predicts=Tier.ROUTED),
    )
    report = Reading(Metric.LUT, 800, Tier.HLS, "x", "csynth report")
    routed = Reading(Metric.LUT, 350, Tier.ROUTED, "x", "a report")
    assert words.beside([counted, modelled], modelled) == "csynth would count 900"
    assert words.beside([counted, report, modelled], modelled) == "csynth counts 800"
    assert words.beside([counted, report], report) == "the model said 900"
    assert words.beside([counted, routed], routed) == "csynth would count 900"
    assert words.beside([modelled, report, routed], routed) == "csynth counts 800; the model said 400"
    assert words.beside([routed], routed) == ""


def test_csynth_counts_a_design_without_the_shell() -> None:
    """Case 15: a report of 12,000 LUT stood there as 19,018. What a report says is shown as it is; a model's total is
    shown without the shell."""
    alone = Reading(Metric.LUT, 12_000, Tier.HLS, "x", "csynth report", DESIGN)
    shell = Reading(Metric.LUT, 7_018, Tier.MODELLED, "x", "shell", SHELL, predicts=Tier.ROUTED)
    routed = Reading(Metric.LUT, 13_018, Tier.MODELLED, "x", "model", predicts=Tier.ROUTED)
    assert words.beside([alone, routed], routed) == "csynth counts 12,000"
    assert words.beside([alone, shell, routed], routed) == "csynth counts 12,000"
    seen = Reading(Metric.LUT, 9_000, Tier.ROUTED, "x", "utilization report", DESIGN)
    whole = replace(seen, value=11_900, scope=TOTAL)
    assert words.beside([seen, whole], whole) == "its report says 9,000, without the shell"
    modelled = Reading(Metric.LUT, 20_018, Tier.MODELLED, "x", "model", predicts=Tier.HLS, at_least=True)
    assert words.beside([modelled, shell, routed], routed) == "csynth would count >= 13,000"


def test_the_comparison_has_a_line_a_run_and_names_the_architecture() -> None:
    text = comparison(document(run(), run(equal=None)))
    first, second = text.splitlines()[1:3]
    assert "114 %" in first and ">= 26 %" in first and "unknown" in first and "16/16" in first and "over (LUT)" in first
    assert " no " in second and D in text


def test_the_comparison_says_what_tells_runs_of_one_flow_apart() -> None:
    assert "design" not in comparison(document(run()))
    runs = run(), replace(run(), name="toy-xc7z010-def456", options={"reuse_factor": "8"})
    first, second = comparison(document(*runs)).splitlines()[1:3]
    assert first.endswith("  toy (reuse-factor 64)") and second.endswith("  toy (reuse-factor 8)")


@given(st.lists(st.lists(st.text("ab c", max_size=9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_table_keeps_every_cell_in_order(rows: list[list[str]]) -> None:
    lines = layout.table(rows).splitlines() or [""]
    for line, row in zip(lines, rows, strict=False):
        place = 0
        for cell in row:
            place = line.index(cell.rstrip(), place) + len(cell.rstrip())


def test_every_resource_has_a_row_even_where_nothing_is_known() -> None:
    text = terminal.details(document(run(())))
    assert all(f"{metric.key.upper():<6}" in text for metric in RESOURCES) and "unknown" in text
