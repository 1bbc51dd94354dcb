"""The truth check on files of hls4ml's rows written by hand: what it predicts, leaves out and refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration import truth
from calibration.hls4ml.modules import modules
from calibration.hls4ml.rows import parse_row
from calibration.hls4ml.truth import outcomes
from calibration.tables import Outcome

CONVOLUTION = {
    "n_chan": 8, "n_filt": 4, "in_height": 10, "in_width": 10, "filt_height": 3, "filt_width": 3, "out_height": 8,
    "out_width": 8, "reuse_factor": 72, "strategy": "nnet::resource", "weight_t": "ap_fixed<16,6>",
    "accum_t": "ap_fixed<36,16>",
}  # fmt: skip


def row(layer: str = "conv_2d_cl", module: str = "", **changes: Any) -> dict[str, Any]:
    record = {
        "repo": "someone/net",
        "path": "prj/csynth.rpt",
        "tool": "2024.2",
        "part": "xc7z020clg400-1",
        "layer": layer,
        "module": module or f"{layer}_array_ap_fixed_8u_array_ap_fixed_36_16_5_3_0_4u_config2_s",
        "config": dict(CONVOLUTION) if layer == "conv_2d_cl" else {},
        "measured": {"lat_max": 7701, "BRAM_18K": 4, "DSP": 4, "LUT": 6000, "FF": 4000},
    }
    return record | changes


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """(exit code, standard output, standard error) of the truth check over one file."""

    def run(content: Any, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "rows.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setattr(sys, "argv", ["truth.py", str(path), *options])
        with pytest.raises(SystemExit) as end:
            truth.main()
        assert isinstance(end.value.code, int)
        return (end.value.code, *capsys.readouterr())

    return run


def predicted(*table: dict[str, Any]) -> dict[str, Outcome]:
    """Outcomes of the last row, by metric."""
    rows = [parse_row(f"row {index}", record) for index, record in enumerate(table)]
    return {outcome.metric: outcome for outcome in outcomes(modules(rows)[-1])}


def bounds(outcome: Outcome) -> tuple[float, float]:
    assert outcome.amount
    return outcome.amount.low, outcome.amount.high


def test_a_convolution_is_predicted_from_its_configuration_alone() -> None:
    metrics = predicted(row())
    assert (metrics["cycles"].value, metrics["dsp"].value, metrics["bram18"].value) == (100 * (72 + 5) + 1, 4, 2)
    assert (metrics["cycles"].error, metrics["dsp"].error, metrics["bram18"].error) == (0, 0, 0.5)
    other = predicted(row(measured={"lat_max": 1, "LUT": 1}))
    assert other["lut"].value == metrics["lut"].value > 1


def test_weights_as_constants_get_bounds() -> None:
    constants = CONVOLUTION | {"reuse_factor": 1, "n_zeros": 88}
    metrics = predicted(row(config=constants))
    assert bounds(metrics["dsp"]) == ((72 * 4 - 88) / 4, 72 * 4 - 88)
    assert metrics["bram18"].value == 0
    assert metrics["cycles"].value == 100 * 5 + 3


def test_a_submodule_and_an_activation_take_what_the_report_tells() -> None:
    """The types of a submodule are those of its layer; an activation takes the pixels that the convolution puts."""
    inner = {"n_in": 72, "n_out": 4, "reuse_factor": 72, "strategy": "nnet::resource"}
    product = predicted(row(), row("dense_resource", "dense_resource_rf_leq_nin_config2_mult_s", config=inner))
    assert (product["cycles"].value, product["bram18"].value) == (73, 2)
    relu = row("relu", "relu_array_ap_fixed_4u_array_ap_ufixed_8_2_4_0_0_4u_relu_config3_s")
    assert predicted(row(), relu)["cycles"].value == pytest.approx(65, abs=3)
    alone = predicted(relu)["cycles"]
    assert alone.amount is None and "pixels" in alone.reason


def test_a_dense_layer_without_a_record_takes_what_the_design_has_in_common() -> None:
    """Behind a vector its sizes are in the modules' names; behind an image they are not."""
    constants = CONVOLUTION | {"reuse_factor": 1}
    vector = row("dense", "dense_array_array_ap_fixed_16_6_5_3_0_20u_config4_s")
    dense = row("dense", "dense_array_array_ap_fixed_16_6_5_3_0_10u_config6_s")
    metrics = predicted(row(config=constants), vector, dense)
    assert (metrics["bram18"].value, bounds(metrics["dsp"])[1]) == (0, 20 * 10)
    assert "n_in not recorded" in predicted(row(config=constants), vector)["lut"].reason


def test_an_addition_a_padding_and_a_clone_are_those_of_the_product() -> None:
    for layer, known in (
        ("add", {"lut", "ff", "cycles"}),
        ("clone_stream", {"lut", "ff"}),
        ("zeropad2d_cl", {"lut"}),
    ):
        last = row(layer, f"{layer}_array_ap_fixed_16_6_5_3_0_4u_array_ap_fixed_16_6_5_3_0_4u_config3_s")
        metrics = predicted(row(), last)
        assert known <= {metric for metric, outcome in metrics.items() if outcome.amount}
        assert metrics["dsp"].value == 0


def test_the_version_tells_how_often_a_pixel_starts() -> None:
    few = CONVOLUTION | {"n_chan": 1, "reuse_factor": 1, "strategy": "latency"}
    cycles = {version: predicted(row(config=few, tool=version))["cycles"].value for version in VERSIONS}
    assert cycles == {"2020.1": 103, "2022.1": 103, "2022.2": 303, "2024.2": 303}
    pool = {"in_height": 6, "in_width": 6, "pool_height": 2, "pool_width": 2}
    name = "pooling2d_cl_array_ap_fixed_4u_array_ap_fixed_16_6_5_3_0_4u_config4_s"
    pooled = {version: predicted(row("pooling2d_cl", name, config=pool, tool=version)) for version in VERSIONS}
    assert [round(outcome["cycles"].value) for outcome in pooled.values()] == [39, 39, 39, 75]


VERSIONS = ("2020.1", "2022.1", "2022.2", "2024.2")


def test_a_padding_takes_a_token_for_each_zero() -> None:
    name = "zeropad2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_3u_config5_s"
    sizes = {"in_height": 32, "in_width": 32, "out_height": 34, "out_width": 34}
    assert predicted(row("zeropad2d_cl", name, config=sizes))["cycles"].value == 34 * 34 + 13


def test_an_activation_of_io_parallel_is_logic_alone() -> None:
    metrics = predicted(row("relu", "relu_config3_s", config={"n_in": 8}, io_type="io_parallel"))
    assert (metrics["cycles"].value, metrics["ff"].value) == (0, 0) and metrics["lut"].value > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layer": "TOP"}, "whole design"),
        ({"layer": "separable_conv_2d_cl"}, "no resource model for separable_conv_2d_cl"),
        ({"config": CONVOLUTION | {"strategy": "distributed_arithmetic"}}, "strategy distributed_arithmetic"),
        ({"config": {key: CONVOLUTION[key] for key in CONVOLUTION if key != "n_filt"}}, "n_filt not recorded"),
        ({"config": CONVOLUTION | {"n_filt": "4"}}, "n_filt is no count"),
        ({"config": CONVOLUTION | {"weight_t": "float"}}, "weight_t is no type"),
        ({"io_type": "io_parallel"}, "io_parallel"),
    ],
)
def test_what_no_model_knows_is_counted_with_its_reason(change: dict[str, Any], reason: str) -> None:
    metrics = predicted(row(**change))
    assert metrics and all(outcome.amount is None and reason in outcome.reason for outcome in metrics.values())


def test_the_table_counts_what_is_predicted(run: Any) -> None:
    code, out, _ = run([row(), row("TOP")])
    assert code == 0
    assert "fitted to 0 of these projects." in out
    assert next(line.split()[:3] for line in out.splitlines() if line.startswith("  lut")) == ["lut", "1", "1"]
    assert "a whole design" in out


def test_cross_validation_keeps_the_project_out(run: Any) -> None:
    """A model that only one project shows predicts nothing of it; a model that two show does."""
    first, other = row("Block_proc", "Block_proc"), row("Block_proc", "Block_proc", repo="other/net")
    assert "no row to fit the resource model block to" in run([first], "--cross-validate")[1]
    code, out, _ = run([first, other], "--cross-validate")
    assert code == 0
    lut = next(line for line in out.splitlines() if line.startswith("  lut"))
    assert lut.split()[1:3] == ["2", "0"] and "100% within 25 %" in lut


def test_two_prototypes_of_a_model_are_one_project() -> None:
    def project(path: str) -> str:
        return parse_row("row", row(path=path)).project

    assert project("first/model8_resource/csynth.rpt") == project("second/model8_latency/synth.rpt")
    assert project("first/model8/csynth.rpt") != project("first/model80/csynth.rpt")


def test_the_page_is_a_table(run: Any) -> None:
    out = run([row()], "--markdown")[1]
    assert out.startswith("# hls4ml's estimates") and "| lut | 1 | 0 |" in out


@pytest.mark.parametrize(
    ("change", "field", "fact"),
    [
        ({"layer": "conv_2d_cll"}, "field layer", "nearest are conv_2d_cl"),
        ({"layer": "frobnicate"}, "field layer", "'frobnicate' is no layer"),
        ({"measured": {"LUT": 5, "kLUT": 2}}, "field measured.kLUT", "no metric that csynth counts"),
        ({"measured": {"lat_max": "undef"}}, "field measured.lat_max", "'undef' is no amount"),
        ({"measured": {"LUT": -1}}, "field measured.LUT", "-1 is no amount"),
        ({"measured": {"LUT": True}}, "field measured.LUT", "True is no amount"),
        ({"measured": {"LUT": 10**400}}, "field measured.LUT", "is no amount"),
        ({"measured": [5]}, "field measured", "is not an object"),
        ({"clk_ns": "fast"}, "field clk_ns", "is no clock period"),
        ({"tool": "unknown"}, "field tool", "names no version"),
        ({"part": None}, "field part", "is not a text"),
    ],
)
def test_a_damaged_row_is_named_and_the_others_counted(run: Any, change: dict[str, Any], field: str, fact: str) -> None:
    code, out, err = run([row(), row(**change)])
    assert code == 3
    assert "rows.json, row 1" in err and field in err and fact in err and "row 0" not in err
    assert "1 row of 1 project." in out


@pytest.mark.parametrize("key", ["repo", "path", "tool", "part", "layer", "module", "config", "measured"])
def test_a_missing_field_is_named(run: Any, key: str) -> None:
    damaged = {name: value for name, value in row().items() if name != key}
    code, _, err = run([row(), damaged])
    assert (code, f"rows.json, row 1, field {key}: missing" in err) == (3, True)


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "an empty list"),
        ("{}", "a JSON dict, not a list"),
        ("[1, 2]", "rows of no known form"),
        ('[{"name": 1}]', "rows of no known form"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused(run: Any, content: str, fact: str) -> None:
    code, out, err = run(content)
    assert (code, out) == (3, "")
    assert fact in err and "Traceback" not in err


def test_a_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["truth.py", "nowhere.json"])
    with pytest.raises(SystemExit, match="3"):
        truth.main()


def test_rows_of_finn_are_read_as_such(run: Any) -> None:
    code, _, err = run([{"id": "a", "scope": "layer", "stage": "post-route", "op_type": "MVAU_rtl", "LUT": 5}])
    assert code == 3 and "field config" in err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=st.dictionaries(
        st.sampled_from([*sorted(CONVOLUTION), "n_zeros", "sparsity"]),
        st.none() | st.integers(-3, 99) | st.text(max_size=5),
    )
)
def test_any_configuration_is_predicted_or_has_a_reason(config: dict[str, Any]) -> None:
    for outcome in predicted(row(config=CONVOLUTION | config)).values():
        if outcome.amount:
            assert 0 <= outcome.amount.low <= outcome.amount.value <= outcome.amount.high
        else:
            assert outcome.reason
