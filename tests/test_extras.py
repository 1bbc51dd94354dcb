"""The extras of the package: `all` is all, and `nox -s types` installs what the types of our imports come from."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from flows.packages import extra_for
from tests.test_house import OURS, ROOT, imports

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[ ]", requirement)[0] for requirement in requirements}


def test_all_is_every_extra_of_a_user_but_tensorflow() -> None:
    """Which takes 600 MB, for one way of training."""
    (whole,) = EXTRAS["all"]
    assert set(re.findall(r"\w+", whole.partition("[")[2])) == EXTRAS.keys() - {"all", "dev", "docs", "tensorflow"}


def test_what_brevitas_export_needs_is_in_its_extra() -> None:
    """It imports onnxoptimizer and does not declare it."""
    assert {"brevitas", "onnxoptimizer"} <= names(EXTRAS["finn"])


def test_the_types_session_has_the_types_of_every_import() -> None:
    """Or mypy is told to do without them: in an environment of its own it would stop otherwise."""
    session = re.search(r"def types\(.*?\.\[([\w,]+)\]\"\)", (ROOT / "noxfile.py").read_text(), re.DOTALL)
    assert session
    installed = names(PROJECT["project"]["dependencies"]).union(
        *(names(EXTRAS[each]) for each in session[1].split(","))
    )
    mypy = PROJECT["tool"]["mypy"]
    untyped = {each.removesuffix(".*") for rule in mypy["overrides"] for each in rule["module"] if each.endswith(".*")}
    read = [path for place in mypy["files"] for path in ((ROOT / place).rglob("*.py"), [ROOT / place])[".py" in place]]
    assert {ROOT / "noxfile.py", ROOT / "docs/example_backend/ceiling.py", Path(__file__)} <= {*read}
    third = {name.split(".")[0] for path in read if "golden" not in path.parts for name, _ in imports(path)}
    third -= {*OURS, "tests", "calibration", "benchmarks", *sys.stdlib_module_names}
    assert {"onnx", "hypothesis"} <= third <= installed | untyped


def test_the_extra_that_is_named_has_what_is_needed() -> None:
    assert extra_for(["torch", "numpy"]) == "train"
    assert extra_for(["qonnx", "onnx", "safetensors"]) == "finn"
    assert extra_for(["hls4ml", "torch", "jinja2"]) == "hls" and extra_for(["hls4ml", "keras"]) == "hls4ml"
    assert extra_for(["h5py", "numpy"]) == "import" and extra_for(["no-such-package"]) is None
