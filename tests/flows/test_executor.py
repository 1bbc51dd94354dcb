import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.core.errors import SetupError, StepFailed
from flows.core.plan import PYTHON, Asset, Output, Plan, State, Step
from flows.executor import Executor
from flows.identity import step_digest
from flows.store import LOG, Store


def script(
    name: str,
    code: str,
    files: Mapping[str, str | Asset | Output] | None = None,
    makes: tuple[str, ...] = ("out.txt",),
    packages: tuple[str, ...] = (),
    limit_s: float = 3600.0,
) -> Step:
    argv = (PYTHON, "-c", code)
    return Step(name, f"runs {name}", PYTHON, argv, files or {}, makes, packages, limit_s=limit_s)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class Heard(list[tuple[str, str, str]]):
    def __call__(self, event: str, step: Step, text: str) -> None:
        self.append((event, step.name, text))


def test_a_chain_runs_once_and_is_then_kept(store: Store) -> None:
    first = script("first", "open('out.txt', 'w').write(open('given.txt').read() * 2)", files={"given.txt": "ab"})
    second = script(
        "second",
        "open('out.txt', 'w').write(open('up.txt').read() + '!')",
        files={"up.txt": Output("first", "out.txt")},
    )
    for state in (State.DONE, State.KEPT):
        products = Executor(store, 2, Heard()).execute(Plan((first, second)))
        assert [result.state for result in products.results.values()] == [state, state]
        path = products.path(Output("second", "out.txt"))
        assert path is not None and path.read_text() == "abab!"


def test_an_asset_counts_by_digest_and_not_by_place(tmp_path: Path) -> None:
    def digest(path: Path, content: str) -> str:
        return step_digest(script("s", "", files={"a": Asset(path, content)}), {})

    assert digest(tmp_path / "a", "1") == digest(tmp_path / "b", "1") != digest(tmp_path / "a", "2")


def test_what_a_step_is_about_is_no_input() -> None:
    step, other = (Step("s", about, PYTHON, (PYTHON,)) for about in ("this", "that"))
    assert step_digest(step, {}) == step_digest(other, {})


def test_a_step_that_fails_names_its_last_line_and_its_log(store: Store) -> None:
    step = script("breaks", "print('all lost'); raise SystemExit(3)")
    with pytest.raises(StepFailed, match="exit code 3: all lost") as caught:
        Executor(store, 1, Heard()).execute(Plan((step,)))
    log = next(store.failed.rglob(LOG))
    assert str(log) in str(caught.value) and "all lost" in log.read_text()
    assert not list(store.steps.iterdir()) and not list(store.scratch.iterdir())


def test_a_step_that_exits_0_and_leaves_nothing_has_failed(store: Store) -> None:
    with pytest.raises(StepFailed, match=r"exited 0 but left no out\.txt"):
        Executor(store, 1, Heard()).execute(Plan((script("idle", "pass"),)))


def test_a_step_that_hangs_is_ended_with_what_it_started(store: Store) -> None:
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    started = time.monotonic()
    with pytest.raises(StepFailed, match="limit of 1 s"):
        Executor(store, 1, Heard()).execute(Plan((script("hangs", code, limit_s=1.0),)))
    assert time.monotonic() - started < 20


def test_an_absent_tool_skips_its_step_and_what_needs_it(store: Store) -> None:
    tool = Step("compile", "", "no-such-compiler", ("no-such-compiler",), makes=("a.out",))
    after = script("simulate", "", files={"a.out": Output("compile", "a.out")})
    other = script("other", "open('out.txt', 'w')")
    products = Executor(store, 2, Heard()).execute(Plan((tool, after, other)))
    states = {name: result.state for name, result in products.results.items()}
    assert states == {"compile": State.SKIPPED, "simulate": State.SKIPPED, "other": State.DONE}
    assert "no-such-compiler is not on PATH" in products.results["simulate"].reason
    assert products.path(Output("simulate", "out.txt")) is None


def test_an_absent_package_is_named_before_anything_runs(store: Store) -> None:
    step = script("convert", "open('out.txt', 'w')", packages=("no-such-package",))
    with pytest.raises(SetupError, match=r"no-such-package: not installed"):
        Executor(store, 1, Heard()).execute(Plan((step,)))
    assert not list(store.steps.iterdir())


def test_every_absent_package_is_named_at_once_and_nothing_is_skipped_for_one(store: Store) -> None:
    """What is missing for the last step is said before the first; what does not run needs nothing."""
    first = script("first", "open('out.txt', 'w')")
    later = script("later", "", files={"up": Output("first", "out.txt")}, packages=("no-such-package", "torch"))
    last = script("last", "", packages=("no-such-package", "nor-this-one"))
    vendor = Step("vendor", "", "no-such-compiler", ("no-such-compiler",), makes=("a",), packages=("not-asked",))
    behind = script("behind", "", files={"a": Output("vendor", "a")}, packages=("not-asked-either",))
    heard = Heard()
    with pytest.raises(SetupError) as caught:
        Executor(store, 1, heard).execute(Plan((first, later, last, vendor, behind)))
    assert caught.value.culprit == "packages no-such-package, nor-this-one"
    assert caught.value.fact == "not installed, and steps later and last need them"
    assert caught.value.next_step == "install what is missing: pip install no-such-package nor-this-one"
    assert heard == [] and not list(store.steps.iterdir())


@pytest.mark.parametrize("flow", ["finn", "hls", "hls4ml"])
def test_a_flow_without_its_packages_names_its_extra_before_it_starts(
    flow: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import packages, registry, runner
    from flows.core.part import Target, find_part
    from flows.jobs import find_trained
    from flows.prepared import prepare

    backend = registry.load(flow)
    job = find_trained("arch8", None, backend.weights).job(Target(find_part("xc7z020"), 10.0), backend.options())
    plan = runner.full_plan(backend, prepare(backend, job), None, None)
    wanted = {package for step in plan.steps for package in step.packages}
    assert len(wanted) > 3
    monkeypatch.setattr(packages, "package_version", lambda name: packages.ABSENT)
    heard = Heard()
    with pytest.raises(SetupError) as caught:
        Executor(store, 1, heard).execute(plan)
    assert set(caught.value.culprit.removeprefix("packages ").split(", ")) == wanted
    assert caught.value.next_step.endswith(f"'.[{flow}]'") and heard == []


def test_a_damaged_result_is_built_again(store: Store) -> None:
    step = script("s", "open('out.txt', 'w').write('whole')")
    products = Executor(store, 1, Heard()).execute(Plan((step,)))
    path = products.path(Output("s", "out.txt"))
    assert path is not None
    path.unlink()
    assert Executor(store, 1, Heard()).execute(Plan((step,))).results["s"].state is State.DONE


def test_two_executors_on_one_store_share_one_run(store: Store) -> None:
    step = script("slow", "import time; time.sleep(1); open('out.txt', 'w')")
    states: list[State] = []

    def execute() -> None:
        states.append(Executor(store, 1, Heard()).execute(Plan((step,))).results["slow"].state)

    threads = [threading.Thread(target=execute) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(state.value for state in states) == ["done", "kept"]


KILLED = """
import sys
from pathlib import Path
from flows.core.plan import Plan, PYTHON, Step
from flows.executor import Executor
from flows.store import Store
code = "import time; print('ready', flush=True); time.sleep(3); open('out.txt', 'w').write('whole')"
step = Step("s", "", PYTHON, (PYTHON, "-c", code), makes=("out.txt",))
result = Executor(Store(Path(sys.argv[1])), 1, lambda *event: print(*event[::2], flush=True)).execute(Plan((step,)))
print(result.results["s"].state.value)
"""


def test_after_kill_9_the_same_run_finishes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    victim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert victim.stdout is not None
    for line in victim.stdout:
        if "ready" in line:
            break
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not list((tmp_path / "steps").iterdir())
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert again.stdout.splitlines()[-1] == "done"
    assert (next((tmp_path / "steps").iterdir()) / "out.txt").read_text() == "whole"


def test_stop_ends_what_runs_and_keeps_nothing(store: Store) -> None:
    heard = Heard()
    executor = Executor(store, 1, heard)
    step = script("long", "import time; print('on', flush=True); time.sleep(60)")
    threading.Timer(1.0, executor.stop).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        executor.execute(Plan((step,)))
    assert time.monotonic() - started < 20
    assert not list(store.steps.iterdir()) and not list(store.scratch.iterdir())


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        Executor(Store(tmp_path / "file" / "store"), 1, Heard())
