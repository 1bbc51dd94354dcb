"""The parser: what stands on a command line, and which command it starts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from flows import registry
from flows.core.errors import UsageError

PROGRAM = "python -m flows"
ABOUT = "One trained network in, every way to put it on a Zynq out: each number with its evidence, each build proven."


COMMANDS = {
    "run": "run",
    "wait": "wait",
    "estimate": "estimate",
    "sweep": "sweep",
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

    def __call__(self, parser: argparse.ArgumentParser, *given: object) -> NoReturn:
        from importlib.metadata import version

        parser.exit(message=f"zynqflows {version('zynqflows')}\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; `command` is the function to call. Raises `UsageError`, exits only for --help."""
    parser = Parser(prog=PROGRAM, description=ABOUT)
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and leave")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    parsers = {}
    commands = {name: import_module(f"flows.cli.commands.{module}") for name, module in COMMANDS.items()}
    for name, command in commands.items():
        parsers[name] = subparsers.add_parser(name, help=command.ABOUT, description=command.ABOUT)
        command.add_arguments(parsers[name], argv[1:] if argv and argv[0] == name else ())
        parsers[name].set_defaults(command=command.execute)
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise UsageError.unknown("command", argv[0], COMMANDS, f"{PROGRAM} --help")
    arguments, unknown = parser.parse_known_args(list(argv))
    if unknown and argv[0] not in parsers:
        fact = "it stands before the command, and belongs behind it"
        raise UsageError(f"option {unknown[0]!r}", fact, f"`{PROGRAM} COMMAND --help` shows what a command takes")
    for name in getattr(arguments, "flows", ()):
        registry.load(name)
    if unknown:
        chosen = parsers[argv[0]]
        option = unknown[0].partition("=")[0]
        near = get_close_matches(option, chosen.options(), n=1, cutoff=0.5)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"option {unknown[0]!r}", f"{argv[0]} has none like it", f"{guess}`{chosen.prog} --help` shows all"
        )
    return arguments
