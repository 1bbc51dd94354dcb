"""What changed between two runs: inputs, options, numbers, layer by layer. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.core.evidence import TOTAL, Metric, Reading, nearest
from flows.core.record import Document, Run
from reports.comparison import merged
from reports.design import Design, designs_of, evidence_of
from reports.words import amount, evidence, stage_name

ABSENT = "absent"
NOISE = "within both intervals"
EVERY = ""
"""The key of a tolerance that holds for every metric without one of its own."""


@dataclass(frozen=True)
class Change:
    """`about` is "input", "option", "verdict", "total" or "layer". `relative` is None where a ratio says nothing. Of
    `noise`, each number is within the other's interval."""

    about: str
    name: str
    before: str
    after: str
    relative: float | None = None
    within: bool = False
    remark: str = ""
    noise: bool = False


@dataclass(frozen=True)
class RunDifference:
    """`same` counts the numbers that are equal; `changes` those that are not, within the tolerance or beyond."""

    before: Run
    after: Run
    changes: tuple[Change, ...]
    same: int

    @property
    def beyond(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if not change.within)


@dataclass(frozen=True)
class Difference:
    """Runs that are on both sides, and those that are on one alone."""

    pairs: tuple[RunDifference, ...]
    removed: tuple[Run, ...]
    added: tuple[Run, ...]


def difference(before: Document, after: Document, tolerances: Mapping[str, float]) -> Difference:
    """`tolerances` are shares by metric key, or `EVERY`. Raises `InputError` where the architectures differ."""
    merged([before, after])
    left, right = list(before.runs), list(after.runs)
    pairs = []
    for same in (_named, _placed, _alone):
        for run in tuple(left):
            twins = [other for other in right if same(run, other, left, right)]
            if len(twins) == 1:
                pairs.append(_pair(run, twins[0], tolerances))
                left.remove(run)
                right.remove(twins[0])
    return Difference(tuple(pairs), tuple(left), tuple(right))


def _named(run: Run, other: Run, left: list[Run], right: list[Run]) -> bool:
    return run.name == other.name


def _placed(run: Run, other: Run, left: list[Run], right: list[Run]) -> bool:
    return (run.flow, run.part) == (other.flow, other.part)


def _alone(run: Run, other: Run, left: list[Run], right: list[Run]) -> bool:
    """Two single runs are compared whatever they are."""
    return len(left) == len(right) == 1


def _pair(before: Run, after: Run, tolerances: Mapping[str, float]) -> RunDifference:
    old, new = designs_of((before, after))
    changes = [
        *_settings("input", _inputs(before), _inputs(after)),
        *_settings("option", before.options, after.options),
        *_settings("verdict", _verdict(old), _verdict(new)),
    ]
    earlier, later = _numbers(old), _numbers(new)
    same = 0
    for key in dict.fromkeys([*earlier, *later]):
        change = _change(key, earlier.get(key), later.get(key), tolerances)
        same += change is None
        changes += [change] if change else []
    return RunDifference(before, after, tuple(changes), same)


def _inputs(run: Run) -> dict[str, str]:
    proof = run.verification
    equal = f"{proof.equal} of {proof.vectors}" if proof and proof.equal is not None else "not run"
    facts = {
        "flow": run.flow,
        "part": run.part,
        "clock": f"{run.clock_ns:g} ns",
        "weights": run.weights.digest,
        "weights derived from": run.weights.derived_from or ABSENT,
        "arithmetic": run.quantised,
        "vectors equal": equal,
    }
    return facts | {f"{step.name}: {tool}": said for step in run.steps for tool, said in step.versions.items()}


def _verdict(design: Design) -> dict[str, str]:
    fit = design.fit
    at = f" at {stage_name(fit.stage)}" if fit.stage else ""
    binding = f", binding resource {fit.binding.key.upper()}" if fit.binding else ""
    facts = {"fit": f"{fit.verdict.value}{at}{binding}", "margins": str(fit.margins)}
    return facts | ({"clock": fit.clock.verdict.value} if fit.clock else {})


def _settings(about: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if old != new:
            yield Change(about, name, old, new)


def _numbers(design: Design) -> dict[tuple[Metric, str], Reading]:
    """One reading a metric and scope; of the totals those that the verdict is judged by."""
    return {
        (reading.metric, reading.scope): reading for reading in (*nearest(design.run.readings), *design.totals.values())
    }


def _change(
    key: tuple[Metric, str], before: Reading | None, after: Reading | None, tolerances: Mapping[str, float]
) -> Change | None:
    metric, scope = key
    about = "total" if scope == TOTAL else "layer"
    name = metric.key if scope == TOTAL else f"{scope} {metric.key}"
    old, new = (ABSENT if reading is None else amount(reading) for reading in (before, after))
    if before is None or after is None:
        return Change(about, name, old, new)
    if evidence_of(before) != evidence_of(after):
        remark = f"not comparable: {evidence(before)}, then {evidence(after)}"
        return Change(about, name, old, new, remark=remark)
    if before.value == after.value and before.at_least == after.at_least:
        return None
    if before.value == 0 or before.at_least != after.at_least:
        return Change(about, name, old, new)
    relative = (after.value - before.value) / abs(before.value)
    allowed = tolerances.get(metric.key, tolerances.get(EVERY, 0.0))
    noise = _is_within(before, after) and _is_within(after, before)
    return Change(about, name, old, new, relative, abs(relative) <= allowed, NOISE if noise else "", noise)


def _is_within(reading: Reading, other: Reading) -> bool:
    """Whether a value is within the interval of another reading, where that has an interval."""
    return other.low is not None and other.high is not None and other.low <= reading.value <= other.high
