"""Pages of the ledger, ``ledger/NAME.json`` below the root of the store: one a design."""

from __future__ import annotations

from pathlib import Path

from flows.core.errors import InputError
from flows.core.files import read_text, write_atomic, writing
from flows.core.ledger import ADVICE, Page, page_from_json, page_to_json


def place(root: Path, name: str) -> Path:
    return root / "ledger" / f"{name}.json"


def save(root: Path, page: Page) -> None:
    """Writes a page whole; raises `SetupError` where it cannot."""
    path = place(root, page.name)
    with writing(f"store {root}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page_to_json(page))


def read(root: Path, name: str) -> Page | None:
    """A page; None where there is none. Raises `InputError` where it is damaged, or of a newer version."""
    path = place(root, name)
    return page_from_json(read_text(path, ADVICE), str(path)) if path.exists() else None


def pages(root: Path) -> tuple[list[Page], list[InputError]]:
    """Every page by its name, and what is wrong with those that are left out."""
    known, errors = [], []
    folder = root / "ledger"
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        try:
            page = read(root, path.stem)
        except InputError as error:
            errors.append(error)
            continue
        if page:
            known.append(page)
    return known, errors


def failures(root: Path) -> dict[str, tuple[str, ...]]:
    """What is shown to be wrong with designs, by the run that they are of. A page that cannot be read tells nothing
    here: `flows ledger` names it."""
    against: dict[str, tuple[str, ...]] = {}
    for page in pages(root)[0]:
        if page.run and page.failures:
            against[page.run] = (*against.get(page.run, ()), *page.failures)
    return against


def find(root: Path, name: str) -> Page:
    """A page by its name, or any unambiguous beginning of it. Raises `InputError`."""
    folder = root / "ledger"
    names = sorted(path.stem for path in folder.glob("*.json") if not path.name.startswith("."))
    matches = [known for known in names if known.startswith(name)]
    matches = [name] if name in matches else matches
    page = read(root, matches[0]) if len(matches) == 1 else None
    if page is None:
        fact = f"{len(matches)} designs of the ledger begin with it" if matches else "not in the ledger"
        advice = f"take one of {', '.join(matches)}" if matches else "`python -m flows ledger` lists what is"
        raise InputError(f"design {name!r}", fact, advice)
    return page
