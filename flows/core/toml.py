"""A TOML file of the user's, read within limits."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from flows.core.text import printable

LONGEST_LINE, LARGEST = 1000, 128 << 10
"""Characters of a file. TOML's keys stand on one line, and a key of many parts takes the square of them to read."""


def tables(text: str) -> Mapping[str, Any]:
    """What `text` holds; raises `ValueError` with the fact where it is no TOML, or too much of it."""
    if len(text) > LARGEST:
        raise ValueError(f"{len(text):,} characters, where at most {LARGEST:,} are read")
    if long := next((at for at, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST_LINE), None):
        raise ValueError(f"line {long} has more than {LONGEST_LINE:,} characters")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))  # which editors of Windows write first
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as reason:  # also for a whole number of thousands of digits
        raise ValueError(f"not TOML ({printable(str(reason))[:100]})") from None
