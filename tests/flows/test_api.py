"""The Python API: the same designs, options and errors as the command line, as values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def test_its_command_asks_for_the_same(two: Results, capsys: pytest.CaptureFixture[str]) -> None:
    *_, words = two[0].run.command.partition("-m flows ")
    assert main(words.split()) == 0
    assert two[0].name in capsys.readouterr().out


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
    ],
)
def test_what_is_wrong_is_named(content: dict[str, object], culprit: str) -> None:
    with pytest.raises(FlowsError, match=culprit):
        flows.estimate("hls4ml", **content)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", ["clock_ns", "part", "activation_bits"])
def test_an_axis_without_values_is_refused(axis: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no value|names none"):
        flows.sweep("hls", store=tmp_path, **{axis: []})  # type: ignore[arg-type]


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
