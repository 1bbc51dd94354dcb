"""Makes the example report: runs every design of it, writes the report, takes the screenshots.

    python docs/example-report/make.py

What the store has is kept, so that a second time takes seconds. Without Chromium the screenshots stay as they are.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import browser

HERE = Path(__file__).resolve().parent
PARTS = ("--part", "xc7z010", "--part", "xc7z020")
DESIGNS = (("finn",), ("hls",), ("hls4ml",), ("hls4ml", "--precision", "10"), ("hls4ml", "--precision", "8"))
"""Flows with the options that are shown; a flow that is added to the project is added here."""


def flows(*words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "flows", *words]
    return subprocess.run(command, cwd=HERE.parents[1], check=True, stdout=subprocess.PIPE, text=True).stdout


def make_report() -> None:
    """Of these designs alone, whatever else is in the store."""
    printed = [flows("run", *design, *PARTS) for design in DESIGNS]
    runs = [name for text in printed for name in re.findall(r"^run +(\S+-\S+)$", text, re.MULTILINE)]
    flows("report", *runs, "--out", str(HERE))


def take_screenshots() -> None:
    with browser.browser() as page:
        page.open(HERE / "report.html")
        page.scheme("light")
        page.picture(HERE / "light.png", height=1000)
        page.run("document.getElementById('pictures').scrollIntoView()")
        page.picture(HERE / "pictures.png", height=1000)
        page.run("scrollTo(0, 0)")
        page.scheme("dark")
        page.picture(HERE / "dark.png", height=1000)
        page.command("Emulation.setEmulatedMedia", media="print")
        page.picture(HERE / "print.png", width=1040, height=1400)


if __name__ == "__main__":
    make_report()
    if browser.available():
        take_screenshots()
