"""`flows report`, the document that a design review is held over; `flows diff`, what changed since the last;
`flows gate`, whether runs keep to a policy."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.commands import check_writable, interruptible, open_store
from flows.core.errors import FlowsError, GateError, InputError, MismatchError, SetupError, StepFailed

if TYPE_CHECKING:
    from flows.core.record import Document
    from flows.executor import Executor
    from flows.store import Store
    from reports.comparison import Comparison

DEFAULT_OUT = Path("zynqflows-report")
DEFAULT_PARTS = ("xc7z010", "xc7z020")


def report(arguments: Namespace) -> int:
    from flows.core.part import find_part
    from flows.core.text import lines
    from reports.brief import decisions
    from reports.comparison import Absent, compare

    check_writable(arguments.out)
    store = open_store(arguments)
    failures = _run_missing(arguments, store) if arguments.run else {}
    absent = [Absent(flow, find_part(part).full_name, str(error)) for (flow, part), error in failures.items()]
    comparison = compare(read_documents(store, arguments.runs or store.names()), absent)
    print(lines(decisions(comparison)))
    for name, render in _formats().items():
        write(arguments.out / name, render(comparison))
    for error in failures.values():
        if isinstance(error, (StepFailed, MismatchError)):
            raise error
    return 0


def diff(arguments: Namespace) -> int:
    from flows.core.text import lines
    from reports import changes
    from reports.difference import difference

    store = open_store(arguments)
    before, after = (read_documents(store, [name])[0] for name in (arguments.before, arguments.after))
    found = difference(before, after, dict(arguments.tolerances))
    print(lines(changes.to_markdown(found) if arguments.markdown else changes.terminal(found)))
    if arguments.html:
        check_writable(arguments.html.parent)
        write(arguments.html, changes.to_html(found))
    return 0


def gate(arguments: Namespace) -> int:
    from datetime import date

    from flows.core.text import lines
    from reports import gate
    from reports.comparison import merged
    from reports.policy import read_policy

    path: Path = arguments.policy
    policy = read_policy(_read(path, "name a policy file"), str(path), date.today())
    store = open_store(arguments)
    document = merged(read_documents(store, arguments.runs or store.names()))
    baseline = read_file(path.parent / policy.baseline) if policy.baseline else None
    findings = gate.check(policy, document, baseline)
    print(lines(gate.terminal(findings)))
    if arguments.junit:
        check_writable(arguments.junit.parent)
        write(arguments.junit, gate.junit(findings))
    broken = [one for one in findings if one.outcome is gate.Outcome.BROKEN]
    if broken:
        rules = ", ".join(dict.fromkeys(one.rule.name for one in broken))
        advice = "change the design, or waive the rule with a reason, an owner and an end date"
        raise GateError(f"policy {path}", f"{len(broken)} of {len(findings)} checks broken ({rules})", advice)
    return 0


def _formats() -> dict[str, Callable[[Comparison], str]]:
    from reports import csv, html, json, junit, markdown

    return {
        "report.html": html.report,
        "report.md": markdown.report,
        "report.csv": csv.report,
        "report.json": json.report,
        "report.junit.xml": junit.report,
    }


def read_documents(store: Store, names: Sequence[str]) -> list[Document]:
    """Runs of the store by name, and JSON files that `--json` or `flows report` wrote; raises `InputError`."""
    if not names:
        raise InputError(f"store {store.root}", "no runs in it", "make one: python -m flows run hls4ml --part xc7z020")
    return [read_file(Path(name)) if name.endswith(".json") else store.record(name) for name in names]


def read_file(path: Path) -> Document:
    """The runs in a JSON file, a report's too; raises `InputError` where it cannot be read."""
    from flows.core.record import document_from_json

    text = _read(path, "name a file that --json wrote")
    try:
        inner = json.loads(text)["document"]
    except (ValueError, KeyError, TypeError):
        return document_from_json(text, str(path))
    return document_from_json(json.dumps(inner), str(path))


def _read(path: Path, advice: str) -> str:
    from flows.core.files import read_text

    return read_text(path, advice, f"file {path}")


def _run_missing(arguments: Namespace, store: Store) -> dict[tuple[str, str], FlowsError]:
    """Runs every flow on every part where the store has no run of it; returns what could not be run, and why."""
    from flows.cli.progress import Progress
    from flows.executor import Executor

    executor = Executor(store, 2, Progress(many=True))
    failures: dict[tuple[str, str], FlowsError] = {}
    with interruptible(executor):
        for flow, part in _missing(arguments, store):
            try:
                _run_one(flow, part, executor, store)
            except FlowsError as error:
                print(f"error: {error}", file=sys.stderr)
                failures[flow, part] = error
    return failures


def _missing(arguments: Namespace, store: Store) -> Iterator[tuple[str, str]]:
    from flows import registry
    from flows.core.part import find_part

    known = {(run.flow, run.part) for name in store.names() for run in store.record(name).runs}
    for flow in registry.names():
        for part in dict.fromkeys(arguments.parts or DEFAULT_PARTS):
            if (flow, find_part(part).full_name) not in known:
                yield flow, part


def _run_one(flow: str, part: str, executor: Executor, store: Store) -> None:
    from flows import registry, runner
    from flows.core.part import Target, find_part
    from flows.jobs import find_trained

    backend = registry.load(flow)
    trained = find_trained("arch8", None, getattr(backend, "WEIGHTS", ""))
    job = trained.job(Target(find_part(part)), backend.Options())
    command = f"python -m flows run {flow} --part {part}"
    runner.run(backend, trained, job, None, executor, store, command)


def write(path: Path, text: str) -> None:
    """Writes a file and says so; raises `SetupError`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as reason:
        raise SetupError(f"file {path}", f"cannot be written ({reason.strerror})", "name another one") from None
    print(f"written: {path}", file=sys.stderr)
