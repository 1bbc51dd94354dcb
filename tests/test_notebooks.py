"""The notebooks of docs/: their cells run as they stand, in order, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def script(path: Path) -> str:
    """The code of a notebook, the value of each cell's last line shown as a notebook would."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "without outputs: they are what the reader's version gives"
    texts = ["".join(cell["source"]) for cell in cells]
    return f"""
import ast, json
if __name__ == "__main__":
    for text in json.loads({json.dumps(json.dumps(texts))}):
        tree = ast.parse(text)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"))
        if last:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"))
            print(getattr(value, "_repr_html_", lambda: value)())
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_every_cell_runs(path: Path, tmp_path: Path) -> None:
    (tmp_path / "cells.py").write_text(script(path))
    environment = {"PYTHONPATH": str(ROOT), "ZYNQFLOWS_STORE": str(tmp_path / "store"), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, "cells.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert ended.returncode == 0, ended.stderr
    expected = {"which-flow": "Did you mean activation_bits", "pareto-front": "200 designs"}
    assert expected.get(path.stem, "") in ended.stdout


def test_there_are_some() -> None:
    assert {path.stem for path in NOTEBOOKS} == {"which-flow", "pareto-front"}
    for path in NOTEBOOKS:
        compile(script(path), path.name, "exec")
