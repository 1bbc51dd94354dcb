"""Lays the pages out for MkDocs (`nox -s docs`): ``python docs/site.py INTO``.

Pages link to files outside ``docs``, as they do in a clone; so the site has the clone's folders, with every page and
whatever a page links to. A link to a folder leads to its README.md where it has one.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AS_HTML = ROOT / "docs/example-report/report.md"
"""Stands beside the same report as HTML, which is what the site shows."""
LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    named = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
    others = [path for room in ("calibration", "docs") for path in sorted((ROOT / room).rglob("*.md"))]
    return [*named, *(path for path in others if path != AS_HTML)]


def linked(page: Path) -> set[Path]:
    """Files in the clone that a page links to, and those in a folder that it links to."""
    text = FENCE.sub("", page.read_text())
    targets = [(page.parent / link).resolve() for link, _ in LINK.findall(text)]
    files = {each for target in targets for each in (target.iterdir() if target.is_dir() else [target])}
    return {file for file in files if file.is_file() and file.is_relative_to(ROOT) and file.suffix != ".md"}


def lay(into: Path) -> None:
    chosen = pages()
    for place in sorted({*chosen, *(file for page in chosen for file in linked(page))}):
        copy = into / place.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".md":
            copy.write_text(_to_files(place))
        else:
            shutil.copyfile(place, copy)


def _to_files(page: Path) -> str:
    """A page whose links to folders, and to `AS_HTML`, lead to a file that the site has."""

    def to_file(match: re.Match[str]) -> str:
        target = (page.parent / match[1]).resolve()
        if target == AS_HTML:
            return f"]({match[1].removesuffix('.md')}.html)"
        if not target.is_dir():
            return match[0]
        first = target / "README.md" if (target / "README.md").exists() else min(target.iterdir())
        return f"]({match[1].rstrip('/')}/{first.name})"

    return LINK.sub(to_file, page.read_text())


if __name__ == "__main__":
    lay(Path(sys.argv[1]))
