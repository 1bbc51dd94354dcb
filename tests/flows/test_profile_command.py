"""`flows profile` from end to end, on the shipped ARCH_5 and ARCH_8."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.__main__ import main
from flows.cli import pictures
from flows.core.errors import SetupError, UsageError


def test_a_profile_is_reported_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    assert main(["profile", "hls4ml", "--network", "arch5", "--precision", "8", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    content = json.loads(out.read_text())
    assert content["schema"] == "zynqflows-profile/1"
    profile = content["profile"]
    assert (profile["network"], profile["flow"], profile["n"]) == ("arch5", "hls4ml", 10_000)
    assert sum(row["weights"]["n"] for row in profile["rows"] if row["weights"]) == 16_986
    for row in profile["rows"]:
        (line,) = (line for line in printed.splitlines() if line.startswith(f"{row['tensor']} "))
        assert f"2^{-(8 - row['had'])} " in line or not row["type"].startswith(("ap_fixed<8", "ap_ufixed<8"))
        assert (row["beyond"] > 0) == (row["needed"] is None or row["needed"] > row["had"])
        assert bool(row["weights"]) == ("/" in row["tensor"])


def test_narrower_types_are_worse(tmp_path: Path) -> None:
    quality = {}
    for bits in ("6", "8", "12"):
        out = tmp_path / f"{bits}.json"
        assert main(["profile", "hls4ml", "--network", "arch5", "--precision", bits, "--json", str(out)]) == 0
        rows = json.loads(out.read_text())["profile"]["rows"]
        quality[bits] = [row["weights"]["sqnr_db"] for row in rows if row["role"] == "kernel"]
    for six, eight, twelve in zip(*quality.values(), strict=True):
        assert six < eight < twelve


def test_a_picture_beside_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["profile", "hls4ml", "--network", "arch5", "--out", str(tmp_path / "new")]) == 0
    assert f"picture: {tmp_path / 'new' / 'profile.svg'}" in capsys.readouterr().err
    assert (tmp_path / "new" / "profile.json").exists() and (tmp_path / "new" / "profile.svg").exists()


def test_without_matplotlib_the_table_still_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "package_version", lambda name: "absent")
    assert main(["profile", "hls4ml", "--network", "arch5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "no profile.svg: matplotlib is not installed" in printed.err and "\nimage " in printed.out
    assert [path.name for path in tmp_path.iterdir()] == ["profile.json"]


def test_costs_need_the_test_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "hls4ml", "--network", "arch5", "--cost"]) == UsageError.exit_code
    assert "Give --data DIR as well" in capsys.readouterr().err


def test_one_design_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "hls4ml", "--part", "xc7z010", "--part", "xc7z020"]) == UsageError.exit_code
    assert "Name one flow and one part" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["profile", "hls4ml", "--out", str(tmp_path / "file")]) == SetupError.exit_code
    printed = capsys.readouterr()
    assert "cannot be written" in printed.err and not printed.out
