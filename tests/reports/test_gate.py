"""Policies as they are written, and runs held against them."""

from dataclasses import replace
from datetime import date
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import InputError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.margins import Margins
from flows.core.record import Document
from reports import gate, policy
from reports.gate import Outcome
from reports.policy import Policy, read_policy
from tests.reports.runs import document_of, readings_of, run_of

TODAY = date(2026, 11, 23)
HEAD = f'schema = "{policy.SCHEMA}"\nbaseline = "base.json"\n'
RULE = '[[rule]]\nname = "r"\n'
WAIVER = '[[waiver]]\nrule = "r"\nreason = "why"\nowner = "who"\n'


def read(text: str) -> Policy:
    return read_policy(HEAD + text, "p.toml", TODAY)


def outcomes(text: str, document: Document, baseline: Document | None = None) -> list[Outcome]:
    return [each.outcome for each in gate.check(read(RULE + text), document, baseline)]


@given(st.floats(0.01, 2.0), st.floats(0.01, 1.0))
def test_a_share_of_the_part(share: float, limit: float) -> None:
    document = document_of(run_of(readings=readings_of(share)))
    reading = next(each for each in document.runs[0].readings if each.metric is Metric.LUT)
    kept = reading.value / 53_200 <= limit
    assert outcomes(f'metric = "lut"\nmax_share = {limit!r}', document) == [Outcome.KEPT if kept else Outcome.BROKEN]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('metric = "accuracy"\nmin = 0.79', Outcome.KEPT),
        ('metric = "accuracy"\nmin = 0.84', Outcome.BROKEN),
        ('metric = "dsp"\nmax = 110', Outcome.KEPT),
        ('metric = "dsp"\nmax = 109', Outcome.BROKEN),
        ('metric = "dsp"\nmax = 109\npart = "xc7z020"', Outcome.BROKEN),
        ('metric = "dsp"\nmax = 109\npart = "xc7z020clg400-1"\nflow = "toy"', Outcome.BROKEN),
        ('metric = "fmax_mhz"\nmin = 1', Outcome.BROKEN),
        ('metric = "dsp"\nmax = 110\npart = "xc7z010"', Outcome.BROKEN),
        ('verdict = "fits"', Outcome.KEPT),
        ('verdict = "fits"\n[margin]\nlut = 0.4', Outcome.KEPT),
        ('verdict = "fits"\n[margin]\nlut = 0.48', Outcome.KEPT),  # 50 % of the part, 53 % at the upper end
        ('verdict = "fits"\n[margin]\nlut = 0.6', Outcome.BROKEN),
    ],
)
def test_bounds(text: str, outcome: Outcome) -> None:
    assert outcomes(text, document_of(run_of())) == [outcome]


def test_unknown_and_at_least_keep_nothing() -> None:
    lut, *others = run_of().readings
    least = run_of(readings=(replace(lut, at_least=True), *others))
    (finding,) = gate.check(read(RULE + 'metric = "lut"\nmax = 9e9'), document_of(least), None)
    assert finding.outcome is Outcome.BROKEN and "something is missing" in finding.fact
    (finding,) = gate.check(read(RULE + 'metric = "lut"\nmax = 9e9'), document_of(run_of(readings=())), None)
    assert finding.outcome is Outcome.BROKEN and finding.fact == "lut is unknown"


def test_a_program_keeps_every_upper_bound_of_the_fabric() -> None:
    count = Reading(Metric.INSTRUCTIONS, 1e6, Tier.SIMULATED, "a Cortex-A9", "counted")
    program = document_of(run_of("c", readings=(count,)))
    assert outcomes('metric = "lut"\nmax_share = 0.1', program) == [Outcome.KEPT]
    assert outcomes('metric = "lut"\nmin = 1', program) == [Outcome.BROKEN]
    assert outcomes('metric = "accuracy"\nmin = 0.1', program) == [Outcome.BROKEN], "unknown"


@given(st.floats(0.5, 1.5), st.sampled_from(["throughput_fps", "lut"]))
def test_worse_than_the_baseline(factor: float, metric: str) -> None:
    before = run_of()
    scaled = tuple(replace(x, value=x.value * factor) if x.metric.key == metric else x for x in before.readings)
    (outcome,) = outcomes(
        f'metric = "{metric}"\nmax_worse = 0.05', document_of(replace(before, readings=scaled)), document_of(before)
    )
    worse = 1 - factor if metric == "throughput_fps" else factor - 1
    if abs(worse - 0.05) > 1e-9:
        assert outcome is (Outcome.KEPT if worse < 0.05 else Outcome.BROKEN)


def test_another_kind_of_evidence_is_not_compared() -> None:
    lut, *others = run_of().readings
    report = Reading(Metric.LUT, 1.0, Tier.ROUTED, lut.on, "a report")
    after = document_of(run_of(readings=(report, *(other for other in others if other.metric is not Metric.LUT))))
    (finding,) = gate.check(read(RULE + 'metric = "lut"\nmax_worse = 0.05'), after, document_of(run_of()))
    assert finding.outcome is Outcome.BROKEN and "not comparable" in finding.fact


def test_a_waiver_waives_its_rule_where_it_says_so() -> None:
    document = document_of(run_of("a"), run_of("b"))
    text = f'metric = "lut"\nmax = 1\n{WAIVER}until = 2026-11-23\nflow = "a"'
    assert outcomes(text, document) == [Outcome.WAIVED, Outcome.BROKEN]
    (suite,) = fromstring(gate.junit(gate.check(read(RULE + text), document, None)))
    assert [case[0].tag for case in suite] == ["skipped", "failure"]
    assert "by who: why" in gate.terminal(gate.check(read(RULE + text), document, None))


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ('metric = "luts"\nmax = 1', "unknown metric 'luts': it may be lut, ff"),
        ('metric = "lut"', "needs one of max, min, max_share, max_worse, and has none"),
        ('metric = "lut"\nmax = 1\nmin = 1', "has max and min"),
        ('metric = "lut"\nmax = "1"', "must be a number"),
        ('metric = "lut"\nmax = true', "must be a number"),
        ('metric = "lut"\nmax = nan', "must be a number"),
        ('metric = "lut"\nmax = 1\nmaxx = 1', "unknown key 'maxx'"),
        ('metric = "lut"\nmax_share = 70', "max_share is 70, and a share ends at 1: 70 % is 0.7"),
        ('metric = "accuracy"\nmin = 79', "79 % is 0.79"),
        ('metric = "accuracy"\nmax_share = 1', "no accuracy to take a share of"),
        ('verdict = "over"', 'verdict may be "fits"'),
        ('verdict = "fits"\nmetric = "lut"', "with no metric and no other bound"),
        ('verdict = "fits"\nmax = 1', "with no metric and no other bound"),
        (
            'verdict = "fits"\n[margin]\nlut = 20',
            "margin lut is 20, and must be a share of the part, 0 to 0.9",
        ),
        ('verdict = "fits"\n[margin]\nlut = true', "margin lut is True"),
        ('verdict = "fits"\n[margin]\nluts = 0.2', "unknown key 'luts'"),
        ('verdict = "fits"\n[[margin]]\nlut = 0.2', "margin is no table"),
        ('metric = "lut"\nmax = 1\n' + RULE + 'metric = "ff"\nmax = 1', "two rules are called 'r'"),
        (f'metric = "lut"\nmax = 1\n{WAIVER}until = 2026-11-22', r"ended on 2026-11-22 \(owner who: why\)"),
        (f'metric = "lut"\nmax = 1\n{WAIVER}', "needs an end date"),
        (f'metric = "lut"\nmax = 1\n{WAIVER}until = 2027-01-01'.replace('"who"', '" "'), "no owner"),
        (f'metric = "lut"\nmax = 1\n{WAIVER}until = 2027-01-01'.replace('rule = "r"', 'rule = "s"'), "rule 's'"),
    ],
)
def test_what_is_wrong_with_a_policy_is_named(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        read(RULE + text)
    assert "p.toml" in caught.value.culprit


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a = = 1", "not TOML"),
        ("", "its schema is None"),
        ('schema = "zynqflows-policy/0"', "zynqflows-policy/0"),
        (f'schema = "{policy.SCHEMA}"', "it has no rule and no margin"),
        (f'schema = "{policy.SCHEMA}"\nrule = 1', "no list of tables"),
        (f'schema = "{policy.SCHEMA}"\n{RULE}metric = "lut"\nmax_worse = 1', "needs a baseline"),
    ],
)
def test_what_is_no_policy_is_named(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        read_policy(text, "p.toml", TODAY)


def test_margins_alone_are_a_policy_and_the_others_stay() -> None:
    result = read_policy(f'schema = "{policy.SCHEMA}"\n[margin]\ndsp = 0\nff = 0.5\n', "p.toml", TODAY)
    assert not result.rules and result.margins == Margins(dsp=0.0, ff=0.5)
    assert read(RULE + 'metric = "lut"\nmax = 1').margins is None
