"""The truth check on nodes of FINN written by hand: what it predicts, leaves out and refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from calibration import truth


def row(op: str, config: dict[str, Any], **measured: float) -> dict[str, Any]:
    counts = {"LUT": 10, "FF": 20, "DSP": 0, "BRAM_18K": 0} | measured
    place = {
        "id": f"build/{op}",
        "source": "someone/net/report.xml",
        "part": "xc7z010clg400-1",
        "tool": "Vivado 2022.2",
    }
    return {**place, "stage": "post-route", "scope": "layer", "op_type": op, "config": config, **counts}


def fifo(depth: int, bits: int, style: str = "rtl", **measured: float) -> dict[str, Any]:
    config = {"depth": depth, "width_bits": bits, "impl_style": style, "ram_style": "auto"}
    return row("StreamingFIFO_rtl", config, **measured)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(content: Any, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "nodes.json"
        path.write_text(json.dumps(content))
        monkeypatch.setattr(sys, "argv", ["truth.py", str(path), *options])
        with pytest.raises(SystemExit) as end:
            truth.main()
        assert isinstance(end.value.code, int)
        return (end.value.code, *capsys.readouterr())

    return run


def test_each_node_of_one_build_is_predicted_by_the_others(run: Any) -> None:
    """Three FIFOs in registers: what the third takes follows from the two, not from itself."""
    code, text, _ = run([fifo(2, 10, LUT=15), fifo(2, 20, LUT=25), fifo(2, 40, LUT=4000)], "--cross-validate")
    assert code == 0
    cells = [line for line in text.splitlines() if line.strip().startswith("StreamingFIFO")][-3:]
    assert "45 (" in cells[2] and cells[2].split(", ")[1:] and "4,000" in cells[2]


def test_whole_builds_are_held_out(run: Any) -> None:
    """A build that is unlike the others is predicted by them, not by its own other rows."""
    plain = [fifo(2, bits, LUT=bits + 5) for bits in (10, 20)]
    strange = [fifo(2, bits, LUT=bits + 500) | {"source": "another/net/report.xml"} for bits in (10, 20)]
    code, text, _ = run([*plain, *strange], "--cross-validate")
    assert code == 0 and "someone/net, build" in text and "another/net, build" in text
    cells = [line for line in text.splitlines() if line.strip().startswith("StreamingFIFO")][-2:]
    assert "15 (" in cells[0] and "510" in cells[0] and "25 (" in cells[1]


def test_the_shipped_models_do_not_see_what_was_measured(run: Any) -> None:
    _, text, _ = run([fifo(2, 10, LUT=15)])
    _, other, _ = run([fifo(2, 10, LUT=99)])
    assert "), 15" in text and text.splitlines()[-1].replace("), 15", "), 99") == other.splitlines()[-1]


def test_what_no_model_knows_is_named(run: Any) -> None:
    rows = [fifo(2, 4), row("Lookup_hls", {}), row("VVAU_hls", {}), row("StreamingFIFO_rtl", {"depth": 2})]
    external = {"MW": 4, "MH": 4, "PE": 1, "SIMD": 1, "mem_mode": "external"}
    types = dict.fromkeys(("inputDataType", "weightDataType", "outputDataType"), "INT4")
    floats = row("FMPadding_hls", {"SIMD": 4, "inputDataType": "FLOAT32"})
    code, text, err = run([*rows, floats, row("MVAU_hls", external | types)])
    assert code == 0 and not err and "no resource model of data of type FLOAT32" in text
    assert "no resource model of Lookup_hls" in text and "no resource model of VVAU_hls" in text
    assert "StreamingFIFO_rtl: folded_shape is not recorded" in text and "weights in external memory" in text


UNIT = {
    "MW": 64,
    "MH": 16,
    "PE": 2,
    "SIMD": 4,
    "inputDataType": "UINT4",
    "weightDataType": "INT4",
    "outputDataType": "UINT4",
}
THRESHOLDS = {
    "NumChannels": 64,
    "PE": 1,
    "numSteps": 15,
    "inputDataType": "INT14",
    "weightDataType": "INT14",
    "outputDataType": "UINT4",
}
WINDOW = {
    "IFMChannels": 3,
    "IFMDim": [14, 14],
    "OFMDim": [12, 12],
    "ConvKernelDim": [3, 3],
    "Stride": [1, 1],
    "SIMD": 3,
    "inputDataType": "INT8",
}
POOL = {"NumChannels": 16, "ImgDim": [28, 28], "PoolDim": [2, 2], "PE": 1, "dataType": "UINT4"}


@pytest.mark.parametrize(
    ("op", "config"),
    [
        ("StreamingFCLayer_Batch", UNIT | {"mem_mode": "decoupled"}),
        ("MatrixVectorActivation", UNIT | {"mem_mode": "const", "resType": "lut"}),
        ("MVAU_hls", UNIT),
        ("MVAU_rtl", UNIT | {"noActivation": 1}),
        ("Thresholding_rtl", THRESHOLDS),
        ("Thresholding_Batch", THRESHOLDS | {"mem_mode": "const"}),
        ("Thresholding_hls", THRESHOLDS | {"mem_mode": "internal_decoupled", "ram_style": "block"}),
        ("StreamingMaxPool_hls", POOL),
        ("StreamingMaxPool_Batch", POOL | {"dataType": "BIPOLAR"}),
        ("StreamingMaxPool_hls", POOL | {"ImgDim": [28, 1], "PoolDim": [2, 1]}),
        ("StreamingFIFO", {"depth": 512, "folded_shape": [1, 4, 4], "dataType": "INT8", "impl_style": "vivado"}),
        ("StreamingFIFO_rtl_3_1", {"depth": 64, "width_bits": 8, "impl_style": "vivado", "ram_style": "distributed"}),
        ("StreamingDataWidthConverter_Batch", {"inWidth": 8, "outWidth": 32}),
        ("FMPadding_Batch", {"SIMD": 4, "inputDataType": "UINT4"}),
        ("IODMA", {"direction": "in"}),
        ("IODMA_hls", {"direction": "out", "streamWidth": 24, "intfWidth": 16}),
        ("StreamingDataWidthConverter_hls", {"inWidth": 72, "outWidth": 54}),
        ("ConvolutionInputGenerator_rtl", WINDOW | {"parallel_window": 1}),
        ("AddStreams_hls", {"PE": 4, "inputDataType": "UINT4"}),
        ("DuplicateStreams_Batch", {"PE": 4, "inputDataType": "UINT4", "NumOutputStreams": 2}),
        ("ChannelwiseOp_hls", {"PE": 4, "inputDataType": "INT8", "outputDataType": "INT9"}),
        ("LabelSelect_Batch", {"PE": 1, "inputDataType": "INT16", "Labels": 10}),
        ("Pool_hls", {"PE": 1, "InputDataType": "UINT4", "OutputDataType": "UINT4"}),
        ("ElementwiseAdd_hls", {"PE": 1, "lhs_dtype": "INT8", "rhs_dtype": "INT8", "out_dtype": "INT9"}),
    ],
)
def test_nodes_of_every_finn_are_predicted(run: Any, op: str, config: dict[str, Any]) -> None:
    code, text, err = run([row(op, config)])
    assert code == 0 and not err and "Not modelled" not in text
    predicted = text.splitlines()[-1]
    assert predicted.count("(") == 4 and ", 20" in predicted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LUT": -1}, "field LUT"),
        ({"LUT": None}, "field LUT"),
        ({"config": {"depth": "deep", "width_bits": 4, "impl_style": "rtl", "ram_style": "auto"}}, "field config"),
        ({"stage": "guessed"}, "field stage"),
        ({"scope": 5}, "field scope"),
    ],
)
def test_a_damaged_row_is_named_and_left_out(run: Any, change: dict[str, Any], said: str) -> None:
    code, text, err = run([fifo(2, 4), fifo(2, 8) | change])
    assert code == 3 and "row 1" in err and said in err
    assert "FIFOs and converters" in text


def test_an_hls_unit_is_counted_by_the_release_that_wrote_it(run: Any) -> None:
    """Vitis HLS 2022 takes two registers less of a bit of 8 x 4 weights' stream; without a release, FINN's says."""

    def ffs(tool: str, version: str) -> float:
        record = row("MVAU_hls", UNIT) | {"tool": tool, "finn_version": version}
        _, text, _ = run([record])
        return float(text.splitlines()[-1].split("  ")[-1].split(" (")[0].replace(",", ""))

    newer, older = ffs("Vivado 2023.2", "v0.10.1"), ffs("Vivado 2022.2", "finn-plus 1.4.0")
    assert newer != older
    assert ffs("Vivado", "finn-plus 1.4.0") == newer and ffs("Vivado", "v0.10.1") == older


def test_what_was_only_synthesised_has_no_luts_to_compare(run: Any) -> None:
    _, text, _ = run([fifo(2, 4), fifo(2, 8) | {"stage": "post-synthesis"}])
    (luts,) = (line.split() for line in text.splitlines() if line.startswith("  lut"))
    (ffs,) = (line.split() for line in text.splitlines() if line.startswith("  ff"))
    assert (luts[1], ffs[1]) == ("1", "2")


def test_designs_are_compared_as_sums(run: Any) -> None:
    """By the shipped calibration; a node that no model knows is in neither sum."""
    rows = [fifo(2, bits, LUT=bits + 3, FF=2 * bits + 4) for bits in (10, 20)] + [row("Lookup_hls", {}, LUT=9999)]
    other = [fifo(2, 30, LUT=33, FF=64) | {"source": "another/net/report.xml"}]
    _, text, _ = run([*rows, *other])
    place = text.splitlines().index("Each design: predicted (interval), built")
    table = text.splitlines()[place : place + 4]
    assert "36 (" in table[2] and table[2].count("), 36") == 1 and "), 68" in table[2]
    assert "another/net" in table[3] and "), 33" in table[3]
