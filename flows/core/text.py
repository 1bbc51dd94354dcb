"""Text of others made safe: to show, where it is never taken for an instruction, and to call something by it.

A name of a user's or a file's enters as a `title` (networks) or an `identifier` (layers), and `models.network.Network`
takes no other. So whatever a generator writes of a network's names is letters, digits, ``_``, ``.``, ``-`` and single
spaces, which end no comment and begin no command in any language that is generated here.
"""

from __future__ import annotations

import re
from unicodedata import normalize

MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&])")
FORMULA = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet would compute."""
NOT_IN_TITLES = re.compile("(?:[^\\w.-]|[\u115f\u1160\u3164\uffa0])+")
"""All but letters and digits of any script, and letters of Hangul that have no shape."""
WORD = re.compile(r"[a-z]+(?![\w.(/=-])")
"""A word of English at the beginning of a text; not a name with a digit, a file or a call."""
LONGEST_TITLE, LONGEST_IDENTIFIER = 50, 60
"""Characters: a file that is called so, with an ending of ours, is within what file systems take (255 bytes)."""


def printable(text: str) -> str:
    r"""`text`, with an escape for each character that has no shape of its own.

    Those are what Unicode calls controls, formats (marks that turn the direction of text among them), surrogates,
    private and unassigned characters, and every separator but the space.

    >>> print(printable("red \x1b[31m, turned \u202e"))
    red \x1b[31m, turned \u202e
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def lines(text: str) -> str:
    """`printable`, with line breaks left as they are: for whole texts of ours with names of others in them."""
    return "\n".join(printable(line) for line in text.split("\n"))


def sentence(text: str) -> str:
    """`text` with the capital that begins a sentence; a name or a piece of code keeps its own spelling.

    A command is no word: it stands in backticks.

    >>> sentence("give one"), sentence("numpy.savez(...)"), sentence("xc7z010 has others"), sentence("`pip install x`")
    ('Give one', 'numpy.savez(...)', 'xc7z010 has others', '`pip install x`')
    """
    return text[:1].upper() + text[1:] if WORD.match(text) else text


def ended(text: str) -> str:
    """`text` with the mark that ends a sentence, where it has none: what a tool or a step said may have its own.

    >>> ended("did you mean design?"), ended("no such file")
    ('did you mean design?', 'no such file.')
    """
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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


def title(text: str, otherwise: str = "network") -> str:
    """A name to show that is also safe in comments, tables and file names; a title stays as it is.

    Letters and digits of any script, ``_``, ``.``, ``-`` and single spaces; whatever else is between becomes ``_``.

    >>> title('net\\n#include "x"'), title("2-layer net.v1"), title("../..")
    ('net_include_x', '2-layer net.v1', 'network')
    """
    plain = NOT_IN_TITLES.sub(lambda run: " " if run[0] == " " else "_", normalize("NFKC", text)).strip("._- ")
    return plain[:LONGEST_TITLE].rstrip("._- ") or otherwise


def identifier(text: str, otherwise: str) -> str:
    """A name that is a word in every language that is generated here: ASCII letters, digits and single underscores.

    It may still be a keyword of one of them.

    >>> identifier("/block1/Conv", "layer"), identifier("2d", "layer"), identifier("\\u4e2d", "layer")
    ('block1_Conv', 'layer_2d', 'layer')
    """
    plain = re.sub("[^A-Za-z0-9]+", "_", text).strip("_")
    plain = f"{otherwise}_{plain}" if plain[:1].isdigit() else plain
    return plain[:LONGEST_IDENTIFIER].rstrip("_") or otherwise
