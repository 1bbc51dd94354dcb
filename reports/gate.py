"""Runs against a policy: which rule each keeps, breaks, or is waived from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from flows.core.evidence import RESOURCES, Metric, Reading
from flows.core.fit import Verdict
from flows.core.record import Document, Run
from reports.comparison import merged
from reports.design import Design, designs_of, evidence_of
from reports.junit import Case, suites_of
from reports.policy import Policy, Rule
from reports.terminal.layout import table
from reports.words import RATES, amount, evidence, number, verdict

SMALLER_IS_WORSE = (*RATES, Metric.ACCURACY, Metric.AGREEMENT, Metric.FMAX_MHZ)


class Outcome(Enum):
    KEPT = "kept"
    BROKEN = "broken"
    WAIVED = "waived"


@dataclass(frozen=True)
class Finding:
    """What one rule says of one run; `run` is None where it concerns none of them."""

    rule: Rule
    run: Run | None
    outcome: Outcome
    fact: str


def check(policy: Policy, document: Document, baseline: Document | None) -> tuple[Finding, ...]:
    """Unknown is not kept: a metric without a reading breaks its rule, and so does a rule that concerns no run.

    Raises `InputError` where the baseline is of another architecture.
    """
    if baseline:
        merged([baseline, document])
    designs = designs_of(document.runs, policy.margins)
    before = designs_of(baseline.runs, policy.margins) if baseline else ()
    findings = []
    for rule in policy.rules:
        concerned = [design for design in designs if rule.concerns(design.run)]
        findings += [_finding(policy, rule, design, before) for design in concerned]
        if not concerned:
            findings.append(Finding(rule, None, Outcome.BROKEN, "it concerns no run that was given"))
    return tuple(findings)


def _finding(policy: Policy, rule: Rule, design: Design, before: Sequence[Design]) -> Finding:
    keeps, fact = _judge(rule, design, before)
    if keeps:
        return Finding(rule, design.run, Outcome.KEPT, fact)
    for waiver in policy.waivers:
        if waiver.rule == rule.name and waiver.concerns(design.run):
            words = f"{fact}; waived until {waiver.until} by {waiver.owner}: {waiver.reason}"
            return Finding(rule, design.run, Outcome.WAIVED, words)
    return Finding(rule, design.run, Outcome.BROKEN, fact)


def _judge(rule: Rule, design: Design, before: Sequence[Design]) -> tuple[bool, str]:
    if rule.metric is None:
        return design.fit.verdict in (Verdict.FITS, Verdict.PROCESSOR), verdict(design.fit)
    reading = design.known(rule.metric)
    if reading is None and design.is_program and rule.metric in RESOURCES and rule.bound != "min":
        return True, f"a program takes no {rule.metric.key}"
    if reading is None:
        return False, f"{rule.metric.key} is unknown"
    value, text = reading.value, f"{amount(reading)} ({evidence(reading)})"
    if reading.at_least and rule.bound != "min":
        return False, f"{text}: something is missing from it, so no upper bound holds"
    match rule.bound:
        case "max":
            return value <= rule.limit, f"{text}, at most {number(rule.metric, rule.limit)}"
        case "min":
            return value >= rule.limit, f"{text}, at least {number(rule.metric, rule.limit)}"
        case "max_share":
            share = value / design.device.available(rule.metric)
            return share <= rule.limit, f"{text}, {100 * share:.1f} % of the part, at most {100 * rule.limit:g} %"
    return _against(rule, design, reading, before)


def _against(rule: Rule, design: Design, reading: Reading, before: Sequence[Design]) -> tuple[bool, str]:
    run = design.run
    twins = [twin for twin in before if twin.run.name == run.name]
    twins = twins or [twin for twin in before if (twin.run.flow, twin.run.part) == (run.flow, run.part)]
    if len(twins) != 1:
        return False, f"the baseline has {len(twins)} runs to compare it with"
    old = twins[0].known(reading.metric)
    if old is None:
        return False, f"{reading.metric.key} is unknown in the baseline"
    if evidence_of(old) != evidence_of(reading):
        return False, f"not comparable: {evidence(old)} in the baseline, {evidence(reading)} now"
    worse = old.value - reading.value if reading.metric in SMALLER_IS_WORSE else reading.value - old.value
    allowed = rule.limit * abs(old.value)
    return (
        worse <= allowed,
        f"{amount(old)} in the baseline, {amount(reading)} now, at most {100 * rule.limit:g} % worse",
    )


def terminal(findings: Sequence[Finding]) -> str:
    rows = [
        [finding.outcome.value, finding.rule.name, finding.run.name if finding.run else "no run", finding.fact]
        for finding in findings
    ]
    return table([["", "rule", "run", ""], *rows], frozenset({0, 1, 2, 3}))


def junit(findings: Sequence[Finding]) -> str:
    suites: dict[str, list[Case]] = {}
    for finding in findings:
        place = finding.run.name if finding.run else "no run"
        failure = finding.fact if finding.outcome is Outcome.BROKEN else ""
        skipped = finding.fact if finding.outcome is Outcome.WAIVED else ""
        suites.setdefault(finding.rule.name, []).append(Case(finding.rule.name, place, failure, skipped))
    return suites_of(suites)
