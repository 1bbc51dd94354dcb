"""The models of the RTL flow against what Yosys counted of whole stages (calibration/rows/rtl.json)."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.rtl import rows, truth
from calibration.rtl.truth import Compared
from flows.core.errors import InputError, UsageError

ROWS = Path(__file__).parents[2] / "calibration" / "rows" / "rtl.json"


@pytest.fixture(scope="module")
def compared_rows() -> list[Compared]:
    return [each for each in truth.compared(rows.read(ROWS)) if each.is_current]


def test_dsps_are_exact_and_block_ram_is_within_one(compared_rows: list[Compared]) -> None:
    assert len(compared_rows) > 10, "the rows are of stages that the flow still builds"
    assert all(each.predicted["dsp"].value == each.row.counted["dsp"] for each in compared_rows)
    assert all(abs(each.predicted["bram18"].value - each.row.counted["bram18"]) <= 1 for each in compared_rows)


@pytest.mark.parametrize("metric", ["lut", "ff"])
def test_intervals_hold(compared_rows: list[Compared], metric: str) -> None:
    assert sum(truth.holds(each, metric) for each in compared_rows) >= 0.9 * len(compared_rows)


def test_the_page_is_what_the_command_prints(compared_rows: list[Compared]) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "rtl-truth.md"
    printed = "\n".join(truth.page(list(truth.compared(rows.read(ROWS)))))
    assert page.read_text().rstrip().endswith(printed.rstrip())


def test_other_files_and_designs_are_named(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"stage": 1}]')
    with pytest.raises(InputError, match="damaged"):
        rows.read(tmp_path / "rows.json")
    with pytest.raises(UsageError, match="not NETWORK:PART:MHZ"):
        rows.design_of("arch8")
