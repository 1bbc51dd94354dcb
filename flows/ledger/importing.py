"""Imports evidence into the ledger: a file is read, checked against its design, and only then stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flows import registry
from flows.core.errors import FlowsError, InputError, UsageError
from flows.core.evidence import Reading
from flows.core.ledger import NAME, Entry, Kind, Page, same_part
from flows.core.record import Document
from flows.core.residual import WHOLE, Residual, residuals
from flows.core.text import identifier
from flows.ledger import book, files, structure
from flows.store import Store

CLOCK_NS = 0.005
"""Reports print periods with two or three decimals."""
UNITS = re.compile(r"(MVAU|VVAU)_(hls|rtl)_\d+")
FAR = 3.0
"""A prediction that many times off is rather of another design."""
TIMED = (Kind.CSYNTH, Kind.TIMING)
"""What is of one clock alone: others say at which they ran, and resources do not depend on it."""


@dataclass(frozen=True)
class Imported:
    """What an import left: the page, the entries that are new to it, and what a user should know of them."""

    page: Page
    new: tuple[Entry, ...]
    notes: tuple[str, ...]


def import_evidence(
    paths: Sequence[Path], name: str, run_name: str, store: Store, today: str, database: Path | None = None
) -> Imported:
    """Reads every file, checks it, and then writes the page in one step: where one is refused nothing is kept.

    `name` is the design's own, `run_name` the run that it is of; where both are empty it is called as the first file
    is. Raises `InputError` for a file that is damaged or of another design, `UsageError` for a name that is none, and
    `SetupError` where something to read it with is missing.
    """
    predicted = store.record(run_name) if run_name else None
    run = predicted.runs[0].name if predicted else ""
    name = checked_name(name or run or identifier(paths[0].resolve().stem, "design"))
    predicted = predicted or _prediction(book.read(store.root, name) or Page(name, run), store)
    sources = [source for path in paths for source in files.evidence(path)]
    entries = [files.read(source, today, database) for source in sources]
    compared: list[str] = []
    for source, entry in zip(sources, entries, strict=True):
        if predicted and entry.kind is Kind.CSYNTH:
            check(entry, Page(name, run), predicted)
            compared += structure.remarks(predicted, source.path)
    store.prepare()
    with store.lock(f"ledger-{name}"):
        page = _tied(book.read(store.root, name) or Page(name, run), run)
        known = {entry.digest for entry in page.entries}
        new = [entry for entry in {entry.digest: entry for entry in entries}.values() if entry.digest not in known]
        for entry in page.entries if run else ():  # they may be older than what they are tied to now
            check(entry, page, predicted)
        for entry in new:
            check(entry, page, predicted)
            page = replace(page, entries=(*page.entries, entry))
        if new or run:
            book.save(store.root, page)
    already = len(entries) - len(new)
    notes = [f"{already} of {len(entries)} files were in the ledger already"] if already else []
    return Imported(page, tuple(new), (*notes, *compared, *_notes(new, page, predicted)))


def checked_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        fact = "no name of a design"
        raise UsageError(
            f"--as {name!r}", fact, "take up to 60 letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return name


def _tied(page: Page, run: str) -> Page:
    """The page with its run. Raises `UsageError` where it is of another run already."""
    if run and page.run not in ("", run):
        fact = f"its evidence is of run {page.run}"
        raise UsageError(f"design {page.name}", fact, f"give --as with another name for evidence of {run}")
    return replace(page, run=run or page.run)


def _prediction(page: Page, store: Store) -> Document | None:
    return store.record(page.run) if page.run in store.names() else None


def check(entry: Entry, page: Page, predicted: Document | None) -> None:
    """Raises `InputError` where a file names another part, top or clock than the run, or than what is known already."""
    for what, theirs, whose, ours in _claims(entry, page, predicted):
        advice = "give what belongs to this design, or keep it as another with --as NAME"
        raise InputError(f"file {entry.file}", f"{what} {theirs}, where {whose} has {ours}", advice)


def _claims(entry: Entry, page: Page, predicted: Document | None) -> Iterator[tuple[str, str, str, str]]:
    """(what, its own, of whom, theirs) of each claim of a file's that cannot be of the design."""
    run = predicted.runs[0] if predicted else None
    others = [(f"{other.file}, of the same design,", other) for other in page.entries]
    parts = [(f"run {run.name}", run.part)] if run else []
    for whose, part in [*parts, *((whose, other.part) for whose, other in others)]:
        if entry.part and part and not same_part(entry.part, part):
            yield "of part", entry.part, whose, part
    tops = [(whose, other.top, other.whole) for whose, other in others if other.top and other.whole is not None]
    tops += [(f"run {run.name}", top, False)] if run and predicted and (top := _top(predicted)) else []
    if entry.whole is None:  # timing and power, of the design or of its core: once both are known it is one of them
        both = {whole for _, _, whole in tops} == {True, False} and entry.top not in {top for _, top, _ in tops}
        tops = tops if both else []
    else:
        tops = [other for other in tops if other[2] == entry.whole]
    for whose, top, _ in tops:
        if entry.top and entry.top != top:
            yield "of top", entry.top, whose, top
    units = [(f"run {run.name}", _units(run.readings))] if run and run.flow == "finn" else []
    for whose, count in [*units, *((whose, _units(other.readings)) for whose, other in others)]:
        if (theirs := _units(entry.readings)) and count and theirs != count:
            yield "with", f"{theirs} of FINN's matrix-vector units", whose, f"{count}"
    if entry.clock_ns and entry.kind in TIMED:
        clocks = [(f"run {run.name}", run.clock_ns)] if run else []
        clocks += [(whose, other.clock_ns) for whose, other in others if other.clock_ns and other.kind in TIMED]
        for whose, clock_ns in clocks:
            if abs(entry.clock_ns - clock_ns) > CLOCK_NS:
                yield "for a clock of", f"{entry.clock_ns:g} ns", whose, f"{clock_ns:g} ns"


def _is_far(residual: Residual) -> bool:
    if (
        residual.predicted is None
        or residual.truth.scope not in WHOLE
        or not (residual.truth.value and residual.predicted.value)
    ):
        return False
    ratio = residual.predicted.value / residual.truth.value
    return max(ratio, 1 / ratio) > FAR


def _units(readings: Iterable[Reading]) -> int:
    """How many matrix-vector units of FINN's have a name in these readings: one for each layer with weights."""
    return len({reading.scope for reading in readings if UNITS.fullmatch(reading.scope)})


def _top(predicted: Document) -> str:
    """What the flow calls its design in vendor reports; empty where that is not known here."""
    try:
        top = registry.load(predicted.runs[0].flow).top
    except FlowsError:
        return ""
    return top(predicted.network.name) if top else ""


def _notes(new: Iterable[Entry], page: Page, predicted: Document | None) -> Iterator[str]:
    run = predicted.runs[0] if predicted else None
    for entry in new:
        if entry.failed:
            yield f"{entry.failed} ({entry.file}): while that stands this design is not proven"
        if far := [residual for residual in residuals(replace(page, entries=(entry,)), run) if _is_far(residual)]:
            what = ", ".join(dict.fromkeys(residual.truth.metric.key for residual in far))
            yield f"{entry.file}: {what} is more than {FAR:g} times off what was predicted: perhaps of another design"
        if run and entry.clock_ns and entry.kind not in TIMED and abs(entry.clock_ns - run.clock_ns) > CLOCK_NS:
            yield (
                f"{entry.file} ran at {1000 / entry.clock_ns:g} MHz, run {run.name} is predicted for "
                f"{1000 / run.clock_ns:g} MHz: their rates are not of one clock"
            )
    if run is None:
        yield f"no run predicted {page.name}: `python -m flows import FILE --as {page.name} --run RUN` ties it to one"
    else:
        yield (
            "that these files are of this very design is your word: parts, tops and clocks that they name were "
            "compared, and no report says with what weights and options it was built"
        )
