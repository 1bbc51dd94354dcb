"""Everything that can go wrong for a user, as one small tree with one exit code a class.

    FlowsError
      UsageError      2   a name or a value on the command line that does not exist
      InputError      3   a file of the user's that is missing, damaged or of another network
      RefusedError    4   a design that this flow cannot build
      SetupError      5   a package or a tool that is needed and absent, or a place that cannot be written
      StepFailed      6   a step that ran and failed
      MismatchError   7   what was built is not the network that was trained
      UnfitError      8   the design does not fit, and --require-fit was given
      PluginError     9   a third-party backend that is broken
      GateError      10   a policy that a run breaks

An interrupted run exits with 128 and the number of the signal: 130 after Ctrl-C. Each error names the culprit, states
the fact and says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from flows.core.text import ended, printable, sentence


class FlowsError(Exception):
    """`culprit`: fact; next step. One line for the terminal, whatever names stand in it; no traceback."""

    exit_code = 1

    def __init__(self, culprit: str, fact: str, next_step: str) -> None:
        super().__init__(culprit, fact, next_step)
        self.culprit, self.fact, self.next_step = culprit, fact, next_step

    def __str__(self) -> str:
        return printable(f"{self.culprit}: {ended(self.fact)} {ended(sentence(self.next_step))}")


class UsageError(FlowsError):
    exit_code = 2

    @classmethod
    def unknown(cls, what: str, name: str, known: Iterable[str], listing: str) -> UsageError:
        """An unknown `name` with the nearest known ones; `listing` is the command that prints them all."""
        near = get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.5)
        guess = f"did you mean {' or '.join(near)}? " if near else ""
        return cls(f"{what} {name!r}", "not known here", f"{guess}`{listing}` shows all of them")


class InputError(FlowsError):
    exit_code = 3


class RefusedError(FlowsError):
    exit_code = 4


class SetupError(FlowsError):
    exit_code = 5


class StepFailed(FlowsError):
    exit_code = 6


class MismatchError(FlowsError):
    exit_code = 7


class UnfitError(FlowsError):
    exit_code = 8


class PluginError(FlowsError):
    exit_code = 9


class GateError(FlowsError):
    exit_code = 10
