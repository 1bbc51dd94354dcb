"""The C++ that Yosys writes of a design (CXXRTL), as g++ can compile it in a reasonable time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

EVAL = re.compile(
    r"^bool (?P<design>p_\w+)::eval\(performer \*performer\) \{\n(?P<body>.*?)^\}\n", re.MULTILINE | re.DOTALL
)
LOCAL = re.compile(r"\tvalue<\d+> \w+;")
ARGUMENTS = "performer *performer, bool &converged, bool posedge_p_clk"
PART_LINES = 100


def in_parts(text: str) -> str:
    """The same C++ with the evaluation of a cycle cut into functions of about `PART_LINES` lines. As the one function
    that Yosys writes, g++ -O1 takes 85 s for ARCH_8 on the xc7z010 (19 in parts), and does not end within 17 minutes
    for four bits on the xc7z020 (150 s in parts)."""
    eval_ = EVAL.search(text)
    if eval_ is None:
        return text
    converged, posedge, *body, result = eval_["body"].splitlines()
    values = [line for line in body if LOCAL.fullmatch(line)]  # several parts need them: they become members
    parts = list(_parts([line for line in body if not LOCAL.fullmatch(line)]))
    members = [*values, *(f"\tvoid part_{number}({ARGUMENTS});" for number in range(len(parts)))]
    functions = [
        line
        for number, part in enumerate(parts)
        for line in (f"void {eval_['design']}::part_{number}({ARGUMENTS}) {{", *part, "}")
    ]
    calls = [f"\tpart_{number}(performer, converged, posedge_p_clk);" for number in range(len(parts))]
    signature = text[eval_.start() : eval_.start("body")].rstrip("\n")
    whole = [*functions, signature, converged, posedge, *calls, result, "}", ""]
    struct = f"struct {eval_['design']} : public module {{\n"
    before = text[: eval_.start()].replace(struct, struct + "\n".join(members) + "\n", 1)
    return before + "\n".join(whole) + text[eval_.end() :]


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """Cut where a comment begins a cell, and so no statement of it is torn from the others."""
    part: list[str] = []
    for line in lines:
        if len(part) >= PART_LINES and line.startswith("\t//") and not part[-1].startswith("\t//"):
            yield part
            part = []
        part.append(line)
    yield part
