"""The command line as a user meets it, on the shipped network, with a small backend of the tests' own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

import flows.core.record as record
from backends.protocol import API, Backend, Imported, Job, Note, Refusal, warning
from flows import registry
from flows.__main__ import main
from flows.core.clock import seen
from flows.core.evidence import MET_OR_NOT, RESOURCES, Metric, Reading, Tier
from flows.core.part import Target, find_part
from flows.core.plan import PYTHON, Asset, Output, Plan, Step
from flows.executor import Executor
from flows.jobs import find_trained
from flows.store import Store
from models.fixed import FixedType, Overflow, Rounding
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.reference import reference_step

SCHEMA = json.loads(Path(record.__file__).with_name("run.schema.json").read_text())
ROOT = Path(record.__file__).parents[2]


@dataclass(frozen=True)
class Options:
    speed: int = field(default=3, metadata={"help": "how fast"})
    colour: str = field(default="red", metadata={"help": "which", "choices": ("red", "green")})
    lut: int = field(default=100, metadata={"help": "how many LUT"})
    wrong: bool = field(default=False, metadata={"help": "build another network"})


def lower(job: Job[Options]) -> QuantisedNetwork:
    act = FixedType(8, 6, rounding=Rounding.RND, overflow=Overflow.SAT)
    weight = FixedType(8, 3, rounding=Rounding.RND, overflow=Overflow.SAT)
    layers = {}
    for layer in job.network.layers:
        if layer.kind in ("conv2d", "dense"):
            layers[layer.name] = Arithmetic(act, weight, weight, FixedType(32, 20))
        elif layer.kind == "global_average_pool":
            layers[layer.name] = Arithmetic(act, accumulator=FixedType(16, 14))
        elif layer.kind != "softmax":
            layers[layer.name] = Arithmetic(act)
    return QuantisedNetwork(job.network, job.weights.digest, InputContract(FixedType(8, 1)), layers)


def plan(job: Job[Options]) -> Plan:
    """Builds nothing: it computes the vectors with the reference itself, and adds one where it is to be wrong."""
    work = reference_step("same", lower(job), Asset(job.weights.path, job.weights.digest), 16)
    code = (
        "import json; rows = json.load(open('in.json'))['codes']; "
        f"rows[2][3] += {int(job.options.wrong)}; json.dump(rows, open('out.json', 'w'))"
    )
    files = {"in.json": Output("same", "reference.json")}
    built = Step("build", "builds", PYTHON, (PYTHON, "-c", code), files=files, makes=("out.json",))
    return Plan((work, built), Output("build", "out.json"), "a simulation")


def estimate(job: Job[Options]) -> list[Reading]:
    return [
        Reading(
            metric,
            job.options.lut,
            Tier.MODELLED,
            "chip",
            "model",
            predicts=Tier.ROUTED,
            low=0.9 * job.options.lut,
            high=job.options.lut,
        )
        for metric in RESOURCES[:1]
    ] + [
        Reading(metric, 10, Tier.MODELLED, "chip", "model", predicts=Tier.ROUTED, low=9, high=11)
        for metric in RESOURCES[1:]
    ]


def read_report(job: Job[Options], report: Path) -> Imported:
    """A report of this backend's is one number: of LUTs, or behind "fmax" of the clock."""
    metric = Metric.FMAX_MHZ if report.read_text().startswith("fmax") else RESOURCES[0]
    value = float(report.read_text().removeprefix("fmax"))
    return Imported([Reading(metric, value, Tier.ROUTED, "chip", f"imported from {report.name}")])


def check(job: Job[Options]) -> list[Refusal]:
    return [Refusal("--speed", "7 is unlucky", "--speed 8")] if job.options.speed == 7 else []


PLAIN = Backend(
    api=API, name="toy", about="toy: a toy.", options=Options, check=check, resolve=lambda job: job, lower=lower,
    estimate=estimate, plan=plan, notes=lambda job: [Note("a remark"), warning("mind the toy")],
    read=lambda job, products: (),
)  # fmt: skip
TOY = replace(
    PLAIN,
    read_report=read_report,
    observations=lambda job, products: [Note(f"its {len(products.results)} steps ran"), warning("none failed")],
)


class Point(SimpleNamespace):
    """An entry point, as `importlib.metadata` gives it."""

    def load(self) -> object:
        if isinstance(self.module, Exception):
            raise self.module
        return SimpleNamespace(BACKEND=self.module)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    broken = Point(value="nowhere", module=ImportError("no module named nowhere"), dist=None)
    old = replace(TOY, api=0)
    points = {"toy": Point(value="toy", module=TOY, dist=None), "broken": broken}
    points["plain"] = Point(value="plain", module=PLAIN, dist=None)
    points["old"] = Point(value="old", module=old, dist=None)
    away = replace(TOY, name="../../away")
    points["away"] = Point(value="away", module=away, dist=None)
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    registry.load.cache_clear()
    monkeypatch.setenv("ZYNQFLOWS_STORE", str(tmp_path / "store"))
    yield
    registry.load.cache_clear()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with what every run of the toy needs, and what takes seconds: the vectors that the reference computes."""
    store = tmp_path_factory.mktemp("reference")
    trained = find_trained("arch8", None)
    job = trained.job(Target(find_part("xc7z020")), Options())
    Executor(Store(store), 1, lambda event, step, text: None).execute(Plan(plan(job).steps[:1]))
    return store


@pytest.fixture
def computed(reference: Path, tmp_path: Path) -> None:
    """The reference was computed before this test."""
    shutil.copytree(reference, tmp_path / "store", symlinks=True)


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    """What a command prints, its errors where it fails; one line for an error, and no traceback."""
    assert main(argv) == code
    captured = capsys.readouterr()
    if code:
        assert captured.err.splitlines()[-1].startswith("error: ") and "Traceback" not in captured.err
        return captured.err
    return captured.out


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["rnu"], 2, "did you mean run"),
        (["--verify", "run", "toy"], 2, "stands before the command"),
        (["--json", "a.json", "run", "toy"], 2, "stands before the command"),
        (["run", "toi"], 2, "did you mean toy"),
        (["run", "toy", "pynq-z2"], 2, "give it as --part pynq-z2"),
        (["run", "toy", "--part", "xc7z02"], 2, "did you mean xc7z020"),
        (["run", "toy", "--part", "pinq-z2"], 2, "did you mean pynq-z2"),
        (["run", "toy", "--sped", "4"], 2, "did you mean --speed"),
        (["run", "toy", "--colour", "gren"], 2, "did you mean green"),
        (["run", "toy", "--network", "arch9"], 2, "did you mean arch8"),
        (["run", "toy", "--clock", "-1"], 2, "no clock period"),
        (["run", "toy", "--clock", "0"], 2, "no clock period"),
        (["run", "toy", "--clock", "nan"], 2, "no clock period"),
        (["run", "toy", "--clock", "inf"], 2, "no clock period"),
        (["run", "toy", "--clock", "1e9"], 2, "up to 1,000,000"),
        (["run", "toy", "--clock", "0.1"], 4, "block RAM is limited to 388.2 MHz"),
        (["estimate", "toy", "--clock", "1.0"], 4, "Ask for 2.576 ns or more"),
        (["plan", "toy", "--clock", "2.0"], 4, "500 MHz is beyond xc7z020clg400-1"),
        (["run", "toy", "--clock", "fast"], 2, "'fast' is no number"),
        (["run", "toy", "--clock", "100MHz"], 2, "give nanoseconds, 10 for 100 mhz"),
        (["run", "toy", "--part", ""], 2, "option --part: it is empty"),
        (["run", "toy", "--data="], 2, "option --data: it is empty"),
        (["show", ""], 2, "what stands behind show: it is empty"),
        (["run", "toy", "--jobs", "0"], 2, "below 1"),
        (["run", "toy", "--jobs", "2.5"], 2, "'2.5' is no whole number"),
        (["toy"], 2, "it is a flow. `python -m flows run toy` builds"),
        (["run", "toy", "--record"], 2, "give --data as well"),
        (["run", "toy", "--json", "."], 5, "file .: it is a folder"),
        (["run", "toy", "--speed", "7"], 4, "nearest that works: --speed 8"),
        (["run", "toy", "--weights", "nowhere.safetensors"], 3, "no such file"),
        (["run", "toy", "--data", "nowhere"], 3, "no such folder"),
        (["estimate", "toy", "--data", "nowhere"], 3, "no such folder"),
        (["profile", "toy", "--data", "nowhere"], 3, "no such folder"),
        (["run", "broken"], 9, "no module named nowhere"),
        (["run", "old"], 9, "written for version 0"),
        (["run", "away"], 9, "its name is '../../away'"),
        (["show", "nothing"], 3, "no such run"),
        (["compare"], 3, "no runs in it"),
        (["train", "arch8", "--data", "nowhere", "--out", "x"], 3, "no such folder"),
        (["train", "arch8", "--data", "own.npz", "--out", "x"], 2, "knows CIFAR-10 alone"),
        (["train", "--data", "nowhere", "--out", "x"], 2, "neither it nor a network is given"),
        (["train", "arch8", "--module", "a.py:B", "--data", "nowhere", "--out", "x"], 2, "with a NETWORK as well"),
        (["train", "--module", "a.py:B", "--per-channel", "--data", "x", "--out", "x"], 2, "brings its own"),
        (["train", "arch8", "--state", "a.pth", "--data", "nowhere", "--out", "x"], 2, "without --module"),
        (["train", "arch8", "--per-channel", "--data", "nowhere", "--out", "x"], 2, "Add --qat"),
        (["train", "arch8", "--bf16", "--data", "nowhere", "--out", "x"], 2, "Add --qat"),
        (["train", "arch8", "--qat", "--activation-bits", "9", "--data", "x", "--out", "x"], 2, "FINN builds 2 to 8"),
        (["train", "arch8", "--qat", "--recipe", "seed", "--data", "x", "--out", "x"], 2, "has a recipe of its own"),
        (["list", "parts", "--network", "arch8"], 2, "parts are of no network"),
    ],
)
def test_bad_input_is_one_line_with_the_next_step(
    argv: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words.lower() in said(capsys, *argv, code=code).lower()


def test_weights_of_another_network_and_corrupt_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not json at all!")
    assert "corrupt weights" in said(capsys, "estimate", "toy", "--weights", str(path), code=3)


def test_a_run_is_verified_recorded_and_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "o.json"
    argv = ("run", "toy", "--part", "pynq-z2", "--json", str(out), "--out", str(tmp_path / "files"))
    text = said(capsys, *argv)
    assert "16 of 16 vectors equal" in text and "fits" in text and "a remark" in text and "mind the toy" in text
    assert "its 3 steps ran" in text and "none failed" in text
    content = json.loads(out.read_text())
    jsonschema.validate(content, SCHEMA)
    (run,) = content["runs"]
    assert run["part"] == "xc7z020clg400-1" and run["verification"] == {
        "vectors": 16, "equal": 16, "against": "a simulation",
    }  # fmt: skip
    assert (tmp_path / "files" / run["name"] / "steps" / "build" / "out.json").exists()
    assert run["name"] in said(capsys, "compare")
    assert "16 of 16" in said(capsys, "show", run["name"][:-2])
    states = [step["state"] for step in run["steps"]]
    assert sorted(states) == ["done", "done", "kept"], "two steps are the very same, and either may be the first"
    said(capsys, *argv)
    again = json.loads(out.read_text())["runs"][0]
    assert {step["state"] for step in again["steps"]} == {"kept"}
    assert again["readings"] == run["readings"]


@pytest.mark.usefixtures("computed")
def test_a_wrong_design_fails_and_leaves_no_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "run", "toy", "--wrong", code=7)
    assert "1 of 16 vectors differ" in text and "at vector 2" in text
    said(capsys, "compare", code=3)


@pytest.mark.usefixtures("computed")
def test_not_fitting_is_a_result_unless_asked_to_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert "over: LUT by 6,800 (800 at the lower end)" in said(capsys, "run", "toy", "--lut", "60000")
    assert "undecided: LUT takes 49,500 to 55,000 of 53,200" in said(capsys, "run", "toy", "--lut", "55000")
    for luts in ("40000", "45000", "55000"):
        said(capsys, "run", "toy", "--lut", luts, "--require-fit", code=0 if luts == "40000" else 8)
    assert "over: LUT" in said(capsys, "run", "toy", "--lut", "60000", "--part", "xc7z020", "--require-fit", code=8)


@pytest.mark.usefixtures("computed")
@pytest.mark.parametrize(("fmax", "code"), [("81.2", 8), ("105.4", 0)])
def test_a_design_that_misses_its_clock_does_not_fit(
    fmax: str, code: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report, record = tmp_path / "timing.rpt", tmp_path / "out.json"
    report.write_text(f"fmax {fmax}")
    argv = ("run", "toy", "--report", str(report))
    missed = "clock missed: routing reaches 81.2 MHz of the 100 MHz asked for"
    text = " ".join(said(capsys, *argv, "--json", str(record)).split())
    (run,) = json.loads(record.read_text())["runs"]
    assert (missed in text) == ("the " + missed.replace("clock", "clock is") in run["warnings"]) == (code == 8)
    asked = said(capsys, *argv, "--require-fit", code=code)
    if code:
        assert missed in asked and "Ask for a slower clock" in asked
        assert "clock missed (81.2 of 100 MHz)" in said(capsys, "compare")


@pytest.mark.usefixtures("computed")
def test_a_clock_that_no_build_of_the_flow_met_is_at_risk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(TOY, seen_clocks=(seen(100.0, Tier.ROUTED, "xc7z020", "a build"),))
    monkeypatch.setattr(registry, "_entry_points", lambda: {"toy": Point(value="toy", module=known, dist=None)})
    assert "fits; binding" in said(capsys, "run", "toy", "--require-fit")
    text = " ".join(said(capsys, "run", "toy", "--clock", "5").split())
    assert "at risk; clock at risk: 200 MHz is asked for; no timing report says that it is met; the fastest" in text
    assert "clock at risk" in said(capsys, "run", "toy", "--clock", "5", "--require-fit", code=8)


@pytest.mark.usefixtures("computed")
def test_a_rate_is_at_the_highest_credible_clock_and_the_asked_for_one_beside_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rate = Reading(Metric.THROUGHPUT_FPS, 2_000.0, Tier.MODELLED, "5 ns clock", f"a model; {MET_OR_NOT}")
    known = replace(TOY, seen_clocks=(seen(100.0, Tier.ROUTED, "xc7z020clg400-1", "a build"),))
    known = replace(known, estimate=lambda design: (*TOY.estimate(design), rate))
    monkeypatch.setattr(registry, "_entry_points", lambda: {"toy": Point(value="toy", module=known, dist=None)})
    record = tmp_path / "toy.json"
    text = said(capsys, "run", "toy", "--clock", "5", "--json", str(record))
    (row,) = [line for line in text.splitlines() if line.startswith("throughput")]
    assert "1,000.0 images/s" in row and "on 10 ns clock; 2,000.0 images/s at the 200 MHz asked for" in row
    (run,) = json.loads(record.read_text())["runs"]
    content = {each["scope"]: each["value"] for each in run["readings"] if each["metric"] == "throughput_fps"}
    assert content == {"total": 1_000.0, "at the clock asked for": 2_000.0}
    text = said(capsys, "estimate", "toy", "--clock", "5", "--part", "xc7z020clg400-2")
    assert "1,136.4 images/s" in text, "a faster grade bears more"
    assert "beyond xc7z020clg400-1" in said(capsys, "estimate", "toy", "--clock", "1", code=4)


def test_several_parts_and_what_fails_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "estimate", "toy", "--part", "xc7z010", "--part", "zedboard", "--lut", "20000")
    assert "over (LUT)" in text and "fits (LUT)" in text


def test_plan_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "plan", "toy")
    assert "build" in text and "reference" in text and not (tmp_path / "store").exists()


def test_lists_and_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "list", "flows")
    assert "toy: a toy." in listed and "unusable: cannot be imported" in listed and "version 0" in listed
    assert "xc7z100" in said(capsys, "list", "parts") and "zedboard" in said(capsys, "list", "boards")
    assert "52,622" in said(capsys, "list", "networks")
    assert "g++" in said(capsys, "doctor")


def test_an_unwritable_folder_is_named_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for option in ("--out", "--store"):
        text = said(capsys, "run", "toy", option, str(tmp_path / "file" / "x"), code=5)
        assert "cannot be written" in text
    text = said(capsys, "run", "toy", "--json", str(tmp_path / "file" / "x" / "o.json"), code=5)
    assert "cannot be written" in text


def test_without_images_the_card_speaks_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "recorded, of the float network" in said(capsys, "estimate", "toy")


def test_help_loads_nothing_heavy_and_every_command_has_it() -> None:
    commands = ["", "run", "estimate", "plan", "compare", "show", "list", "doctor", "train"]
    code = (
        "import sys; from flows.__main__ import main\n"
        f"for name in {commands}:\n"
        "    try: main([name, '--help'] if name else ['--help'])\n"
        "    except SystemExit as done: assert done.code == 0\n"
        "heavy = {'numpy', 'torch', 'keras', 'tensorflow', 'hls4ml', 'onnx', 'safetensors'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage:") == len(commands)


def test_the_built_in_flow_is_registered_like_any_other() -> None:
    points = metadata.entry_points(group=registry.GROUP)
    assert "hls4ml" in {point.name for point in points}


@pytest.mark.usefixtures("computed")
def test_a_report_from_elsewhere_is_recorded_beside_the_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report, record = tmp_path / "mine.rpt", tmp_path / "out.json"
    report.write_text("1234")
    text = " ".join(said(capsys, "run", "toy", "--report", str(report), "--json", str(record)).split())
    assert "LUT 1,234 53,200 2 %" in text and "the model said 100" in text and "that mine.rpt is a report of" in text
    (run,) = json.loads(record.read_text())["runs"]
    rows = [(each["tier"], each["value"]) for each in run["readings"] if each["metric"] == "lut"]
    assert rows == [("modelled", 100), ("routed", 1234)]
    assert "1,234" in said(capsys, "estimate", "toy", "--report", str(report))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["toy", "--part", "xc7z010", "--part", "xc7z020"], "2 designs are asked for"),
        (["plain"], "reads no vendor reports"),
    ],
)
@pytest.mark.parametrize("command", ["run", "estimate"])
def test_a_report_needs_one_design_and_a_flow_that_reads_it(
    command: str, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in said(capsys, command, *argv, "--report", "mine.rpt", code=2)


@pytest.mark.usefixtures("computed")
def test_the_fastest_credible_clock_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "10 ns clock" in said(capsys, "run", "toy", "--clock", "auto")
    assert "no clock period" in said(capsys, "run", "toy", "--clock", "0", code=2)
