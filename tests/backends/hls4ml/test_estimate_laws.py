"""The laws on rows written by hand in the form of a truth file, and on what must hold for any layer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hls4ml import laws
from backends.hls4ml.schedule import PACES, blocks, slowest, stages
from models.network import INPUT, Conv2D, Network

TOOLS = ("vitis", "vivado")


def convolution(padding: str = "valid", size: int = 6, kernel: int = 3, stride: int = 1) -> Network:
    layer = Conv2D("conv", (INPUT,), (kernel, kernel), (stride, stride), padding, 4)  # type: ignore[arg-type]
    return Network("one", (size, size, 2), (layer,))


@pytest.mark.parametrize(
    ("depth", "channels", "bits", "expected"),
    [(16, 4, 15, 0), (16, 4, 16, 4), (1024, 1, 18, 1), (1025, 1, 18, 2), (2, 64, 40, 0), (300, 28, 16, 25)],
)
def test_fifos_of_vitis(depth: int, channels: int, bits: int, expected: int) -> None:
    assert laws.fifo_bram("vitis", depth, channels, bits).value == expected


def test_fifos_of_vivado_are_one_a_channel() -> None:
    assert laws.fifo_bram("vivado", 33, 7, 16).value == 7
    assert laws.fifo_bram("vivado", 32, 7, 16).value == 0


def test_weights_are_stored_side_by_side() -> None:
    assert laws.weight_bram("vitis", 9, 16, 512).value == 4
    assert laws.weight_bram("vitis", 9, 16, 513).value == 8
    less = laws.weight_bram("vivado", 9, 16, 512)
    assert (less.low, less.high) == (3, 4)


def test_narrow_products_may_leave_the_dsp() -> None:
    assert laws.multiplier_dsp(10, 16, 16) == laws.exact(10, "multipliers", laws.multiplier_dsp(10, 16, 16).source)
    assert laws.multiplier_dsp(10, 8, 6).low == 5
    assert laws.multiplier_dsp(10, 26, 16).value == 20


@pytest.mark.parametrize("tool", TOOLS)
@given(n_in=st.integers(1, 600), count=st.integers(1, 300), bits=st.integers(2, 24))
def test_more_multipliers_or_inputs_never_cost_less(tool: str, n_in: int, count: int, bits: int) -> None:
    def amount(metric: str, n_in: int, count: int) -> laws.Amount:
        return laws.fitted(tool, "mac", metric, laws.multiply_accumulate(n_in, count, (bits, bits, 2 * bits), True))

    for metric in ("lut", "ff"):
        one = amount(metric, n_in, count)
        assert 0 < one.low < one.value < one.high
        assert one.value <= amount(metric, n_in + 1, count).value
        assert one.value <= amount(metric, n_in, count + 1).value


def test_a_law_without_rows_of_the_tool_names_the_other() -> None:
    features = laws.per_channel(8)
    assert "Vivado" in laws.fitted("vitis", "maxpool2d", "lut", features).source


@pytest.mark.parametrize("kernel,stride", [(3, 1), (5, 2), (1, 1)])
def test_every_pixel_is_stored_and_every_window_put(kernel: int, stride: int) -> None:
    network = convolution(size=9, kernel=kernel, stride=stride)
    design = blocks(network, network.layers)
    (stage,) = stages(network, design, {"conv": 7}, PACES["vitis"], unrolled=())
    puts = ((9 - kernel) // stride + 1) ** 2
    assert stage.tokens == puts
    assert stage.busy == puts * (7 + 5) + (81 - puts) * 4
    (worst,) = stages(network, design, {"conv": 7}, slowest("vitis"), unrolled=())
    assert worst.busy + worst.delay == 81 * (7 + 5) + 1


def test_same_padding_is_a_block_of_its_own() -> None:
    network = convolution("same")
    padding, conv = blocks(network, network.layers)
    assert (padding.shape, conv.taken, conv.readers) == ((8, 8, 2), (8, 8, 2), 0)
    stage = stages(network, (padding, conv), {"conv": 6}, PACES["vivado"], unrolled=())[0]
    assert (stage.tokens, sum(run.count for run in stage.pattern if run.takes)) == (64, 36)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fitting script, which is no package."""
    pytest.importorskip("numpy")
    path = Path(__file__).parents[3] / "benchmarks" / "fit_hls4ml.py"
    spec = importlib.util.spec_from_file_location("fit_hls4ml", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fit_hls4ml", module)
    spec.loader.exec_module(module)
    return module


def truth_row(project: int, channels: int, lut: float) -> dict[str, object]:
    return {
        "repo": f"someone/project{project}",
        "path": "prj/csynth.rpt",
        "tool": "2020.1",
        "part": "xc7z020clg400-1",
        "layer": "relu",
        "module": f"relu_array_array_ap_fixed_{channels}u_relu_config4_s",
        "config": {},
        "measured": {"LUT": lut, "FF": 12},
    }


def test_the_fit_finds_a_law_that_is_there(fit: ModuleType) -> None:
    rows = [*fit.rows_of([truth_row(project, n, 100 + 50 * n) for project in (1, 2) for n in (4, 16, 40)])]
    law = fit.fitted(rows, "lut")
    assert law["coefficients"] == pytest.approx({"channels": 50, "one": 100}, rel=1e-3)
    assert (law["held_out"], law["rows"], law["projects"]) == ("project", 6, 2)
    assert law["p90_error"] == pytest.approx(0, abs=1e-3)


def test_a_project_that_differs_shows_in_the_held_out_error(fit: ModuleType) -> None:
    rows = [*fit.rows_of([truth_row(project, n, 50 * n * project) for project in (1, 2) for n in (4, 16, 40)])]
    law = fit.fitted(rows, "lut")
    assert law["p90_error"] == pytest.approx(1.0, rel=0.01)


def test_a_convolution_is_fitted_without_its_line_buffer(fit: ModuleType) -> None:
    row = truth_row(1, 4, 5000) | {
        "layer": "conv_2d_cl",
        "config": {
            "filt_height": 3,
            "filt_width": 3,
            "n_chan": 8,
            "n_filt": 4,
            "in_height": 10,
            "in_width": 10,
            "reuse_factor": 72,
            "strategy": "nnet::resource",
            "weight_t": "ap_fixed<12,6>",
            "accum_t": "ap_fixed<30,12>",
        },
    }
    (found,) = fit.rows_of([row])
    assert found.measured["lut"] == 5000 - (32 + 9 * 3) * 2 * 8
    assert (found.features["input_bits"], found.features["adder_bits"]) == (72 * 16, 4 * 30)
