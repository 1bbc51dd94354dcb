"""Pictures: a job in, a file out, with what it says in it; and what a command does without matplotlib."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from flows.cli import pictures
from flows.core.digest import plain
from flows.core.study import Outcome, Pairing, Row, Scope, Study
from models.study import classified, share

ROOT = Path(__file__).resolve().parents[2]
CARD = ROOT / "models" / "pretrained" / "arch8.card.json"


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As ``python -m reports.pictures.NAME`` does, without a process of its own."""
    pytest.importorskip("matplotlib")
    from reports.pictures import style

    def draw(name: str, job: Any, suffix: str = "svg") -> Path:
        place, picture = tmp_path / "job.json", tmp_path / f"picture.{suffix}"
        place.write_text(json.dumps(plain(job)))
        monkeypatch.setattr(sys, "argv", [name, str(place), str(picture)])
        style.main(import_module(f"reports.pictures.{name}").draw)
        return picture

    return draw


def words(picture: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text())


def test_a_card_gives_its_curves_and_equal_jobs_equal_files(draw: Any) -> None:
    card = json.loads(CARD.read_text())
    picture = draw("curves", card)
    assert {"epoch", "cross-entropy", "accuracy, %", "held-out training images", "arch8"} <= set(words(picture))
    assert f"epoch {card['chosen_by']['epoch']} ships" in words(picture)
    first = picture.read_bytes()
    assert draw("curves", card).read_bytes() == first


def test_a_module_is_a_command(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-m", "reports.pictures.curves", str(CARD), str(tmp_path / "curves.svg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and (tmp_path / "curves.svg").exists()


def test_png_where_the_name_says_so(draw: Any) -> None:
    rows = [{"epoch": 1, "loss": 2.0, "accuracy": 0.2, "held_out_loss": 1.9, "held_out_accuracy": 0.3}]
    picture = draw("curves", {"network": "one", "recipe": {"name": "seed"}, "best": rows[0], "history": rows}, "png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_confusion_matrix_shows_every_count(draw: Any) -> None:
    labels = [index % 10 for index in range(1000)]
    called = [5 if label == 3 and place % 4 == 3 else label for place, label in enumerate(labels)]
    report = {"network": "arch8", "classes": [f"class{index}" for index in range(10)]}
    drawn = words(draw("confusion", {**report, "floating": classified("float32", labels, called), "quantised": None}))
    mistaken = sum(each != other for each, other in zip(labels, called, strict=True))
    assert mistaken and {str(100 - mistaken), str(mistaken)} <= set(drawn)
    assert f"arch8, float32: {100 - mistaken / 10:.2f} % of 1,000" in drawn


def test_a_study_shows_its_formats_and_leaves_out_what_is_absent(draw: Any) -> None:
    outcome = Outcome(share(700, 1000), Pairing(100, 50, 170, 0.001), 100, 3)
    row = Row(
        "Q1.3", "ap_fixed<4,1>", False, {Scope.WEIGHTS: outcome, Scope.BIASES: outcome, Scope.ACTIVATIONS: "no"}, 78
    )
    study = Study("arch8", 100, "a", "w", "i", share(800, 1000), 400, 2.5, 80, (row,), ())
    drawn = words(draw("quantisation", {"study": study}))
    assert {"Q1.3", "weights only", "published, n = 100", "arch8, quantised after training"} <= set(drawn)


def test_without_matplotlib_everything_else_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "package_version", lambda name: "absent")
    pictures.draw("curves", CARD, tmp_path / "curves.svg")
    said = capsys.readouterr().err
    assert "no curves.svg: matplotlib is not installed" in said and "[pictures]" in said
    assert not (tmp_path / "curves.svg").exists()
