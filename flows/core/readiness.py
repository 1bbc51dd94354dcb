"""Whether a flow takes a model file: a verdict for each condition, with the nodes that it is based on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

SCHEMA = "zynqflows-readiness/2"


class Status(Enum):
    HELD = "held"
    SLOWER = "taken but slower"  # the flow takes it, by a slower or larger unit, or leaves a part to the host
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"  # nothing in the file is under this condition


@dataclass(frozen=True)
class Finding:
    """What breaks a condition: `where` it stands (a node by index and name), the fact, what to change.

    `taken` where the flow takes it all the same, and `change` is what would spare its cost.
    """

    where: str
    fact: str
    change: str
    taken: bool = False


@dataclass(frozen=True)
class Verdict:
    """One condition, by its key and in words. It has `findings` where it is broken or taken but slower, and only there.

    `judged` is the tool, with its version, by which the condition was judged.
    """

    condition: str
    about: str
    status: Status
    findings: tuple[Finding, ...] = ()
    judged: str = ""


def status_of(findings: tuple[Finding, ...], applies: bool) -> Status:
    """Of a condition with these findings; `applies` says whether anything in the file is under it."""
    if findings:
        return Status.SLOWER if all(finding.taken for finding in findings) else Status.BROKEN
    return Status.HELD if applies else Status.NOT_APPLICABLE


@dataclass(frozen=True)
class Readiness:
    """The verdicts on one file, in the order in which they are shown."""

    file: str
    verdicts: tuple[Verdict, ...]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.status is Status.BROKEN)


def readiness_from_json(content: Mapping[str, Any]) -> Readiness:
    """What `plain` made of a `Readiness`.

    >>> from flows.core.digest import plain
    >>> one = Readiness("a.onnx", (Verdict("relu", "ReLU", Status.BROKEN, (Finding("node[1]", "bare", "quantise"),)),))
    >>> readiness_from_json(plain(one)) == one
    True
    """
    verdicts = tuple(
        Verdict(
            row["condition"],
            row["about"],
            Status[row["status"].upper()],
            tuple(Finding(**finding) for finding in row["findings"]),
            row["judged"],
        )
        for row in content["verdicts"]
    )
    return Readiness(content["file"], verdicts)
