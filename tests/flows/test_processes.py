"""Programs that hang, leak, die, flood and are killed, and what is left of them: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from flows import executor, identity, log
from flows.core.errors import SetupError, StepFailed
from flows.core.plan import PYTHON, Plan, State, Step
from flows.executor import Executor
from flows.processes import Stop, tool_version
from flows.store import LOG, Store

ROOT = Path(__file__).resolve().parents[2]
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
AWAY = "trap '' TERM HUP INT; touch up; exec setsid sleep 300"
"""A child that leaves its session, ignores polite signals and holds the output open."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """What every process of this test has in its environment."""
    mark = f"ZYNQFLOWS_TEST_MARK={uuid4().hex}"
    monkeypatch.setenv(*mark.split("="))
    return mark


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture
def tool(on_path: Callable[[str, str], None]) -> Callable[..., Step]:
    """Puts a stand-in on PATH, a shell script or whatever `text` is, and gives a step that runs it."""

    def put(text: str, name: str = "stand-in", makes: tuple[str, ...] = (), limit_s: float = 3600.0) -> Step:
        version = 'if [ "$1" = --version ]; then echo stand-in 1.0; exit; fi\n'
        on_path(name, text if text.startswith(("#!", "\0")) else f"#!/bin/sh\n{version}{text}")
        return Step(name, "stands in", name, (name,), makes=makes, limit_s=limit_s)

    return put


def left(mark: str) -> list[str]:
    """The processes with this mark, besides this one; those that are dead and not yet buried do not count."""
    results = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark.encode() in (place / "environ").read_bytes().split(b"\0")
            alive = ") Z" not in (place / "stat").read_text(errors="replace")
        except OSError:
            continue
        if marked and alive and int(place.name) != os.getpid():
            results.append(f"{place.name} {(place / 'comm').read_text().strip()}")
    return results


def gone(mark: str, seconds: float = 2.0) -> bool:
    deadline = time.monotonic() + seconds
    while left(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not left(mark)


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


def execute(store: Store, *steps: Step) -> dict[str, State]:
    products = Executor(store, 2, lambda *event: None).execute(Plan(steps))
    return {name: result.state for name, result in products.results.items()}


def failure(store: Store, step: Step) -> tuple[str, str]:
    """The message of a step that fails, and its log."""
    with pytest.raises(StepFailed) as caught:
        execute(store, step)
    assert not list(store.scratch.iterdir()) and not list(store.steps.iterdir())
    return str(caught.value), Path(caught.value.next_step.split("its log, ")[1]).read_text(errors="replace")


# What a program leaves behind


@needs_proc
def test_a_child_that_holds_the_output_keeps_nobody_waiting(store: Store, tool: Callable[..., Step], mark: str) -> None:
    """A licence server in a session of its own: the step is done with its program, and the child is ended."""
    step = tool(f'sh -c "{AWAY}" &\nuntil [ -e up ]; do sleep 0.01; done; echo done > out', makes=("out",))
    started = time.monotonic()
    assert execute(store, step) == {"stand-in": State.DONE}
    assert time.monotonic() - started < 10 and not left(mark)
    (folder,) = store.steps.iterdir()
    assert "[zynqflows: processes that it left behind were ended: sleep]" in (folder / LOG).read_text()


@needs_proc
def test_what_ends_a_moment_later_is_waited_for(store: Store, tool: Callable[..., Step]) -> None:
    step = tool("(sleep 0.3; echo the last line; echo whole > out) &", makes=("out",))
    assert execute(store, step) == {"stand-in": State.DONE}
    (folder,) = store.steps.iterdir()
    assert (folder / LOG).read_text() == "the last line\n"


@needs_proc
def test_the_limit_ends_the_whole_tree(store: Store, tool: Callable[..., Step], mark: str) -> None:
    step = tool(f"trap '' TERM\nsh -c \"{AWAY}\" &\n(sleep 300; echo) &\necho on\nsleep 300", limit_s=1.0)
    message, text = failure(store, step)
    assert "ended after its limit of 1 s" in message and text.startswith("on\n")
    assert not left(mark)


@needs_proc
def test_two_steps_at_once_are_both_stopped(store: Store, tool: Callable[..., Step], mark: str) -> None:
    steps = [tool(f'sh -c "{AWAY}" &\nsleep 300', name) for name in ("one", "other")]
    running = Executor(store, 2, lambda *event: None)

    def stop() -> None:
        until(lambda: sum("sleep" in process for process in left(mark)) == 4)
        running.stop()
        running.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        running.execute(Plan(tuple(steps)))
    thread.join()
    assert not left(mark) and not list(store.scratch.iterdir()) and not list(store.failed.iterdir())


def test_a_run_that_waits_for_another_can_be_stopped(store: Store, tool: Callable[..., Step]) -> None:
    step = tool("echo > out", makes=("out",))
    waiting = Executor(store, 1, lambda *event: None)
    with store.lock(identity.step_digest(step, {})):
        threading.Timer(0.3, waiting.stop).start()
        with pytest.raises(KeyboardInterrupt):
            waiting.execute(Plan((step,)))


@needs_proc
def test_a_tool_that_hangs_when_asked_for_its_version(
    tool: Callable[..., Step], mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.processes.VERSION_S", 0.5)
    tool(f'#!/bin/sh\nsh -c "{AWAY}" &\necho banner\necho v7.1\nsleep 300')
    path = identity.find_tool("stand-in")
    assert path and tool_version(path) == "v7.1" and not left(mark)
    tool("#!/bin/sh\nexec yes no digit")
    assert tool_version(path) == "unknown"
    tool("#!/no/such/interpreter")
    assert tool_version(path) == "unknown"


@needs_proc
def test_a_stop_ends_the_question_for_a_version(tool: Callable[..., Step], mark: str) -> None:
    tool("#!/bin/sh\nsleep 300")
    path, stop = identity.find_tool("stand-in"), Stop()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    assert path and tool_version(path, stop) == "unknown"
    assert time.monotonic() - started < 10 and not left(mark)


# Programs that cannot be started, and damage


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("#!/no/such/interpreter\n", "the interpreter that its first line names is absent"),
        ("#!/tmp\n", "Permission denied"),
        ("\0\1\2 no program", "Exec format error"),
    ],
)
def test_a_program_that_cannot_be_started(store: Store, tool: Callable[..., Step], text: str, fact: str) -> None:
    with pytest.raises(SetupError, match=rf"stand-in: cannot be started \({fact}\)"):
        execute(store, tool(text))
    assert not list(store.scratch.iterdir()) and not list(store.steps.iterdir())


def test_a_tool_that_vanishes_between_lookup_and_start(store: Store, tool: Callable[..., Step]) -> None:
    step = tool("true")
    path = identity.find_tool("stand-in")
    assert path
    Path(path).unlink()
    with pytest.raises(SetupError, match="No such file"):
        execute(store, step)


def test_a_folder_and_a_file_without_permission_are_no_tools(store: Store, tool: Callable[..., Step]) -> None:
    step = tool("true")
    place = Path(str(identity.find_tool("stand-in")))
    place.chmod(0o644)
    identity.find_tool.cache_clear()
    assert execute(store, step) == {"stand-in": State.SKIPPED}
    place.unlink()
    place.mkdir()
    identity.find_tool.cache_clear()
    assert execute(store, step) == {"stand-in": State.SKIPPED}


@pytest.mark.parametrize(("argument", "fact"), [("x" * 3_000_000, "Argument list too long"), ("\0", "null")])
def test_an_argument_that_no_program_takes(store: Store, argument: str, fact: str) -> None:
    with pytest.raises(SetupError, match=fact):
        execute(store, Step("s", "", "true", ("true", argument)))


@pytest.mark.parametrize("makes", [(), ("out",)])
def test_a_tool_that_removes_its_folder(store: Store, tool: Callable[..., Step], makes: tuple[str, ...]) -> None:
    step = tool('echo on my way; rm -rf "$PWD"; exit 0', makes=makes)
    if makes:
        message, text = failure(store, step)
        assert "exited 0 but left no out" in message and text == "on my way\n"
    else:
        assert execute(store, step) == execute(store, step) | {"stand-in": State.DONE}
    assert (
        "exit code 3: on my way"
        in failure(Store(store.root / "other"), tool('echo on my way; rm -rf "$PWD"; exit 3'))[0]
    )


# What a program prints


def test_output_without_end_is_bounded_in_the_log_and_in_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "HEAD", 1 << 20)
    monkeypatch.setattr(log, "TAIL", 1 << 16)
    heard: list[str] = []
    code = (
        "import sys; print('begun')\nfor _ in range(300): sys.stdout.write('x' * 100_000)\nprint('\\nthe end'); exit(1)"
    )
    step = Step("floods", "", PYTHON, (PYTHON, "-c", code))
    with pytest.raises(StepFailed, match="exit code 1: the end") as caught:
        Executor(store, 1, lambda *event: heard.append(event[2])).execute(Plan((step,)))
    text = Path(caught.value.next_step.split("its log, ")[1]).read_text()
    assert text.startswith("begun\nxxx") and text.endswith("xxx\nthe end\n") and "bytes are left out here]" in text
    assert len(text) < (1 << 20) + (1 << 17) + 100 and max(map(len, heard)) <= 300


def test_the_log_keeps_bytes_and_the_terminal_sees_none_of_them_raw(store: Store, tool: Callable[..., Step]) -> None:
    step = tool(r"printf 'a\000b \377\376 \033[31mred\033[0m\r\n\n'; exit 4")
    with pytest.raises(StepFailed) as caught:
        execute(store, step)
    assert caught.value.fact == "exit code 4: a\\x00b �� \\x1b[31mred\\x1b[0m"
    log = Path(caught.value.next_step.split("its log, ")[1])
    assert log.read_bytes() == b"a\0b \xff\xfe \x1b[31mred\x1b[0m\r\n\n"


# Memory


@pytest.mark.parametrize("code", ["bytearray(8 << 30)", "[bytes(1 << 20) for _ in range(8 << 10)]", "b'x' * (8 << 30)"])
def test_a_worker_that_wants_too_much_memory_is_ended_in_a_line(store: Store, code: str) -> None:
    step = Step("grows", "", PYTHON, (PYTHON, "-c", code), memory_mb=256)
    with pytest.raises(StepFailed, match=r"step grows: needed more than 0\.25 GB of memory\. Read its log") as caught:
        execute(store, step)
    assert "\n" not in str(caught.value)


def test_the_limit_of_memory_is_that_of_workers_only(store: Store, tool: Callable[..., Step]) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_DATA)[0] >> 20); open('out', 'w')"
    worker = Step("worker", "", PYTHON, (PYTHON, "-c", code), makes=("out",))
    execute(store, worker, tool(f"#!{sys.executable}\n{code}", makes=("out",)))
    said = sorted((folder / LOG).read_text().strip() for folder in store.steps.iterdir())
    assert said == sorted([str(worker.memory_limit_mb + executor.THREADS_MB), str(-1 >> 20)])


# Kills


DRIVER = """
import sys
from pathlib import Path
from flows.__main__ import main
from flows.cli.commands import doctor
from flows.core.plan import Plan, PYTHON, Step
from flows.executor import Executor, run_attached
from flows.store import Store

def execute(arguments):
    steps = tuple(Step(name, "", name, (name,), makes=("out",)) for name in ("one", "other"))
    Executor(Store(place), 2, lambda *event: None).execute(Plan(steps))
    return 0

def train(arguments):
    return run_attached("stand_in_of_a_worker")

doctor.execute = {"execute": execute, "train": train}[sys.argv[2]]
place = Path(sys.argv[1])
sys.argv[1:] = ["doctor"]
sys.exit(main())
"""


def killed(victim: subprocess.Popen[str], number: int, mark: str, twice: bool = False) -> None:
    """Sends a signal to a run whose tools are up, and asserts how it ends and that nothing is left."""
    victim.send_signal(number)
    if twice:
        victim.send_signal(number)
    assert gone(mark), left(mark)
    assert victim.wait() == (-number if number == signal.SIGKILL else 128 + number)
    assert victim.stderr
    said = victim.stderr.read()
    assert "Traceback" not in said and "Exception" not in said
    assert twice or said.count("interrupted: ") == (number != signal.SIGKILL)


def start(*argv: str, start_new_session: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *argv],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


@needs_proc
@pytest.mark.parametrize(("number", "twice"), [*((number, False) for number in SIGNALS), (signal.SIGINT, True)])
def test_a_killed_run_leaves_nothing_and_can_be_repeated(
    store: Store, tool: Callable[..., Step], mark: str, number: int, twice: bool
) -> None:
    for name in ("one", "other"):
        tool(f"trap '' TERM HUP INT\nsh -c \"{AWAY}\" &\nwhile :; do echo x >> grows; sleep 0.01; done", name)
    with start("-c", DRIVER, str(store.root), "execute") as victim:
        until(lambda: sum("setsid" in process or "sleep" in process for process in left(mark)) >= 2)
        killed(victim, number, mark, twice)
    assert not list(store.steps.iterdir())
    for name in ("one", "other"):
        tool("echo > out", name)
    with start("-c", DRIVER, str(store.root), "execute") as again:
        assert again.wait() == 0
    assert not list(store.scratch.iterdir()) and len(list(store.steps.iterdir())) == 2


@needs_proc
@pytest.mark.parametrize("number", SIGNALS)
def test_a_killed_training_leaves_nothing(
    tmp_path: Path, mark: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import signal, subprocess, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
    (tmp_path / "stand_in_of_a_worker.py").write_text(
        code + "subprocess.Popen(['sleep', '300'], start_new_session=True)\nwhile True: time.sleep(0.1)"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + DRIVER.replace(
        "return run_attached", f"import os; os.environ['PYTHONPATH'] = {str(tmp_path)!r}; return run_attached"
    )
    with start("-c", code, str(tmp_path), "train") as victim:
        until(lambda: any("sleep" in process for process in left(mark)))
        killed(victim, number, mark)


@needs_proc
@pytest.mark.slow
def test_a_killed_flow_leaves_no_compiler(tmp_path: Path, tool: Callable[..., Step], mark: str) -> None:
    """The command as users have it, in g++."""
    for package in ("torch", "hls4ml"):
        pytest.importorskip(package)
    up = tmp_path / "up"
    tool(f"trap '' TERM HUP INT\nsh -c \"{AWAY}\" &\nuntil [ -e up ]; do :; done\ntouch {up}\nsleep 300", "g++")
    for number in (signal.SIGHUP, signal.SIGKILL):
        up.unlink(missing_ok=True)
        with start("-m", "flows", "run", "hls", "--store", str(tmp_path / "store")) as victim:
            until(up.exists)
            killed(victim, number, mark)


@needs_proc
def test_ctrl_c_on_a_terminal_goes_to_everybody_and_ends_in_a_line(tmp_path: Path, mark: str) -> None:
    """To the whole foreground process group, as a terminal does, and also while the watchdog is only starting."""
    (tmp_path / "stand_in_of_a_worker.py").write_text("import time\ntime.sleep(300)")
    code = DRIVER.replace(
        "return run_attached", f"import os; os.environ['PYTHONPATH'] = {str(tmp_path)!r}; return run_attached"
    )
    for processes in (2, 3):
        with start("-c", code, str(tmp_path), "train", start_new_session=True) as victim:
            until(lambda: len(left(mark)) == processes)  # noqa: B023
            os.killpg(victim.pid, signal.SIGINT)
            assert gone(mark), left(mark)
            assert victim.wait() == 130 and victim.stderr
            said = victim.stderr.read()
            assert said.startswith("interrupted: ") and said.count("\n") == 1


POOL = """
import sys, time
from pathlib import Path
from flows import pools
from flows.cli.interruption import Interrupted, interruptible
try:
    with interruptible(True), pools.opened(None, 2) as (pool, _):
        list(pool.map(abs, range(4)))
        Path(sys.argv[1]).touch()
        time.sleep(300)
except Interrupted as interrupted:
    sys.exit(interrupted.code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_workers_of_a_sweep_end_without_a_word(number: int, tmp_path: Path) -> None:
    """`timeout` and a terminal signal the whole group: they had printed a traceback each."""
    with start("-c", POOL, str(tmp_path / "up"), start_new_session=True) as victim:
        until((tmp_path / "up").exists)
        os.killpg(victim.pid, number)
        assert victim.wait() == 128 + number and victim.stderr
        said = victim.stderr.read()
        assert said.startswith("interrupted: ") and said.count("\n") == 1


@needs_proc
def test_under_nohup_a_closed_terminal_ends_nothing(store: Store, tool: Callable[..., Step], mark: str) -> None:
    for name in ("one", "other"):
        tool("until [ -e go ]; do sleep 0.05; done; echo > out", name)
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{DRIVER}"
    with start("-c", code, str(store.root), "execute") as run:
        until(lambda: len(list(store.scratch.glob("*/"))) == 2 and len(left(mark)) >= 5)
        run.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        for folder in store.scratch.glob("*/"):
            (folder / "go").touch()
        assert run.wait() == 0


def test_an_orphan_that_still_writes_does_not_spoil_the_rerun(store: Store, tool: Callable[..., Step]) -> None:
    """As a run of another machine on the same store may leave it: its folder fills while it is removed."""
    step = tool("echo > out", makes=("out",))
    digest = identity.step_digest(step, {})
    stale, other = store.scratch / f"{digest}.dead", store.scratch / f"{'0' * 64}.dead"
    (store.locks / ("0" * 64)).touch()
    other.mkdir()
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            for number in range(50):
                stale.mkdir(exist_ok=True)
                try:
                    (stale / f"{number}").write_text("x")
                except FileNotFoundError:
                    break

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert execute(store, step) == {"stand-in": State.DONE}
    finally:
        end.set()
        writer.join()
    assert [path.name for path in (store.steps / digest).iterdir() if path.name == "out"] == ["out"]
    assert not other.exists(), "what a dead run left is removed, whatever its step"


def test_what_a_living_run_writes_is_left_alone(store: Store) -> None:
    digest = "1" * 64
    with store.lock(digest), store.fresh(digest) as folder:
        (folder / "kept").touch()
        with store.lock("2" * 64), store.fresh("2" * 64):
            assert (folder / "kept").exists()
    assert not folder.exists()
