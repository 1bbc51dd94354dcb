"""Tests, lint, types, docs, and one session a backend, each in an environment of its own: `nox`, or `nox -s NAME`."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nox

CONSTRAINTS = ("-c", "constraints.txt")
TWO_CORES = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes that take the tests file by file, so that what a file shares is made once; those of the backends, which
compile, first."""
FINN_PLUS = """
    bitstring>=4.3.1,<4.4 click>=8.1.8,<9 jinja2 mashumaro[yaml]>=3.15,<4 matplotlib>=3.10.9,<3.11 mip==1.17.0
    numpy>=2.4.6,<2.5 onnx==1.21.0 onnx-ir>=0.1.15 onnx-passes>=0.4 onnxoptimizer==0.4.2 onnxruntime==1.25.1
    onnxscript>=0.7 pandas>=2.3.1,<2.4 protobuf==5.29.6 psutil pydantic>2 pyyaml>=6.0.2,<6.1 qonnx==1.0.0
    rich>=13.9.4,<14 scikit-learn>=1.7.2,<1.8 scipy>=1.17,<1.18 termcolor>=2.5,<3 torch==2.13.0
"""
"""What finn-plus 1.6.1 imports on the way to its estimates."""
KERAS2C = "keras2c==2.0 pydantic<2 safetensors tensorflow-cpu"
nox.options.sessions = ["lint", "types", "tests", "docs"]


@nox.session
def tests(session: nox.Session) -> None:
    """The suite that CI runs. `nox -s tests -- -m slow` for the slow ones."""
    session.install(*CONSTRAINTS, "-e", ".[hls4ml,dev]")
    session.run("python", "-m", "pytest", "-q", *TWO_CORES, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    session.install(*CONSTRAINTS, "-e", ".[dev,train]")  # whose packages bring their types
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Links lead somewhere, commands exist, examples in docstrings are true, the example backend works; then the pages
    as a site, in build/site."""
    session.install(*CONSTRAINTS, "-e", ".[dev,docs]")
    session.run("python", "-m", "pytest", "-q", "tests/test_docs.py", "flows", "models", "backends", "reports")
    shutil.rmtree("build/pages", ignore_errors=True)
    session.run("python", "docs/site.py", "build/pages")
    session.run("mkdocs", "build", "--strict", "--clean", "-f", "docs/mkdocs.yml")


@nox.session
def hls4ml(session: nox.Session) -> None:
    """The main job, cold: nothing but this flow's extra installed, and an empty store."""
    _cold(session, "hls4ml")


@nox.session
def finn(session: nox.Session) -> None:
    """The FINN flow from the shipped four-bit weights, cold, with finn-plus in an environment beside this one.

    Before it, what finn-plus does with the graphs of tests/backends/finn/cases: another version shows what changed.
    """
    launcher = _finn_plus(session)
    session.env["PATH"] = os.pathsep.join((str(launcher), session.bin, os.environ["PATH"]))
    judge = ("-m", "calibration.finn_plus.cases", "tests/backends/finn/cases")
    session.run(str(launcher / "finn-plus-1.6.1"), *judge, external=True)
    _cold(session, "finn")


def _finn_plus(session: nox.Session) -> Path:
    """Builds the environment of finn-plus 1.6.1; returns the folder of the command that starts its Python.

    Its requirements contradict each other (brevitas 0.13.0 wants a setuptools that torch refuses), so what its
    estimates need is named here.
    """
    root = Path(session.virtualenv.location, "finn-plus").absolute()
    python = root / "bin" / "python"
    session.run("python", "-m", "venv", str(root), silent=True)
    install = str(python), "-m", "pip", "install", "-q"
    session.run(*install, *FINN_PLUS.split(), external=True)
    session.run(*install, "--no-deps", "finn-plus==1.6.1", external=True)
    launcher = _launcher(root, "finn-plus-1.6.1")
    session.log(f"`flows run finn` finds finn-plus with {launcher} on PATH")
    return launcher


def _launcher(root: Path, name: str, variables: str = "") -> Path:
    """The folder of a command `name` that starts the Python of the environment in `root`, with these variables set."""
    command = root / "launcher" / name
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\n{variables}exec "{root / "bin" / "python"}" "$@"\n')
    command.chmod(0o755)
    return command.parent


@nox.session
def hls(session: nox.Session) -> None:
    """The manual HLS flow, cold."""
    _cold(session, "hls")


@nox.session
def rtl(session: nox.Session) -> None:
    """The RTL flow, cold: simulated and synthesised by pyosys and g++."""
    _cold(session, "rtl")


@nox.session
def c(session: nox.Session) -> None:
    """The C flow, cold; the ARM binary too, where a cross compiler and qemu are on PATH."""
    _cold(session, "c", extra="train")


@nox.session
def keras2c(session: nox.Session) -> None:
    """The C flow with keras2c beside it, in an environment of its own: `nox -s keras2c -- INCLUDE`, the folder of that
    name in keras2c's repository."""
    include, *more = session.posargs
    root = Path(session.virtualenv.location, "keras2c").absolute()
    session.run("python", "-m", "venv", str(root), silent=True)
    session.run(str(root / "bin" / "pip"), "install", "-q", *KERAS2C.split(), external=True)
    launcher = _launcher(root, "keras2c-2.0", f'KERAS2C_INCLUDE="{Path(include).absolute()}" ')
    session.log(f"`flows run c` finds keras2c with {launcher} on PATH")
    session.env["PATH"] = os.pathsep.join((str(launcher), session.bin, os.environ["PATH"]))
    _cold(session, "c", extra="train", more=more)


@nox.session
def tensorflow(session: nox.Session) -> None:
    """Keras on TensorFlow in an environment of its own: its tests on that backend, and a training through the flows."""
    session.install(*CONSTRAINTS, "-e", ".[tensorflow,hls4ml,import,dev]")
    tests = ("tests/models/test_keras3.py", "tests/models/test_keras_training.py")
    session.run("python", "-m", "pytest", "-q", *tests, env={"KERAS_BACKEND": "tensorflow"})
    session.run("python", "-m", "pytest", "-q", "-m", "slow", "tests/models/test_tensorflow.py", *session.posargs)


def _cold(session: nox.Session, flow: str, extra: str = "", more: Sequence[str] | None = None) -> None:
    """Nothing but the flow's extra installed, and an empty store. `more` are words of the run; those after ``--`` where
    None."""
    session.install(*CONSTRAINTS, f".[{extra or flow}]")
    with tempfile.TemporaryDirectory() as folder:
        store, result = Path(folder, "store"), Path(folder, "result.json")
        session.chdir(folder)  # what is installed, not the clone
        command = ["python", "-m", "flows", "run", flow, "--part", "xc7z020", "--store", str(store)]
        session.run(*command, "--json", str(result), *(session.posargs if more is None else more))
