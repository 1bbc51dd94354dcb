"""Progress on standard error: a line when a step starts and ends, and on a terminal what it is saying."""

from __future__ import annotations

import sys
import threading
import time

from flows.cli.screen import clear_line
from flows.core.plan import Step
from flows.core.text import printable

WIDTH = 110
"""Characters that are shown of what a step is saying."""
TICK_S = 10.0
"""How often a long step reports when standard error is no terminal."""


class Progress:
    """A listener for the executor; called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._terminal = sys.stderr.isatty()
        self._told: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._skipped: set[str] = set()

    def __call__(self, event: str, step: Step, text: str) -> None:
        now = time.monotonic()
        with self._lock:
            match event:
                case "started":
                    self._begun[step.name] = self._told[step.name] = now
                    self._line(f"  {step.name}: {text}")
                case "line":
                    self._said(step, text, now)
                case "kept" | "follows":  # the record has the steps that need a skipped one
                    pass
                case "skipped":
                    self._skips(step, text)
                case _:
                    self._line(f"  {step.name}: {event}, {text}")

    def _said(self, step: Step, text: str, now: float) -> None:
        seconds = now - self._begun[step.name]
        if self._terminal:
            clear_line()
            print(printable(f"  {step.name}: {seconds:.0f} s  {text}")[:WIDTH], end="", file=sys.stderr, flush=True)
        elif now - self._told[step.name] >= TICK_S:
            self._told[step.name] = now
            self._line(f"  {step.name}: {seconds:.0f} s  {text}"[:WIDTH])

    def _skips(self, step: Step, reason: str) -> None:
        """Says once what is absent."""
        line = f"  {step.name}: skipped, {reason}"
        if line not in self._skipped:
            self._skipped.add(line)
            self._line(line)

    def _line(self, text: str) -> None:
        if self._terminal:
            clear_line()
        print(printable(text), file=sys.stderr, flush=True)


class Counter:
    """A listener for estimates, sweeps and searches: how many designs are done, and how long the others will take.
    On a terminal it says nothing of what takes less than a second, elsewhere than `TICK_S`."""

    def __init__(self) -> None:
        self._begun = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._spoke = False

    def __call__(self, done: int, of: int, before: int) -> None:
        now = time.monotonic()
        if done == before and before:
            print(f"  {before:,} of {of:,} designs kept from before", file=sys.stderr, flush=True)
        elif now - self._told >= (1 if self._terminal else TICK_S) or (done == of and self._spoke):
            self._told, self._spoke, spent = now, True, now - self._begun
            left = f", {spent / (done - before) * (of - done):,.0f} s left" if done < of and done > before else ""
            if self._terminal:
                clear_line()
            ends = "" if self._terminal and done < of else "\n"
            print(f"  {done:,} of {of:,} designs, {spent:,.0f} s{left}", end=ends, file=sys.stderr, flush=True)
