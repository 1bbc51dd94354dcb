"""What a command line asks for: the store, the executor, networks and designs."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.core.errors import FlowsError

if TYPE_CHECKING:
    from flows.core.margins import Margins
    from flows.core.plan import Asset
    from flows.designs import Design, Request, Source
    from flows.executor import Executor
    from flows.jobs import Trained
    from flows.store import Store


def source(args: Namespace, name: str) -> Source:
    from flows.designs import Source

    return Source(name, args.weights, args.calibration, args.data, args.pixels)


def request(args: Namespace) -> Request:
    """The designs that a command line asks for."""
    from flows import registry
    from flows.cli.options import options_of
    from flows.designs import Request

    asked = Request(
        flows=args.flows,
        options={name: options_of(registry.load(name), args) for name in dict.fromkeys(args.flows)},
        source=source(args, args.network),
        parts=parts(args),
        clock_ns=args.clock,
        margins=margins(args),
        policy=args.policy,
        reports=getattr(args, "reports", ()),
        command=command_line(),
    )
    return replace(asked, images=args.batch) if hasattr(args, "batch") else asked


def parts(args: Namespace) -> Sequence[str]:
    from flows.arguments import part_names
    from flows.designs import PARTS

    return part_names(args.parts or PARTS)


def sweep(args: Namespace) -> tuple[Request, dict[str, Any]]:
    """(the request without its axes, the axes of a sweep), as `flows.sweeping.grid` takes them."""
    from flows import registry
    from flows.cli.options import axes_of
    from flows.designs import CLOCK_NS, Request
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
    return asked, {PART: parts(args), CLOCK: args.clock or [CLOCK_NS], **axes_of(backends.values(), args)}


def trained_network(args: Namespace, name: str) -> Trained:
    """The network called `name`: one of the project's, or a file of the user's own."""
    from flows.designs import trained_network

    return trained_network(source(args, name), lambda: executor(args))


def test_images(args: Namespace, *trained: Trained) -> Asset | None:
    """The test images that ``--data`` names, for networks that read alike; None without it. Raises `UsageError`."""
    from flows.designs import test_images

    names = getattr(args, "networks", None) or [args.network]
    return test_images([source(args, name) for name in names], trained, lambda: executor(args))


def open_store(args: Namespace) -> Store:
    from flows.store import Store, default_root

    return Store(args.store or default_root())


def raise_last(errors: Sequence[FlowsError]) -> None:
    """Prints the errors of designs that failed, and raises the last one, which ends the command."""
    for error in errors[:-1]:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        raise errors[-1]


def command_line() -> str:
    """The command line that reproduces this call."""
    return shlex.join(["python", "-m", "flows", *sys.argv[1:]])


def rerun(args: Namespace, store: Store) -> list[str]:
    """The words of this command line without those that submit it, and with the store's place in full."""
    from flows.cli.arguments import ASKED
    from flows.values import flag

    submitting = [flag(name) for name in ("submit", *ASKED, "store")]
    words, skipped = [], False
    for word in sys.argv[1:]:
        name, equals, _ = word.partition("=")
        own = name in submitting
        if not (own or skipped):
            words.append(word)
        skipped = own and not equals
    return [*words, "--store", str(store.root)]


def margins(args: Namespace) -> Margins:
    """The margins of every part, from the policy where one is given."""
    from flows.policies import margins_of

    return margins_of(args.policy)


def designs(args: Namespace, trained: Trained) -> list[Design]:
    from flows.designs import designs

    return designs(request(args), trained)


def executor(args: Namespace, processes: int = 1, verify: bool = False) -> Executor:
    """What runs steps for this command, at most so many processes at a time; an evaluation has two threads."""
    from flows.cli.progress import Progress
    from flows.executor import Executor

    return Executor(open_store(args), processes, Progress(), verify or args.verify)
