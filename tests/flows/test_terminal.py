"""What a terminal has and a pipe has not: colours, and a shell that completes command lines."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.cli.progress import Counter
from flows.cli.screen import CLEAR_LINE, COLOURS, VERDICT, Screen
from flows.core.fit import Verdict

ROOT = Path(__file__).parents[2]
TEXT = """\
verdict  over: LUT by 3
xc7z010: hls: fits, rtl: at risk, c: processor
hls-xc7z010-1a2b3c  72 %  fits (DSP)  modelled
it fits, and nothing is over
"""


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    Screen(stream).write(TEXT)
    return stream.getvalue()


def test_verdicts_have_a_colour_and_nothing_else_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert shown(Terminal()).splitlines() == [
        "verdict  \x1b[31mover\x1b[0m: LUT by 3",
        "xc7z010: hls: \x1b[32mfits\x1b[0m, rtl: \x1b[33mat risk\x1b[0m, c: processor",
        "hls-xc7z010-1a2b3c  72 %  \x1b[32mfits\x1b[0m (DSP)  modelled",
        "it fits, and nothing is over",
    ]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_none_is_wanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert shown(Terminal()) == TEXT


def test_a_pipe_has_no_colour() -> None:
    stream = io.StringIO()
    assert shown(stream) == TEXT


def test_every_coloured_word_is_a_verdict() -> None:
    assert COLOURS.keys() <= {verdict.value for verdict in Verdict}
    assert not VERDICT.search("  fits nothing")


@pytest.mark.parametrize(
    ("terminal", "seconds", "lines"),
    [
        (True, 0.2, []),
        (True, 1.2, ["1 of 3 designs, 1 s, 2 s left", "2 of 3 designs, 2 s, 1 s left", "3 of 3 designs, 4 s"]),
        (False, 1.2, []),
        (False, 6.0, ["2 of 3 designs, 12 s, 6 s left", "3 of 3 designs, 18 s"]),
    ],
)
def test_designs_are_counted_where_they_take_time(
    terminal: bool, seconds: float, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    told = Counter()
    for done in (1, 2, 3):
        now[0] += seconds
        told(done, 3, 0)
    assert [line.strip() for line in stream.getvalue().replace(CLEAR_LINE, "\n").splitlines() if line] == lines


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("zynqflows est", {"estimate"}),
        ("zynqflows estimate h", {"hls", "hls4ml"}),
        ("zynqflows estimate hls --part zyb", {"zybo", "zybo-z7-10", "zybo-z7-20"}),
        ("zynqflows estimate hls --accumulator", {"--accumulator-bits"}),
        ("zynqflows sweep rtl --synthesiser y", {"yosys"}),
        ("zynqflows show hls-", {"hls-xc7z020-abc123"}),
        ("zynqflows compare hls-xc7z020-abc123 rt", {"rtl-xc7z020-abc123"}),
    ],
)
def test_a_shell_completes_commands_flows_boards_options_and_runs(line: str, offered: set[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    said = tmp_path / "said"
    (tmp_path / "runs").mkdir()
    for flow in ("hls", "rtl"):
        (tmp_path / f"runs/{flow}-xc7z020-abc123.json").touch()
    asked = {
        "ZYNQFLOWS_STORE": str(tmp_path),
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(said), "COMP_TYPE": "9",
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_COMP_WORDBREAKS": "",
    }  # fmt: skip
    code = "import sys; sys.argv = ['zynqflows']; from flows.__main__ import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code], env=os.environ | asked, cwd=ROOT, check=True, timeout=120)
    words = {word.strip() for word in said.read_text().split("\n") if word.strip()}
    assert words == offered
