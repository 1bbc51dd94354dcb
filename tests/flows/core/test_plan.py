"""Plans as values."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.core.digest import digest_of
from flows.core.plan import PYTHON, WORKER_MEMORY_MB, Asset, Output, Plan, Products, State, Step, StepResult

WRITE = Step("write", "writes", PYTHON, (PYTHON, "-m", "somewhere.worker"), {"job.json": "{}"}, makes=("out",))
READ = Step("read", "reads", "cat", ("cat", "in"), {"in": Output("write", "out"), "other": Output("write", "out")})


def test_a_step_needs_the_steps_whose_outputs_it_takes() -> None:
    assert READ.needs == ("write",)
    assert WRITE.needs == ()


def test_steps_stand_in_an_order_in_which_they_can_run() -> None:
    assert Plan((WRITE, READ)).steps == (WRITE, READ)
    with pytest.raises(ValueError, match="read takes out from write"):
        Plan((READ, WRITE))


def test_an_output_that_nobody_promised_is_refused() -> None:
    with pytest.raises(ValueError, match="does not promise"):
        Plan((replace(WRITE, makes=("another",)), READ))


def test_plans_compare_by_value() -> None:
    again = Step("write", "writes", PYTHON, (PYTHON, "-m", "somewhere.worker"), {"job.json": "{}"}, makes=("out",))
    assert Plan((WRITE,)) == Plan((again,)) != Plan((replace(again, files={"job.json": "[]"}),))


def test_a_step_has_a_digest_where_its_files_are_text() -> None:
    assert digest_of(WRITE) != digest_of(replace(WRITE, files={"job.json": "[]"}))
    with pytest.raises(TypeError, match="PosixPath"):
        digest_of(replace(WRITE, files={"weights": Asset(Path("weights"), "0")}))


def test_products_find_a_promised_file_and_none_of_a_skipped_step(tmp_path: Path) -> None:
    done = StepResult("write", State.DONE, tmp_path, 1.0, {})
    skipped = StepResult("read", State.SKIPPED, None, 0.0, {}, "cat is not on PATH")
    products = Products({"write": done, "read": skipped})
    assert products.path(Output("write", "out")) == tmp_path / "out"
    assert products.path(Output("read", "log")) is None


def test_a_worker_of_ours_has_a_memory_limit_and_a_tool_has_none() -> None:
    assert (WRITE.memory_limit_mb, READ.memory_limit_mb) == (WORKER_MEMORY_MB, 0)
    assert replace(WRITE, memory_mb=100).memory_limit_mb == replace(READ, memory_mb=100).memory_limit_mb == 100
    assert replace(WRITE, memory_mb=0).memory_limit_mb == 0
