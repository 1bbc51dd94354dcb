"""The pages are true where a program can tell: links lead somewhere, commands parse, tables match the code."""

import re
import shlex
from pathlib import Path

import pytest

from flows.__main__ import main
from flows.cli.parser import parse
from flows.core.errors import FlowsError
from flows.core.evidence import Tier
from flows.core.fit import Verdict
from flows.core.margins import MARGINS
from flows.core.record_reader import document_from_json
from reports.comparison import compare
from reports.terminal.brief import decisions

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS = [(page, text) for page in PAGES for text in re.findall(r"python -m flows ([^`\n]*)", page.read_text())]
every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


@every_page
def test_files_named_in_words_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:flows|models|backends|reports|calibration|benchmarks|tests|docs)/[\w./]+)`", page.read_text()
    )
    assert not [name for name in named if not (ROOT / name).exists()]


@every_page
def test_lines_are_short(page: Path) -> None:
    """But those of tables, of what a command prints, and of addresses; the example report is printed whole."""
    texts = page.read_text().split("```")[::2] if page.name != "report.md" else []
    lines = [line for text in texts for line in text.splitlines() if not line.startswith("|") and "://" not in line]
    assert not [line for line in lines if len(line) > 120]


@pytest.mark.parametrize(("page", "text"), COMMANDS, ids=[text for _, text in COMMANDS])
def test_commands_parse(page: Path, text: str) -> None:
    text = text.replace("ceiling", "hls4ml")  # the example is not installed here; tests/test_example_backend.py runs it
    words = [word.split("|")[0] for word in shlex.split(text.replace("\\|", "|").partition(" && ")[0])]
    try:
        parse(words)
    except SystemExit as end:  # --help
        assert end.code == 0


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) >= 8


def test_every_exit_code_is_in_its_table() -> None:
    table = (ROOT / "docs/reference/exit-codes.md").read_text()
    rows = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", table, re.MULTILINE)}
    assert rows == {each.__name__: each.exit_code for each in FlowsError.__subclasses__()}


def test_every_tier_and_verdict_is_on_its_page() -> None:
    page = (ROOT / "docs/reference/evidence.md").read_text()
    assert not [each.value for each in (*Tier, *Verdict) if not re.search(rf"(\| |\*\*){each.value}\b", page)]
    assert str(MARGINS).removesuffix(" kept free") in page


def test_every_decision_is_listed() -> None:
    pages = {path.name for path in (ROOT / "docs/adr").glob("0*.md")}
    assert pages == set(re.findall(r"\((0[\w-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text()))


def test_the_table_in_the_readme_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the lines that need no run: estimates, verdict, and what the card records."""
    shown = (ROOT / "README.md").read_text().partition("<!-- table -->")[2].split("```")[1]
    assert main(["estimate", "hls4ml", "--part", "xc7z020"]) == 0
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in shown.splitlines()[1:] if line and not line.startswith("proof")]
    assert len(lines) > 10 and not [line for line in lines if line not in printed]


def test_the_decision_in_the_readme_is_that_of_the_example_report() -> None:
    shown = (ROOT / "README.md").read_text().partition("<!-- decision -->")[2].split("```")[1]
    place = ROOT / "docs/example-report/report.json"
    printed = decisions(compare([document_from_json(place.read_text(), str(place))])).splitlines()
    lines = [line for line in shown.splitlines()[1:] if line]
    assert len(lines) >= 6 and not [line for line in lines if line not in printed]
