"""Workers of steps without the start of Python and the import of torch, which takes longer than what most tests ask of
them: a server has both behind it, and forks for each step.

A step still runs as it does for users, under the watchdog, with a log, limits and an exit code of its own. But the
watchdog starts `CLIENT` in place of Python, which hands its streams, folder, environment and limit of memory to the
server, and ends as the worker ends. For whatever is no worker, `CLIENT` becomes Python itself.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

WITH_MORE = {"backends.hls4ml.workers.convert": ("hls4ml", "keras")}
"""What the server loads before it first forks for a worker, beside torch. Keras then runs on torch."""
ON_THEIR_OWN = ("models.training.keras_worker", "backends.c.workers.keras2c")
"""Workers that choose what Keras runs on: Python starts them."""
MOST = 1 << 18
"""Bytes of a request: arguments and environment."""
CLIENT = """#!{python} -IS
import json, os, resource, signal, socket, sys
words = sys.argv[1:]
if words[:2] != ["-P", "-m"] or words[2] in {on_their_own!r}:
    os.execv({python!r}, [{python!r}, *words])
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
request = json.dumps([words[2:], os.getcwd(), dict(os.environ), resource.getrlimit(resource.RLIMIT_DATA)]).encode()
socket.send_fds(server, [request], [0, 1, 2])
code = int(server.recv(64) or -signal.SIGKILL)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


class WarmPython:
    """What tests start in place of Python: the server runs from the first use of `path` on. Where it cannot run, or
    $COLD_WORKERS is set, `path` is Python's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    @cached_property
    def path(self) -> str:
        if sys.platform != "linux" or not find_spec("torch") or os.environ.get("COLD_WORKERS"):
            return sys.executable
        address, client = f"\0zynqflows {uuid4()}", self._folder / "python"  # abstract: paths must be short
        client.write_text(CLIENT.format(python=sys.executable, address=address, on_their_own=ON_THEIR_OWN))
        client.chmod(0o755)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(address)
            listener.listen()
            command = [sys.executable, __file__, str(listener.fileno())]
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(listener.fileno(),))
        return str(client)

    def stop(self) -> None:
        if self._server and self._server.stdin:
            self._server.stdin.close()
            self._server.wait()


def serve(listener: socket.socket) -> None:
    """Until standard input ends, and so with the tests, however they end."""
    import numpy  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import torch  # noqa: F401

    events = select.poll()
    events.register(listener, select.POLLIN)
    events.register(0, select.POLLIN)
    while not any(file == 0 for file, _ in events.poll()):
        client, _ = listener.accept()
        request, files, _, _ = socket.recv_fds(client, MOST, 3)
        for package in WITH_MORE.get(json.loads(request)[0][0], ()):
            os.environ["KERAS_BACKEND"] = "torch"
            import_module(package)
        if os.fork() == 0:
            listener.close()
            look_after(client, request, files)
        for file in (client.detach(), *files):
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def look_after(client: socket.socket, request: bytes, files: list[int]) -> None:
    """Starts the worker that `client` asks for, tells it how that ended, and ends the worker where the client does.
    Does not return."""
    try:
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        worker = os.fork()
        if worker == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            client.close()
            words, folder, environment, memory = json.loads(request)
            become(words, folder, environment, memory, files)
        for file in files:
            os.close(file)
        events = select.poll()
        for file in (wake, client.fileno()):
            events.register(file, select.POLLIN)
        if wake not in {file for file, _ in events.poll()}:  # the client was killed
            os.killpg(worker, signal.SIGKILL)
        _, status = os.waitpid(worker, 0)
        client.send(str(os.waitstatus_to_exitcode(status)).encode())
    finally:
        os._exit(0)


def become(words: list[str], folder: str, environment: dict[str, str], memory: list[int], files: list[int]) -> None:
    """Makes this process ``python -P -m`` `words`. Does not return."""
    code = 1
    try:
        for stream, file in enumerate(files):
            os.dup2(file, stream)
        resource.setrlimit(resource.RLIMIT_DATA, (memory[0], memory[1]))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        ours = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:] = [*filter(None, ours), *(place for place in sys.path if place not in ours)]
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)  # torch takes long to end
