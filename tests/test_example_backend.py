"""The example backend of the docs, installed as a third party would, beside the built-in flow."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from backends.protocol import Backend

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs" / "example_backend"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the example."""
    folder = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for path in EXAMPLE.iterdir():
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    quiet = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--target", str(folder), str(source)], check=True)
    return folder


def flows(site: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    argv = (sys.executable, "-m", "flows", *argv)
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_it_is_as_short_as_the_page_says() -> None:
    code = [line for line in (EXAMPLE / "ceiling.py").read_text().splitlines() if line.strip()]
    assert len(code) <= 40


def test_the_page_lists_every_field_of_a_backend() -> None:
    page = (ROOT / "docs" / "third-party-backends.md").read_text()
    listed = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)", row)}
    assert listed == {field.name for field in fields(Backend)}


def test_it_passes_the_suite_as_the_page_says(site: Path, tmp_path: Path) -> None:
    """The test module of the page, run as a third party would, with nothing of this repository's settings."""
    page = (ROOT / "docs" / "third-party-backends.md").read_text()
    module = page.partition("```python\n")[2].partition("```")[0]
    assert "EstimateSuite" in module
    (tmp_path / "test_ceiling.py").write_text(module)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: minutes\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and "failed" not in done.stdout


def test_it_is_listed_beside_the_built_in_flow(site: Path) -> None:
    listed = flows(site, "list", "flows").stdout
    assert "zynqflows-ceiling 0.1.0" in listed and "A ceiling on speed" in listed
    assert "hls4ml" in listed


def test_its_options_are_on_the_command_line(site: Path) -> None:
    assert "--bits BITS" in flows(site, "estimate", "ceiling", "--help").stdout


def test_its_reading_reaches_the_table(site: Path) -> None:
    done = flows(site, "estimate", "ceiling", "--part", "xc7z020")
    assert done.returncode == 0, done.stderr
    assert f"{-(-19_325_488 // 220):,}" in done.stdout
    assert "verdict  unknown" in done.stdout, "resources that nobody modelled are not 0"


def test_its_refusal_names_the_nearest_choice(site: Path) -> None:
    done = flows(site, "estimate", "ceiling", "--bits", "32")
    assert done.returncode == 4
    assert "8 to 18" in done.stderr and len(done.stderr.splitlines()) == 1


def test_it_runs_and_is_recorded(site: Path, tmp_path: Path) -> None:
    """The reference is evaluated in its arithmetic; nothing was built, and the record says so."""
    pytest.importorskip("torch")
    result = tmp_path / "out.json"
    done = flows(site, "run", "ceiling", "--store", str(tmp_path / "store"), "--json", str(result))
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(result.read_text())["runs"]
    assert run["flow"] == "ceiling" and run["verification"] is None
    assert [step["name"] for step in run["steps"]] == ["reference"]
