"""What a design review decides on: one value, from which every format of a report is made. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from flows.core.errors import InputError
from flows.core.evidence import Metric
from flows.core.margins import Margins
from flows.core.record import Document, NetworkFacts
from reports.decision import Decision, decide
from reports.design import Design, designs_of
from reports.ledger import Account
from reports.unknowns import POWER, TOPICS, Unknown, unknowns


@dataclass(frozen=True)
class Absent:
    """A flow of which there is no run on a part (its full name), and why."""

    flow: str
    part: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """Two arithmetics give another class on `least` to `most` of `n` images: bounds, from agreement with float."""

    first: Design
    second: Design
    least: int
    most: int
    n: int


@dataclass(frozen=True)
class Comparison:
    """Designs of one network. `unknowns` are those of each design by its run, `absent` what was not run at all."""

    document: Document
    decisions: tuple[Decision, ...]
    unknowns: tuple[tuple[Unknown, tuple[Design, ...]], ...]
    differences: tuple[Difference, ...]
    absent: tuple[Absent, ...]
    ledger: tuple[Account, ...] = ()
    """What was built and measured of these designs."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """Pages that stand beside the report, by what they are: names of files."""

    @property
    def network(self) -> NetworkFacts:
        return self.document.network

    @property
    def margins(self) -> tuple[Margins, ...]:
        """Those that the designs are judged with, each once."""
        return tuple(dict.fromkeys(design.fit.margins for design in self.designs))

    def places(self, designs: Sequence[Design]) -> str:
        """Which designs, in few words: every one, all those of a flow, or each with the parts that it is for."""
        if len(designs) == len(self.designs):
            return "every design"
        named = {design.run.name for design in designs}
        flows = dict.fromkeys(design.run.flow for design in designs)
        whole = [flow for flow in flows if self._whole(flow, named)]
        parts: dict[str, list[str]] = {}
        for design in designs:
            if design.run.flow not in whole:
                parts.setdefault(design.label, []).append(design.device.name)
        labels: dict[str, list[str]] = {}
        for label, devices in parts.items():
            labels.setdefault(", ".join(devices), []).append(label)
        phrases = [f"all of {', '.join(whole)}"] if whole else []
        return "; ".join(
            [*phrases, *(f"{', '.join(named_labels)} on {devices}" for devices, named_labels in labels.items())]
        )

    def _whole(self, flow: str, named: Set[str]) -> bool:
        of_flow = {design.run.name for design in self.designs if design.run.flow == flow}
        return len(of_flow) > 1 and of_flow <= named

    def answers(self) -> list[list[str]]:
        """Where answers differ as the lower half of a table: a heading, then a row an arithmetic."""
        pairs = {
            (difference.first.run.quantised, difference.second.run.quantised): difference
            for difference in self.differences
        }
        of = {design.run.quantised: design for pair in self.differences for design in (pair.first, pair.second)}
        labels = [design.label for design in of.values()]
        names = {key: design.label if labels.count(design.label) == 1 else design.place for key, design in of.items()}
        rows = [["", *list(names.values())[:-1]]]
        for place, (second, name) in enumerate(names.items()):
            bounds = [pairs.get((first, second)) for first in list(names)[:place]]
            cells = [f"{bound.least:,} to {bound.most:,} of {bound.n:,}" if bound else "unknown" for bound in bounds]
            rows.append([name, *cells, *[""] * (len(names) - 1 - place)])
        return [rows[0], *rows[2:]]

    @property
    def designs(self) -> tuple[Design, ...]:
        return tuple(design for decision in self.decisions for design in decision.designs)


def compare(
    documents: Sequence[Document],
    absent: Sequence[Absent] = (),
    ledger: Sequence[Account] = (),
) -> Comparison:
    """Of `ledger` what is of these runs. Raises `InputError` where `documents` are of several architectures, with their
    digests."""
    document = merged(documents)
    designs = designs_of(document.runs)
    parts = dict.fromkeys(design.run.part for design in designs)
    absent = [*absent, *_not_run(designs, absent)]
    decisions = tuple(
        decide(
            [design for design in designs if design.run.part == part],
            [f"{absence.flow}: {absence.reason}" for absence in absent if absence.part == part],
        )
        for part in sorted(parts)
    )
    designs = tuple(design for decision in decisions for design in decision.designs)
    names = {run.name for run in document.runs}
    accounts = tuple(account for account in ledger if account.page.run in names)
    return Comparison(document, decisions, _gathered(designs), _differences(designs), tuple(absent), accounts)


def _not_run(designs: Sequence[Design], absent: Sequence[Absent]) -> list[Absent]:
    """Flows that were run on another part, and on this one were not."""
    known = {(design.run.flow, design.run.part) for design in designs}
    flows, parts = (dict.fromkeys(pair[at] for pair in sorted(known)) for at in (0, 1))
    known |= {(absence.flow, absence.part) for absence in absent}
    reason = "not run; flows report --run does"
    return [Absent(flow, part, reason) for part in parts for flow in flows if (flow, part) not in known]


def merged(documents: Sequence[Document]) -> Document:
    """Runs of one architecture in one document, each once; raises `InputError` with the digests where they differ."""
    first = documents[0]
    for other in documents[1:]:
        if other.network.architecture != first.network.architecture:
            fact = (
                f"of architecture {other.network.architecture} ({other.network.name}), "
                f"and {_name(first)} of {first.network.architecture} ({first.network.name})"
            )
            raise InputError(f"run {_name(other)}", fact, "name the runs, or one network with --network")
    runs = {run.name: run for document in documents for run in document.runs}
    return Document(first.network, tuple(runs.values()))


def by_network(documents: Sequence[Document]) -> list[Document]:
    """Runs of one architecture in one document each, in the order in which architectures first come."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.network.architecture, []).append(document)
    return [merged(group) for group in groups.values()]


def _name(document: Document) -> str:
    return document.runs[0].name if document.runs else "of no name"


def _gathered(designs: Sequence[Design]) -> tuple[tuple[Unknown, tuple[Design, ...]], ...]:
    """Each unknown once, with the designs that it is unknown of; what could most change a decision comes first."""
    by_unknown: dict[Unknown, list[Design]] = {POWER: list(designs)}
    for design in designs:
        for unknown in dict.fromkeys(unknowns(design)):
            by_unknown.setdefault(unknown, []).append(design)
    ordered = sorted(by_unknown.items(), key=lambda item: TOPICS.index(item[0].topic))
    return tuple((unknown, tuple(unknown_of)) for unknown, unknown_of in ordered)


def _differences(designs: Sequence[Design]) -> tuple[Difference, ...]:
    """Of two arithmetics with agreements on the same images: each class that differs is wrong against float in one."""
    distinct: dict[str, Design] = {}
    for design in designs:
        if Metric.AGREEMENT in design.totals:
            distinct.setdefault(design.run.quantised, design)
    differences = []
    ordered = list(distinct.values())
    for place, first in enumerate(ordered):
        for second in ordered[place + 1 :]:
            agreement, other = first.totals[Metric.AGREEMENT], second.totals[Metric.AGREEMENT]
            if (
                agreement.n
                and agreement.n == other.n
                and agreement.on == other.on
                and first.ancestor == second.ancestor
            ):
                apart = [round((1 - reading.value) * agreement.n) for reading in (agreement, other)]
                differences.append(
                    Difference(first, second, abs(apart[0] - apart[1]), min(sum(apart), agreement.n), agreement.n)
                )
    return tuple(differences)
