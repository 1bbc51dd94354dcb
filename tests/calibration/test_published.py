"""What is published is what the rows give, where the rows are at hand: the pages, and the calibration."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from backends.cost import synthesis
from backends.finn.resources import models
from backends.hls4ml import resources
from calibration import csynth_ratios, truth
from calibration.finn import fit as finn_fit
from calibration.finn.points import routed, synthesised
from calibration.finn.rows import nodes
from calibration.hls4ml import fit as hls4ml_fit
from calibration.hls4ml.modules import modules
from calibration.hls4ml.rows import read
from calibration.hls4ml.solve import samples
from calibration.hls4ml.truth import outcomes

ROOT = Path(__file__).parents[2]
TRUTH = ROOT.parent / "shared" / "truth"
PAGES = [ROOT / "docs" / "reference" / name for name in ("truth.md", "truth-finn.md")]


def words(page: Path) -> list[str]:
    """Of the command that prints a page."""
    match = re.search(r"```sh\n(.*?)\n```", page.read_text(), re.DOTALL)
    assert match
    return shlex.split(match[1].replace("\\\n", ""))


def files(page: Path) -> list[Path]:
    """The rows and reports that a page's command names; skips where not all are at hand."""
    paths = [ROOT / word for word in words(page) if word.endswith((".json", ".xml", ".rpt"))]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not at hand")
    return paths


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_is_what_its_command_prints(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert files(page)
    command = words(page)
    assert command[:3] == ["python", "-m", "calibration.truth"]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", command[2:])
    with pytest.raises(SystemExit, match="0"):
        truth.main()
    assert capsys.readouterr().out == page.read_text()


def test_the_calibration_of_hls4ml_is_fitted_to_these_rows_and_reports() -> None:
    paths = files(PAGES[0])
    assert len(paths) == 5
    entries = hls4ml_fit.calibration(samples(hls4ml_fit.read_all(paths)))
    assert entries == json.loads(resources.CALIBRATION.read_text())


def test_the_calibration_of_finn_is_fitted_to_these_rows() -> None:
    rows = nodes(files(PAGES[1]))
    entries = finn_fit.calibration(routed(rows) + synthesised())
    assert finn_fit.written(rows, entries) == models.CALIBRATION.read_text()


def test_the_aims_that_are_met() -> None:
    """Cycles, DSPs and block RAM of layers with weights in memory, by the calibration as shipped."""
    files(PAGES[0])
    rows, errors = read(TRUTH / "hls4ml_csynth.json")
    assert not errors
    results = [outcome for module in modules(rows) for outcome in outcomes(module)]
    in_memory = [outcome for outcome in results if outcome.group.startswith("weights in memory")]
    assert in_memory
    assert all(outcome.error <= 0.02 for outcome in in_memory if outcome.metric == "cycles")
    assert all(abs(outcome.value - outcome.measured) <= 1 for outcome in in_memory if outcome.metric == "bram18")
    dsp = [outcome.value == outcome.measured for outcome in in_memory if outcome.metric == "dsp"]
    assert sum(dsp) / len(dsp) >= 0.9


def test_the_ratios_of_csynth_are_fitted_to_the_pairs() -> None:
    assert csynth_ratios.of_hls4ml() == synthesis.HLS4ML
    assert csynth_ratios.of_own_code() == synthesis.OWN_CODE


def test_the_decision_record_shows_the_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    csynth_ratios.main()
    page = (ROOT / "docs" / "adr" / "0014-one-stage.md").read_text().splitlines()
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(printed) == 11 and not [line for line in printed if line not in page]
