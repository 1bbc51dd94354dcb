"""The one seam between the program and its flows: a backend is one value of this module's `Backend`.

    job -> check -> resolve -> design -> lower, estimate, notes, plan, then read what the plan left

`resolve` does whatever takes a search (the folding, the FIFO depths) and fixes the arithmetic, once. Every later
function takes its design. A third party's backend is such a value as well (docs/third-party-backends.md).
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
"""The version of this seam. A backend states the one that it was written for in `Backend.api`."""

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
    """Everything a backend may depend on. What is not here is not an input."""

    network: Network
    weights: Weights
    ranges: Ranges
    target: Target
    options: Options
    """The backend's own options."""
    integer: IntegerNetwork | Refusal | None = None
    """Of a QONNX file: the same network on integers and thresholds, exactly as it was trained, or why it has none. The
    fields above are then its float twin, for flows that quantise themselves."""
    known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What flows keep for the next job of the same network: it saves time and changes no answer. Whoever asks for
    several jobs gives the same to all of them."""


class Unbuildable(Exception):
    """Raised by `Backend.resolve` where only the search shows that a job cannot be done: a rate beyond reach, a FIFO
    depth that deadlocks."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(*refusals)
        self.refusals = refusals


class NoteKind(StrEnum):
    NOTE = "note"
    WARNING = "warning"  # printed apart: without knowing it, a user would take the design for better than it is


@dataclass(frozen=True)
class Note:
    """One sentence on a choice that was made for a design, or on what its run showed."""

    text: str
    kind: NoteKind = NoteKind.NOTE


def warning(text: str) -> Note:
    return Note(text, NoteKind.WARNING)


@dataclass(frozen=True)
class Imported:
    """What a vendor's report says that was made elsewhere, and what of it was compared with the design."""

    readings: Sequence[Reading]
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class Precisions(Generic[Options]):
    """How a flow is asked for bits tensor by tensor, so that ``flows search`` can choose them."""

    tensors: Callable[[Network], Sequence[str]]
    """What of a network may have bits of its own, as the flow's option names it (``dense.weight``), in its order."""
    fewest: int
    most: int
    """Bits that each of them may have."""
    given: Callable[[Options, Mapping[str, int]], Options]
    """The options with so many bits for each of `tensors`."""


def _no_observations(design: object, products: Products) -> Sequence[Note]:
    return ()


@dataclass(frozen=True)
class Backend(Generic[Options, Design]):
    """One flow. Only `read`, `read_report` and `observations` look at files; everything else is pure.

    The fields below `read` are optional.
    """

    api: int
    """`API`, as it was when the backend was written."""
    name: str
    """How the user says it."""
    about: str
    """One line for ``flows list flows``."""
    options: type[Options]
    """A frozen dataclass. Every field becomes a command-line option ``--like-this``; its metadata has ``help`` and may
    have ``unit``, ``choices`` and ``parse`` (text to value, raising `ValueError` with the reason)."""
    check: Callable[[Job[Options]], Sequence[Refusal]]
    """Why a job cannot be done, as far as that shows without a search."""
    resolve: Callable[[Job[Options]], Design]
    """The design of a job that `check` does not refuse; called once a job. Raises `Unbuildable`."""
    lower: Callable[[Design], QuantisedNetwork]
    """The exact arithmetic that will be built."""
    estimate: Callable[[Design], Sequence[Reading]]
    """Readings with no tool installed: totals and layers, modelled."""
    notes: Callable[[Design], Sequence[Note]]
    """What a user should know of the choices made for this design."""
    plan: Callable[[Design], Plan]
    """What to run."""
    read: Callable[[Design, Products], Sequence[Reading]]
    """Readings from what the plan made; none for a step that was skipped."""

    observations: Callable[[Design, Products], Sequence[Note]] = field(default=_no_observations)
    """Notes on what ran, where no reading says it; none for a step that was skipped."""
    read_report: Callable[[Design, Path], Imported] | None = None
    """Reads a vendor's report that was made elsewhere; None where the flow reads none. Raises `InputError` where the
    report is damaged, or of another design, part or clock."""
    readiness_step: Callable[[Asset, Network | None, Mapping[str, Asset]], Step] | None = None
    """Judges a model file that was made elsewhere (``flows check``): the file, the network that it should be, and files
    beside it. The step makes one JSON file with one of three answers. ``file`` and ``verdicts``: a
    `flows.core.readiness.Readiness`, with a verdict "architecture" where a network is given. ``wanted``: files beside
    the model that are needed and not among those given. ``refusal``: why it cannot be read, as ``culprit``, ``fact``
    and ``next_step``."""
    precisions: Precisions[Options] | None = None
    """None where a flow has no precision by tensor, or none that may be chosen."""
    weights: str = ""
    """The shipped weights that the flow starts from, by the suffix of their name ("w4a4"); the float ones if empty."""
    csynth_ratios: Ratios = field(default_factory=lambda: OWN_CODE)
    """How many times what is built csynth counts of this flow's designs."""
    unproven: frozenset[Metric] = frozenset()
    """Resources whose modelled totals lose their intervals, since designs that were built lie outside: neither "fits"
    nor "over" is said by them (`flows.core.fit`)."""
    seen_clock: Reading | None = None
    """The fastest clock that a build of this flow is known to have met and on which full part, by
    `flows.core.clock.seen`. Without it, whether a clock is credible stays unknown. A flow that can predict its Fmax
    gives it as a total among its estimates."""
    top: Callable[[str], str] | None = None
    """What vendor reports call the design of a network of this name: its top function. Evidence of another top is then
    refused (``flows import --run``)."""
    on_processor: bool = False
    """It is a program for the ARM cores: it takes nothing of the fabric, and the clock asked for is not its own."""
