"""`flows quantise` and `flows evaluate` from end to end, on a few images of noise and the shipped ARCH_5."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from backends.protocol import NoteKind
from flows import pixels
from flows.__main__ import main
from flows.core.plan import Products, State, StepResult
from flows.core.study import Outcome, Pairing, Row, Scope, Study
from flows.results import Counts
from flows.scores import lost_note
from models import cifar10
from models.study import share
from models.zoo import NETWORKS
from reports.terminal.studies import quantisation

pytest.importorskip("torch")
IMAGES = 60
CENTRED = Path(__file__).with_name("cases") / "centred_pixels" / "trained_on_centred_pixels.onnx"
"""Trained on (x / 255 - 0.5) / 0.5."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(3)
    records = random.integers(0, 256, (IMAGES, cifar10.RECORD_BYTES), np.uint8)
    records[:, 0] = np.arange(IMAGES) % 10
    records.tofile(folder / "test_batch.bin")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "RECORDS", IMAGES)


def test_a_study_is_printed_written_and_kept(
    data: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["quantise", "arch5", "--formats", "Q1.31,int8", "--data", str(data), "--store", str(store)]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "Q1.31, weights, biases and activations: absent. layer " in printed.out and "2**53" in printed.out.replace(
        "\n", " "
    )
    study = json.loads((tmp_path / "out" / "arch5.quantisation.json").read_text())["study"]
    assert study["floating"]["n"] == IMAGES and study["parameters"] == 16_986 and study["float_bytes"] == 4 * 16_986
    scaled = study["rows"][1]
    assert (scaled["format"], scaled["scaled"]) == ("int8", True)
    for outcome in scaled["outcomes"].values():
        pair, right = outcome["paired"], outcome["accuracy"]["right"]
        assert study["floating"]["right"] - pair["float_only"] + pair["other_only"] == right
        assert outcome["out_of_range"] == 0 and pair["float_only"] + pair["other_only"] <= pair["differ"]
    saturated = study["rows"][0]["outcomes"]
    assert saturated["weights and biases"]["out_of_range"] > saturated["weights only"]["out_of_range"] > 0
    assert "absent" not in saturated["weights only"] and isinstance(saturated["weights, biases and activations"], str)

    assert main([*argv, "--markdown"]) == 0
    again = capsys.readouterr()
    assert again.err == "" and again.out.count("\n| ") == 5 and "| float32 | 67,944 |" in again.out


def test_an_evaluation_says_where_two_networks_differ(
    data: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evaluation.json"
    argv = ["evaluate", "arch5", "--data", str(data), "--store", str(store), "--json", str(out)]
    assert main([*argv, "--format", "int4", "--activations"]) == 0
    printed = capsys.readouterr().out
    (report,) = json.loads(out.read_text())["reports"]
    floating, quantised = report["floating"], report["quantised"]
    assert quantised["name"] == "int4 with activations" and [len(row) for row in floating["confusion"]] == [10] * 10
    assert sum(map(sum, floating["confusion"])) == IMAGES
    assert sum(row[index] for index, row in enumerate(floating["confusion"])) == floating["accuracy"]["right"]
    differing = report["disagreements"]
    assert report["paired"]["differ"] == len(differing) > 0
    assert all(each["floating"] != each["quantised"] for each in differing)
    assert all(each["label"] == cifar10.CLASSES[each["image"] % 10] for each in differing)
    assert f"differ on {len(differing)} of {IMAGES} images" in printed and "most confused: " in printed
    assert "airp  auto  bird" in printed and "automobile" in printed

    assert main([*argv, "--format", "int4", "--activations", "--markdown"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()[:3]
    assert head.endswith("| published, % | difference | int4 with activations, % |")
    share = 100 * floating["accuracy"]["right"] / IMAGES
    assert (
        row.startswith(f"| arch5 | 16,986 | 6,340,928 | {share:.2f} [") and f"| 67.94 | {share - 67.94:+.2f} |" in row
    )


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["quantise", "arch5", "--formats", "Q1.7,Q7"], 2, "format 'q7'"),
        (["quantise", "arch9"], 2, "did you mean arch8"),
        (["quantise", "arch1"], 3, "not trained here"),
        (["quantise", "arch5", "--data", "nowhere"], 3, "no such folder"),
        (["evaluate", "arch5", "--flow", "hls4m"], 2, "did you mean hls4ml"),
        (["evaluate", "arch5", "--format", "Q8"], 2, "format 'q8'"),
        (["evaluate", "arch5", "--format", "Q1.7", "--flow", "hls4ml"], 2, "leave one of them out"),
        (["evaluate", "arch5", "arch8", "--weights", "x"], 2, "one network at a time"),
        (["evaluate", "arch5", "--activations"], 2, "--activations: there is no format"),
    ],
)
def test_bad_input_is_one_line(
    argv: list[str], code: int, words: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv if "--data" in argv else [*argv, "--data", str(data)]) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and words in said.lower()


def test_small_p_and_what_is_absent_are_said_so() -> None:
    outcome = Outcome(share(700, 1000), Pairing(100, 20, 150, 1e-12), 1_234, 3)
    outcomes: dict[Scope, Outcome | str] = {
        Scope.WEIGHTS: outcome, Scope.BIASES: outcome, Scope.ACTIVATIONS: "too wide"
    }  # fmt: skip
    study = Study(
        "net", 100, "a", "w", "i", share(800, 1000), 400, 2.5, None, (Row("Q1.3", "t", False, outcomes, 78),), ()
    )
    text = quantisation(study, as_markdown=True)
    assert "Q1.3, weights, biases and activations: absent. too wide" in text and "parameters reach 2.50" in text
    row = next(line for line in text.splitlines() if line.startswith("| Q1.3"))
    assert row == (
        "| Q1.3 | 1,234 | 3 | 70.00 [67.09, 72.76] p < 0.001 | 70.00 [67.09, 72.76] p < 0.001 | absent | 78 |"
    )


def test_costs_stand_in_the_profile(
    data: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "profile.json"
    argv = ["profile", "hls4ml", "--network", "arch5", "--cost", "--data", str(data), "--store", str(store)]
    assert main([*argv, "--json", str(out)]) == 0
    profile = json.loads(out.read_text())["profile"]
    assert profile["judged"]["n"] == IMAGES
    assert all(0 <= row["right"] <= IMAGES for row in profile["rows"])
    assert f"of {IMAGES} test images right" in capsys.readouterr().out


@pytest.mark.parametrize(("centred", "result"), [(564, True), (292, True), (291, False), (200, False)])
def test_pixels_that_a_network_was_not_trained_on_are_reported(tmp_path: Path, centred: int, result: bool) -> None:
    right = {"x / 255": 241, "x, 0 to 255": 100, "(x / 255 - 0.5) / 0.5": centred}
    (tmp_path / "pixels.json").write_text(json.dumps({"n": 1_000, "right": right}))
    products = Products({"pixels": StepResult("pixels", State.DONE, tmp_path, 0.0, {})})
    network = NETWORKS["arch5"]
    notes = pixels.other_pixels(network, products)
    assert bool(notes) == result and pixels.other_pixels(network, Products({})) == []
    for note in notes:
        text = note.text
        assert note.kind is NoteKind.WARNING and text.startswith(
            "on pixels as they are taken here, x / 255, the float network gets 24.1 %"
        )
        assert f"{centred / 10:.1f} % on (x / 255 - 0.5) / 0.5" in text and text.endswith("Give --pixels centred")


def test_which_pixels_were_taken_stands_in_the_result(
    data: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a network of the user's; of the project's own a card says how it was trained."""
    pytest.importorskip("onnx")
    shutil.copy(CENTRED, tmp_path / "mine.onnx")
    calibration = tmp_path / "images.npy"
    np.save(calibration, np.random.default_rng(4).integers(0, 256, (20, 32, 32, 3), np.uint8))
    argv = [
        "hls4ml",
        "--network",
        str(tmp_path / "mine.onnx"),
        "--calibration",
        str(calibration),
        "--store",
        str(store),
    ]
    assert main(["estimate", *argv]) == 0
    assert "note pixels are taken as x / 255" in " ".join(capsys.readouterr().out.split())
    assert main(["estimate", *argv, "--pixels", "centred"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "note pixels are taken as (x / 255 - 0.5) / 0.5, channels R, G, B: so says --pixels centred" in printed
    assert main(["plan", *argv, "--data", str(data)]) == 0
    assert "models.evaluation.pixels" in capsys.readouterr().out
    for command in (["estimate", "hls4ml"], ["plan", "hls4ml", "--data", str(data)]):
        assert main([*command, "--network", "arch5", "--store", str(store)]) == 0
        printed = capsys.readouterr().out
        assert "pixels are taken" not in printed and "models.evaluation.pixels" not in printed


@pytest.mark.parametrize(("right", "texts"), [(7_944, []), (7_894, []), (7_893, ["0.51 points"])])
def test_accuracy_that_is_lost_is_reported(right: int, texts: list[str]) -> None:
    notes = lost_note(Counts(10_000, right, 7_944, 9_000, "0123456789abcdef"), "hls")
    assert [note.text.partition(" of ")[0] for note in notes] == texts
    assert all("`python -m flows profile hls --cost --data DIR`" in note.text for note in notes)
