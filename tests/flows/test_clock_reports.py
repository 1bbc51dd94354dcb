"""Reports that miss the clock, through a flow as a user has them: csynth 14.2 ns of 10; routed, slack -2.311 ns."""

from pathlib import Path

import pytest

from flows.__main__ import main

CASES = Path(__file__).with_name("cases") / "clock_missed"
MODEL = ("hls4ml", "--network", str(CASES / "named_seq.keras"), "--calibration", str(CASES / "c12.npy"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("h5py")
    pytest.importorskip("torch")
    return str(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize(
    ("report", "reached", "rate"),
    [
        ("slow_csynth.rpt", "csynth's estimate reaches 70.4 MHz", "64,020.5 images/s"),
        ("slow.xml", "csynth's estimate reaches 70.4 MHz", ""),
        ("missed_timing.rpt", "routing reaches 81.2 MHz", ""),
    ],
)
def test_a_report_that_misses_the_clock(
    report: str, reached: str, rate: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("estimate", "-v", *MODEL, "--reuse-factor", "64", "--report", str(CASES / report), "--store", store)
    assert main(argv) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"verdict clock missed: {reached} of the 100 MHz asked for; resources alone: fits" in text
    assert f"WARNING the clock is missed: {reached}" in text and rate in text
    mhz = reached.removesuffix(" MHz").rpartition(" ")[2]
    assert f"at the reported Fmax of {mhz} MHz, not the 100 MHz asked for" in text and "met or not" not in text


def test_what_a_later_stage_reports_overrules_csynth(
    store: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    met = tmp_path / "met.rpt"
    text = (CASES / "missed_timing.rpt").read_text()
    text = text.replace("-2.311     -811.190                    900", " 0.512        0.000                      0")
    met.write_text(text.replace("Timing constraints are not met.", "All user specified timing constraints are met."))
    reports = ("--report", str(CASES / "slow_csynth.rpt"), "--report", str(met))
    assert main(("estimate", *MODEL, "--reuse-factor", "64", *reports, "--store", store)) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "verdict fits;" in text and "90,909.1 images/s" in text and "Fmax 105.4 MHz" in text
    words = "clock met: routing reaches 105.4 MHz, 100 MHz is asked for; csynth's estimate misses it, with 70.4 MHz"
    assert words in text
