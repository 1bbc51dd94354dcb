"""Fitting laws to rows and reports written by hand."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

VITIS_REPORT = """<profile><ReportVersion><Version>2024.2</Version></ReportVersion>
<UserAssignments><Part>xc7z020clg400-1</Part><TopModelName>top</TopModelName></UserAssignments>
<ModuleInformation>{modules}</ModuleInformation>
<FIFOInformation><FIFOInst/><FIFOInst/></FIFOInformation></profile>"""
MODULE = """<Module><Name>{name}</Name><PerformanceEstimates><SummaryOfOverallLatency>
<Worst-caseLatency>{cycles}</Worst-caseLatency></SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><LUT>{lut}</LUT><FF>{ff}</FF></Resources></AreaEstimates></Module>"""


def row(project: int, channels: int, lut: float, **changes: Any) -> dict[str, Any]:
    return {
        "repo": f"someone/project{project}",
        "path": "prj/csynth.rpt",
        "tool": "2020.1",
        "part": "xc7z020clg400-1",
        "layer": "normalize",
        "module": f"normalize_array_array_ap_fixed_{channels}u_config4_s",
        "config": {},
        "measured": {"LUT": lut, "FF": 12},
    } | changes


def laws_of(fit: ModuleType, path: Path, *table: dict[str, Any], reports: tuple[Path, ...] = ()) -> dict[Any, Any]:
    path = path / "rows.json"
    path.write_text(json.dumps(table))
    found = fit.calibration(fit.samples(fit.read_all([path, *reports])))
    return {(law["law"], law["metric"]): law for law in found}


def test_the_fit_finds_a_law_that_is_there(fit: ModuleType, tmp_path: Path) -> None:
    law = laws_of(fit, tmp_path, *(row(project, n, 100 + 50 * n) for project in (1, 2) for n in (4, 16, 40)))
    found = law["normalize", "lut"]
    assert found["coefficients"] == pytest.approx({"channels": 50, "one": 100}, rel=1e-3)
    assert (found["held_out"], found["rows"], len(found["projects"])) == ("repository", 6, 2)
    assert found["p90_error"] == pytest.approx(0, abs=1e-3)


def test_a_project_that_differs_shows_in_the_held_out_error(fit: ModuleType, tmp_path: Path) -> None:
    law = laws_of(fit, tmp_path, *(row(project, n, 50 * n * project) for project in (1, 2) for n in (4, 16, 40)))
    found = law["normalize", "lut"]
    assert found["p90_error"] == pytest.approx(1.0, rel=0.01)
    assert exp(found["interval_90"]) == pytest.approx(2, rel=0.01)


def test_no_interval_is_narrower_than_what_other_repositories_show(fit: ModuleType, tmp_path: Path) -> None:
    """Two models of one repository agree, another repository has twice the LUTs: the next may, for any law."""
    rows = [row(1, n, 50 * n, path=f"model{model}/csynth.rpt") for model in (1, 2) for n in (4, 16, 40)]
    block = row(1, 4, 11, layer="Block_proc", module="Block_proc")
    alone = laws_of(fit, tmp_path, *rows, block)
    assert alone["normalize", "lut"]["interval_90"] == pytest.approx(0, abs=1e-3)
    law = laws_of(fit, tmp_path, *rows, *(row(2, n, 100 * n) for n in (4, 16, 40)), block)
    assert law["block", "lut"]["spread_90"] is None
    assert exp(law["block", "lut"]["interval_90"]) == pytest.approx(2, rel=0.01)


def test_a_submodule_is_not_counted_twice(fit: ModuleType, tmp_path: Path) -> None:
    """`compute_output_buffer` is most of its convolution: only its cycles are a row of their own."""
    size = {"n_chan": 2, "n_filt": 4, "in_height": 6, "in_width": 6, "filt_height": 3, "filt_width": 3}
    config = size | {"reuse_factor": 18, "strategy": "resource", "weight_t": "ap_fixed<8,1>"}
    measured = {"lat_max": 21, "LUT": 900, "FF": 800}
    inner, whole = (
        row(1, 4, 0, tool="2024.2", layer=layer, module=f"{layer}_config2_s", config=config, measured=measured)
        for layer in ("compute_output_buffer_2d", "conv_2d_cl")
    )
    law = laws_of(fit, tmp_path, inner, whole)
    assert law["mac", "lut"]["rows"] == 1
    assert law["window", "cycles"]["coefficients"] == {"one": 3.0}


def test_a_report_tells_what_the_rows_leave_out(fit: ModuleType, tmp_path: Path) -> None:
    relu = MODULE.format(
        name="relu_array_ap_fixed_4u_array_ap_ufixed_8_2_4_0_0_4u_relu_config3_s", cycles=65, lut=500, ff=10
    )
    report = tmp_path / "csynth.xml"
    report.write_text(VITIS_REPORT.format(modules=relu + MODULE.format(name="top", cycles=99, lut=660, ff=90)))
    convolution = {"n_chan": 2, "out_height": 8, "out_width": 8}
    known = row(1, 4, 0, tool="2024.2", layer="conv_2d_cl", module="conv_2d_cl_config2_s", config=convolution)
    law = laws_of(fit, tmp_path, known, reports=(report,))
    assert law["relu_saturating", "lut"]["projects"] == ["someone/project1/prj"]
    assert sum(law["relu", "cycles"]["coefficients"].values()) == pytest.approx(1, rel=1e-3)
    assert law["fifo", "lut"]["coefficients"] == {"one": 80.0}


def test_a_file_that_is_no_report_is_refused(
    fit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([row(1, 4, 100)]))
    for name, text in (("cut.xml", "<profile>"), ("other.rpt", "nothing"), ("empty.xml", "<profile/>")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr("sys.argv", ["fit_hls4ml.py", str(rows), str(tmp_path / name)])
        with pytest.raises(SystemExit, match="3"):
            fit.main()
        assert f"{name}: no csynth report" in capsys.readouterr().err
