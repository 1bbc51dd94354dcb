"""Tests, lint, types, docs, and one session a backend, each in an environment of its own: `nox`, or `nox -s NAME`."""

import tempfile
from pathlib import Path

import nox

CONSTRAINTS = ("-c", "constraints.txt")
nox.options.sessions = ["lint", "types", "tests", "docs"]


@nox.session
def tests(session: nox.Session) -> None:
    """The suite that CI runs. `nox -s tests -- -m slow` for the slow ones."""
    session.install(*CONSTRAINTS, "-e", ".[hls4ml,dev]")
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    session.install(*CONSTRAINTS, "-e", ".[train]", "mypy")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Links lead somewhere, commands exist, examples in docstrings are true, the example backend works."""
    session.install(*CONSTRAINTS, "-e", ".[dev]")
    session.run("python", "-m", "pytest", "-q", "tests/test_docs.py", "flows", "models", "backends", "reports")


@nox.session
def hls4ml(session: nox.Session) -> None:
    """The main job, cold: nothing but this flow's extra installed, and an empty store."""
    _cold(session, "hls4ml")


@nox.session
def finn(session: nox.Session) -> None:
    """The FINN flow from the shipped four-bit weights, cold."""
    _cold(session, "finn")


@nox.session
def hls(session: nox.Session) -> None:
    """The manual HLS flow, cold."""
    _cold(session, "hls")


def _cold(session: nox.Session, flow: str) -> None:
    session.install(*CONSTRAINTS, f".[{flow}]")
    with tempfile.TemporaryDirectory() as folder:
        store, result = Path(folder, "store"), Path(folder, "result.json")
        session.chdir(folder)  # what is installed, not the clone
        command = ["python", "-m", "flows", "run", flow, "--part", "xc7z020", "--store", str(store)]
        session.run(*command, "--json", str(result), *session.posargs)
