"""The wheel is whole: it installs with its data files and runs outside the clone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA_SUFFIXES = {".toml", ".json", ".safetensors", ".j2", ".cpp", ".h", ".tcl", ".sv"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git tracks, so that nothing of an earlier build or of the working folder leaks in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone: what belongs in the wheel is unknown")
    run(["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={source}/"])
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)])
    (built,) = out.glob("*.whl")
    return built


def run(argv: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_tracked_file_of_ours_is_inside(wheel: Path) -> None:
    packages = ("flows", "models", "backends", "reports")
    tracked = run(["git", "-C", str(ROOT), "ls-files", *packages]).splitlines()
    wanted = {name for name in tracked if Path(name).suffix in DATA_SUFFIXES | {".py"}}
    assert {"flows/core/parts.toml", "flows/core/run.schema.json"} <= wanted
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert wanted <= inside
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/", "calibration/", "docs/"))]


def test_it_runs_outside_the_clone(wheel: Path, tmp_path: Path) -> None:
    """Installed without dependencies, as listing and estimating need none; the clone is out of reach (-P, cwd)."""
    target = tmp_path / "site"
    quiet = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "install", *quiet, "--target", str(target), str(wheel)])
    environment = os.environ | {"PYTHONPATH": str(target)}

    def flows(*argv: str) -> str:
        return run([sys.executable, "-P", "-m", "flows", *argv], cwd=tmp_path, env=environment)

    assert "xc7z020" in flows("list", "parts")
    assert "hls4ml" in flows("list", "flows")
    assert "arch8" in flows("list", "networks")
    assert "DSP" in flows("estimate", "hls4ml", "--part", "zedboard")
    where = run([sys.executable, "-P", "-c", "import flows; print(flows.__file__)"], cwd=tmp_path, env=environment)
    assert where.startswith(str(target))
