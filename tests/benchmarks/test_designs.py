"""Whole designs of others: their words are read, and what is predicted stands beside what was built."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.cost.amounts import Total
from benchmarks.whole_designs import rows, table
from benchmarks.whole_designs.errors import measures
from benchmarks.whole_designs.fitted import SHIPPED, Fits
from benchmarks.whole_designs.networks import Unreadable, network_of, precision_of, reuse_of
from benchmarks.whole_designs.prediction import (
    BOTH,
    CONFIGURATION,
    CORE,
    CORE_CSYNTH,
    CSYNTH,
    REVISED,
    SHELL,
    Prediction,
)
from benchmarks.whole_designs.predictions import predictions
from benchmarks.whole_designs.targets import part_of
from calibration.finn.rows import samples
from flows.core.clock import ClockVerdict
from flows.core.evidence import RESOURCES, Metric
from flows.core.fit import Verdict
from models.layers import Conv2D, Dense, Flatten, ReLU

MLP: dict[str, Any] = {
    "id": "mlp", "repo": "somebody/mlp", "part": "xc7z020clg400-1", "flow": "hls4ml", "kind": "MLP",
    "net": "MLP 16-32-5, ReLU", "precision": "weights <7,1>, activations <7,1>, results <16,6>", "reuse": {"all": 16},
    "io": "io_stream", "strategy": "Resource", "clock_mhz": 100, "wns_ns": 0.2, "tools": "Vivado HLS 2019.2",
    "decoded": {"lut": 9_000, "ramb18": 10, "dsp": 32}, "reported": {"lut": 9_100, "ff": 9_000},
}  # fmt: skip
LABELS = {"PE": 5, "Labels": 10, "inputDataType": "INT7"}
NODE = {
    "id": "build/LabelSelect_hls_0", "source": "somebody/finn/report.json", "stage": "post-route", "scope": "layer",
    "op_type": "LabelSelect_hls", "config": LABELS, "LUT": 300, "FF": 200, "BRAM_18K": 0, "DSP": 0,
    "tool": "Vivado 2022.2", "part": "xc7z020clg400-1", "finn_version": "0.10",
}  # fmt: skip


def row_of(tmp_path: Path, **changes: Any) -> rows.Row:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([MLP | changes]))
    (row,), errors = rows.read(path)
    assert not errors
    return row


def test_a_network_is_read_from_its_words() -> None:
    network = network_of(
        "n", "CIFAR-10 32x32x3: conv 3x3/4 32, maxpool 2x2, conv 3x3 valid 8, dense 32-10; 9 parameters"
    )
    first, second, third = network.layers[:3]
    assert isinstance(first, Conv2D) and first.strides == (4, 4) and first.padding == "same"
    assert isinstance(second, ReLU) and third.name == "pool1"
    assert isinstance(network.layers[-2], Flatten) and isinstance(network.layers[-1], Dense)
    assert [layer.name for layer in network_of("n", "MLP 16-64-5, softmax").layers] == [
        "dense1",
        "relu1",
        "dense2",
        "softmax",
    ]
    last = network_of("n", "8x8x1: conv 3x3 4 valid (BN folded, 4 bits), dense 144-5, dense 3").layers[-1]
    assert last == Dense("dense2", ("dense1_relu",), 3)
    misread, unknown = "8x8x1: conv 3x3 4, dense 144-5", "8x8x1: conv 3x3 4, upsample 2x2, dense 9-5"
    residual = "8x8x1: conv 3x3 4, residual block, dense 256-5"
    for words in ("Iris MLP 4 inputs, 3 classes", "a CNN 8x8x3: no layers named", misread, unknown, residual):
        with pytest.raises(Unreadable):
            network_of("n", words)


def test_types_and_reuse_factors_are_read() -> None:
    assert precision_of("ap_fixed<16,6>") == "ap_fixed<16,6>"
    asked = precision_of("weights <8,3>, activations ap_ufixed<7,6>, accum <14,6>")
    assert "*.weight=ap_fixed<8,3>" in asked and "@activation.result=ap_ufixed<7,6>" in asked
    assert "*.accum=ap_fixed<14,6>" in asked and "*.bias=ap_fixed<8,3>" in asked
    assert precision_of("ap_fixed<12,4>; weights <8,3>, float I/O").startswith("ap_fixed<12,4>,*.weight=ap_fixed<8,3>")
    assert precision_of("ap_fixed<18,8>, Resource, reuse <3>") == "ap_fixed<18,8>"
    network = network_of("n", "MLP 16-64-8-5")
    assert reuse_of(network, {"all": 4, "latent": 2, "output": 8}) == "4,dense3=2,dense3=8"
    for factors in ({}, {"dense1": 4}, {"all": 4, "conv9": 2}):
        with pytest.raises(Unreadable):
            reuse_of(network, factors)


@pytest.mark.parametrize(("text", "meant"), [("7z020clg400-1", "xc7z020clg400-1"), ("xc7z007s", "xc7z007s")])
def test_a_part_is_read_as_any_vivado_writes_it(text: str, meant: str, tmp_path: Path) -> None:
    assert row_of(tmp_path, part=text).part == meant


def test_a_report_wins_over_the_bitstream(tmp_path: Path) -> None:
    built = row_of(tmp_path).built
    assert built == {Metric.LUT: 9_100, Metric.FF: 9_000, Metric.BRAM18: 10, Metric.DSP: 32}


def test_a_design_is_predicted_from_its_configuration_and_from_its_report(tmp_path: Path) -> None:
    row = row_of(tmp_path, csynth={"lut": 20_000, "ff": 9_000, "bram18": 8, "dsp": 32})
    own, both = predictions(row, {}, Fits(()).without(SHIPPED))
    assert (own.start, both.start) == (CONFIGURATION, BOTH) and not own.reason
    assert both.totals[Metric.LUT] == own.totals[Metric.LUT], "csynth's count alone is less sure"
    (report,) = [
        prediction
        for prediction in predictions(replace(row, net="an MLP"), {}, Fits(()).without(SHIPPED))
        if prediction.start == CSYNTH
    ]
    for each in (own, both, report):
        assert each.totals.keys() == set(RESOURCES)
        assert all(total.low <= total.value <= total.high for total in each.totals.values())
    assert own.clock and own.rate
    assert 0 < report.totals[Metric.LUT].value < 20_000
    assert own.totals[Metric.LUT].value > 2_500, "the shell is in it"


def test_artix_7_is_predicted_as_the_zynq_of_its_fabric(tmp_path: Path) -> None:
    fitted = Fits(()).without(SHIPPED)
    (artix,), (zynq,) = (
        list(predictions(row_of(tmp_path, part=part), {}, fitted)) for part in ("xc7a100tcsg324-1", "xc7z020clg400-1")
    )
    assert artix.totals == zynq.totals and not artix.reason
    assert table.verdict_of(artix) is None, "what the part has is not known"


def test_nodes_of_a_build_on_another_part_are_predicted_without_a_clock(tmp_path: Path) -> None:
    build = list(samples("finn_build", NODE))
    row = row_of(tmp_path, flow="finn", folding="finn_build", part="xczu7ev-ffvc1156-2-e")
    (prediction,) = predictions(row, {"finn_build": build}, Fits(()).without(SHIPPED))
    assert prediction.totals[Metric.LUT].value > 300 and prediction.clock is None


def test_a_core_that_was_routed_alone_has_its_shell_beside_it(tmp_path: Path) -> None:
    core, ips = {"lut": 5_000, "ff": 6_000, "bram18": 10, "dsp": 4}, {"axi_dma": 1, "axi_interconnect": 2, "conv": 1}
    row = row_of(tmp_path, flow="hand-written HLS", export_impl=core, ips=ips)
    (prediction,) = predictions(row, {}, Fits(()).without(SHIPPED))
    total = prediction.totals[Metric.LUT]
    assert prediction.start == CORE and total.low < 5_000 + 2_700 < total.value < 5_000 + 9_177 < total.high + 100
    assert prediction.totals[Metric.BRAM18].high >= 10 + 37, "streams may be wide"
    (narrow,) = predictions(replace(row, flow="shell only", core={}), {}, Fits(()).without(SHIPPED))
    assert narrow.totals[Metric.BRAM18].high == 10


def test_what_cannot_be_predicted_has_a_reason(tmp_path: Path) -> None:
    fitted = Fits(()).without(SHIPPED)
    for changes, reason in (
        ({"net": "an MLP"}, "no widths"),
        ({"precision": ""}, "its types are not recorded"),
        ({"reuse": {}}, "not recorded"),
        ({"strategy": "Latency and more"}, "is no strategy"),
        ({"part": "xczu7ev-ffvc1156-2-e"}, "xczu7ev"),
        ({"net": "MLP 16-0-5"}, "no width"),
        ({"net": "MLP 100000-100000-5"}, "more than 50,000,000 weights"),
        ({"flow": "Catapult HLS"}, "no model of Catapult HLS, and no report of its core"),
        ({"flow": "hand-written HLS"}, "somebody's own"),
        ({"flow": "finn", "folding": "config.h"}, "its folding is not recorded"),
        ({"note": "not to be predicted: a video pipeline"}, "video"),
    ):
        (prediction,) = predictions(row_of(tmp_path, **changes), {}, fitted)
        assert not prediction.totals and reason in prediction.reason, changes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reuse", {"all": "x"}), ("reuse", {"all": 0}), ("reuse", "64"),
        ("ips", ["axi_dma"]), ("ips", {"axi_dma": "two"}), ("ips", {"axi_dma": 10**9}), ("wns_ns", "0.2"),
        ("wns_ns", float("nan")), ("clock_mhz", "100"),
        ("csynth", {"lut": "many"}), ("decoded", 7), ("part", None),
    ],
)  # fmt: skip
def test_a_field_that_makes_no_sense_is_named_and_its_row_left_out(field: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([MLP, MLP | {field: value}]))
    result, (error,) = rows.read(path)
    assert len(result) == 1 and "row 1" in str(error) and field in str(error)


def test_what_is_null_is_absent(tmp_path: Path) -> None:
    row = row_of(tmp_path, net=None, reuse=16, csynth={"lut": None, "ff": 3}, wns_ns=None, clock_mhz=None, ips=None)
    assert row.net == "" and row.reuse == {"all": 16} and row.csynth == {Metric.FF: 3} and row.clock_mhz is None


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("xc7z045ffv900-2", "xc7z045"), ("xa7z020clg400-1I", "xc7z020"), ("xq7z030", "xc7z030"), ("xc7z020", "xc7z020"),
        ("xc7z007sclg225", "xc7z007s"), ("xc7z014sclg400-1L", "xc7z014s"), ("pynq-z2", "xc7z020"),
    ],
)  # fmt: skip
def test_a_zynq_of_any_package_and_grade_has_its_device(text: str, device: str) -> None:
    assert part_of(text).device.name == device


def test_a_report_of_another_revision_is_no_measure(tmp_path: Path) -> None:
    csynth = {"lut": 20_000, "ff": 9_000, "note": "of a near revision"}
    row = row_of(tmp_path, flow="hand-written HLS", csynth=csynth)
    (prediction,) = predictions(row, {}, Fits(()).without(SHIPPED))
    assert prediction.start == REVISED and prediction.totals
    assert len(measures([prediction])[1]) == 1, "a head and no line"


def test_what_is_no_text_says_nothing_and_no_text_steers_a_terminal(tmp_path: Path) -> None:
    row = row_of(tmp_path, flow=["finn"], tools=7, id="red \x1b[31m")
    assert (row.flow, row.tool, row.name) == (rows.UNTOLD, "", r"red \x1b[31m")
    (prediction,) = predictions(row, {}, Fits(()).without(SHIPPED))
    assert prediction.reason == "its flow is not recorded, and no report of its core is in the row"
    assert row_of(tmp_path, flow="FINN").flow == "finn"


def test_the_clock_of_others_code_is_judged_too(tmp_path: Path) -> None:
    row = row_of(tmp_path, flow="hand-written HLS", csynth={"lut": 20_000, "ff": 9_000})
    fitted = Fits(()).without(SHIPPED)
    for mhz, verdict in ((100, ClockVerdict.CREDIBLE), (200, ClockVerdict.AT_RISK)):
        (prediction,) = predictions(replace(row, clock_mhz=mhz), {}, fitted)
        assert prediction.clock and prediction.clock.verdict is verdict
    (foreign,) = predictions(replace(row, part="xcku5p"), {}, fitted)
    assert foreign.totals and foreign.clock is None


@pytest.mark.parametrize("wrong", [{"clock_target_ns": "10"}, {"LUT": "many"}, {"WNS_ns": [1]}])
def test_a_build_with_a_wrong_number_is_named(
    wrong: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = NODE | {"scope": "whole-design", "LUT": 5_000, "FF": 6_000} | wrong
    (tmp_path / "finn_own.json").write_text(json.dumps([whole, NODE]))
    (tmp_path / "rows.json").write_text(json.dumps([MLP]))
    (tmp_path / "none.json").write_text("{")
    files = [tmp_path / name for name in ("none.json", "finn_own.json", "rows.json")]
    assert table.run(files, cross_validate=False, markdown=False) == 3
    text, error = capsys.readouterr()
    assert next(iter(wrong)).lower() in error.lower() and "none.json" in error and "mlp" in text


def test_nodes_without_the_whole_are_listed_as_not_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "finn_own.json").write_text(json.dumps([NODE]))
    assert table.run([tmp_path / "finn_own.json"], cross_validate=False, markdown=False) == 0
    assert "does not say what the whole design takes" in capsys.readouterr().out


VALUES = st.sampled_from(
    [None, 0, -1, 1.5, 1e300, float("nan"), "", "x", [], {}, {"all": 0}, {"lut": None}, [1], True, 10**30,
     "io_parallel", "latency", "xc7z010", "1x1x1: conv 3x3 4", "MLP 16-0-5", "ap_fixed<0,0>", "ap_fixed<999,-5>"]
)  # fmt: skip
"""What no field, or another field, holds."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_row_falls_over(data: st.DataObject, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csynth = {"lut": 20_000, "ff": 9_000, "bram18": 8, "dsp": 32}
    for name, row in (("rows", MLP | {"csynth": csynth, "ips": {"axi_dma": 1}}), ("finn_own", NODE)):
        row = dict(row)
        for key in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
            row[key] = data.draw(VALUES)
        if data.draw(st.booleans()):
            row.pop(data.draw(st.sampled_from(sorted(row))))
        (tmp_path / f"{name}.json").write_text(json.dumps([row]))
    files = [tmp_path / "rows.json", tmp_path / "finn_own.json"]
    assert table.run(files, cross_validate=False, markdown=data.draw(st.booleans())) in (0, 3)
    capsys.readouterr()


def test_a_pair_is_a_core_alone_and_no_whole_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = {
        "project": "mlp", "source": "somebody/mlp report.rpt", "tool": "Vitis HLS", "part": "xczu7ev", "code": "own",
        "csynth": {"lut": 8_000, "ff": 6_000, "bram18": 10, "dsp": 4}, "built": {"lut": 4_000, "ff": 4_500},
    }  # fmt: skip
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps([pair]))
    (row,), _ = rows.read(path)
    (prediction,) = predictions(row, {}, Fits(()).without(SHIPPED))
    assert (prediction.start, prediction.row.flow) == (CORE_CSYNTH, "hand-written HLS")
    lut = prediction.totals[Metric.LUT]
    assert 2_000 < lut.low < 4_000 < lut.high < 8_000 and prediction.totals[Metric.DSP] == Total(4, 1, 7), (
        "and no shell"
    )
    assert table.run([path], cross_validate=False, markdown=True) == 0
    text = capsys.readouterr().out
    assert "core alone: 1 design" in text and "somebody/mlp" not in text and "## The aims" not in text


def test_every_design_counts_once_by_what_is_surest(tmp_path: Path) -> None:
    row = row_of(tmp_path)
    near, far = (dict.fromkeys(RESOURCES, Total(count, 0.9 * count, 1.1 * count)) for count in (9_100, 20_000))
    _, (head, *lines) = measures([Prediction(row, CSYNTH, far), Prediction(row, CONFIGURATION, near)])
    assert lines[0] == ["lut", "1", "median 20%", "median 0%", "yes", "100%"] and len(head) == len(lines[0])


def test_converters_are_charged_where_the_core_is_wrapped(tmp_path: Path) -> None:
    fitted = Fits(()).without(SHIPPED)
    plain, wrapped = (
        next(iter(predictions(row_of(tmp_path, csynth={"lut": 1, "scope": scope}), {}, fitted)))
        for scope in ("myproject", "myproject_axi")
    )
    assert 378 < wrapped.totals[Metric.LUT].value - plain.totals[Metric.LUT].value < 1_408


def test_a_shell_is_predicted_from_its_ips(tmp_path: Path) -> None:
    ips = {"processing_system7": 1, "axi_dma": 1, "axi_interconnect": 2, "proc_sys_reset": 1, "loop": 1}
    (prediction,) = predictions(row_of(tmp_path, flow="shell only", ips=ips), {}, Fits(()).without(SHIPPED))
    assert (
        prediction.start == SHELL
        and 2_500 < prediction.totals[Metric.LUT].value < 3_500
        and not prediction.totals[Metric.LUT].at_least
    )


def test_a_repository_is_left_out_of_the_fits() -> None:
    (sample,) = samples("here", NODE)
    fits = Fits([sample])
    shipped, without = fits.without(SHIPPED), fits.without("nicologhielmetti/hls4ml-pynq")
    assert without.hls4ml != shipped.hls4ml and without.hls4ml_ratios != shipped.hls4ml_ratios
    assert fits.without("nobody/nothing").finn == shipped.finn
    assert fits.without("somebody/finn").finn == shipped.finn, "its build was not there when the models were fitted"
    assert fits.without("akhilvasan/finn_cybsec").finn != shipped.finn


def test_the_rate_of_the_board_is_predicted_at_the_images_of_a_call(tmp_path: Path) -> None:
    fitted = Fits(()).without(SHIPPED)
    (many, *_), (prediction, *_) = (
        list(predictions(row_of(tmp_path, board_rate_fps=9_000, batch=batch), {}, fitted)) for batch in (None, 1)
    )
    assert many.row.batch == 1_000 and many.system and prediction.system and many.rate
    assert prediction.system.value < many.system.low and many.system.high < many.rate
    assert many.system.low < many.system.value < many.system.high


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((9_000, 12_000), Verdict.FITS), ((50_000, 60_000), Verdict.UNDECIDED),
        ((43_000, 50_000), Verdict.AT_RISK), ((54_000, 60_000), Verdict.OVER),
    ],
)  # fmt: skip
def test_verdicts_are_those_of_a_review(ends: tuple[float, float], verdict: Verdict, tmp_path: Path) -> None:
    low, high = ends
    totals = dict.fromkeys(RESOURCES, Total(0, 0, 0)) | {Metric.LUT: Total((low + high) / 2, low, high)}
    assert table.verdict_of(Prediction(row_of(tmp_path), CONFIGURATION, totals)) is verdict
    assert table.verdict_of(Prediction(row_of(tmp_path, part="xc7a100t"), CONFIGURATION, totals)) is None


def test_the_page_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finn = MLP | {"id": "build", "flow": "finn", "folding": "per node (see finn_build.json)", "repo": "somebody/finn"}
    (tmp_path / "rows.json").write_text(json.dumps([MLP, finn, 7]))
    (tmp_path / "finn_build.json").write_text(json.dumps([NODE]))
    files = [tmp_path / "rows.json", tmp_path / "finn_build.json"]
    assert table.run(files, cross_validate=True, markdown=True) == 3, "a row is none"
    text, error = capsys.readouterr()
    assert "rows.json, row 2" in error
    assert "| mlp | configuration |" in text and "| build | nodes |" in text
    assert "## Clocks" in text and "## Not predicted" not in text


def test_a_build_that_no_row_names_is_a_design_of_its_own(tmp_path: Path) -> None:
    whole = NODE | {"scope": "whole-design", "op_type": None, "LUT": 5_000, "FF": 6_000, "network": "MLP"}
    (tmp_path / "finn_own.json").write_text(json.dumps([whole, NODE]))
    command = [sys.executable, "benchmarks/designs.py", str(tmp_path / "finn_own.json")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.split()[:2] == ["finn_own", "nodes"])
    assert "/ 5,000" in line and "/ 6,000" in line
