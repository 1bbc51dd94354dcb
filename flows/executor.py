"""Runs plans. The only place that starts a process or fills a work directory.

A step's result is named by a digest over all that it can depend on: its argv, the tool (path, size, time) or the
interpreter, package versions, the text of our own packages, the files it is given, and the steps those come from. A
result that is in the store is kept; otherwise the step runs in a fresh directory, its promised files are checked, and
the directory enters the store by one rename.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata, util
from pathlib import Path

from flows.core.digest import digest_bytes, digest_of
from flows.core.errors import InputError, SetupError, StepFailed
from flows.core.plan import PYTHON, Asset, Output, Plan, Products, State, Step, StepResult
from flows.core.text import printable
from flows.manifest import AGAIN, Changed, Manifest, copy, read_manifest, survey
from flows.store import LOG, Store

Listener = Callable[[str, Step, str], None]
"""Told "started", "line", "done", "kept", "made again" or "skipped", the step, and a text: its output, or what became
of it, or what of the stored result has changed."""

SOURCE_SUFFIXES = (".py", ".cpp", ".h", ".j2", ".tcl")


class Executor:
    """Runs the steps of plans, at most `jobs` processes at a time; `execute` may be called from several threads."""

    def __init__(self, store: Store, jobs: int, listener: Listener, verify: bool = False) -> None:
        """With `verify` the digest of every stored file is computed before it is used, not only where its size or time
        differs. Raises `SetupError` where the store cannot be written."""
        store.prepare()
        self._store, self._listener, self._verify = store, listener, verify
        self._places = threading.BoundedSemaphore(jobs)
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = threading.Event()

    def execute(self, plan: Plan) -> Products:
        """Runs `plan`; raises the first `StepFailed` or `SetupError` once the steps under way have ended."""
        futures: dict[str, Future[StepResult]] = {}
        digests: dict[str, str] = {}
        with ThreadPoolExecutor(max(1, len(plan.steps))) as pool:
            for step in plan.steps:
                digests[step.name] = digest = step_digest(step, digests)
                upstream = {name: futures[name] for name in step.needs}
                futures[step.name] = pool.submit(self._step, step, digest, upstream)
        return Products({name: future.result() for name, future in futures.items()})

    def stop(self) -> None:
        """Ends every process under way; nothing of theirs enters the store."""
        self._stopped.set()
        for process in tuple(self._running):
            _end(process)

    def _step(self, step: Step, digest: str, upstream: Mapping[str, Future[StepResult]]) -> StepResult:
        results = {name: future.result() for name, future in upstream.items()}
        for name, result in results.items():
            if result.state is State.SKIPPED:
                return self._skip(step, f"needs {name}, which was skipped: {result.reason}")
        for package in step.packages:
            if package_version(package) == "absent":
                fact = f"not installed, and step {step.name} needs it"
                advice = "install this flow's extra (README), or use `python -m flows estimate`, which needs none"
                raise SetupError(f"package {package}", fact, advice)
        tool = _find(step.tool)
        if tool is None:
            return self._skip(step, f"{step.tool} is not on PATH")
        with self._store.lock(digest):
            started = time.monotonic()
            sources = {name: _stored(result) for name, result in results.items()}
            given = _given(step, sources)
            if kept := self._kept(step, digest, given):
                self._listener("kept", step, "kept from an earlier run")
                return StepResult(step.name, State.KEPT, self._store.steps / digest, 0.0, kept.versions)
            with self._place(), self._store.making(digest):
                versions = _versions(step, tool)
                self._listener("started", step, step.about)
                folder = self._store.fresh(digest)
                _lay(step, folder, sources)
                self._run(step, digest, tool, folder)
                seconds = round(time.monotonic() - started, 2)
                folder = self._store.finish(digest, survey(folder, step, given, versions, seconds))
        self._listener("done", step, f"{seconds:.1f} s")
        return StepResult(step.name, State.DONE, folder, seconds, versions)

    def _kept(self, step: Step, digest: str, given: Mapping[str, str]) -> Manifest | None:
        """The manifest of the stored result; None where there is none, or where it is no longer what the step left."""
        try:
            return self._store.finished(step, digest, given, self._verify)
        except Changed as reason:
            self._listener("made again", step, printable(f"since in the store {reason}"))
            return None

    def _skip(self, step: Step, reason: str) -> StepResult:
        self._listener("skipped", step, reason)
        return StepResult(step.name, State.SKIPPED, None, 0.0, {}, reason)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._places:
            if self._stopped.is_set():
                raise KeyboardInterrupt
            yield

    def _run(self, step: Step, digest: str, tool: str, folder: Path) -> None:
        program = [tool, "-P"] if step.tool == PYTHON else [tool]
        deadline = time.monotonic() + step.limit_s
        with (folder / LOG).open("w") as log:
            process = subprocess.Popen(
                [*program, *step.argv[1:]],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            timer = threading.Timer(step.limit_s, _end, (process,))
            timer.start()
            try:
                for line in process.stdout or ():
                    log.write(line)
                    self._listener("line", step, line.rstrip())
                code = process.wait()
            except OSError:  # its log cannot be written
                _end(process)
                raise
            finally:
                timer.cancel()
                self._running.discard(process)
        if self._stopped.is_set():
            self._store.discard(digest)
            raise KeyboardInterrupt
        missing = [name for name in step.makes if not (folder / name).exists()]
        if code == 0 and not missing:
            return
        if code and time.monotonic() >= deadline:
            fact = f"ended after its limit of {step.limit_s:.0f} s"
        elif code:
            fact = f"exit code {code}: {_last_line(folder / LOG)}{self._store.shortage()}"
        else:
            fact = f"exited 0 but left no {', '.join(missing)}"
        raise StepFailed(f"step {step.name}", fact, f"read its log, {self._store.fail(digest) / LOG}")


def step_digest(step: Step, upstream: Mapping[str, str]) -> str:
    """The name of a step's result; `upstream` has the digests of the steps it needs."""
    files = {}
    for name, item in step.files.items():
        match item:
            case str():
                files[name] = digest_bytes(item.encode())
            case Asset():
                files[name] = item.digest
            case Output():
                files[name] = f"{upstream[item.step]}/{item.file}"
    inputs = {
        "argv": step.argv,
        "files": files,
        "makes": step.makes,
        "tool": _tool_identity(step.tool),
        "packages": {name: package_version(name) for name in step.packages},
        "sources": {name: source_digest(name) for name in step.sources},
    }
    return digest_of(inputs)


@cache
def _find(tool: str) -> str | None:
    return sys.executable if tool == PYTHON else shutil.which(tool)


@cache
def _tool_identity(tool: str) -> str:
    """By path, size and time: asking a tool its version costs more than a repeated run may."""
    if tool == PYTHON:
        return f"python {platform.python_version()}"
    if path := _find(tool):
        status = Path(path).resolve().stat()
        return f"{path} {status.st_size} {status.st_mtime_ns}"
    return "absent"


@cache
def package_version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


@cache
def source_digest(package: str) -> str:
    """Digest of the text of a package of ours, subpackages included."""
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SetupError(f"package {package}", "a step depends on it and it is not installed", "install its flow again")
    origin = Path(spec.origin)
    root = origin.parent
    paths = sorted(root.rglob("*")) if spec.submodule_search_locations else [origin]
    texts = [
        (str(path.relative_to(root)), digest_bytes(path.read_bytes()))
        for path in paths
        if path.suffix in SOURCE_SUFFIXES and "__pycache__" not in path.parts
    ]
    return digest_of(texts)


def _versions(step: Step, tool: str) -> dict[str, str]:
    """For people: what the tool says of itself, and the packages that the result depends on."""
    said = platform.python_version() if step.tool == PYTHON else tool_version(tool)
    return {step.tool: said} | {name: package_version(name) for name in step.packages}


VERSION_OPTION = {"vitis_hls": "-version", "vivado_hls": "-version", "vivado": "-version"}
"""What asks a tool for its version, where that is not ``--version``: AMD's start a session at an option unknown."""


def tool_version(path: str) -> str:
    """The first line with a digit that a tool prints of its version, or "unknown"."""
    option = VERSION_OPTION.get(Path(path).name, "--version")
    try:
        done = subprocess.run([path, option], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (line.strip() for line in done.stdout.splitlines())
    return next((line for line in lines if any(character.isdigit() for character in line)), "unknown")


def _stored(result: StepResult) -> tuple[Path, Manifest]:
    """The folder of a step and what it holds."""
    assert result.folder, "a step whose upstream was skipped does not run"
    try:
        return result.folder, read_manifest(result.folder)
    except Changed as reason:
        raise InputError(f"stored step {result.folder}", str(reason), AGAIN) from None


def _given(step: Step, sources: Mapping[str, tuple[Path, Manifest]]) -> dict[str, str]:
    """What a step takes from earlier ones: digests of what they hold now, by the names that it takes them under."""
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
    return subprocess.run([sys.executable, "-P", "-m", module, *arguments], env=_environment()).returncode


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a process and those it started (it leads a session of its own)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
