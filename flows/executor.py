"""Runs plans. The only place that fills a work directory.

A step's result is named by a digest over all that it can depend on (`flows.identity`). A result that is in the store is
kept; otherwise the step runs in a fresh directory, its promised files are checked, and the directory enters the store
by one rename.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from flows import processes
from flows.core.errors import InputError, StepFailed
from flows.core.files import read_text
from flows.core.plan import PYTHON, Asset, Output, Plan, Products, State, Step, StepResult
from flows.core.text import printable
from flows.identity import find_tool, step_digest, step_digests
from flows.log import Log
from flows.manifest import AGAIN, Changed, Manifest, copy, read_manifest, survey
from flows.packages import package_version, require
from flows.processes import LATE, Stop, run, tool_version
from flows.store import LOG, Store

Listener = Callable[[str, Step, str], None]
"""Told "started", "line", "waits", "done", "kept", "made again", "skipped" or "follows" (skipped since one was that it
needs), the step, and a text: the newest line of its output, what became of it, or what of the stored result has
changed."""
PATIENCE_S = 5.0
"""Seconds of waiting for another run, after which the listener hears of it."""

THREADS_MB = 64 * (os.cpu_count() or 1)
"""What threads of torch and OpenBLAS reserve beside what a worker needs: at most stacks and a buffer for each core."""


class Executor:
    """Runs the steps of plans, at most `jobs` processes at a time; `execute` may be called from several threads."""

    def __init__(self, store: Store, jobs: int, listener: Listener, verify: bool = False) -> None:
        """With `verify` the digest of every stored file is computed before it is used, not only where its size or time
        differs. Raises `SetupError` where the store cannot be written."""
        store.prepare()
        self._store, self._listener, self._verify = store, listener, verify
        self._places = threading.BoundedSemaphore(jobs)
        self._stop = Stop()
        self._said = {PYTHON: platform.python_version()}

    def execute(self, plan: Plan) -> Products:
        """Runs `plan`; raises the first `StepFailed` or `SetupError` once the steps under way have ended.

        A `KeyboardInterrupt` in this thread stops them, and is raised again.
        """
        require(_startable(plan))  # before hours of work, not between
        futures: dict[str, Future[StepResult]] = {}
        digests = step_digests(plan)
        with ThreadPoolExecutor(max(1, len(plan.steps))) as pool:
            try:
                for step in plan.steps:
                    upstream = {name: futures[name] for name in step.needs}
                    futures[step.name] = pool.submit(self._step, step, digests[step.name], upstream)
                wait(futures.values())
            except KeyboardInterrupt:
                self.stop()
                raise
        return Products({name: future.result() for name, future in futures.items()})

    def answer(self, step: Step, compute: Callable[[], str]) -> str:
        """What `compute` gives in this process, kept in the store as the one file that `step` makes."""
        digest, (file,) = step_digest(step, {}), step.makes
        with self._lock(step, digest):
            if self._stored_result(step, digest, {}):
                return read_text(self._store.steps / digest / file, AGAIN)
            text = compute()
            with self._store.writing(), self._store.fresh(digest) as scratch:
                (scratch / file).write_text(text)
                self._store.finish(scratch, survey(scratch, step, {}, self._versions(step, PYTHON), 0.0))
        return text

    def stop(self) -> None:
        """Ends all running processes and starts no others. None of their results enters the store."""
        self._stop.set()

    def _step(self, step: Step, digest: str, upstream: Mapping[str, Future[StepResult]]) -> StepResult:
        results = {name: future.result() for name, future in upstream.items()}
        for name, result in results.items():
            if result.state is State.SKIPPED:
                cause = result.cause or result.reason
                return self._skip(step, f"needs {name}, which was skipped: {cause}", cause)
        tool = find_tool(step.tool)
        if tool is None:
            return self._skip(step, f"{step.tool} is not on PATH")
        with self._lock(step, digest):
            started = time.monotonic()
            sources = {name: _stored(result) for name, result in results.items()}
            inputs = _upstream_digests(step, sources)
            if manifest := self._stored_result(step, digest, inputs):
                self._listener("kept", step, "kept from an earlier run")
                return StepResult(step.name, State.KEPT, self._store.steps / digest, 0.0, manifest.versions)
            with self._place():
                versions = self._versions(step, tool)
                self._listener("started", step, step.about)
                with self._store.writing(), self._store.fresh(digest) as scratch:
                    _lay(step, scratch, sources)
                    try:
                        self._run(step, tool, scratch)
                    except StepFailed as error:
                        if not step.may_fail:
                            raise
                        return self._skip(step, f"{error.fact}; {error.next_step}")
                    seconds = round(time.monotonic() - started, 2)
                    self._store.place_log(scratch)
                    folder = self._store.finish(scratch, survey(scratch, step, inputs, versions, seconds))
        self._listener("done", step, f"{seconds:.1f} s")
        return StepResult(step.name, State.DONE, folder, seconds, versions)

    def _stored_result(self, step: Step, digest: str, inputs: Mapping[str, str]) -> Manifest | None:
        """The manifest of the stored result; None where there is none, or where it is no longer what the step left."""
        try:
            return self._store.finished(step, digest, inputs, self._verify)
        except Changed as reason:
            self._listener("made again", step, printable(f"since in the store {reason}"))
            return None

    def _skip(self, step: Step, reason: str, cause: str = "") -> StepResult:
        self._listener("follows" if cause else "skipped", step, reason)
        return StepResult(step.name, State.SKIPPED, None, 0.0, {}, reason, cause)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._places:
            self._stop.check()
            yield

    @contextmanager
    def _lock(self, step: Step, digest: str) -> Iterator[None]:
        silent_until = time.monotonic() + PATIENCE_S

        def wait_for_another() -> None:
            nonlocal silent_until
            self._stop.wait(0.1)
            if time.monotonic() > silent_until:
                self._listener("waits", step, "another run is computing it")
                silent_until = math.inf

        with self._store.lock(digest, wait_for_another):
            yield

    def _versions(self, step: Step, tool: str) -> dict[str, str]:
        """For people: what the tool says of itself, and the packages that the result depends on."""
        if step.tool not in self._said:
            self._said[step.tool] = tool_version(tool, self._stop)
            self._stop.check()
        return {step.tool: self._said[step.tool]} | {name: package_version(name) for name in step.packages}

    def _run(self, step: Step, tool: str, folder: Path) -> None:
        argv = [tool, *(["-P"] if step.tool == PYTHON else []), *step.argv[1:]]
        memory_mb = step.memory_limit_mb
        reserved_mb = memory_mb and memory_mb + THREADS_MB
        with Log(self._store.log(folder), lambda line: self._listener("line", step, line)) as log:
            ended = run(argv, folder, _environment(), log.hear, self._stop, step.limit_s, reserved_mb)
            compiler_said = "" if step.tool == PYTHON else log.first_error  # a worker of ours says it at the end
            said, misses_memory = compiler_said or log.last_line, log.misses_memory
            if ended.left:
                log.note(f"processes that it left behind were ended: {ended.left}")
        self._stop.check()
        missing = [name for name in step.makes if not (folder / name).exists()]
        if ended.code == 0 and not missing:
            return
        if ended.code and ended.why == LATE:
            fact = f"ended after its limit of {step.limit_s:.0f} s"
        elif ended.code and memory_mb and (misses_memory or ended.peak_mb > 0.9 * memory_mb):
            fact = f"needed more than {memory_mb / 1024:.3g} GB of memory"
        elif ended.code:
            fact = f"exit code {ended.code}: {said}{self._store.shortage()}"
        else:
            fact = f"exited 0 but left no {', '.join(missing)}"
        raise StepFailed(f"step {step.name}", fact, f"read its log, {self._store.fail(folder) / LOG}")


def _startable(plan: Plan) -> list[Step]:
    """The steps whose tool is present, as are the tools of all steps that they need. All others are skipped."""
    startable: dict[str, Step] = {}
    for step in plan.steps:
        if find_tool(step.tool) and all(name in startable for name in step.needs):
            startable[step.name] = step
    return list(startable.values())


def _stored(result: StepResult) -> tuple[Path, Manifest]:
    """The folder of a step and what it holds."""
    assert result.folder, "a step whose upstream was skipped does not run"
    try:
        return result.folder, read_manifest(result.folder)
    except Changed as reason:
        raise InputError(f"stored step {result.folder}", str(reason), AGAIN) from None


def _upstream_digests(step: Step, sources: Mapping[str, tuple[Path, Manifest]]) -> dict[str, str]:
    """Digests of the outputs that a step takes from earlier steps, by their names in its directory."""
    outputs = {name: item for name, item in step.files.items() if isinstance(item, Output)}
    return {name: sources[item.step][1].part(item.file) for name, item in outputs.items()}


def _lay(step: Step, folder: Path, sources: Mapping[str, tuple[Path, Manifest]]) -> None:
    """Puts a step's files into its directory: text written, assets linked, outputs copied (a tool may write there)."""
    for name, item in step.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        match item:
            case str():
                place.write_text(item)
            case Asset():
                place.symlink_to(item.path.absolute())
            case Output():
                source, manifest = sources[item.step]
                if (source / item.file).is_dir():
                    place.mkdir()
                for stored, facts in manifest.below(item.file).items():
                    copy(source / stored, facts.digest, folder / f"{name}{stored.removeprefix(item.file)}")


def _environment() -> dict[str, str]:
    """Workers import our packages from where this module came from, installed or not."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def run_attached(module: str, *arguments: str) -> int:
    """Runs a worker of ours in the user's terminal and folder, outside the store; returns its exit code."""
    return processes.run_attached([find_tool(PYTHON) or sys.executable, "-P", "-m", module, *arguments], _environment())
