"""The generated project of a small network, as it was when it was last read by eye.

``python -m tests.backends.hls.test_hls_golden`` writes it anew; read the difference before you commit it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from backends.dataflow.layers.blueprint import Blueprint, blueprint, from_json, to_json
from backends.hls import BACKEND
from backends.hls.workers.generate import TEMPLATES, files
from tests.backends.hls.networks import SMALL, job_on

GOLDEN = Path(__file__).parent / "golden"
FOLDING = "conv1=2x2,shortcut=1x1,conv2=3x4,dense=2x2"
"""The first windows and the results do not come out even."""


def generated(folder: Path) -> tuple[Blueprint, dict[str, str]]:
    job = job_on(SMALL, folder, folding=FOLDING)
    project = blueprint(BACKEND.resolve(job).design)
    rows = [[-3, 0, 5, 70_000, -1], [1, 2, 3, 4, 5]]
    return project, {name: text for name, text in files(project, job.weights.tensors(), rows) if not is_template(name)}


def is_template(name: str) -> bool:
    """Whether a file is the same in every project."""
    return (TEMPLATES / name).exists()


@pytest.mark.parametrize("name", sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()))
def test_a_file_is_the_golden_one(tmp_path: Path, name: str) -> None:
    assert generated(tmp_path)[1][name] == (GOLDEN / name).read_text()


def test_no_file_is_without_its_golden_one(tmp_path: Path) -> None:
    assert {name for name in generated(tmp_path)[1] if not (GOLDEN / name).is_file()} == set()


def test_a_blueprint_survives_json(tmp_path: Path) -> None:
    project, texts = generated(tmp_path)
    again = from_json(to_json(project), "test")
    assert to_json(again) == to_json(project)
    tensors = job_on(SMALL, tmp_path).weights.tensors()
    written = dict(files(again, tensors, [[-3, 0, 5, 70_000, -1], [1, 2, 3, 4, 5]]))
    assert texts.items() <= written.items()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, text in generated(Path(folder))[1].items():
            place = GOLDEN / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
