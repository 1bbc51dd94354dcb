"""Makes the example report: runs every design of it, writes the report, takes the screenshots.

    python docs/example-report/make.py

What the store has is kept, so that a second time takes seconds. Without Chromium the screenshots stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import browser

import flows

HERE = Path(__file__).resolve().parent


def make_report() -> None:
    """Of the designs that the project file names, whatever else is in the store."""
    flows.review(HERE / "zynqflows.toml")


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
