"""Whatever a file calls a network and its layers, FINN is handed the same graph and the same script."""

from __future__ import annotations

import ast

from hypothesis import example, given

from flows.core.text import title
from tests.backends.hostile import HOSTILE, WHOLE, with_names

FACTS: dict[str, object] = {
    "design": "0123456789abcdef", "part": "xc7z020clg400-1", "board": None, "clock_ns": "10", "divisor": 256,
    "identity": True, "atol": 0.001, "bipolar": False, "joins": False,
    "fps": "1,000", "vectors": 16, "shape": [16, 3, 8, 8], "classes": 5,
}  # fmt: skip


@given(HOSTILE)
@example(WHOLE[0])
@example(WHOLE[5])
def test_the_script_does_not_depend_on_the_name(name: str) -> None:
    from backends.finn.workers.handover import texts

    plain, by_name = (texts(FACTS | {"network": each}) for each in ("benign", title(name)))
    assert by_name == {file: with_names(text, lambda *_: title(name)) for file, text in plain.items()}
    docstring, *rest = ast.parse(by_name["build.py"]).body
    assert ast.dump(ast.Module(rest, [])) == ast.dump(ast.Module(ast.parse(plain["build.py"]).body[1:], []))
    assert isinstance(docstring, ast.Expr)
