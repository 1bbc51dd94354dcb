"""Renders templates and writes the files of a generated project. It imports jinja2, so only workers import it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PROJECT = Path("project")


def templates(*folders: Path) -> Environment:
    """The templates in `folders`; the first folder that has a name wins. A variable that is not given raises."""
    return Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write(files: Iterable[tuple[str, str]]) -> None:
    """Writes (path, text) of each file into the folder `PROJECT`."""
    for name, text in files:
        path = PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
