"""The runs and the pages of the ledger that a command line names."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.errors import InputError, UsageError
from flows.core.files import read_text
from flows.core.text import printable

if TYPE_CHECKING:
    from flows.core.ledger import Page
    from flows.core.record import Document
    from flows.store import Store
    from reports.ledger import Account


def read_records(store: Store, names: Sequence[str]) -> list[Document]:
    """The runs of these names, or else all of the store: what cannot be read is then named, and left out.

    Raises `InputError` where that leaves nothing.
    """
    if names:
        return [store.record(name) for name in names]
    documents, errors = store.records()
    for error in errors:
        print(f"warning: left out: {printable(str(error))}", file=sys.stderr)
    if not documents:
        fact = "no run in it can be read" if errors else "no runs in it"
        raise InputError(f"store {store.root}", fact, "make one: python -m flows run hls4ml --part xc7z020")
    return documents


def read_documents(store: Store, names: Sequence[str]) -> list[Document]:
    """Runs of the store by name (all where none is named), and JSON files that `--json` or `flows report` wrote.

    Raises `InputError`.
    """
    if not names:
        return read_records(store, ())
    return [read_file(Path(name)) if name.endswith(".json") else store.record(name) for name in names]


def read_file(path: Path) -> Document:
    """The runs in a JSON file, a report's too; raises `InputError` where it cannot be read."""
    from flows.core.record_reader import document_from_json

    return document_from_json(read_text(path, "name a file that --json wrote", f"file {path}"), str(path))


def on_parts(documents: Sequence[Document], parts: Collection[str]) -> list[Document]:
    """The runs on these parts, by their full names. Raises `InputError` where there is none."""
    runs = [tuple(run for run in document.runs if run.part in parts) for document in documents]
    if not any(runs):
        raise InputError(f"part {', '.join(parts)}", "no run is on it", "`python -m flows list runs` shows all runs")
    return [replace(document, runs=chosen) for document, chosen in zip(documents, runs, strict=True) if chosen]


def of_network(documents: Sequence[Document], name: str | None) -> list[Document]:
    """The runs, one document an architecture; with `name`, those of the network called so, or of this architecture.

    Raises `UsageError` where there is none.
    """
    from reports.comparison import by_network

    groups = by_network(documents)
    if name is None:
        return groups
    chosen = [group for group in groups if name in (group.network.name, group.network.architecture)]
    if not chosen:
        known = {group.network.name for group in groups}
        raise UsageError.unknown("network", name, known, "python -m flows list runs")
    return chosen


def ledger(store: Store) -> list[Account]:
    """The whole ledger; what of it cannot be read is named, and left out."""
    from flows.core.text import printable
    from flows.ledger import book

    pages, errors = book.pages(store.root)
    for error in errors:
        print(f"warning: left out: {printable(str(error))}", file=sys.stderr)
    return accounts(store, pages)


def accounts(store: Store, pages: Sequence[Page]) -> list[Account]:
    """Pages of the ledger, each with the run that predicted it where the store has it."""
    from reports.ledger import Account

    runs = {}
    for name in {page.run for page in pages} & set(store.names()):
        with suppress(InputError):  # damaged: commands that list runs name it
            runs[name] = store.record(name).runs[0]
    return [Account(page, runs.get(page.run)) for page in pages]
