"""What commands share while they run: the store, the executor, networks and jobs, and files that they write."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.errors import FlowsError, InputError, UsageError
from flows.core.files import read_text, write_atomic

if TYPE_CHECKING:
    from flows.core.ledger import Page
    from flows.core.margins import Margins
    from flows.core.plan import Asset
    from flows.core.record import Document
    from flows.designs import Design, Request, Source
    from flows.executor import Executor
    from flows.jobs import Trained
    from flows.store import Store
    from reports.ledger import Account


def source(args: Namespace, name: str) -> Source:
    from flows.designs import Source

    return Source(name, args.weights, args.calibration, args.data, args.pixels)


def request(args: Namespace) -> Request:
    """The designs that a command line asks for."""
    from flows import registry
    from flows.cli.options import options_of
    from flows.designs import PARTS, Request

    asked = Request(
        flows=args.flows,
        options={name: options_of(registry.load(name), args) for name in dict.fromkeys(args.flows)},
        source=source(args, args.network),
        parts=args.parts or PARTS,
        clock_ns=args.clock,
        margins=margins(args),
        policy=args.policy,
        reports=getattr(args, "reports", ()),
        command=command_line(),
    )
    return replace(asked, images=args.batch) if hasattr(args, "batch") else asked


def sweep(args: Namespace) -> tuple[Request, dict[str, Any]]:
    """What is asked for but for its axes, and the axes of a sweep, as `flows.sweeping.grid` takes them."""
    from flows import registry
    from flows.cli.options import axes_of
    from flows.designs import CLOCK_NS, PARTS, Request
    from flows.sweeping import CLOCK, PART

    backends = {name: registry.load(name) for name in args.flows}
    asked = Request(
        flows=args.flows,
        options={name: backend.options() for name, backend in backends.items()},
        source=source(args, args.network),
        margins=margins(args),
        policy=args.policy,
        images=args.batch,
    )
    parts = [part for text in args.parts or PARTS for part in text.split(",")]
    axes = {PART: parts, CLOCK: args.clock or [CLOCK_NS], **axes_of(backends.values(), args)}
    return asked, {name: list(dict.fromkeys(values)) for name, values in axes.items()}


def trained_network(args: Namespace, name: str) -> Trained:
    """The network called `name`: one of the project's, or a file of the user's own."""
    from flows.designs import trained_network

    return trained_network(source(args, name), lambda: executor(args))


def check_training_images(folder: Path | None) -> None:
    """Raises `InputError` where a folder that the user names does not hold them, even where they are not needed."""
    from flows.imports import is_own
    from models import cifar10

    if folder is not None and not is_own(folder):
        cifar10.find(folder, cifar10.TRAIN[:1])


def test_images(args: Namespace, *trained: Trained) -> Asset | None:
    """The test images that ``--data`` names, for networks that read alike; None without it. Raises `UsageError`."""
    from flows.designs import test_images

    names = getattr(args, "networks", None) or [args.network]
    return test_images([source(args, name) for name in names], trained, lambda: executor(args))


def open_store(args: Namespace) -> Store:
    from flows.store import Store, default_root

    return Store(args.store or default_root())


def read_records(store: Store, names: Sequence[str]) -> list[Document]:
    """The runs of these names, or else all of the store: what cannot be read is then named, and left out.

    Raises `InputError` where that leaves nothing.
    """
    from flows.core.text import printable

    if names:
        return [store.record(name) for name in names]
    documents, errors = store.records()
    for error in errors:
        print(f"warning: left out: {printable(str(error))}", file=sys.stderr)
    if not documents:
        fact = "no run in it can be read" if errors else "no runs in it"
        raise InputError(f"store {store.root}", fact, "make one: python -m flows run hls4ml --part xc7z020")
    return documents


def ledger(store: Store) -> list[Account]:
    """The whole ledger; what of it cannot be read is named, and left out."""
    from flows.core.text import printable
    from flows.ledger import book

    pages, errors = book.pages(store)
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


def check_writable(folder: Path) -> None:
    """Raises `SetupError` now rather than after the work."""
    from flows.core.files import writing

    with writing(f"folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".zynqflows-probe"
        probe.touch()
        probe.unlink()


def write_document(path: Path | None, document: Document) -> None:
    from flows.core.files import write_atomic
    from flows.core.record import document_to_json

    if path is not None:
        write_atomic(path, document_to_json(document))


def write_table(path: Path | None, document: Document) -> None:
    """Every reading of the runs as CSV, where a path is given."""
    from flows.core.files import write_atomic
    from reports import csv
    from reports.comparison import compare

    if path is not None:
        write_atomic(path, csv.report(compare([document])))


def raise_last(errors: Sequence[FlowsError]) -> None:
    """Tells the errors of designs that could not be had: the last one ends the command."""
    for error in errors[:-1]:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        raise errors[-1]


def command_line() -> str:
    """What reproduces this."""
    return shlex.join(["python", "-m", "flows", *sys.argv[1:]])


def rerun(args: Namespace, store: Store) -> list[str]:
    """The words of this command line without those that submit it, and with the store's place in full."""
    from flows.cli.arguments import SUBMISSION

    words, skipped = [], False
    for word in sys.argv[1:]:
        name, equals, _ = word.removeprefix("--").partition("=")
        own = word.startswith("--") and name in (*SUBMISSION, "store")
        if not (own or skipped):
            words.append(word)
        skipped = own and not equals
    return [*words, "--store", str(store.root)]


def margins(args: Namespace) -> Margins:
    """What is to stay free of every part: as a policy says, where one is given."""
    from flows.policies import margins_of

    return margins_of(args.policy)


def designs(args: Namespace, trained: Trained) -> list[Design]:
    from flows.designs import designs

    return designs(request(args), trained)


def read_documents(store: Store, names: Sequence[str]) -> list[Document]:
    """Runs of the store by name (all where none is named), and JSON files that `--json` or `flows report` wrote.

    Raises `InputError`.
    """
    if not names:
        return read_records(store, ())
    return [read_file(Path(name)) if name.endswith(".json") else store.record(name) for name in names]


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


def read_file(path: Path) -> Document:
    """The runs in a JSON file, a report's too; raises `InputError` where it cannot be read."""
    from flows.core.record_reader import document_from_json

    return document_from_json(read_text(path, "name a file that --json wrote", f"file {path}"), str(path))


def write(path: Path, text: str) -> None:
    """Writes a file and says so; raises `SetupError`."""
    write_atomic(path, text)
    print(f"written: {path}", file=sys.stderr)


def check_places(args: Namespace) -> None:
    files = filter(None, (getattr(args, name, None) for name in ("json", "csv")))
    for place in filter(None, (getattr(args, "out", None), *(file.parent for file in files))):
        check_writable(place)


def write_json(path: Path | None, content: Any) -> None:
    """Writes a value where a path is given."""
    from flows.core.digest import plain
    from flows.core.files import write_atomic

    if path is not None:
        write_atomic(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def executor(args: Namespace, processes: int = 1, verify: bool = False) -> Executor:
    """What runs steps for this command, at most so many processes at a time; an evaluation has two threads."""
    from flows.cli.progress import Progress
    from flows.executor import Executor

    return Executor(open_store(args), processes, Progress(), verify or args.verify)
