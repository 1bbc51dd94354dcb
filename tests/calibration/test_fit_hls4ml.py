"""Fitting the resource models of hls4ml to rows and reports written by hand."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path
from typing import Any

import pytest

from calibration.hls4ml import fit
from calibration.hls4ml.solve import samples

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


def fitted(folder: Path, *table: dict[str, Any], reports: tuple[Path, ...] = ()) -> dict[tuple[str, str], Any]:
    """The calibration of these rows and reports, by model and metric."""
    path = folder / "rows.json"
    path.write_text(json.dumps(table))
    entries = fit.calibration(samples(fit.read_all([path, *reports])))
    return {(entry["model"], entry["metric"]): entry for entry in entries}


def test_the_fit_finds_coefficients_that_are_there(tmp_path: Path) -> None:
    entries = fitted(tmp_path, *(row(project, n, 100 + 50 * n) for project in (1, 2) for n in (4, 16, 40)))
    entry = entries["normalize", "lut"]
    assert entry["coefficients"] == pytest.approx({"channels": 50, "one": 100}, rel=1e-3)
    assert (entry["held_out"], entry["rows"], len(entry["projects"])) == ("repository", 6, 2)
    assert entry["p90_error"] == pytest.approx(0, abs=1e-3)


def test_a_project_that_differs_shows_in_the_held_out_error(tmp_path: Path) -> None:
    entries = fitted(tmp_path, *(row(project, n, 50 * n * project) for project in (1, 2) for n in (4, 16, 40)))
    entry = entries["normalize", "lut"]
    assert entry["p90_error"] == pytest.approx(1.0, rel=0.01)
    assert exp(entry["interval_90"]) == pytest.approx(2, rel=0.01)


def test_no_interval_is_narrower_than_what_other_repositories_show(tmp_path: Path) -> None:
    """Two models of one repository agree, another repository has twice the LUTs: the next may, for any model."""
    rows = [row(1, n, 50 * n, path=f"model{model}/csynth.rpt") for model in (1, 2) for n in (4, 16, 40)]
    block = row(1, 4, 11, layer="Block_proc", module="Block_proc")
    alone = fitted(tmp_path, *rows, block)
    assert alone["normalize", "lut"]["interval_90"] == pytest.approx(0, abs=1e-3)
    entries = fitted(tmp_path, *rows, *(row(2, n, 100 * n) for n in (4, 16, 40)), block)
    assert entries["block", "lut"]["spread_90"] is None
    assert exp(entries["block", "lut"]["interval_90"]) == pytest.approx(2, rel=0.01)


def test_a_submodule_is_not_counted_twice(tmp_path: Path) -> None:
    """`compute_output_buffer` is most of its convolution: only its cycles are a row of their own."""
    size = {"n_chan": 2, "n_filt": 4, "in_height": 6, "in_width": 6, "filt_height": 3, "filt_width": 3}
    config = size | {"reuse_factor": 18, "strategy": "resource", "weight_t": "ap_fixed<8,1>"}
    measured = {"lat_max": 21, "LUT": 900, "FF": 800}
    inner, whole = (
        row(1, 4, 0, tool="2024.2", layer=layer, module=f"{layer}_config2_s", config=config, measured=measured)
        for layer in ("compute_output_buffer_2d", "conv_2d_cl")
    )
    entries = fitted(tmp_path, inner, whole)
    assert entries["mac", "lut"]["rows"] == 1
    assert entries["window", "cycles"]["coefficients"] == {"one": 3.0}


def test_a_report_tells_what_the_rows_leave_out(tmp_path: Path) -> None:
    relu = MODULE.format(
        name="relu_array_ap_fixed_4u_array_ap_ufixed_8_2_4_0_0_4u_relu_config3_s", cycles=65, lut=500, ff=10
    )
    report = tmp_path / "csynth.xml"
    report.write_text(VITIS_REPORT.format(modules=relu + MODULE.format(name="top", cycles=99, lut=660, ff=90)))
    convolution = {"n_chan": 2, "out_height": 8, "out_width": 8}
    known = row(1, 4, 0, tool="2024.2", layer="conv_2d_cl", module="conv_2d_cl_config2_s", config=convolution)
    entries = fitted(tmp_path, known, reports=(report,))
    assert entries["relu_saturating", "lut"]["projects"] == ["someone/project1/prj"]
    assert sum(entries["relu", "cycles"]["coefficients"].values()) == pytest.approx(1, rel=1e-3)
    assert entries["fifo", "lut"]["coefficients"] == {"one": 80.0}


def test_a_file_that_is_no_report_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([row(1, 4, 100)]))
    for name, text in (("cut.xml", "<profile>"), ("other.rpt", "nothing"), ("empty.xml", "<profile/>")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr("sys.argv", ["fit_hls4ml.py", str(rows), str(tmp_path / name)])
        with pytest.raises(SystemExit, match="3"):
            fit.main()
        assert f"{name}: no csynth report" in capsys.readouterr().err
