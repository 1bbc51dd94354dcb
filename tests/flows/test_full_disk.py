"""A full disk: one clear error of its class, exit code 5, and whatever was whole stays whole."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.__main__ import main
from flows.core.errors import SetupError, StepFailed
from flows.core.files import write_atomic
from flows.core.plan import PYTHON, Output, Plan, Step
from flows.executor import Executor
from flows.store import Store

ROOT = Path(__file__).resolve().parents[2]
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def script(name: str, code: str, **settings: Any) -> Step:
    return Step(name, f"runs {name}", PYTHON, (PYTHON, "-c", code), makes=("out.txt",), **settings)


def quiet(event: str, step: Step, text: str) -> None:
    pass


CHAIN = Plan(
    (
        script("first", "open('out.txt', 'w').write('x' * 1000)", files={"given.txt": "given"}),
        script("second", "open('out.txt', 'w').write('y')", files={"up.txt": Output("first", "out.txt")}),
    )
)


@pytest.fixture
def fullness(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The disk of what this process writes: full after so many writes."""
    left = [1 << 30]
    real_write, real_link, real_mkdir = os.replace, Path.symlink_to, Path.mkdir
    real_open = Path.open

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            count()
            return real(*arguments, **more)

        return call

    def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set(mode) & set("wxa"):
            count()
        return real_open(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "mkdir", counted(real_mkdir))
    monkeypatch.setattr(Path, "symlink_to", counted(real_link))
    monkeypatch.setattr(os, "replace", counted(real_write))
    monkeypatch.setattr(os, "rename", counted(os.rename))
    yield left


def test_a_store_on_a_full_disk_says_so_at_every_write(tmp_path: Path, fullness: list[int]) -> None:
    store, refused = Store(tmp_path / "store"), 0
    for writes in range(60):
        fullness[0] = writes
        try:
            Executor(store, 1, quiet).execute(CHAIN)
            break
        except SetupError as error:
            refused += 1
            assert "no room left on its disk" in str(error), error
    assert refused > 8, "each write was the one that failed, once"
    fullness[0] = 1 << 30
    results = Executor(store, 1, quiet).execute(CHAIN).results
    assert {result.state.value for result in results.values()} == {"kept"}


def test_a_worker_that_meets_a_full_disk_says_so(tmp_path: Path) -> None:
    step = script("fills", "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), 'weights')")
    with pytest.raises(StepFailed, match="No space left on device"):
        Executor(Store(tmp_path / "store"), 1, quiet).execute(Plan((step,)))


def test_a_tool_that_fails_on_a_full_disk_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    monkeypatch.setattr(shutil, "disk_usage", lambda root: SimpleNamespace(free=4096))
    with pytest.raises(StepFailed, match=f"no room is left on the disk of the store {store.root}"):
        Executor(store, 1, quiet).execute(Plan((script("fails", "raise SystemExit(1)"),)))


def test_what_a_full_disk_left_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")

    def full(*arguments: object) -> None:
        raise SetupError("store", "no room left on its disk", "")

    monkeypatch.setattr(store, "finish", full)
    with pytest.raises(SetupError):
        Executor(store, 1, quiet).execute(Plan(CHAIN.steps[:1]))
    assert not list(store.scratch.iterdir())


def test_a_record_stays_whole(tmp_path: Path, fullness: list[int]) -> None:
    store = Store(tmp_path)
    store.save("a-run", "whole")
    for writes in range(5):
        fullness[0] = writes
        try:
            store.save("a-run", "other" * 100)
        except SetupError as error:
            assert "no room left" in str(error) and (tmp_path / "runs/a-run.json").read_text() == "whole"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a-run.json"]


def test_no_report_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "report.html"
    write_atomic(place, "whole")

    def full(descriptor: int) -> None:
        raise FULL

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SetupError, match="no room left on its disk"):
        write_atomic(place, "other")
    assert place.read_text() == "whole" and list(tmp_path.iterdir()) == [place]


def test_output_that_nobody_can_take_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flows", "list", "parts"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 5
    assert done.stderr == "error: output: no room left on its disk. Make room there, or name another place.\n"


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes small disks; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def disk(kilobytes: int) -> Path:
        place = tmp_path_factory.mktemp("disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounted.append(place)
        return place

    yield disk
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.parametrize("kilobytes", [4, 8, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 160, 200, 240])
def test_a_small_disk(disks: Any, kilobytes: int, capsys: pytest.CaptureFixture[str]) -> None:
    place = disks(kilobytes)
    store = Store(place / "store")
    code = "print('z' * 40000); open('out.txt', 'w').write('x' * 50000)"
    plan = Plan((script("first", code), script("second", code, files={"up.txt": Output("first", "out.txt")})))
    try:
        Executor(store, 1, quiet).execute(plan)
    except (SetupError, StepFailed) as error:
        assert "room left" in str(error) or "No space left" in str(error), error
    assert main(["compare", "--store", str(place / "store"), "--json", str(place / "out.json")]) == 3
    assert "Traceback" not in capsys.readouterr().err
