"""The rows of built hls4ml designs, and what the post-route models make of them."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from statistics import median

import pytest

from backends.hls4ml import built
from calibration.hls4ml.built import calibration, factors, held, main, missed, quantile_90, totals
from calibration.hls4ml.built_rows import Design, Unit, read

ROOT = Path(__file__).parents[2]
ROWS = ROOT / "calibration" / "rows" / "hls4ml_built.json"
PAGE = ROOT / "docs" / "reference" / "truth-hls4ml-routed.md"


@pytest.fixture(scope="module")
def designs() -> list[Design]:
    return read(ROWS)


def unit(designs: list[Design], design: str, name: str) -> Unit:
    return next(each for of in designs if of.name == design for each in of.units if each.name == name)


def test_the_calibration_is_fitted_to_these_rows(designs: list[Design]) -> None:
    assert calibration(designs) == json.loads(built.CALIBRATION.read_text())


def test_the_page_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["built", "calibration/rows/hls4ml_built.json"])
    main()
    assert capsys.readouterr().out == PAGE.read_text()


@pytest.mark.parametrize(("metric", "most"), [("lut", 0.20), ("ff", 0.25)])
def test_whole_designs_of_repositories_held_out(designs: list[Design], metric: str, most: float) -> None:
    errors = [abs(exp(-error) - 1) for _, error in totals(designs, metric)]
    assert median(errors) <= most
    within, count = held(designs, metric)
    assert 0.85 <= within / count <= 0.97


@pytest.mark.parametrize(
    ("design", "name", "lut", "ff"),
    [
        ("rn06-v8", "conv config4", 0.15, 0.05),
        ("rn06-v8", "conv config7", 0.15, 0.05),
        ("rn06-v8", "dense config12", 0.15, 0.10),
        ("jets-stream", "dense 64x32", 0.25, 0.25),
        ("model8", "conv config2", 0.25, 0.10),
        ("model32", "conv config7", 0.25, 0.20),
    ],
)
def test_structure_alone_tells_layers_with_weights(
    designs: list[Design], design: str, name: str, lut: float, ff: float
) -> None:
    """With no factor at all: one multiplier over 20,480 products as well as 128 side by side."""
    result = unit(designs, design, name)
    assert result.counts.logic == pytest.approx(result.built["lut"], rel=lut)
    assert result.counts.ff == pytest.approx(result.built["ff"], rel=ff)


def test_flip_flops_of_fifos_are_exact(designs: list[Design]) -> None:
    fifos = [unit for of in designs for unit in of.units if unit.kind in ("fifo_shift", "fifo_ram") and unit.built]
    assert len(fifos) == 23
    assert all(fifo.counts.ff == fifo.built["ff"] for fifo in fifos)


def test_block_ram_and_dsp_of_a_design_with_one_multiplier_a_layer(designs: list[Design]) -> None:
    known = next(design for design in designs if design.name == "rn06-v8")
    assert sum(unit.exact["bram18"] for unit in known.units) == known.built["bram18"] == 43
    assert sum(unit.exact["dsp"] for unit in known.units) == known.built["dsp"] - 1


def test_a_kind_of_few_repositories_is_as_wide_as_all_units() -> None:
    entries = {(entry["unit"], entry["metric"]): entry for entry in json.loads(built.CALIBRATION.read_text())}
    for (kind, metric), entry in entries.items():
        floor = entries.get((built.EVERY_UNIT, metric), entry)["interval_90"]
        assert entry["repositories"] >= 3 or entry["interval_90"] >= floor, kind


def test_a_repository_is_not_recognised_by_itself(designs: list[Design]) -> None:
    units = [unit for of in designs for unit in of.units]
    own = {each.repository for each, _ in missed(units, "lut") if each.kind == "pool"}
    assert not own, "pools are known of one repository"
    alone = factors([unit for unit in units if unit.repository == "Keb-L/hls4ml-data"], "lut")
    assert alone["product"] != factors(units, "lut")["product"]


@pytest.mark.parametrize(("errors", "expected"), [([0.1], 0.1), ([0.1, -0.5, 0.2], 0.5), ([0.01] * 18 + [2.0], 0.01)])
def test_few_errors_give_the_largest(errors: list[float], expected: float) -> None:
    assert quantile_90(errors) == expected
