"""A policy in a file of the user's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.core.files import read_text
from flows.core.margins import MARGINS, Margins
from reports.policy import Policy, read_policy


def policy_in(path: Path) -> Policy:
    """Raises `InputError` where it is no policy."""
    return read_policy(read_text(path, "name a policy file", f"file {path}"), str(path), date.today())


def margins_of(path: Path | None) -> Margins:
    """What is to stay free of every part: as the policy in this file says, where one is given and says it."""
    return (policy_in(path).margins if path else None) or MARGINS
