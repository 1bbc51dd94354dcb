"""keras2c beside the C flow: its steps and readings, without it; and an ARM binary that is not the network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from backends.c import BACKEND, keras2c
from backends.c.check import resolve
from backends.c.generate.facts import WARNINGS
from backends.c.options import NONE
from backends.c.plan import COUNT, EQUAL, NONE_COUNTED
from backends.c.tools import ARM_GCC
from backends.c.workers import compare
from backends.c.workers.keras2c import RUNTIME, runtime
from flows.core.errors import InputError, MismatchError, SetupError, StepFailed
from flows.core.evidence import TOTAL, Metric, total
from flows.core.plan import Output, Plan, Products, State, Step, StepResult
from flows.executor import Executor
from flows.store import Store
from tests.backends.c.networks import SMALL, job_on


def test_keras2c_is_asked_where_arm_binaries_are_and_may_fail(tmp_path: Path) -> None:
    names = {step.name for step in BACKEND.plan(resolve(job_on(SMALL, tmp_path, arm=NONE))).steps}
    steps = {step.name: step for step in BACKEND.plan(resolve(job_on(SMALL, tmp_path))).steps}
    theirs = [step for name, step in steps.items() if "keras2c" in name]
    assert not {name for name in names if "keras2c" in name}
    assert len(theirs) == 4 and all(step.may_fail for step in theirs)
    assert {step.tool for step in theirs} > {keras2c.TOOL, ARM_GCC}
    assert not any(name in step.needs for step in steps.values() if step not in theirs for name in ("keras2c",))


def products(folder: Path, difference: str = "4.1e-06", skipped: bool = False) -> Products:
    """Of a run whose programs take 100 and 400 instructions an image."""
    design = resolve(job_on(SMALL, folder))
    counts = {NONE_COUNTED: 1000, COUNT: 1400, keras2c.NONE_COUNTED: 1000, keras2c.COUNT: 1800}
    files = {output.step: {output.file: str(count)} for output, count in counts.items()}
    files[keras2c.COUNT.step][keras2c.DIFFERENCE] = difference
    results = {}
    for step in BACKEND.plan(design).steps:
        place = folder / step.name.replace(" ", "_") if step.name in files else None
        if place and not (skipped and "keras2c" in step.name):
            place.mkdir()
            for name, text in files[step.name].items():
                (place / name).write_text(text)
            results[step.name] = StepResult(step.name, State.DONE, place, 0.0, {step.tool: "1.0"})
        else:
            results[step.name] = StepResult(step.name, State.SKIPPED, None, 0.0, {}, "absent")
    return Products(results)


def test_its_instructions_stand_beside_ours(tmp_path: Path) -> None:
    design, steps = resolve(job_on(SMALL, tmp_path)), products(tmp_path)
    readings = BACKEND.read(design, steps)
    counts = {reading.scope: reading.value for reading in readings if reading.metric is Metric.INSTRUCTIONS}
    assert counts == {TOTAL: 100, keras2c.NAME: 400}
    (note,) = BACKEND.observations(design, steps)
    assert "400 instructions" in note.text and "4.0 times" in note.text and "4.1e-06" in note.text


def test_without_it_nothing_is_said_of_it(tmp_path: Path) -> None:
    design, steps = resolve(job_on(SMALL, tmp_path)), products(tmp_path, skipped=True)
    readings = BACKEND.read(design, steps)
    assert total(readings, Metric.INSTRUCTIONS) and keras2c.NAME not in {reading.scope for reading in readings}
    assert not BACKEND.observations(design, steps)


def test_a_difference_that_is_no_number_is_refused(tmp_path: Path) -> None:
    design, steps = resolve(job_on(SMALL, tmp_path)), products(tmp_path, difference="far")
    with pytest.raises(InputError, match="no difference of results"):
        BACKEND.observations(design, steps)


def test_a_runtime_that_is_not_named_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUNTIME, raising=False)
    with pytest.raises(SetupError, match=RUNTIME):
        runtime()
    monkeypatch.setenv(RUNTIME, str(tmp_path))
    with pytest.raises(SetupError, match=RUNTIME):
        runtime()
    (tmp_path / "k2c_include.h").touch()
    assert runtime() == tmp_path


REFERENCE = {"codes": [[1, 2], [3, 4]]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[[1, 2], [3, 5]]", "1 of 2 vectors differ from the exact reference; at vector 1 it gives [3, 5]"),
        ("[[1, 2]]", "it did not write the results of 2 images"),
        ("[[1, 2], [3", "no table of results"),
        ("7", "it did not write"),
    ],
)
def test_an_arm_binary_that_differs_ends_as_a_failed_step_that_says_so(written: str, said: str, tmp_path: Path) -> None:
    """Through the executor, with the flow's own step; a step in the place of qemu leaves the results."""
    (prove,) = (step for step in BACKEND.plan(resolve(job_on(SMALL, tmp_path))).steps if step.name == EQUAL.step)
    leave = f"import pathlib; pathlib.Path('outputs.json').write_text({written!r})"
    meant = f"import pathlib; pathlib.Path('reference.json').write_text({json.dumps(REFERENCE)!r})"
    outputs, reference = (item for item in prove.files.values() if isinstance(item, Output))
    before = [
        Step(output.step, "", "python", ("python", "-c", text), makes=(output.file,))
        for output, text in ((outputs, leave), (reference, meant))
    ]
    with pytest.raises(StepFailed) as failed:
        Executor(Store(tmp_path / "store"), 1, lambda *_: None).execute(Plan((*before, prove)))
    assert failed.value.culprit == "step prove arm" and said in failed.value.fact


def test_an_equal_arm_binary_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("outputs.json").write_text(json.dumps(REFERENCE["codes"]))
    Path("reference.json").write_text(json.dumps(REFERENCE))
    compare.main({"outputs": "outputs.json", "reference": "reference.json"})
    assert json.loads(Path("equal.json").read_text()) == {"vectors": 2}
    Path("outputs.json").write_text("[[1, 2], [3, 5]]")
    with pytest.raises(MismatchError):
        compare.main({"outputs": "outputs.json", "reference": "reference.json"})


def test_a_compiler_that_fails_is_reported_with_its_first_error(tmp_path: Path) -> None:
    """Not with its last line, which only points at a column; and with its log."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is absent")
    text = '#include "weights.h"\nint first = missing;\nint second = absent;\n'
    compile = Step("compile", "", "gcc", ("gcc", *WARNINGS, "network.c"), {"network.c": text, "weights.h": ""}, ("a",))
    with pytest.raises(StepFailed) as failed:
        Executor(Store(tmp_path / "store"), 1, lambda *_: None).execute(Plan((compile,)))
    assert "exit code 1: network.c:2:" in failed.value.fact and "missing" in failed.value.fact
    assert Path(failed.value.next_step.removeprefix("read its log, ")).read_text().count("error:") == 2
