"""How a worker is started and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.core.plan import PYTHON, Asset
from flows.core.worker import JOB, SOURCES, worker
from flows.identity import step_digest

ROOT = Path(__file__).resolve().parents[3]
CODE = """
from flows.core import errors
from flows.core.worker import run_worker

def main(ask):
    if ask["raise"] == "KeyboardInterrupt":
        raise KeyboardInterrupt
    if ask["raise"]:
        raise getattr(errors, ask["raise"])("layer a", "it is too\\nwide", "make it narrower")
    open("answer", "w").write(ask["say"])

if __name__ == "__main__":
    run_worker(main%s)
"""


def end(folder: Path, raises: str, prefix: str = "") -> subprocess.CompletedProcess[str]:
    """Of a worker that raises this, in `folder`."""
    (folder / "late.py").write_text(CODE % (f', "{prefix}"' if prefix else ""))
    step = worker("say", "says it", "late", {"say": "yes", "raise": raises}, makes=("answer",))
    (folder / JOB).write_text(str(step.files[JOB]))
    command = [sys.executable, *step.argv[1:]]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_step_gives_a_worker_its_job() -> None:
    weights = Asset(Path("weights.safetensors"), "0" * 20)
    step = worker("say", "says it", "ours.workers.say", {"say": "yes"}, makes=("answer",), files={"weights": weights})
    assert step.tool == PYTHON and step.argv == (PYTHON, "-m", "ours.workers.say", JOB)
    assert step.files == {JOB: '{\n "say": "yes"\n}', "weights": weights}
    assert step.makes == ("answer",) and step.sources == SOURCES


def test_another_job_is_another_result() -> None:
    first, second = (worker("say", "says it", "ours", {"say": word}, makes=("answer",)) for word in ("yes", "no"))
    assert step_digest(first, {}) != step_digest(second, {})


def test_a_worker_that_does_its_job_exits_with_0(tmp_path: Path) -> None:
    assert end(tmp_path, "").returncode == 0
    assert (tmp_path / "answer").read_text() == "yes"


@pytest.mark.parametrize(("kind", "code"), [("InputError", 3), ("RefusedError", 4), ("MismatchError", 7)])
@pytest.mark.parametrize("prefix", ["", "error: "])
def test_an_error_for_the_user_is_one_line(tmp_path: Path, kind: str, code: int, prefix: str) -> None:
    done = end(tmp_path, kind, prefix)
    assert done.returncode == code and not done.stdout
    assert done.stderr == f"{prefix}layer a: it is too\\x0awide. Make it narrower.\n"


def test_an_interrupt_is_no_traceback(tmp_path: Path) -> None:
    done = end(tmp_path, "KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (130, "")
