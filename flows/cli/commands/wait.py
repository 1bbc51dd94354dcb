"""`flows wait`: what became of the jobs that `flows run --submit` handed to a batch system."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence

from flows.cli import arguments, session
from flows.cli.parser import Parser

ABOUT = "wait for the runs that were submitted to a batch system, and print them"
POLL_S = 10.0


def add_arguments(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="*", help="jobs by name (default: all that were submitted)")
    parser.add_argument("--now", action="store_true", help="do not wait: only say where they stand")
    arguments.add_store(parser)


def execute(args: Namespace) -> int:
    from flows import submission
    from flows.core.errors import StepFailed

    store = session.open_store(args)
    tickets = [submission.read_ticket(store, name) for name in args.jobs] or submission.tickets(store)
    if not tickets:
        print(f"no jobs were submitted to {store.root}")
    states: dict[str, str] = {}
    while True:
        for ticket in tickets:
            now = submission.state(ticket, store)
            if states.get(ticket.name) != now:
                print(f"{ticket.name}: {now} ({ticket.scheduler} {ticket.job})", file=sys.stderr, flush=True)
                states[ticket.name] = now
        if args.now or not {submission.PENDING, submission.RUNNING} & set(states.values()):
            break
        time.sleep(POLL_S)
    bad = [ticket for ticket in tickets if states[ticket.name] in (submission.FAILED, submission.LOST)]
    for ticket in tickets:
        path = submission.log(ticket, store)
        if states[ticket.name] == submission.DONE and path.exists():
            print(path.read_text(errors="replace"))
    if bad:
        facts = ", ".join(f"{ticket.name} {states[ticket.name]}" for ticket in bad)
        advice = (
            f"see {submission.log(bad[0], store)}; the same command submits it again, and keeps the steps that ended"
        )
        raise StepFailed("batch jobs", facts, advice)
    return 0
