"""A flow's `Options` as command-line options, and back."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from flows import registry

if TYPE_CHECKING:
    from backends.protocol import Backend

PREFIX = "option_"


def named(argv: Sequence[str]) -> list[Backend[Any, Any]]:
    """The flows that a command line names."""
    return [registry.load(name) for name in dict.fromkeys(word for word in argv if word in registry.names())]


def add_options(parser: argparse.ArgumentParser, backends: Iterable[Backend[Any, Any]]) -> None:
    """Adds the options of these flows. One flag that two flows share speaks to both."""
    seen: set[str] = set()
    for backend in backends:
        group = parser.add_argument_group(f"options of {backend.name}")
        for field in fields(backend.options):
            if field.name not in seen:
                _add(group, field)
                seen.add(field.name)


def _add(group: argparse._ArgumentGroup, field: Field[Any]) -> None:
    metadata = field.metadata
    flag = f"--{field.name.replace('_', '-')}"
    default = f" (default {field.default})" if field.default is not MISSING else ""
    help_text = (metadata["help"] + default).replace("%", "%%")
    name = PREFIX + field.name
    if isinstance(field.default, bool):
        group.add_argument(flag, dest=name, action="store_true", default=None, help=help_text)
        return
    metavar = metadata.get("unit") or ("|".join(metadata["choices"]) if "choices" in metadata else "VALUE")
    group.add_argument(flag, dest=name, type=_type(field), metavar=metavar, help=help_text)


def _type(field: Field[Any]) -> Callable[[str], Any]:
    """The text of one option to its value, with the reason where it is none."""
    choices = field.metadata.get("choices")
    parse: Callable[[str], Any] = field.metadata.get("parse", type(field.default))

    def convert(text: str) -> Any:
        if choices and text not in choices:
            near = get_close_matches(text, choices, n=1, cutoff=0.5)
            guess = f": did you mean {near[0]}?" if near else ""
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}{guess}")
        try:
            return parse(text)
        except ValueError as reason:
            raise argparse.ArgumentTypeError(str(reason)) from None

    return convert


def options_of(backend: Backend[Any, Any], arguments: argparse.Namespace) -> Any:
    """The backend's `Options` with what the user gave."""
    given = {field.name: getattr(arguments, PREFIX + field.name, None) for field in fields(backend.options)}
    return backend.options(**{name: value for name, value in given.items() if value is not None})
