"""What a user gives and reads of shells, margins, calls of the driver and csynth reports."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from backends import hls
from flows import runner
from flows.__main__ import main
from flows.core.evidence import TOTAL, Metric
from flows.core.fit import Verdict, judge
from flows.core.part import Target, find_part
from flows.jobs import find_trained

CASES = Path(__file__).with_name("cases")
MODEL = CASES / "clock_missed"
NETWORK = ("--network", str(MODEL / "named_seq.keras"), "--calibration", str(MODEL / "c12.npy"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("h5py")
    pytest.importorskip("torch")
    return str(tmp_path_factory.mktemp("store"))


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    try:
        assert main(["estimate", "-v", *argv]) == code
    except SystemExit as end:
        assert end.code == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return " ".join((captured.err if code else captured.out).split())


def imported(capsys: pytest.CaptureFixture[str], store: str, report: Path, *more: str) -> str:
    argv = ("hls4ml", *NETWORK, "--reuse-factor", "64", "--store", store, "--report", str(report), *more)
    return said(capsys, *argv)


def test_csynths_count_is_the_files_and_the_shell_is_added_apart(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Case 15: 12,000 LUT in the report."""
    report = CASES / "csynth_counts" / "ok_csynth.rpt"
    text = imported(capsys, store, report)
    assert "csynth counts 12,000" in text and "19,018" not in text and "14,933" not in text
    bare = imported(capsys, store, report, "--shell", "none")
    lut, ff = 12_000 / 2.28, 9_000 / 1.28
    for value in (lut, ff):
        assert f"csynth's report comes to {value:,.0f}" in bare, "the flow's own model is surer, and says so"
    assert f"csynth's report comes to {lut + 2_933:,.0f}" in text, "the shell is beside it"
    assert "DSP 30 220" in bare and "csynth counts 30" in bare and "images/s 1,000 a call" not in bare


def test_a_report_of_the_other_compiler_is_said(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Case 16."""
    text = imported(capsys, store, MODEL / "slow.xml")
    assert "slow.xml is a report of Vivado HLS 2020.1, and this design is for Vitis HLS" in text
    again = imported(capsys, store, MODEL / "slow.xml", "--backend", "vivado")
    assert "this design is for" not in again


def total(text: str, resource: str) -> int:
    return int(text.partition(f" {resource} ")[2].split()[0].replace(",", ""))


HLS = ("hls", "--folding", "block1_conv2=1x9,block1_conv1=1x3,block2_conv1=1x9,block2_conv2=1x9")


def test_the_shell_is_named_and_in_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    luts = {}
    for shell in ("none", "dma-1x1", "dma", "smartconnect", "lut=9000,ff=9000,bram18=4"):
        text = said(capsys, *HLS, "--shell", shell)
        luts[shell] = total(text, "LUT")
        title = {"none": "no shell", "lut=9000,ff=9000,bram18=4": "a shell of your own"}.get(
            shell, f"the shell {shell}"
        )
        assert f"and {title}" in text and ("images/s 1,000 a call" in text) == (shell != "none")
    assert list(luts) == sorted(luts, key=lambda shell: luts[shell])
    assert luts["lut=9000,ff=9000,bram18=4"] - luts["none"] == 9_000


def test_finn_says_what_a_leaner_shell_would_bring(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "finn", "--part", "xc7z010", "--layers")
    assert "in a block design of yours with one AXI DMA (--shell dma: 2,740 to 2,939 LUT) leaves some 3,8" in text
    rates = re.search(r"more to the design: ([\d,]+) images/s in place of ([\d,]+)", text)
    assert rates and int(rates[1].replace(",", "")) > 2 * int(rates[2].replace(",", ""))
    assert " DMA engines 2,3" in text
    lean = said(capsys, "finn", "--part", "xc7z010", "--layers", "--shell", "dma")
    assert f" {rates[1]}." in lean, "as it promised"
    assert "the shell dma, in place of FINN's own DMA engines and shell" in lean and " DMA engines 2,3" not in lean


@pytest.mark.parametrize("shell", ["dmaa", "lut=3", "lut=3,ff=x,bram18=1", "nowhere.toml", ""])
def test_no_shell_is_refused_in_one_line(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *HLS, f"--shell={shell}", code=3 if shell.endswith(".toml") else 2)
    assert "shell" in text


def test_a_shell_nested_too_deep_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = tmp_path / "shell.toml"
    place.write_text("lut = " + "[\n" * 20_000 + "]\n" * 20_000)
    assert "nested too deep" in said(capsys, *HLS, f"--shell={place}", code=3)


def test_a_call_of_the_driver_has_as_many_images_as_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    rates = []
    for batch in ("10", "100000"):
        text = said(capsys, *HLS, "--batch", batch)
        assert f"images/s {int(batch):,} a call" in text and "images/s 1 a call" in text
        rates.append(float(text.partition(" system ")[2].split()[0].replace(",", "")))
    assert rates[0] < rates[1] < float(text.partition(" throughput ")[2].split()[0].replace(",", ""))
    words = said(capsys, *HLS, "--batch", "1")
    assert "system, 1 a call" in words and " system " not in words.replace("system, 1", "")
    assert "below 1" in said(capsys, *HLS, "--batch", "0", code=2)


def test_margins_of_a_policy_are_kept_by_the_folding_and_by_the_verdict(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "zynqflows-policy/1"\n[margin]\ndsp = 0.5\n')
    usual, halved = said(capsys, "hls"), said(capsys, "hls", "--policy", str(policy))
    assert total(halved, "DSP") <= 110 < total(usual, "DSP")
    assert "verdict fits" in halved and "20 % of LUT, 25 % of FF, 2 % of BRAM18, 50 % of DSP kept free" in halved
    policy.write_text('schema = "zynqflows-policy/1"\n[margin]\ndsp = 50\n')
    assert "margin dsp is 50" in said(capsys, "hls", "--policy", str(policy), code=3)
    assert "no such file" in said(capsys, "hls", "--policy", str(tmp_path / "none"), code=3)


def test_what_built_designs_do_not_bear_out_decides_nothing() -> None:
    trained = find_trained("arch8", None)
    job = trained.job(Target(find_part("xc7z020")), hls.BACKEND.options())
    doubtful = replace(hls.BACKEND, unproven=frozenset({Metric.LUT}))
    for backend, verdict in ((hls.BACKEND, Verdict.FITS), (doubtful, Verdict.UNDECIDED)):
        run = runner.estimated(backend, trained, job, "")
        fit = judge(run.readings, job.target.part.device, run.margins, run.clock_ns)
        assert fit.verdict is verdict
    (lut,) = (reading for reading in run.readings if reading.metric is Metric.LUT and reading.scope == TOTAL)
    assert (lut.low, lut.high) == (None, None) and "designs that were built lie outside it" in lut.source
