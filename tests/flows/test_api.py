"""The Python API: the same designs, options and errors as the command line, as values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flows
from flows.__main__ import main
from flows.core.errors import FlowsError, UsageError
from reports.results import Results

FIXED: dict[str, Any] = {"reuse_factor": "64", "fifo_depth": "40"}
"""Options of hls4ml with which nothing is searched."""


@pytest.fixture(scope="module")
def two() -> Results:
    return flows.estimate("hls4ml", part=["xc7z020", "zedboard"], precision=8, **FIXED)


def test_it_says_what_the_command_line_writes(two: Results, tmp_path: Path) -> None:
    words = ["estimate", "hls4ml", "--part", "xc7z020", "--part", "zedboard", "--precision", "8"]
    words += ["--reuse-factor", "64", "--fifo-depth", "40", "--no-own-rows"]
    assert main([*words, "--json", str(tmp_path / "a.json"), "--csv", str(tmp_path / "a.csv")]) == 0
    written, result = (json.loads(text) for text in ((tmp_path / "a.json").read_text(), two.to_json()))
    for document in (written, result):
        for run in document["runs"]:
            run.pop("command")
    assert result == written
    assert two.to_csv() == (tmp_path / "a.csv").read_bytes().decode()


def test_a_result_has_its_headline_and_its_verdict(two: Results) -> None:
    first, second = two
    assert (first.part, second.part) == ("xc7z020clg400-1", "xc7z020clg484-1")
    assert first["lut"] is first.headline["lut"] and first["power_w"] is None
    with pytest.raises(KeyError, match="latency_us"):
        first["latency"]
    row = first.row()
    assert row["lut"] == first.headline["lut"].value and row["precision"] == "8" and row["verdict"] == "over"
    assert len(two[:1]) == 1 and two[:1][0].name == first.name and not first.proven
    assert "hls4ml on xc7z020clg400-1" in str(first) and "zedboard" not in str(two)
    assert repr(first) == str(first) and repr(two) == str(two), "an interactive session shows tables"


def test_a_notebook_shows_table_and_bars_and_no_script(two: Results) -> None:
    page = two._repr_html_()
    assert page.count("<svg") == 8 and two[0].name in page and "<script" not in page
    assert "not here" in Results(two.document, (UsageError("flow <b>", "not here", "name another"),))._repr_html_()


def test_a_notebook_needs_no_matplotlib_and_pandas_is_asked_for_by_name() -> None:
    code = """
import sys
sys.modules |= dict.fromkeys(("matplotlib", "pandas", "IPython"))
import flows
if __name__ == "__main__":
    options = {"reuse_factor": "64", "fifo_depth": "40"}
    found = flows.estimate("hls4ml", **options)
    swept = flows.sweep("hls4ml", clock_ns=[10, 8], jobs=1, **options)
    pages = [one._repr_html_() for one in (found, found[0], swept)]
    print(pages[0].count("<svg"), pages[1].count("<svg"), "of 2 designs" in pages[2])
    try:
        found.to_pandas()
    except flows.FlowsError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[:1] == ["4 4 True"] and "package pandas: not installed" in done.stdout, done.stderr


def test_the_command_of_a_design_asks_for_it_alone(two: Results, tmp_path: Path) -> None:
    for design in two:
        *_, words = design.run.command.partition("-m flows ")
        assert main([*words.split(), "--json", str(tmp_path / "a.json")]) == 0
        (run,) = json.loads((tmp_path / "a.json").read_text())["runs"]
        assert run["name"] == design.name


@pytest.mark.parametrize(
    "content, culprit",
    [
        ({"precison": 8}, "Did you mean precision"),
        ({"precision": 99}, "99"),
        ({"vendor_timeout": True}, "a value is asked for"),
        ({"precision": [8]}, "give a number or a text; a sweep takes several"),
        ({"precision": {}}, "give a number or a text"),
        ({"clock": 8}, "clock_ns"),
        ({"clock_ns": 0}, "no clock period"),
        ({"clock_ns": "ten"}, "no number"),
        ({"clock_ns": True}, "no number"),
        ({"part": []}, "names none"),
        ({"part": 3}, "names none"),
        ({"part": "xc7z999"}, "xc7z999"),
        ({"network": "arch9"}, "arch9"),
        ({"network": "absent.onnx"}, "absent.onnx"),
        ({"pixels": "odd"}, "odd"),
        ({"network": None}, "network: None names no file"),
        ({"weights": 3}, "weights: 3 names no file"),
        ({"data": "nowhere"}, "nowhere: no such folder"),
        ({"reports": "nowhere.xml"}, "report nowhere.xml: no such file"),
        ({"reports": [3]}, "reports: 3 names no file"),
        ({"margins": 0.2}, "margins: 0.2 is none"),
        ({"part": "xc7z020,"}, "names none"),
    ],
)
def test_what_is_wrong_is_named(content: dict[str, object], culprit: str) -> None:
    with pytest.raises(FlowsError, match=culprit):
        flows.estimate("hls4ml", **content)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", ["clock_ns", "part", "activation_bits"])
def test_an_axis_without_values_is_refused(axis: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no value|names none"):
        flows.sweep("hls", store=tmp_path, **{axis: []})  # type: ignore[arg-type]


def test_what_is_no_flow_no_result_and_no_folder_is_named(two: Results, tmp_path: Path) -> None:
    given: Any = 3
    with pytest.raises(UsageError, match="is no flow's name"):
        flows.estimate(["hls", "rtl"])  # type: ignore[arg-type]
    for call in (
        lambda: flows.check("finn", given), lambda: flows.report(given, tmp_path), lambda: flows.report(two, given),
        lambda: flows.review(given), lambda: flows.run("hls4ml", store=given), lambda: flows.review(out=given),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            call()


def test_an_axis_may_be_an_array_and_has_each_value_once(tmp_path: Path) -> None:
    clocks = np.array([10.0, 8.0, 10.0])
    swept = flows.sweep("hls4ml", clock_ns=clocks, precision=np.arange(8, 10), store=tmp_path, jobs=1, **FIXED)
    assert [design.run.clock_ns for design in swept] == [10, 8, 10, 8]
    assert [design.options["precision"] for design in swept] == ["8", "8", "9", "9"]
    assert swept[0].name == flows.estimate("hls4ml", precision=np.int64(8), clock_ns=np.float64(10), **FIXED)[0].name


@pytest.mark.parametrize("axes", [{"target_fps": range(1, 10**9)}, {"clock_ns": (1 + n for n in range(10**9))}])
def test_an_axis_without_end_is_refused(axes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than 10,000 values"):
        flows.sweep("hls", store=tmp_path, **axes)


def test_a_grid_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sweep: 1,000,000 designs, where at most 100,000"):
        flows.sweep("hls", target_fps=range(1, 1001), clock_ns=np.linspace(5, 10, 1000), store=tmp_path)


def test_no_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"jobs: .* is no whole number above 0"):
        flows.run("hls4ml", store=tmp_path, jobs=0)


def test_a_clock_may_be_the_fastest_known() -> None:
    assert flows.estimate("hls4ml", clock_ns="auto", **FIXED)[0].run.clock_ns == 10


def test_a_flow_that_cannot_spoils_no_other() -> None:
    results = flows.estimate("hls4ml", "finn", network="arch4", **FIXED)
    assert [result.flow for result in results] == ["hls4ml"]
    assert "no w4a4 weights" in str(results.errors[0]) and str(results.errors[0]) in str(results)
    with pytest.raises(FlowsError, match="no w4a4 weights"):
        flows.estimate("finn", network="arch4")
    with pytest.raises(UsageError, match="no flow is named"):
        flows.estimate()


def test_a_report_of_it(two: Results, tmp_path: Path) -> None:
    page = flows.report(two, tmp_path / "out")
    assert two[0].name in page.read_text() and (tmp_path / "out/report.csv").exists()


def test_importing_it_loads_nothing() -> None:
    code = "import sys, flows; sys.exit(','.join({'flows.api', 'numpy'} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    assert {"estimate", "run", "sweep", "check", "report"} <= set(dir(flows))
