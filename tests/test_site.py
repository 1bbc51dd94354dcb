"""The pages as a site: every link that leads somewhere in a clone leads there in it, too (`nox -s docs` builds it)."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = runpy.run_path(str(ROOT / "docs" / "site.py"))


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("pages")
    SITE["lay"](into)
    return into


def test_every_link_leads_to_a_file(laid: Path) -> None:
    broken = []
    for page in laid.rglob("*.md"):
        text = SITE["FENCE"].sub("", page.read_text())
        broken += [(page.name, link) for link, _ in SITE["LINK"].findall(text) if not (page.parent / link).is_file()]
    assert not [each for each in broken if each[1] != "report.html"]  # which stands beside report.md in the clone


def test_every_page_is_there_and_those_in_the_menu_exist(laid: Path) -> None:
    menu = re.findall(r"- (?:\w+: )?([\w/.-]+\.md)$", (ROOT / "docs/mkdocs.yml").read_text(), re.MULTILINE)
    assert len(menu) > 20 and not [name for name in menu if not (laid / name).is_file()]
    assert len(list(laid.rglob("*.md"))) == len(SITE["pages"]())
