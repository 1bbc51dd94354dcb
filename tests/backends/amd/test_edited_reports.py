"""Whole reports, edited in one place: what is read then is what the tool wrote, or the report is refused.

A fact that a report states once cannot be vouched for: `ONCE` names these, and nothing else may differ. What is not
read any more is absent, and no wrong number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from backends.amd.cosim import Cosim
from backends.amd.csynth_values import FIFOS, Csynth
from backends.amd.readings import Report, check, parse
from backends.amd.timing import Timing
from flows.core.errors import InputError
from flows.core.evidence import Metric
from flows.core.part import Target, find_part
from tests.backends.amd.edits import EDITS
from tests.backends.amd.whole_reports import REPORTS, TOP

TARGET = Target(find_part("xc7z020"), 10.0)
TEXTS = {name: make() for name, make in REPORTS.items()}
RESOURCES = {metric.key for metric in Metric}
ONCE = {
    "csynth text": {"tool", "estimated_ns"},
    "csynth text of Vivado HLS": {"tool", "estimated_ns"},
    "csynth totals in XML": {"tool", "estimated_ns", *RESOURCES},
    "csynth with modules in XML": {"tool", "resources of modules"},
    "utilization": {"tool", "tier"},
    "timing": {"tool", "tier"},
}
"""What each report states once: its tool's version, the stage in its header, the estimated clock; the totals of
``TOP_csynth.xml``; and of ``csynth.xml`` what a module below the top has, more exactly than its share in per cent."""


def facts(report: Report) -> Mapping[str, object]:
    """What is read, by names; raises `InputError` where a run would."""
    assert not isinstance(report, Cosim), "it is refused as a report from elsewhere"
    check(report, "x.rpt", TOP, TARGET)
    content: dict[str, object] = {"tool": report.tool}
    if isinstance(report, Timing):
        return {**content, "tier": report.tier, "period": report.period_ns, "slack": report.slack_ns}
    if not isinstance(report, Csynth):
        return {**content, "tier": report.tier, **{metric.key: value for metric, value in report.resources.items()}}
    content["estimated_ns"] = report.estimated_ns
    below_top = sorted((each for each in report.modules if each.name != FIFOS), key=lambda item: item.name)
    named = {"": report.top, **{f"module {place} ": item for place, item in enumerate(below_top)}}
    named |= {f"{each.name} ": each for each in report.modules if each.name == FIFOS}
    for below, module in named.items():
        content |= {f"{below}{metric.key}": value for metric, value in module.resources.items()}
        for what, cycles in (("latency", module.latency), ("interval", module.interval)):
            content |= {f"{below}{what} best": cycles.best, f"{below}{what} worst": cycles.worst}
    return content


def differing(name: str, text: str) -> set[str]:
    """What is read otherwise in `text` than in the report it was made from, but for what is stated once or absent."""
    whole, now = facts(parse(TEXTS[name], "x.rpt")), facts(parse(text, "x.rpt"))
    changed = {what for what, value in now.items() if value is not None and value != whole.get(what)}
    below = RESOURCES if "resources of modules" in ONCE[name] else set()
    return {what for what in changed - ONCE[name] if not (" " in what and what.split()[-1] in below)}


def edited(times: int, seed: int) -> Counter[str]:
    """Every edit of every report, `times` over. Fails for the first wrong number."""
    random, counts = Random(seed), Counter[str]()
    for name, text in TEXTS.items():
        for edit in [each for each in EDITS for _ in range(times)]:
            after = edit(random, text, tuple(TEXTS.values()))
            if after == text:
                continue
            try:
                report = parse(after, "x.rpt")
                if isinstance(report, Cosim):
                    raise InputError("report", "of a co-simulation", "which is not taken from elsewhere")
                wrong = differing(name, after)
            except InputError:
                counts["refused"] += 1
                continue
            assert not wrong, f"{edit.__name__} in {name}, seed {seed}: {sorted(wrong)} read from\n{after}"
            counts["right"] += 1
    return counts


@pytest.mark.parametrize("name", REPORTS)
def test_a_whole_report_is_read(name: str) -> None:
    content = facts(parse(TEXTS[name], "x.rpt"))
    unknown = [what for what, value in content.items() if value is None]
    assert len(content) > 3 and all(what.startswith("FIFO") for what in unknown)


def test_an_edited_report_is_refused_or_read_as_the_tool_wrote_it() -> None:
    counts = edited(times=5, seed=14)
    assert sum(counts.values()) > 400
    assert counts["right"] > 0.2 * sum(counts.values()), "what does not matter is still read"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_edited_reports_are_refused_or_read_as_the_tool_wrote_them(seed: int) -> None:
    assert sum(edited(times=5, seed=1_000 + seed).values()) > 400


@pytest.mark.parametrize("first", REPORTS)
@pytest.mark.parametrize("second", REPORTS)
def test_two_reports_in_one_file_are_refused(first: str, second: str) -> None:
    """Also the same one twice; the lines of both are named where the file is text."""
    with pytest.raises(InputError) as caught:
        parse(f"{TEXTS[first]}\n{TEXTS[second]}", "x.rpt")
    assert "lines 1 and" in str(caught.value) or "lines 2 and" in str(caught.value) or "XML" in first


def test_the_driver_sees_a_wrong_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one of the checks gone it must fail, or it would prove nothing."""
    from backends.amd import csynth_text

    monkeypatch.setattr(csynth_text, "_check_sum", lambda rows, place: None)
    monkeypatch.setattr(csynth_text, "check_share", lambda *each: None)
    with pytest.raises(AssertionError, match="read from"):
        for seed in range(20):
            edited(times=5, seed=seed)
