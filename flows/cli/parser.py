"""The parser: what stands on a command line, and which command it starts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from flows import registry
from flows.core.errors import FlowsError, UsageError

PROGRAM = "python -m flows"
ABOUT = "One trained network in, every way to put it on a Zynq out: each number with its evidence, each build proven."


OWN = ("-h", "--help", "--version")
"""Options of no command."""
COMMANDS = {
    "run": "run",
    "wait": "wait",
    "estimate": "estimate",
    "sweep": "sweep",
    "search": "search",
    "plan": "plan",
    "profile": "profile",
    "compare": "compare",
    "report": "report",
    "review": "review",
    "init": "init",
    "diff": "diff",
    "gate": "gate",
    "show": "show",
    "check": "check",
    "import": "importing",
    "ledger": "ledger",
    "rm": "removing",
    "store": "store",
    "list": "listing",
    "doctor": "doctor",
    "quantise": "quantise",
    "evaluate": "evaluate",
    "train": "train",
}
"""Each command and its module in `flows.cli.commands`."""


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print its usage and leave."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, message, f"`{self.prog} --help` shows what it takes")

    def options(self) -> list[str]:
        return [text for action in self._actions for text in action.option_strings]


class Version(argparse.Action):
    """Looks the version up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"zynqflows {version('zynqflows')}")
        parser.exit()


def complete() -> None:
    """Answers a shell that asks what may stand next on a command line (``register-python-argcomplete zynqflows``), and
    ends the program."""
    words = os.environ.get("COMP_LINE", "").split()[1:]
    import_module("argcomplete").autocomplete(_parser(words)[0])


def offer(action: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Tells a shell what may stand there."""
    vars(action)["completer"] = lambda **asked: names()


def _parser(argv: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """(the whole parser, that of each command); the command in `argv` has the options of the flows named there."""
    parser = Parser(prog=PROGRAM, description=ABOUT)
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and leave")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    parsers: dict[str, Parser] = {}
    commands = {name: import_module(f"flows.cli.commands.{module}") for name, module in COMMANDS.items()}
    for name, command in commands.items():
        parsers[name] = subparsers.add_parser(name, help=command.ABOUT, description=command.ABOUT)
        command.add_arguments(parsers[name], argv[1:] if argv and argv[0] == name else ())
        parsers[name].set_defaults(command=command.execute)
    return parser, parsers


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; `command` is the function to call. Raises `UsageError`, exits only for --help."""
    _refuse_empty(argv)
    if argv and argv[0].startswith("-") and argv[0] not in OWN:
        fact = "it stands before the command, and belongs behind it"
        raise UsageError(f"option {argv[0]!r}", fact, f"`{PROGRAM} COMMAND --help` shows what a command takes")
    parser, parsers = _parser(argv)
    if argv and argv[0] in registry.names() and argv[0] not in COMMANDS:
        advice = (
            f"`{PROGRAM} run {argv[0]}` builds a design of it; `{PROGRAM} estimate {argv[0]}` says what it would cost"
        )
        raise UsageError(f"command {argv[0]!r}", "it is a flow", advice)
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise UsageError.unknown("command", argv[0], COMMANDS, f"{PROGRAM} --help")
    arguments, unknown = parser.parse_known_args(list(argv))
    for name in getattr(arguments, "flows", ()):
        _refuse_part(name)
        registry.load(name)
    if unknown:
        chosen = parsers[argv[0]]
        option = unknown[0].partition("=")[0]
        near = get_close_matches(option, chosen.options(), n=1, cutoff=0.6)
        others = _flows_with(option)
        guess = f"did you mean {near[0]}? " if near else ""
        guess = f"it is an option of {', '.join(others)}; " if others else guess
        raise UsageError(
            f"option {unknown[0]!r}", f"{argv[0]} has none like it", f"{guess}`{chosen.prog} --help` shows all"
        )
    return arguments


def _refuse_empty(argv: Sequence[str]) -> None:
    """An empty word names nothing: mostly it is a variable of a shell that is not set. As a path it would be the folder
    that the command is given in."""
    for before, word in zip((PROGRAM, *argv), argv, strict=False):
        if word.startswith("--") and word.endswith("="):
            culprit = f"option {word[:-1]}"
        elif not word:
            culprit = f"option {before}" if before.startswith("-") else f"what stands behind {before}"
        else:
            continue
        raise UsageError(culprit, "it is empty", "give it a value, or leave it out")


def _refuse_part(name: str) -> None:
    """Where a flow belongs, a part is a likely slip."""
    from flows.core.part import boards, devices

    if name not in registry.names() and name in (*devices(), *boards()):
        raise UsageError(f"flow {name!r}", "it is a part or a board", f"give it as --part {name}")


def _flows_with(option: str) -> list[str]:
    """The flows that have it among their options."""
    from flows.values import flag

    flows = []
    for name in registry.names():
        with suppress(FlowsError):  # a broken plugin
            if option in [flag(field.name) for field in fields(registry.load(name).options)]:
                flows.append(name)
    return flows
