"""Whether a model file can go through a flow, condition by condition: verdicts, each with the nodes that break it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

SCHEMA = "zynqflows-readiness/1"


class Status(Enum):
    HELD = "held"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"  # nothing in the file is under this condition


@dataclass(frozen=True)
class Finding:
    """What breaks a condition: `where` it stands (a node by index and name), the fact, what to change."""

    where: str
    fact: str
    change: str


@dataclass(frozen=True)
class Verdict:
    """One condition, by its key and in words. `findings` are there where it is broken, and only there."""

    condition: str
    about: str
    status: Status
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Readiness:
    """The verdicts on one file, in the order in which they are told."""

    file: str
    verdicts: tuple[Verdict, ...]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        return tuple(one for one in self.verdicts if one.status is Status.BROKEN)


def readiness_from_json(content: Mapping[str, Any]) -> Readiness:
    """What `plain` made of a `Readiness`.

    >>> from flows.core.digest import plain
    >>> one = Readiness("a.onnx", (Verdict("relu", "ReLU", Status.BROKEN, (Finding("node[1]", "bare", "quantise"),)),))
    >>> readiness_from_json(plain(one)) == one
    True
    """
    verdicts = tuple(
        Verdict(
            one["condition"],
            one["about"],
            Status[one["status"].upper()],
            tuple(Finding(**finding) for finding in one["findings"]),
        )
        for one in content["verdicts"]
    )
    return Readiness(content["file"], verdicts)
