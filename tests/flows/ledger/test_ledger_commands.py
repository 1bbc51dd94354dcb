"""`flows import`, `flows ledger`, and where else the ledger is heard: reports, estimates, `flows doctor`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from flows import registry, runner
from flows.__main__ import main
from flows.core.evidence import Metric
from flows.core.part import Target, find_part
from flows.core.record import Document, document_to_json
from flows.jobs import find_trained
from flows.ledger import book, calibration
from flows.ledger.importing import import_evidence
from flows.store import Store
from tests.backends.amd.conftest import cosim_report
from tests.backends.amd.whole_reports import csynth_text
from tests.flows.ledger.conftest import TODAY, run, save
from tests.flows.ledger.test_import import BUILT, put

Told = pytest.CaptureFixture[str]


def test_an_import_tells_what_it_took_and_how_far_off_the_prediction_was(
    store: Store, tmp_path: Path, capsys: Told
) -> None:
    path = put(tmp_path, "post_synth_resources.json")
    assert main(["import", str(path), "--run", "finn-a", "--store", str(store.root)]) == 0
    out, err = capsys.readouterr()
    assert "finn-a: 1 new, 1 in all" in out and "-2.7 %" in out and "FINN build" in out
    assert "is your word" in err


def test_a_file_that_is_refused_is_one_line_and_a_code(store: Store, tmp_path: Path, capsys: Told) -> None:
    path = put(tmp_path, "board.toml", "rate = 3")
    assert main(["import", str(path), "--store", str(store.root)]) == 3
    out, err = capsys.readouterr()
    assert err.startswith("error: board file board.toml") and err.count("\n") == 1 and not out
    assert main(["import", str(tmp_path / "nowhere.rpt"), "--store", str(store.root)]) == 3
    assert main(["import", str(path), "--as", "../x", "--store", str(store.root)]) == 2
    assert not list(store.root.glob("ledger/*"))


def test_the_ledger_lists_residuals_and_what_stands_against_a_design(
    store: Store, tmp_path: Path, capsys: Told
) -> None:
    paths = [put(tmp_path, "board.toml"), put(tmp_path, "toy_cosim.rpt", cosim_report(status="Fail"))]
    import_evidence(paths, "", "finn-a", store, TODAY)
    assert main(["ledger", "--store", str(store.root), "--json", str(tmp_path / "x.json")]) == 0
    out, _ = capsys.readouterr()
    assert "900.0 images/s" in out and "+11.1 %" in out and "NOT PROVEN" in out and "2.400 W" in out
    (design,) = json.loads((tmp_path / "x.json").read_text())["designs"]
    rate = design["residuals"][0]
    assert rate["truth"]["value"] == 900 and rate["predicted"]["value"] == 1000 and rate["holds"] is True
    assert main(["ledger", "finn", "--blocks", "--store", str(store.root)]) == 0
    assert main(["ledger", "nobody", "--store", str(store.root)]) == 3


def test_a_csynth_report_of_other_layers_is_refused(store: Store, tmp_path: Path, capsys: Told) -> None:
    """The run's design is made again from its record: nothing of the structure stands in there."""
    backend = registry.load("hls4ml")
    trained = find_trained("arch8", None, backend.weights)
    known = runner.estimated(backend, trained, trained.job(Target(find_part("xc7z020")), backend.options()), "")
    store.save(known.name, document_to_json(Document(runner.network_facts(trained), (known,))))
    path = put(tmp_path, "myproject_csynth.rpt", csynth_text().replace("'toy'", "'myproject'"))
    assert main(["import", str(path), "--run", known.name, "--store", str(store.root)]) == 3
    assert "not of this design" in capsys.readouterr().err
    assert not book.place(store.root, known.name).exists()


def test_an_empty_ledger_says_how_to_fill_it(store: Store, capsys: Told) -> None:
    assert main(["ledger", "--store", str(store.root)]) == 0
    assert "python -m flows import" in capsys.readouterr().out


def test_a_page_that_cannot_be_read_is_named_and_left_out(store: Store, tmp_path: Path, capsys: Told) -> None:
    import_evidence([put(tmp_path, "board.toml")], "mine", "", store, TODAY)
    book.place(store.root, "other").write_text('{"schema": "zynqflows-ledger/9"}')
    assert main(["ledger", "--store", str(store.root)]) == 0
    out, err = capsys.readouterr()
    assert "mine" in out and "zynqflows-ledger/9" in err and "left out" in err


def test_a_report_shows_predictions_beside_the_truth(store: Store, tmp_path: Path, capsys: Told) -> None:
    paths = [put(tmp_path, "post_synth_resources.json"), put(tmp_path, "toy_cosim.rpt", cosim_report(status="Fail"))]
    import_evidence(paths, "", "finn-a", store, TODAY)
    import_evidence([put(tmp_path, "board.toml")], "elsewhere", "", store, TODAY)
    out = tmp_path / "report"
    assert main(["report", "finn-a", "--out", str(out), "--store", str(store.root)]) == 0
    text, page, junit = ((out / f"report.{kind}").read_text() for kind in ("md", "html", "junit.xml"))
    for each in (text, page):
        assert "Predictions and the truth" in each and "-2.7 %" in each and "ended with status Fail" in each
        assert "lab 3" not in each, "what is of no run of this report is not in it"
    assert "refuted" in junit and "failure" in junit
    again = tmp_path / "again"
    assert main(["report", str(out / "report.json"), "--out", str(again), "--store", str(store.root)]) == 0
    assert "refuted" in (again / "report.junit.xml").read_text()
    assert main(["show", "finn-a", "--store", str(store.root)]) == 0
    assert "REFUTED" in capsys.readouterr().out
    assert main(["report", "finn-c", "--out", str(out), "--store", str(store.root)]) == 0
    assert "Predictions and the truth" not in (out / "report.html").read_text()


def rows(store: Store, tmp_path: Path, luts: list[int], flow: str = "finn") -> None:
    for place, lut in enumerate(luts):
        save(store, run(f"{flow}-own{place}", flow))
        built = {name: dict(row) for name, row in BUILT.items()}
        built["(top)"]["LUT"] = lut
        path = put(tmp_path / str(place), "post_synth_resources.json", json.dumps(built))
        import_evidence([path], "", f"{flow}-own{place}", store, TODAY)


def test_a_users_own_rows_recalibrate_their_intervals(store: Store, tmp_path: Path) -> None:
    luts = [6_400, 7_200, 8_000, 7_600, 6_800, 7_000]
    rows(store, tmp_path, luts)
    own_rows = calibration.own_rows(store)
    own = own_rows["finn", Metric.LUT]
    ratios = [lut / 8_000 for lut in luts]
    assert own.n == 6 and own.low < min(ratios) and own.high > max(ratios)
    assert math.sqrt(own.low * own.high) == pytest.approx(math.prod(ratios) ** (1 / 6))
    (new,) = calibration.recalibrated([run("finn-new")], own_rows)
    before, after = (
        {(reading.metric, reading.scope, reading.stage): reading for reading in r.readings}
        for r in (run("finn-new"), new)
    )
    changed = {key for key in before if before[key] != after[key]}
    assert {metric for metric, _, _ in changed} <= {Metric.LUT, Metric.BRAM18}
    total = next(reading for reading in new.readings if reading.metric is Metric.LUT and reading.low == 8_000 * own.low)
    assert "your own 6 designs" in total.source and "--no-own-rows" in total.source
    assert total.value == 8_000, "the prediction itself stays"
    assert calibration.recalibrated([run("hls4ml-b", "hls4ml")], own_rows) == (run("hls4ml-b", "hls4ml"),)


def test_too_few_rows_change_nothing(store: Store, tmp_path: Path) -> None:
    rows(store, tmp_path, [6_400, 7_200, 8_000, 7_600])
    assert calibration.own_rows(store) == {}


def test_one_run_counts_once_whatever_pages_it_has(store: Store, tmp_path: Path) -> None:
    rows(store, tmp_path, [6_400, 7_200, 8_000, 7_600])
    import_evidence([put(tmp_path, "post_synth_resources.json")], "again", "finn-own0", store, TODAY)
    assert calibration.own_rows(store) == {}


def test_a_prediction_stays_inside_its_interval(store: Store, tmp_path: Path) -> None:
    rows(store, tmp_path, [2_000, 2_010, 2_020, 2_030, 2_040])
    (new,) = calibration.recalibrated([run("finn-new")], calibration.own_rows(store))
    for reading in new.readings:
        assert (reading.low or 0) <= reading.value <= (reading.high or reading.value)


def test_estimates_use_own_rows_unless_asked_not_to(store: Store, tmp_path: Path, capsys: Told) -> None:
    rows(store, tmp_path, [6_400, 7_200, 8_000, 7_600, 6_800], "hls")
    assert main(["estimate", "hls", "-v", "--store", str(store.root)]) == 0
    assert "your own 5 designs" in " ".join(capsys.readouterr().out.split())
    assert main(["estimate", "hls", "-v", "--no-own-rows", "--store", str(store.root)]) == 0
    assert "your own" not in capsys.readouterr().out


def test_doctor_says_whether_the_database_is_here(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    assert main(["doctor"]) == 0
    assert f"{database} (xc7z010)" in capsys.readouterr().out
    monkeypatch.setenv("XRAY_DATABASE_DIR", str(database / "nowhere"))
    assert main(["doctor"]) == 0
    assert "prjxray" in (out := capsys.readouterr().out) and str(database) not in out
