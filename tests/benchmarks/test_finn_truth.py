"""The truth bench on nodes of FINN written by hand, and the published page where its rows are at hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROWS = ROOT.parent / "shared" / "truth" / "finn_nodes.json"


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
def run(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(content: Any, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "nodes.json"
        path.write_text(json.dumps(content))
        monkeypatch.setattr(sys, "argv", ["truth.py", str(path), *options])
        with pytest.raises(SystemExit) as end:
            bench.main()
        return (end.value.code, *capsys.readouterr())  # type: ignore[return-value]

    return run


def test_each_node_is_predicted_by_the_others(run: Any) -> None:
    """Three FIFOs in registers: what the third takes follows from the two, not from itself."""
    code, text, _ = run([fifo(2, 10, LUT=15), fifo(2, 20, LUT=25), fifo(2, 40, LUT=4000)], "--cross-validate")
    assert code == 0
    cells = [line for line in text.splitlines() if line.strip().startswith("StreamingFIFO")]
    assert "45 (" in cells[2] and cells[2].split(", ")[1:] and "4,000" in cells[2]


def test_shipped_laws_do_not_see_what_was_measured(run: Any) -> None:
    _, one, _ = run([fifo(2, 10, LUT=15)])
    _, other, _ = run([fifo(2, 10, LUT=99)])
    assert one.replace("15", "99").splitlines()[-1].split("(")[:-1] == other.splitlines()[-1].split("(")[:-1]


def test_what_no_law_knows_is_named(run: Any) -> None:
    code, text, _ = run([fifo(2, 4), row("StreamingMaxPool_hls", {}), row("Lookup_hls", {})])
    assert code == 0
    assert "a node that finn-plus 1.6.1 builds no more" in text and "no law of Lookup_hls" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LUT": -1}, "field LUT"),
        ({"LUT": None}, "field LUT"),
        ({"config": {"depth": 2}}, "field config.width_bits"),
        ({"config": {"depth": "deep", "width_bits": 4, "impl_style": "rtl", "ram_style": "auto"}}, "field config"),
        ({"stage": "guessed"}, "field stage"),
        ({"scope": 5}, "field scope"),
    ],
)
def test_a_damaged_row_is_named_and_left_out(run: Any, change: dict[str, Any], said: str) -> None:
    code, text, err = run([fifo(2, 4), fifo(2, 8) | change])
    assert code == 3 and "row 1" in err and said in err
    assert "All nodes" in text


@pytest.mark.skipif(not ROWS.exists(), reason="the rows are not part of the repository")
def test_the_page_is_what_the_bench_prints(run: Any, monkeypatch: pytest.MonkeyPatch, bench: ModuleType) -> None:
    _, text, _ = run(json.loads(ROWS.read_text()), "--cross-validate", "--markdown")
    page = (ROOT / "docs" / "reference" / "truth-finn.md").read_text()
    assert [line for line in text.splitlines() if line[:1] == "|"] == [
        one for one in page.splitlines() if one[:1] == "|"
    ]


@pytest.mark.skipif(not ROWS.exists(), reason="the rows are not part of the repository")
def test_the_calibration_is_what_the_fit_finds(bench: ModuleType) -> None:
    import finn_rows
    import fit_finn

    from backends.finn import laws

    found = fit_finn.calibration(fit_finn.points(finn_rows.nodes([ROWS])) + fit_finn.synthesised())
    assert found == json.loads(laws.CALIBRATION.read_text())
