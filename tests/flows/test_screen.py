"""No text of others steers the terminal, whichever command prints it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from flows import registry
from flows.__main__ import main
from flows.cli.progress import Progress
from flows.cli.screen import CLEAR_LINE, screened
from flows.core.errors import InputError
from flows.core.plan import PYTHON, Step
from flows.registry import Listing

EVIL = "\x1b[31mred\x1b]0;title\x07\r\x9b2J\u202e\n  verdict: fits"


def harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_whatever_is_printed_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with screened():
        print("two\nlines", EVIL)
        print(EVIL, file=sys.stderr)
        sys.stdout.write(EVIL)
    print("\x1b[0m", end="")
    said = capsys.readouterr()
    assert said.out.startswith("two\nlines \\x1b[31mred\\x1b]0;title\\x07\\x0d\\x9b2J\\u202e\n")
    assert harmless(said.err) and said.out.endswith("\x1b[0m") and harmless(said.out.removesuffix("\x1b[0m"))


def test_what_an_encoding_lacks_is_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii", write_through=True))
    monkeypatch.setattr(sys, "stderr", None)  # closed before the program began
    with screened():
        print("网 \udcff")
    assert raw.getvalue() == b"\\u7f51 \\udcff\n"


def test_an_error_is_one_line() -> None:
    error = InputError(f"file {EVIL}", EVIL, EVIL)
    assert str(error).isprintable() and "\\x1b[31mred" in str(error) and "\\x0a" in str(error)


@pytest.mark.parametrize(
    "arguments",
    [[EVIL], ["run", EVIL], ["list", EVIL], ["run", "hls", f"--{EVIL}"], ["estimate", "hls", "--network", EVIL],
     ["estimate", "hls", "--network", f"{EVIL}.onnx"], ["estimate", "hls", "--part", EVIL], ["show", EVIL],
     ["estimate", "hls", "--clock", EVIL], ["estimate", "hls", "--folding", EVIL], ["diff", EVIL, f"{EVIL}.json"],
     ["estimate", "hls4ml", "--precision", EVIL], ["gate", "--policy", EVIL], ["check", "finn", f"{EVIL}.onnx"]],
)  # fmt: skip
def test_an_argument_is_shown_as_it_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) > 0
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and harmless(said.err + said.out)


def test_a_plug_in_is_listed_in_its_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(registry, "listings", lambda: (Listing(EVIL, EVIL, EVIL, ""), Listing("b", "", "", EVIL)))
    assert main(["list", "flows"]) == 0
    said = capsys.readouterr().out
    assert harmless(said) and len(said.splitlines()) == 3


def test_a_record_is_shown_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ["--store", str(tmp_path)]
    assert main(["estimate", "hls", *place]) == 0
    record = Path(__file__).parent.parent.parent / "docs" / "example-report" / "report.json"
    text = json.dumps(json.loads(record.read_text())["document"])
    known = json.loads(text)
    evil = text.replace(json.dumps(known["network"]["name"])[1:-1], json.dumps(EVIL)[1:-1])
    for word in {run["name"] for run in known["runs"]}:
        evil = evil.replace(f'"{word}"', json.dumps(f"{word}{EVIL}"))
    (tmp_path / "evil.json").write_text(evil)
    capsys.readouterr()
    for command in (
        ["report", str(tmp_path / "evil.json"), "--out", str(tmp_path)],
        ["diff", *2 * [str(tmp_path / "evil.json")]],
    ):
        main([*command, *place])
        said = capsys.readouterr()
        assert harmless(said.out + said.err)
        assert not [line for line in (said.out + said.err).splitlines() if line.startswith("  verdict: fits")]


def test_a_tool_is_heard_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(f"csynth{EVIL}", EVIL, PYTHON, (PYTHON,), makes=("a",))
    progress = Progress()
    progress._terminal = True
    with screened():
        for event, text in (("started", EVIL), ("line", EVIL), ("line", f"{CLEAR_LINE}{CLEAR_LINE}"), ("done", EVIL)):
            progress(event, step, text)
    said = capsys.readouterr().err
    assert said.count(CLEAR_LINE) == 4, "ours, one a text"
    assert harmless(said.replace(CLEAR_LINE, "")) and said.count("\n") == 2


def test_what_is_absent_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    steps = [Step(name, "", PYTHON, (PYTHON,), makes=("a",)) for name in ("compile arm", "link test")]
    for _ in range(2):  # two designs
        progress("skipped", steps[0], "gcc is not on PATH")
        progress("follows", steps[1], "needs compile arm, which was skipped: gcc is not on PATH")
    assert capsys.readouterr().err == "  compile arm: skipped, gcc is not on PATH\n"
