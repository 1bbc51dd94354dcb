"""Project files and `flows review`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import flows
from flows import designs, reviewing, runner
from flows.__main__ import main
from flows.core.errors import InputError, SetupError, UsageError
from flows.core.evidence import Metric
from flows.core.files import write_atomic
from flows.core.mixed import Search, Tried
from flows.core.record import Document
from flows.designs import Outcome
from flows.executor import Executor
from flows.jobs import find_trained
from flows.project import SCHEMA, START, read_project
from flows.runner import network_facts
from flows.store import Store
from models.integer_network import IntegerNetwork

HEAD = f'schema = "{SCHEMA}"\n'
DESIGN = '[[design]]\nflow = "hls4ml"\nreuse-factor = "64"\nfifo_depth = 40\n'


def test_the_example_is_a_project() -> None:
    project = read_project(START, Path("here/zynqflows.toml"), {})
    assert [design.flows for design in project.designs] == [("hls4ml",), ("finn",), ("hls",)]
    assert project.designs[0].options["hls4ml"].precision == "8" and project.out == Path("here/review")
    assert project.designs[2].command == "python -m flows run hls --part pynq-z2 --part zybo-z7-10"
    assert project.sweep and list(project.axes["clock_ns"]) == [10, 8] and project.axes["activation_bits"] == [4, 6, 8]
    assert project.axes["precision"] == ["8", "10", "12"] and project.search is None


def test_a_search_is_of_one_board() -> None:
    start, mark, text = START.replace("# data", "data").partition("# [search]\n")
    project = read_project(start + mark[2:] + re.sub("(?m)^# ", "", text), Path("z.toml"), {})
    assert project.search and project.search.parts == ("pynq-z2",) and project.search.flows == ("hls4ml",)
    assert project.goal and project.goal.widths == (4, 5, 6, 7, 8) and project.goal.keep == 0.005
    head = HEAD + 'data = "d"\nboards = ["zybo-z7-10", "pynq-z2"]\n'
    project = read_project(head + DESIGN + '[search]\nflow = "hls"\ntarget-fps = 300\n', Path("z.toml"), {})
    assert project.search and project.search.parts == ("zybo-z7-10",) and project.goal
    assert project.search.options["hls"].target_fps == "300" and len(project.goal.widths) == 5


def test_the_command_line_counts_more() -> None:
    text = HEAD + 'boards = ["zedboard"]\nclock = 8\nout = "a"\n' + DESIGN
    project = read_project(text, Path("p/z.toml"), {"boards": ["xc7z010"], "clock": 9.0, "out": None})
    (design,) = project.designs
    assert design.parts == ("xc7z010",) and design.clock_ns == 9.0 and project.out == Path("p/a")
    tables = f'{DESIGN}boards = ["zedboard"]\nclock = 5\n[sweep]\nflow = "hls"\nclock = [5, 6]\nboards = ["zedboard"]\n'
    tables += '[search]\nflow = "hls"\npart = "zedboard"\nclock = 5\n'
    project = read_project(HEAD + 'data = "d"\n' + tables, Path("z.toml"), {"boards": ["xc7z010"], "clock": 9.0})
    assert project.search and project.axes["part"] == ("xc7z010",) and project.axes["clock_ns"] == [9.0]
    for design in (*project.designs, project.search):
        assert design.parts == ("xc7z010",) and design.clock_ns == 9.0


def test_a_sweep_may_have_boards_of_its_own() -> None:
    text = HEAD + 'boards = ["zedboard"]\n' + DESIGN + '[sweep]\nflow = "hls"\nboards = ["pynq-z2", "zybo-z7-10"]\n'
    assert read_project(text, Path("z.toml"), {}).axes["part"] == ("pynq-z2", "zybo-z7-10")


def test_a_design_may_have_weights_of_its_own() -> None:
    """A file, relative to the project's, or the name of shipped ones."""
    rows = [
        '[[design]]\nflow = "rtl"\n' + weights for weights in ("", 'weights = "w4a4"\n', 'weights = "b.safetensors"\n')
    ]
    rows[1] += 'boards = ["zybo-z7-10"]\n'
    project = read_project(HEAD + 'boards = ["pynq-z2"]\n' + "".join(rows), Path("p/z.toml"), {})
    assert [design.parts for design in project.designs] == [("pynq-z2",), ("zybo-z7-10",), ("pynq-z2",)]
    assert [design.source.weights for design in project.designs] == [None, Path("w4a4"), Path("p/b.safetensors")]
    assert project.source.weights is None and project.designs[1].command.endswith("--weights w4a4")
    trained = find_trained("arch8", None)
    float_job, integer_job = (designs.designs(design, trained)[0][2] for design in project.designs[:2])
    assert float_job.weights is trained.weights and float_job.integer is None
    assert isinstance(integer_job.integer, IntegerNetwork)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "schema is None"),
        (HEAD, "no [[design]]"),
        (HEAD + 'board = ["pynq-z2"]\n' + DESIGN, "did you mean boards"),
        (HEAD + 'boards = ["pynq-z3"]\n' + DESIGN, "pynq-z3"),
        (HEAD + "boards = []\n" + DESIGN, "a list of names"),
        (HEAD + "clock = true\n" + DESIGN, "clock: True is no number"),
        (HEAD + "clock = -1\n" + DESIGN, "no clock period"),
        (HEAD + "network = 8\n" + DESIGN, "network is 8"),
        (HEAD + 'pixels = "odd"\n' + DESIGN, "odd"),
        (HEAD + "[[design]]\nprecision = 8\n", "design 1 names no flow"),
        (HEAD + '[[design]]\nflow = "vhdl"\n', "vhdl"),
        (HEAD + '[[design]]\nflow = "hls4ml"\nprecison = 8\n', "did you mean precision"),
        (
            HEAD + "[[design]]\nflow = 'hls4ml'\npart = 'x'\n",
            "'part' is not known here. `python -m flows run hls4ml --",
        ),
        (HEAD + "[[design]]\nflow = 'hls4ml'\ndata = 'd'\n", "'data' is not known here; it belongs above all tables"),
        (HEAD + "[design]\nflow = 'hls4ml'\n", "[design] is written [[design]]"),
        (HEAD + 'network = ""\n' + DESIGN, "network is ''"),
        (HEAD + DESIGN + "[[sweep]]\nflow = 'hls4ml'\n", "[sweep] is no single table"),
        (HEAD + DESIGN + "[sweep]\nflow = 'hls'\nclock = '9..1'\n", "clock of [sweep]: a range from 9 to 1"),
        (HEAD + 'data = "d"\n' + DESIGN + "[search]\nflow = 'hls'\nkeep_acuracy = 1\n", "did you mean keep_accuracy"),
        (HEAD + '[[design]]\nflow = "hls4ml"\nprecision = [8, 10]\n', "give a number or a text"),
        (HEAD + DESIGN + '[sweep]\nflow = "hls4ml"\nactivation_bits = [4]\n', "activation_bits"),
        (HEAD + "[[design]]\nflows = 'hls4ml'\n", "design 1 names no flow: is 'flows' meant to be flow?"),
        (HEAD + "[[design]]\nflow = ['hls4ml']\n", "flow of design 1 is ['hls4ml']"),
        (HEAD + DESIGN + "[sweep]\nclock = [10]\n", "[sweep] names no flow. "),
        (HEAD + DESIGN + "[sweep]\nflows = ['hls4ml']\n", "[sweep] names no flow: is 'flows' meant to be flow?"),
        (HEAD + DESIGN + "[sweep]\nflow = 'hls4lm'\n", "Did you mean hls4ml"),
        (HEAD + 'data = "d"\n' + DESIGN + "[search]\nFlow = 'hls4ml'\n", "is 'Flow' meant to be flow?"),
        (HEAD + 'data = "d"\n' + DESIGN + "[search]\nflow = 'hls4ml'\nboards = ['zedboard']\n", "name it as part"),
        (HEAD + "sweep = 3\n" + DESIGN, "[sweep] is no single table"),
        (HEAD + DESIGN + '[sweep]\nflow = "hls4ml"\nprecision = []\n', "option precision: it has no value"),
        (HEAD + DESIGN + '[sweep]\nflow = "hls4ml"\nclock = []\n', "clock of [sweep] has no value"),
        (HEAD + DESIGN + '[sweep]\nflow = "hls4ml"\nboards = ["pynq-z3"]\n', "pynq-z3"),
        (HEAD + DESIGN + '[sweep]\nflow = "hls4ml"\nclock = ["x"]\n', "clock: 'x' is no number"),
        (HEAD + DESIGN + '[search]\nflow = "hls"\n', "needs images"),
        (HEAD + 'data = "d"\n' + DESIGN + "[search]\nflow = 'hls'\nbits = 8\n", "--bits: 8 is no list"),
        (HEAD + 'data = "d"\n' + DESIGN + "[search]\n", "[search] names no flow"),
        (HEAD + 'data = "d"\nsearch = 3\n' + DESIGN, "[search] is no single table"),
        (HEAD + DESIGN.replace("fifo", "clock = []\nfifo"), "clock: [] is no number"),
        ("a = [[[", "not TOML"),
        ("x" * 200_000, "characters"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(InputError, match="project zynqflows") as error:
        read_project(text, Path("zynqflows.toml"), {})
    assert reason in str(error.value) and "\n" not in str(error.value)


def test_a_review_runs_what_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With estimates in place of builds."""

    def run(
        backend: object, trained: object, job: object, batch: object, executor: object, store: object, *more: object
    ) -> Document:
        outcome = runner.estimated(backend, trained, job, *more)  # type: ignore[arg-type]
        return Document(network_facts(trained), (outcome,))  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "run", run)
    place = tmp_path / "zynqflows.toml"
    again = tmp_path / "again"
    refused = '[[design]]\nflow = "hls4ml"\nreuse_factor = "64"\nfifo_depth = 2\n'
    sweep = '[sweep]\nflow = "hls4ml"\nclock = [10, 8]\nreuse_factor = ["64"]\nfifo_depth = [40]\n'
    place.write_text(HEAD + 'boards = ["pynq-z2", "zybo-z7-10"]\n' + DESIGN + refused + sweep)
    assert main(["review", str(place), "--store", str(tmp_path / "s"), "--jobs", "1"]) == 4
    captured = capsys.readouterr()
    assert "xc7z010clg400-1" in captured.out and "deadlocks" in captured.err
    report = (tmp_path / "review/report.md").read_text()
    assert "PYNQ-Z2" in report and "deadlocks" in report
    assert "clock 8 ns" in (tmp_path / "review/sweep.html").read_text()
    results = flows.review(place, part="zybo-z7-10", out=again, store=tmp_path / "s", jobs=1)
    assert [result.part for result in results] == ["xc7z010clg400-1"] and (again / "report.html").exists()


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ("[sweep]\nflow = 'hls'\nclock = '5..8..0.001'\ntarget_fps = '100..1000..10'\n", "273,091 designs"),
        ("[search]\nflow = 'c'\n", "it takes no bits by tensor"),
        ("[search]\nflow = 'hls'\nbits = [8]\n", "one width leaves nothing to choose"),
    ],
)
def test_what_is_wrong_with_a_sweep_or_a_search_is_said_before_anything_is_built(
    tables: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = read_project(HEAD + 'data = "d"\n' + DESIGN + tables, tmp_path / "z.toml", {})
    monkeypatch.setattr(designs, "test_images", lambda *given: None)
    monkeypatch.setattr(designs, "built", lambda *given: pytest.fail("it was built"))
    store = Store(tmp_path / "store")
    with pytest.raises(UsageError, match=reason):
        reviewing.review(project, Executor(store, 1, print), store, 1, print)


def test_an_editor_of_windows_wrote_it() -> None:
    text = "\ufeff" + (HEAD + 'boards = "pynq-z2, zedboard"\n' + DESIGN).replace("\n", "\r\n")
    assert read_project(text, Path("z.toml"), {}).designs[0].parts == ("pynq-z2", "zedboard")


def test_a_search_that_cannot_be_had_spoils_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = HEAD + 'data = "d"\n' + DESIGN + '[search]\nflow = "hls4ml"\ncost = "lut"\n'
    project = read_project(asked, tmp_path / "z.toml", {})
    (estimate,) = flows.estimate("hls4ml", reuse_factor="64", fifo_depth=40)
    built = Outcome(network_facts(find_trained("arch8", None)), (estimate.run,))
    monkeypatch.setattr(designs, "built", lambda *each: built)
    monkeypatch.setattr(designs, "test_images", lambda *each: None)
    tried = Tried({"a": 8}, estimate.run, 900.0, 0.02)
    results: list[Any] = [SetupError("package optuna", "not installed", "install it"), None]
    results[1] = Search(built.network, 0.005, Metric.LUT, "300", "10 images", (tried,), 0)

    def searched(*each: Any) -> Search:
        if isinstance(result := results.pop(0), SetupError):
            raise result
        return result

    monkeypatch.setattr(reviewing, "search", searched)
    for there in (False, True):
        store = Store(tmp_path / "store")
        review = reviewing.review(project, Executor(store, 1, print), store, 1, print)
        project.out.mkdir(exist_ok=True)
        reviewing.write(review, write_atomic)
        assert bool(review.errors) is not there and (project.out / "search.html").exists() is there
        assert review.comparison
        assert ('<a href="search.html">' in (project.out / "report.html").read_text()) is there
    assert "None of them loses 0.50 points or less" in (project.out / "search.html").read_text()


def test_a_start_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "p.toml"
    assert main(["init", str(place)]) == 0 and place.read_text() == START
    assert main(["init", str(place)]) == 2 and "there already" in capsys.readouterr().err
    assert main(["review", str(tmp_path / "none.toml")]) == 3 and "flows init" in capsys.readouterr().err
