"""A flow's `Options` as command-line options, and back."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from flows import registry
from flows.cli.argument_types import argument_type
from flows.cli.parser import offer
from flows.core.errors import UsageError
from flows.values import flag, parsed, several, single

if TYPE_CHECKING:
    from backends.protocol import Backend

PREFIX = "option_"
SWEEP = "python -m flows sweep"


def named(argv: Sequence[str]) -> list[Backend[Any, Any]]:
    """The flows that a command line names."""
    return [registry.load(name) for name in dict.fromkeys(word for word in argv if word in registry.names())]


def add_options(parser: argparse.ArgumentParser, backends: Iterable[Backend[Any, Any]], axes: bool = False) -> None:
    """Adds the options of these flows. One flag that two flows share speaks to both. As `axes` of a sweep they take
    several values, and their values are lists."""
    seen: set[str] = set()
    for backend in backends:
        group = parser.add_argument_group(f"options of {backend.name}")
        for field in fields(backend.options):
            if field.name not in seen:
                _add(group, field, axes)
                seen.add(field.name)


def _add(group: argparse._ArgumentGroup, field: Field[Any], axes: bool) -> None:
    metadata = field.metadata
    default = f" (default {field.default})" if field.default is not MISSING else ""
    help_text = (metadata["help"] + default).replace("%", "%%")
    name = PREFIX + field.name
    if isinstance(field.default, bool):
        group.add_argument(flag(field.name), dest=name, action="store_true", default=None, help=help_text)
        return
    parse = partial(parsed, field)
    values: dict[str, Any] = {"type": argument_type(partial(single, parse)), "action": _Once}
    if axes:
        values = {"type": argument_type(partial(several, parse)), "action": "extend"}
    metavar = metadata.get("unit") or ("|".join(metadata["choices"]) if "choices" in metadata else "VALUE")
    action = group.add_argument(flag(field.name), dest=name, metavar=metavar, help=help_text, **values)
    if "choices" in metadata:
        offer(action, lambda: metadata["choices"])


class _Once(argparse.Action):
    """Stores a value, and refuses a second one: of several designs each has its own, which `flows sweep` makes."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if getattr(namespace, self.dest, None) is not None:
            raise UsageError(f"option {option}", "given twice", f"give it once; `{SWEEP}` takes several values")
        setattr(namespace, self.dest, values)


def options_of(backend: Backend[Any, Any], arguments: argparse.Namespace) -> Any:
    """The backend's `Options` with what the user gave."""
    values = {field.name: getattr(arguments, PREFIX + field.name, None) for field in fields(backend.options)}
    return backend.options(**{name: value for name, value in values.items() if value is not None})


def axes_of(backends: Iterable[Backend[Any, Any]], arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """The options that the user gave values of, by name."""
    names = dict.fromkeys(field.name for backend in backends for field in fields(backend.options))
    values_of = {name: getattr(arguments, PREFIX + name, None) for name in names}
    return {
        name: values if isinstance(values, list) else [values]
        for name, values in values_of.items()
        if values is not None
    }
