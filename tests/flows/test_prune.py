"""`flows store prune`: what no record refers to goes, what is needed, fresh or in use stays."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest

from flows.__main__ import main
from flows.core.plan import PYTHON, Plan, State, Step
from flows.executor import Executor
from flows.store import Store

DAY = 86_400


def step(name: str, code: str = "open('out.txt', 'w').write('x' * 2_000_000)") -> Step:
    return Step(name, "", PYTHON, (PYTHON, "-c", f"{code} #{name}"), makes=("out.txt",))


def run(store: Store, *steps: Step) -> list[Path]:
    results = Executor(store, 1, lambda *event: None).execute(Plan(steps)).results
    return [result.folder for result in results.values() if result.folder]


def age(store: Store, path: Path, days: float) -> None:
    for place in (path, store.locks / path.name.partition(".")[0]):
        if os.path.lexists(place):
            os.utime(place, (time.time() - days * DAY,) * 2, follow_symlinks=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def prune(capsys: pytest.CaptureFixture[str], store: Store, *argv: str, code: int = 0) -> str:
    assert main(["store", "prune", "--store", str(store.root), *argv]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def test_what_no_record_refers_to_goes(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    needed, old, fresh, damaged = run(store, step("needed"), step("old"), step("fresh"), step("damaged"))
    store.save("a-run", f'{{"folder": "/elsewhere/steps/{needed.name}"}}')
    store.save("bad", f"truncated, and about {damaged.name}")
    (store.failed / "0123456789abcdef").mkdir()
    (store.scratch / "00000000000000aa.123").mkdir()
    (store.scratch / "00000000000000aa.123" / "core").write_text("x")
    (store.runs / ".a-run.json.0a1b2c3d").write_text("half")
    killed = [*store.failed.iterdir(), *store.scratch.iterdir(), *store.runs.glob(".*")]
    everything = [needed, old, fresh, damaged, *killed]
    for path in everything:
        age(store, path, 3 if path == fresh else 40)
    dry = prune(capsys, store, "--dry-run")
    assert (
        re.search(rf"step old +steps/{old.name} ", dry)
        and "4 would be removed" in dry
        and "2.0 MB" in dry
        and old.exists()
    )
    printed = prune(capsys, store)
    assert printed.splitlines()[:-1] == dry.splitlines()[:-1] and "4 removed" in printed
    assert [path for path in everything if os.path.lexists(path)] == [needed, fresh, damaged]
    assert not list(store.scratch.iterdir()) and store.names() == ("a-run", "bad")
    assert "0 removed" in prune(capsys, store)
    assert "1 removed" in prune(capsys, store, "--older-than", "2") and not fresh.exists()


def test_what_was_used_lately_stays(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    (folder,) = run(store, step("used"))
    age(store, folder, 40)
    run(store, step("used"))
    assert "0 removed" in prune(capsys, store) and folder.exists()


def test_what_runs_stays(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    going = step("going", "import time; time.sleep(3); open('out.txt', 'w')")
    states: list[State] = []

    def execute() -> None:
        states.extend(
            result.state for result in Executor(store, 1, lambda *event: None).execute(Plan((going,))).results.values()
        )

    (idle,) = run(store, step("idle"))
    thread = threading.Thread(target=execute)
    thread.start()
    while not list(store.scratch.iterdir()):
        time.sleep(0.05)
    started = time.monotonic()
    printed = prune(capsys, store, "--older-than", "0")
    assert time.monotonic() - started < 2, "it waits for nobody"
    assert "1 left: a run uses it now" in printed and not idle.exists()
    thread.join()
    assert states == [State.DONE]


def test_a_record_that_cannot_be_read_stops_it(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    (folder,) = run(store, step("old"))
    age(store, folder, 40)
    (store.runs / "odd.json").mkdir()
    assert "it may refer to any step" in prune(capsys, store, code=3).lower() and folder.exists()


def test_runs_that_cannot_be_read_stop_it(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    (folder,) = run(store, step("old"))
    age(store, folder, 40)
    store.runs.rmdir()
    store.runs.symlink_to(store.runs.name)
    assert "its runs cannot be read" in prune(capsys, store, code=3) and folder.exists()


def test_an_empty_or_absent_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "0 removed" in prune(capsys, Store(tmp_path / "none"))
    assert main(["store", "prune", "--older-than", "-1", "--store", str(tmp_path)]) == 2
