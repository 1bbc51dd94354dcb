"""The files that commands write."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.errors import SetupError
from flows.core.files import write_atomic, writing

if TYPE_CHECKING:
    from flows.core.record import Document


def check_writable(folder: Path) -> None:
    """Raises `SetupError` before the work where a folder cannot be written."""
    with writing(f"folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".zynqflows-probe"
        probe.touch()
        probe.unlink()


def check_places(args: Namespace) -> None:
    """Raises `SetupError` before the work where a file or a folder that the user names cannot be written."""
    files = list(filter(None, (getattr(args, name, None) for name in ("json", "csv"))))
    if folders := [file for file in files if file.is_dir()]:
        raise SetupError(f"file {folders[0]}", "it is a folder", "name a file")
    for place in filter(None, (getattr(args, "out", None), *(file.parent for file in files))):
        check_writable(place)


def write(path: Path, text: str) -> None:
    """Writes a file and says so; raises `SetupError`."""
    write_atomic(path, text)
    print(f"written: {path}", file=sys.stderr)


def write_document(path: Path | None, document: Document) -> None:
    from flows.core.record import document_to_json

    if path is not None:
        write_atomic(path, document_to_json(document))


def write_table(path: Path | None, document: Document) -> None:
    """Every reading of the runs as CSV, where a path is given."""
    from reports import csv
    from reports.comparison import compare

    if path is not None:
        write_atomic(path, csv.report(compare([document])))


def write_json(path: Path | None, content: Any) -> None:
    """Writes a value where a path is given."""
    from flows.core.digest import plain

    if path is not None:
        write_atomic(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
