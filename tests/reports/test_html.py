"""The page: what it holds, what it never does, and how it behaves in a browser."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from flows.core.evidence import Tier
from flows.core.part import devices
from flows.core.record import Document
from reports import html
from reports.comparison import Absent, Comparison, compare
from tests.reports.runs import document_of, readings_of, run_of

VOID = {"meta", "link", "br", "input"}
ROOT = Path(html.__file__).resolve().parents[1]


class Outline(HTMLParser):
    """Elements that are opened and closed in turn; raises where they are not."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    assert not parsed.open
    return parsed


@pytest.fixture(scope="session")
def many() -> Comparison:
    """Five flows on every part that is known, ten at the most: sizes, speeds and tiers of all kinds."""
    runs = []
    for place, device in enumerate(list(devices())[:10]):
        for at, flow in enumerate(("alpha", "beta", "gamma", "delta", "epsilon")):
            share = 0.3 + 0.25 * at + 0.05 * place
            tier = (Tier.MODELLED, Tier.HLS) if at else (Tier.ROUTED, None)
            readings = readings_of(share, device, 100.0 + 300 * at, 0.80 + 0.01 * at, *tier)
            runs.append(run_of(flow, device, readings, quantised=f"{at}" * 16))
    return compare([document_of(*runs)], [Absent("zeta", "xc7z010clg400-1", "refused: too large")])


def test_the_page_is_whole_and_small(many: Comparison) -> None:
    page = html.report(many)
    assert len(page.encode()) < 3e6
    parsed = outline(page)
    rows = [attributes for tag, attributes in parsed.seen if tag == "tr" and "data-run" in attributes]
    assert len({row["data-run"] for row in rows}) == len(many.designs) == 5 * min(10, len(devices()))


def test_every_decision_and_everything_unknown_is_on_it(many: Comparison) -> None:
    page = html.report(many)
    for decision in many.decisions:
        assert decision.headline in page
    for unknown, _ in many.unknowns:
        assert unknown.topic in page
    assert "<td>refused: too large</td><td>zeta on xc7z010clg400-1</td>" in page


def test_it_asks_the_network_for_nothing(many: Comparison) -> None:
    parsed = outline(html.report(many))
    targets = [
        value or "" for _, attributes in parsed.seen for key, value in attributes.items() if key in ("src", "href")
    ]
    assert targets and all(target.startswith(("#", "data:")) for target in targets)
    assert not re.search(r"@import|url\((?!#)", html.report(many))


def test_unknown_is_unknown_and_no_zero() -> None:
    page = html.report(compare([document_of(run_of(readings=()))]))
    outline(page)
    row = page[page.index('<tr data-run="') :]
    assert row[: row.index("</tr>")].count('<span class="soft">unknown</span>') == 11
    assert "0 LUT" not in page and ">0<" not in page


def test_names_do_no_harm(hostile: Document) -> None:
    page = html.report(compare([hostile]))
    parsed = outline(page)
    assert [tag for tag, _ in parsed.seen].count("script") == 1
    assert page.replace("\n", "").isprintable()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\x00" in page


def _browser() -> Any:
    path = ROOT / "docs/example-report/browser.py"
    spec = spec_from_file_location("example_report_browser", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


chromium = _browser()
in_a_browser = pytest.mark.skipif(not chromium.available(), reason="chromium and chromedriver are not installed")


@pytest.fixture(scope="module")
def page(many: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.report(many), encoding="utf-8")
    with chromium.browser() as one:
        one.open(path)
        yield one


ROWS = "return [...document.querySelectorAll('#designs tbody tr:not(.out)')].map(row => row.cells[{}].dataset.value)"


@pytest.mark.slow
@in_a_browser
def test_it_is_silent_and_asks_for_itself_alone(page: Any) -> None:
    (asked,) = [request for request in page.requests() if not request.startswith("data:")]
    assert asked.startswith("file://") and asked.endswith("report.html")
    assert page.messages() == []


@pytest.mark.slow
@in_a_browser
def test_columns_sort_by_keyboard_and_say_when_they_mix(page: Any) -> None:
    page.run("document.querySelectorAll('#designs thead button')[3].focus()")
    page.press("Enter", 13)
    upwards = [float(value) for value in page.run(ROWS.format(3))]
    assert upwards == sorted(upwards) and len(set(upwards)) > 5
    assert "mixes numbers that are known in different ways" in page.run("return notice.textContent")
    page.press("Enter", 13)
    assert [float(value) for value in page.run(ROWS.format(3))] == upwards[::-1]


@pytest.mark.slow
@in_a_browser
def test_filters_keep_what_is_asked_for_everywhere(page: Any) -> None:
    choose = """const one = document.querySelector(arguments[0]);
        one.value = arguments[1]; one.dispatchEvent(new Event('input'))"""
    page.run(choose, "[data-filter=flow]", "beta")
    assert set(page.run(ROWS.format(0))) == {"beta"}
    shown = page.run(
        "return [...document.querySelectorAll('g.point:not(.out)')].map(one => one.getAttribute('aria-label'))"
    )
    assert shown and all(each.startswith("beta:") for each in shown)
    page.run(choose, "[data-filter=text]", "xc7z010")
    assert len(page.run(ROWS.format(0))) == 1
    assert page.run("return count.textContent").startswith("1 of ")
    for name in ("flow", "text"):
        page.run(choose, f"[data-filter={name}]", "")
    assert len(page.run(ROWS.format(0))) == 5 * min(10, len(devices()))


@pytest.mark.slow
@in_a_browser
def test_layers_open_by_keyboard_and_the_leads_in_print(page: Any) -> None:
    opened = "return [...document.querySelectorAll('details.design[open]')].length"
    leads = page.run("return document.querySelectorAll('details[data-leads]').length")
    assert page.run(opened) == 0 < leads
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run(opened) == leads
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run(opened) == 0
    page.run("toggle.focus()")
    page.press("Enter", 13)
    assert page.run(opened) == page.run("return document.querySelectorAll('details.design').length") > leads
    page.press("Enter", 13)
    assert page.run(opened) == 0


@pytest.mark.slow
@in_a_browser
def test_it_is_dark_in_the_dark_and_prints(page: Any, tmp_path: Path) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    page.scheme("dark")
    dark = page.run(colour)
    page.scheme("light")
    assert page.run(colour) == "rgb(255, 255, 255)" != dark
    page.paper(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
