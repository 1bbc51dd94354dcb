"""The generated project of a small network, as it was when it was last read by eye.

``python -m tests.backends.rtl.test_rtl_golden`` writes it anew; read the difference before you commit it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from backends.dataflow.layers.blueprint import blueprint
from backends.rtl import BACKEND
from backends.rtl.workers.generate import files
from tests.backends.hls.networks import SMALL
from tests.backends.rtl.networks import FOLDING, job_on

GOLDEN = Path(__file__).parent / "golden"
RESULTS = [[-3, 0, 5, 70_000, -1], [1, 2, 3, 4, 5]]


def generated(folder: Path) -> dict[str, str]:
    """The library is the same in every project."""
    job = job_on(SMALL, folder, folding=FOLDING)
    design = BACKEND.resolve(job).design
    tensors, interval = job.weights.tensors(), design.simulation.interval
    rows = files(blueprint(design), design.sums, interval, tensors, RESULTS, design.sharing)
    return {name: text for name, text in rows if not name.startswith("rtl/library/")}


@pytest.mark.parametrize("name", sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()))
def test_a_file_is_the_golden_one(tmp_path: Path, name: str) -> None:
    assert generated(tmp_path)[name] == (GOLDEN / name).read_text()


def test_no_file_is_without_its_golden_one(tmp_path: Path) -> None:
    assert {name for name in generated(tmp_path) if not (GOLDEN / name).is_file()} == set()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, text in generated(Path(folder)).items():
            place = GOLDEN / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
