"""The evaluation that Yosys writes as one function becomes several: every statement once, in order, no cell torn."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from backends.rtl.generate.cxxrtl import PART_LINES, in_parts

HEAD = "struct p_top : public module {\n\twire<1> p_x;\n};\n"
CONVERGED, EDGE = "bool converged = true;", "bool posedge_p_clk = this->posedge_p_clk();"
OPENING = f"bool p_top::eval(performer *performer) {{\n\t{CONVERGED}\n\t{EDGE}\n"
ENDING = "\treturn converged;\n}\n\nvoid p_top::debug_info() {\n}\n"
CELLS = st.lists(st.integers(1, 40), max_size=60)


@given(CELLS, st.integers(0, 5))
def test_every_statement_is_there_once_and_in_order(cells: list[int], values: int) -> None:
    locals_ = [f"\tvalue<{bits + 1}> i_{bits};" for bits in range(values)]
    body = [
        line
        for cell, length in enumerate(cells)
        for line in (f"\t// cell {cell}", "\t// \\src: x.sv:1", *(f"\tp_{cell}_{at} = 0;" for at in range(length)))
    ]
    text = in_parts(HEAD + OPENING + "".join(f"{line}\n" for line in (*locals_, *body)) + ENDING)
    parts = re.findall(r"void p_top::part_(\d+)\(.*?\) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    assert [line for _, part in parts for line in part.splitlines()] == body
    assert [int(number) for number, _ in parts] == list(range(len(parts)))
    for _, part in parts:
        lines = part.splitlines()
        assert not lines or lines[0].startswith("\t// cell")
        assert len(lines) < PART_LINES + max(cells, default=0) + 2
    members = text[: text.index("};")]
    assert all(line in members for line in locals_)
    assert text.count("part_0(") == 3  # declared, defined, called
    assert text.endswith(ENDING)


def test_text_without_an_evaluation_stays() -> None:
    assert in_parts(HEAD) == HEAD
