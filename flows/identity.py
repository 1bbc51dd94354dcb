"""What the result of a step can depend on, and the digest of all that, which names the result in the store.

It is its argv, the tool (path, size, time) or the interpreter, package versions, the text of our own packages, the
files it is given, and the steps those come from.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import util
from pathlib import Path

from flows.core.digest import digest_bytes, digest_of
from flows.core.errors import SetupError
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from flows.packages import package_version

SOURCE_SUFFIXES = (".py", ".c", ".cpp", ".h", ".j2", ".tcl")


def step_digests(plan: Plan) -> dict[str, str]:
    """The digests of all steps of `plan`, by name."""
    digests: dict[str, str] = {}
    for step in plan.steps:
        digests[step.name] = step_digest(step, digests)
    return digests


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
        "tool": tool_identity(step.tool),
        "packages": {name: package_version(name) for name in step.packages},
        "sources": {name: source_digest(name) for name in step.sources},
    }
    return digest_of(inputs)


@cache
def find_tool(tool: str) -> str | None:
    return sys.executable if tool == PYTHON else shutil.which(tool)


@cache
def tool_identity(tool: str) -> str:
    """By path, size and time: asking a tool its version costs more than a repeated run may."""
    if tool == PYTHON:
        return f"python {platform.python_version()}"
    if path := find_tool(tool):
        with suppress(OSError):  # it may have gone meanwhile
            status = Path(path).resolve().stat()
            return f"{path} {status.st_size} {status.st_mtime_ns}"
    return "absent"


@cache
def source_digest(package: str, suffixes: tuple[str, ...] = SOURCE_SUFFIXES) -> str:
    """Digest of the files of a package of ours whose names end so, subpackages included."""
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SetupError(f"package {package}", "a step depends on it and it is not installed", "install its flow again")
    origin = Path(spec.origin)
    root = origin.parent
    paths = sorted(root.rglob("*")) if spec.submodule_search_locations else [origin]
    texts = [
        (str(path.relative_to(root)), digest_bytes(path.read_bytes()))
        for path in paths
        if path.suffix in suffixes and "__pycache__" not in path.parts
    ]
    return digest_of(texts)
