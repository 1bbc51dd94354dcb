"""The texts of the hand-over to FINN, against golden files.

``python -m tests.backends.finn.test_finn_handover`` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backends.finn.design.graph import branches
from backends.finn.handover.step import facts
from backends.finn.options import FinnOptions
from backends.finn.resolve import resolve
from flows.conformance.networks import TINY, quantised_job_on
from tests.backends.finn.w4a4 import quantised

GOLDEN = Path(__file__).parent / "golden"
STEPS = json.loads(Path(__file__).with_name("finn_plus_1.6.1_steps.json").read_text())
"""The names that finn-plus 1.6.1 registers: ``finn.builder.build_dataflow_steps.build_dataflow_step_lookup``."""
VECTORS = {"vectors": 16, "shape": [16, 3, 8, 8], "classes": 5}


def texts(part: str = "xc7z020") -> dict[str, str]:
    from backends.finn.workers import handover

    with TemporaryDirectory() as folder:
        design = resolve(quantised_job_on(Path(folder), FinnOptions(), part)).design
        return handover.texts(facts(design) | VECTORS)


@pytest.mark.parametrize("name", ["build.py", "README.md"])
def test_a_text_is_the_golden_one(name: str) -> None:
    assert texts()[name] == (GOLDEN / name).read_text()


@pytest.mark.parametrize("part", ["xc7z010", "xc7z020"])
def test_the_build_names_steps_that_exist_and_functions_of_its_own(part: str) -> None:
    tree = ast.parse(texts(part)["build.py"])
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and _is_step(node.value)}
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    lists = [value.elts for value in values if isinstance(value, ast.List)]
    called = {element.id for elements in lists for element in elements if isinstance(element, ast.Name)}
    assert named and named <= set(STEPS)
    assert called == own - {"configuration", "main", "wide_sum", "in_branches"}


def _is_step(value: object) -> bool:
    return isinstance(value, str) and value.startswith("step_")


def test_a_part_without_a_board_of_finns_ends_with_the_stitched_ip() -> None:
    by_name = texts("xc7z010")
    assert "\nBOARD = None " in by_name["build.py"] and "knows no board with this part" in by_name["README.md"]
    assert '\nBOARD = "Pynq-Z2" ' in texts()["build.py"]


def test_nodes_are_counted_branch_by_branch_whatever_the_order_of_the_layers() -> None:
    names = [layer.name for layer in branches(quantised(TINY))]
    assert names == [*("conv1", "relu1", "conv2", "relu2", "shortcut", "shortcut_codes", "add", "pool", "gap", "dense")]
    *others, softmax = TINY.layers
    shortcut = next(other for other in others if other.name == "shortcut")
    moved = replace(TINY, layers=(shortcut, *(other for other in others if other is not shortcut), softmax))
    assert [layer.name for layer in branches(quantised(moved))] == names


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in texts().items():
        (GOLDEN / name).write_text(text)
