"""Text from records, made safe to show: what a name holds is never taken for an instruction."""

from __future__ import annotations

import re

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters, marks that turn the direction of text, and what no file in UTF-8 can hold."""
MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&])")
FORMULA = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet would compute."""


def printable(text: str) -> str:
    r"""Control characters as escapes.

    >>> print(printable("red \x1b[31m"))
    red \x1b[31m
    """
    return CONTROL.sub(_escape, text)


def lines(text: str) -> str:
    """`printable`, with line breaks left as they are: for whole texts of ours with names of others in them."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def markdown(text: str) -> str:
    r"""Text that Markdown, and HTML in it, shows as it is.

    >>> print(markdown("a|b <i>"))
    a\|b \<i\>
    """
    return MARKDOWN.sub(r"\\\1", printable(text))


def cell(text: str) -> str:
    """Text for a spreadsheet, which shall not compute it.

    >>> cell("=1+1")
    "'=1+1"
    """
    safe = printable(text)
    return f"'{safe}" if safe.startswith(FORMULA) else safe


def identifier(text: str, otherwise: str = "network") -> str:
    """A name that every language that is generated here takes: ASCII letters, digits and single underscores.

    >>> identifier('net\\n#include "x"'), identifier("2-layer net"), identifier("\\u4e2d")
    ('net_include_x', 'n2_layer_net', 'network')
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:60] or otherwise
    return f"n{plain}" if plain[0].isdigit() else plain
