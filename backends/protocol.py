"""The interface between the program and its flows: a backend is one value of this module's `Backend`.

    job -> check -> resolve -> design -> lower, estimate, notes, plan, then read what the plan left

`resolve` does everything that takes a search (the folding, the FIFO depths) and fixes the arithmetic, once. Every later
function takes its design. A third-party backend is such a value too (docs/third-party-backends.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from backends.cost.synthesis import OWN_CODE, Ratios
from flows.core.evidence import Metric, Reading
from flows.core.part import Target
from flows.core.plan import Asset, Plan, Products, Step
from models.integer_network import IntegerNetwork
from models.network import Network
from models.quantised import QuantisedNetwork
from models.ranges import Ranges
from models.weights import Weights

API = 2
"""The version of this interface. A backend states in `Backend.api` the version that it was written for."""

Options = TypeVar("Options")
Design = TypeVar("Design")


@dataclass(frozen=True)
class Refusal:
    """Why a job cannot be done: `culprit` (an option or a layer), the fact, and the nearest legal choice."""

    culprit: str
    fact: str
    nearest: str


@dataclass(frozen=True)
class Job(Generic[Options]):
    """Everything that a backend may depend on: it has no other inputs."""

    network: Network
    weights: Weights
    ranges: Ranges
    target: Target
    options: Options
    """The backend's own options."""
    integer: IntegerNetwork | Refusal | None = None
    """For a QONNX file, the same network on integers and thresholds, exactly as it was trained, or why there is none.
    The fields above then describe its float equivalent, for flows that quantise by themselves."""
    known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """A cache for later jobs of the same network: it saves time and does not change results. A caller with several jobs
    passes the same one to all of them."""


class Unbuildable(Exception):
    """Raised by `Backend.resolve` where only the search shows that a job cannot be done: a rate beyond reach, a FIFO
    depth that deadlocks."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(*refusals)
        self.refusals = refusals


class NoteKind(StrEnum):
    NOTE = "note"
    WARNING = "warning"  # printed separately: without it, the design would look better than it is


@dataclass(frozen=True)
class Note:
    """One sentence on a choice that was made for a design, or on a result of its run."""

    text: str
    kind: NoteKind = NoteKind.NOTE


def warning(text: str) -> Note:
    return Note(text, NoteKind.WARNING)


@dataclass(frozen=True)
class Imported:
    """The readings of a vendor report that was made elsewhere, and notes on what was compared with the design."""

    readings: Sequence[Reading]
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class Precisions(Generic[Options]):
    """How the bits of each tensor are set in the options of a flow, so that ``flows search`` can choose them."""

    tensors: Callable[[Network], Sequence[str]]
    """The tensors of a network whose bits can be set, in order, as the flow's option names them (``dense.weight``)."""
    fewest: int
    most: int
    """The fewest and the most bits of each tensor."""
    with_bits: Callable[[Options, Mapping[str, int]], Options]
    """The options with these numbers of bits for each of `tensors`."""


def _no_observations(design: object, products: Products) -> Sequence[Note]:
    return ()


@dataclass(frozen=True)
class Backend(Generic[Options, Design]):
    """One flow. Only `read`, `read_report` and `observations` look at files; everything else is pure.

    The fields below `read` are optional.
    """

    api: int
    """The value of `API` for which the backend was written."""
    name: str
    """The name by which users call the flow."""
    about: str
    """One line for ``flows list flows``."""
    options: type[Options]
    """A frozen dataclass. Every field becomes a command-line option ``--like-this``; its metadata has ``help`` and may
    have ``unit``, ``choices`` and ``parse`` (text to value, raising `ValueError` with the reason)."""
    check: Callable[[Job[Options]], Sequence[Refusal]]
    """Why a job cannot be done, as far as that can be known without a search."""
    resolve: Callable[[Job[Options]], Design]
    """The design of a job that `check` does not refuse; called once for each job. Raises `Unbuildable`."""
    lower: Callable[[Design], QuantisedNetwork]
    """The exact arithmetic that will be built."""
    estimate: Callable[[Design], Sequence[Reading]]
    """Modelled readings of the whole design and its layers; no tool needs to be installed."""
    notes: Callable[[Design], Sequence[Note]]
    """What a user should know about the choices made for this design."""
    plan: Callable[[Design], Plan]
    """The steps to run."""
    read: Callable[[Design, Products], Sequence[Reading]]
    """Readings from the products of the plan; none for a step that was skipped."""

    observations: Callable[[Design, Products], Sequence[Note]] = field(default=_no_observations)
    """Notes on the run that no reading expresses; none for a step that was skipped."""
    read_report: Callable[[Design, Path], Imported] | None = None
    """Reads a vendor report that was made elsewhere; None where the flow reads none. Raises `InputError` where the
    report is damaged, or belongs to another design, part or clock."""
    readiness_step: Callable[[Asset, Network | None, Mapping[str, Asset]], Step] | None = None
    """The step that judges a model file made elsewhere (``flows check``). It takes the file, the network that the file
    should contain, and accompanying files. It makes one JSON file with one of three answers. ``file`` and ``verdicts``:
    a `flows.core.readiness.Readiness`, with a verdict "architecture" where a network is given. ``wanted``: accompanying
    files that are needed and were not given. ``refusal``: why the file cannot be read, as ``culprit``, ``fact`` and
    ``next_step``."""
    precisions: Precisions[Options] | None = None
    """None where the precision of single tensors cannot be chosen."""
    weights: str = ""
    """The suffix of the shipped weights that the flow starts from ("w4a4"); empty for the float weights."""
    csynth_ratios: Ratios = field(default_factory=lambda: OWN_CODE)
    """The ratio of csynth's counts to what is built, for this flow's designs."""
    unproven: frozenset[Metric] = frozenset()
    """Resources whose modelled totals lose their intervals, since built designs lie outside them. Such totals decide
    neither "fits" nor "over" (`flows.core.fit`)."""
    seen_clocks: Sequence[Reading] = ()
    """The fastest clocks that builds of this flow are known to have met, one for each full part that they were on, by
    `flows.core.clock.seen`. Without them, the verdict on a clock is unknown. A flow that can predict Fmax gives it as a
    total among its estimates."""
    top: Callable[[str], str] | None = None
    """The name of the top function that vendor reports show for a network of this name. Reports of another top are then
    refused (``flows import --run``)."""
    on_processor: bool = False
    """The flow makes a program for the ARM cores: it uses no fabric, and the requested clock does not apply to it."""
