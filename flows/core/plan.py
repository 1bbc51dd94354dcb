"""What is to run, as a value: a `Plan` of `Step`s that can be printed, hashed, diffed and tested with no tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

PYTHON = "python"
"""The tool name that stands for the running interpreter."""
WORKER_MEMORY_MB = 3072
"""What a process of a step of `PYTHON` may take where the step names no limit, in MiB (docs/adr/0015-watchdog.md)."""


@dataclass(frozen=True)
class Asset:
    """A file that exists before the run (weights, a batch of images). Its digest, not its place, is what counts."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Output:
    """A file or folder that an earlier step promised."""

    step: str
    file: str


@dataclass(frozen=True)
class Step:
    """One command in one fresh directory.

    `argv` is run there, its first word being `tool` (`PYTHON`, or a name looked up on PATH). `files` are laid there
    before, by relative path: text, an `Asset`, or an `Output` of a step it thereby needs. `makes` are promised and
    checked. `packages` are the distributions, `sources` the packages of ours, whose version and text the result depends
    on. Paths inside `argv` are relative to the directory. Equal steps have equal results: nothing else is an input.

    A step is ended after `limit_s` seconds, or once a process of it wants more than `memory_mb` MiB of memory (0: as
    much as there is; None: `WORKER_MEMORY_MB` for a worker of ours, no limit for a tool). Where it `may_fail`, its
    failure is a result: it counts as skipped, for the reason that it failed for, and nothing of it is kept.
    """

    name: str
    about: str
    tool: str
    argv: tuple[str, ...]
    files: Mapping[str, str | Asset | Output] = field(default_factory=dict)
    makes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    limit_s: float = 3600.0
    memory_mb: int | None = None
    may_fail: bool = False

    @property
    def memory_limit_mb(self) -> int:
        """`memory_mb` with its default; 0 where there is no limit."""
        if self.memory_mb is not None:
            return self.memory_mb
        return WORKER_MEMORY_MB if self.tool == PYTHON else 0

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps whose outputs it is given."""
        return tuple(dict.fromkeys(item.step for item in self.files.values() if isinstance(item, Output)))


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which they can run.

    `artefact` is the promised file, a JSON list of rows of integers, in which the design's own simulation left the
    codes of the design's last tensor for the project's vectors (`models.vectors`); None where there is none to run.
    """

    steps: tuple[Step, ...]
    artefact: Output | None = None
    against: str = ""
    """What made the artefact, for people: "hls4ml C simulation (g++)"."""
    vectors: int = 16
    """How many of the project's check images it computed."""

    def __post_init__(self) -> None:
        promised: dict[str, Step] = {}
        for step in self.steps:
            for item in step.files.values():
                if isinstance(item, Output) and item.file not in getattr(promised.get(item.step), "makes", ()):
                    raise ValueError(f"step {step.name} takes {item.file} from {item.step}, which does not promise it")
            promised[step.name] = step


class State(Enum):
    DONE = "done"  # ran now
    KEPT = "kept"  # its result was in the store
    SKIPPED = "skipped"  # its tool is absent, a step it needs was skipped, or it failed and may


@dataclass(frozen=True)
class StepResult:
    """What became of a step. `folder` holds its files and is read-only by contract; None where it was skipped.

    `cause` is the reason of the first step in the row that was skipped, where this one was because of it.
    """

    step: str
    state: State
    folder: Path | None
    seconds: float
    versions: Mapping[str, str]
    reason: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Products:
    """The results of a plan's steps, by name."""

    results: Mapping[str, StepResult]

    def path(self, output: Output) -> Path | None:
        """Where a promised file lies; None where its step was skipped."""
        folder = self.results[output.step].folder
        return folder / output.file if folder else None
