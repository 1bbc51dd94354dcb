"""What is published is what the rows give, where the rows are at hand: the page, and the calibration."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from backends.hls4ml import laws

ROOT = Path(__file__).parents[2]
TRUTH = ROOT.parent / "shared" / "truth"
PAGE = ROOT / "docs" / "reference" / "truth.md"

pytestmark = pytest.mark.skipif(not TRUTH.exists(), reason="the rows are not part of this repository")


def words() -> list[str]:
    found = re.search(r"```sh\n(.*)\n```", PAGE.read_text())
    assert found
    return shlex.split(found[1])


def files() -> list[Path]:
    """The rows and reports that the page's command names; skips where not all are at hand."""
    found = [ROOT / word for word in words() if word.endswith((".json", ".xml", ".rpt"))]
    missing = [path.name for path in found if not path.exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not at hand")
    return found


def test_the_page_is_what_its_command_prints(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert files()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", words()[1:])
    with pytest.raises(SystemExit, match="0"):
        bench.main()
    assert capsys.readouterr().out == PAGE.read_text()


def test_the_calibration_is_fitted_to_these_rows_and_reports(fit: ModuleType) -> None:
    assert len(files()) == 5
    assert fit.calibration(fit.samples(fit.read_all(files()))) == json.loads(laws.CALIBRATION.read_text())


def test_the_aims_that_are_met(bench: ModuleType) -> None:
    """Cycles, DSPs and block RAM of layers with weights in memory, by the laws as shipped."""
    rows, wrong = bench.read(TRUTH / "hls4ml_csynth.json")
    assert not wrong
    found = [
        one for module in bench.modules(rows) for one in bench.outcomes(module) if one.group.startswith("weights in")
    ]
    assert all(one.error <= 0.02 for one in found if one.metric == "cycles")
    assert all(abs(one.value - one.measured) <= 1 for one in found if one.metric == "bram18")
    dsp = [one.value == one.measured for one in found if one.metric == "dsp"]
    assert sum(dsp) / len(dsp) >= 0.9
