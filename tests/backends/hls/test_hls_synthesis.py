"""AMD's tools behind the generated project, with stand-ins on PATH, and whose number an instance of their report is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.amd.steps import COSIM, CSYNTH, NONE, VSYNTH
from backends.cost.shell import DEFAULT
from backends.cost.synthesis import OWN_CODE, with_routed
from backends.dataflow.layers.design import FIFO
from backends.dataflow.layers.nodes import CLONE, STREAMS
from backends.hls import BACKEND, amd
from backends.hls.amd import read_report, scope_of
from backends.hls.options import HlsOptions
from backends.protocol import Job, NoteKind
from flows.core.errors import InputError, StepFailed
from flows.core.evidence import DESIGN, TOTAL, Metric, Reading, Tier, nearest, total
from flows.core.fit import Verdict, judge
from flows.core.plan import Plan, Products, State
from flows.executor import Executor
from flows.prepared import prepare
from flows.store import LOG, Store
from models.layers import Conv2D, Dense, GlobalAveragePool
from models.network import INPUT, Network
from models.reference import REFERENCE
from tests.backends.amd.conftest import csynth_report
from tests.backends.hls.networks import SMALL, job_on

CYCLES: dict[str, object] = {"Latency (cycles)/min": 800, "Latency (cycles)/max": 900}
MODULES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "conv1_window_U0": ({"LUT": 300, "DSP": "-"}, CYCLES),
    "conv1_U0": ({"LUT": 500, "DSP": 6}, {**CYCLES, "Latency (cycles)/max": 1_000}),
    "add_LayerAdd_U0": ({"LUT": 70, "DSP": "-"}, CYCLES),
}
TOOL = """\
#!{python}
import re, sys
from pathlib import Path
if '-version' in sys.argv:
    sys.exit(print('stand-in 2023.1'))
script = Path(sys.argv[sys.argv.index('-f') + 1]).read_text()
top = re.search(r'set_top (\\w+)', script)[1]
sources = [Path(one) for one in re.findall(r'add_files (?:-tb )?{{(.*?)}}', script)]
assert f'void {{top}}(' in sources[0].read_text(), 'the top is not in its source'
assert all(one.is_file() for one in sources), sources
place = Path('hls/solution/syn/report') / f'{{top}}_csynth.rpt'
place.parent.mkdir(parents=True)
Path('hls/solution/syn/verilog').mkdir()
place.write_text({report!r})
{then}
"""


@pytest.fixture
def tool(on_path: Callable[[str, str], None]) -> Callable[..., None]:
    """Puts a vitis_hls on PATH that takes the sources of its script and leaves a report; `then` is its last line."""

    def put(report: str, then: str = "") -> None:
        on_path("vitis_hls", TOOL.format(python=sys.executable, report=report, then=then))

    return put


def synthesised(job: Job[HlsOptions], folder: Path) -> Products:
    """The project of `job` and what AMD's tools make of it; no C simulation, and results that nobody computed."""
    steps = {step.name: step for step in BACKEND.plan(BACKEND.resolve(job)).steps}
    rows = [[0] * 5] * 64
    generate = replace(steps["generate"], files={**steps["generate"].files, REFERENCE: json.dumps({"codes": rows})})
    wanted = [steps[name] for name in (CSYNTH, COSIM, VSYNTH) if name in steps]
    return Executor(Store(folder / "store"), 2, lambda *event: None).execute(Plan((generate, *wanted)))


def values(readings: object, scope: str = TOTAL) -> dict[Metric, float]:
    assert isinstance(readings, tuple)
    return {
        reading.metric: reading.value for reading in readings if isinstance(reading, Reading) and reading.scope == scope
    }


def test_csynth_runs_on_the_project_and_its_word_is_used(tmp_path: Path, tool: Callable[..., None]) -> None:
    job = job_on(SMALL, tmp_path)
    tool(csynth_report({"BRAM_18K": 3, "DSP": 12, "FF": 900, "LUT": 70_000}, modules=MODULES, top="small"))
    products = synthesised(job, tmp_path)
    assert products.results[CSYNTH].state is State.DONE
    solved = BACKEND.resolve(job)
    readings = tuple(BACKEND.read(solved, products))
    assert {each.tier for each in readings} == {Tier.HLS}
    assert all("csynth of this run" in each.source and "Vitis HLS 2023.1" in each.on for each in readings)
    assert values(readings, DESIGN) == {Metric.BRAM18: 3, Metric.DSP: 12, Metric.FF: 900, Metric.LUT: 70_000}
    assert values(readings)[Metric.LATENCY_CYCLES] == 6_000
    assert values(readings, "conv1") == {Metric.LUT: 800, Metric.DSP: 6, Metric.LATENCY_CYCLES: 1_000}
    assert values(readings, "add")[Metric.LUT] == 70
    estimates, device = tuple(BACKEND.estimate(solved)), job.target.part.device
    assert judge(estimates, device).verdict is Verdict.FITS
    result = with_routed([*estimates, *readings], OWN_CODE)
    lut = total(nearest(result), Metric.LUT)
    charged = DEFAULT.range(Metric.LUT).value
    alone = OWN_CODE[Metric.LUT].alone
    assert lut and alone and lut.value == pytest.approx(charged + 70_000 / alone.value, abs=1)
    assert "reported" in lut.source, "a report counts before a model"
    assert judge(result, device).verdict is Verdict.UNDECIDED


def test_without_a_tool_csynth_is_skipped(tmp_path: Path, tool: Callable[..., None]) -> None:
    job = job_on(SMALL, tmp_path)
    products = synthesised(job, tmp_path)
    assert products.results["generate"].state is State.DONE
    skipped = products.results[CSYNTH]
    assert (skipped.state, skipped.reason) == (State.SKIPPED, "vitis_hls is not on PATH")
    assert tuple(BACKEND.read(BACKEND.resolve(job), products)) == ()


@pytest.mark.parametrize(
    ("then", "fact"),
    [
        ("sys.exit(print('ERROR: no licence') or 1)", "exit code 1: ERROR: no licence"),
        ("place.unlink()", "left no"),
    ],
)
def test_a_tool_that_fails_names_its_log(tmp_path: Path, tool: Callable[..., None], then: str, fact: str) -> None:
    tool(csynth_report(top="small"), then)
    with pytest.raises(StepFailed, match=fact) as caught:
        synthesised(job_on(SMALL, tmp_path), tmp_path)
    assert caught.value.culprit == f"step {CSYNTH}"
    log = Path(str(caught.value.next_step).split("its log, ")[1])
    assert log.name == LOG and log.exists()


def test_a_report_of_another_design_fails_the_run(tmp_path: Path, tool: Callable[..., None]) -> None:
    job = job_on(SMALL, tmp_path)
    tool(csynth_report(top="large"))
    with pytest.raises(StepFailed, match="of large, not of small"):
        BACKEND.read(BACKEND.resolve(job), synthesised(job, tmp_path))


FUNCTIONS = ("conv2_window", "conv2", "shortcut", "pool", "dense")
WHOLE: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    **MODULES,
    **{f"{name}_U0": ({"LUT": 100, "DSP": 1}, CYCLES) for name in FUNCTIONS},
}


def test_a_report_from_elsewhere_says_so(tmp_path: Path) -> None:
    job, place = job_on(SMALL, tmp_path, vendor=NONE), tmp_path / "mine.rpt"
    place.write_text(csynth_report(modules=WHOLE, top="small"))
    prepared = prepare(BACKEND, job, [place])
    assert {each.tier for each in prepared.imported} == {Tier.HLS}
    assert all(each.source.startswith("imported from mine.rpt") for each in prepared.imported)
    assert values(prepared.imported, DESIGN)[Metric.LUT] == 23_456
    assert values(prepared.imported, "conv1")[Metric.LUT] == 800
    warnings = [note.text for note in prepared.notes if note.kind is NoteKind.WARNING]
    said = "compared were top, part, clock, 7 of 7 instances of layers and an interval of at least 48 cycles"
    assert any("mine.rpt" in text and "your word" in text and said in text for text in warnings)
    totals = tmp_path / "totals.rpt"
    totals.write_text(csynth_report(top="small"))
    (text,) = (note.text for note in prepare(BACKEND, job, [totals]).notes if "totals.rpt" in note.text)
    assert "compared were top, part, clock and an interval" in text, "it lists no instances"


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ({"top": "large"}, "of large, not of small"),
        ({"part": "xc7z010-clg400-1"}, "for part"),
        ({"clock": "5 ns"}, "clock"),
    ],
)
def test_a_report_of_something_else_is_no_input(tmp_path: Path, content: dict[str, Any], fact: str) -> None:
    place = tmp_path / "other.rpt"
    place.write_text(csynth_report(**{"top": "small", **content}))
    with pytest.raises(InputError, match=fact):
        read_report(BACKEND.resolve(job_on(SMALL, tmp_path)), place)


@pytest.mark.parametrize(
    ("wanted", "names"), [(NONE, []), (CSYNTH, [CSYNTH]), (COSIM, [COSIM]), (VSYNTH, [CSYNTH, VSYNTH])]
)
def test_what_is_wanted_of_the_tools_is_planned(tmp_path: Path, wanted: str, names: list[str]) -> None:
    job = job_on(SMALL, tmp_path, vendor=wanted, vendor_timeout=0.5)
    steps = BACKEND.plan(BACKEND.resolve(job)).steps
    theirs = [step for step in steps if step.tool in ("vitis_hls", "vivado")]
    assert [step.name for step in theirs] == names
    assert {step.limit_s for step in theirs} <= {1800.0}


def test_the_script_of_co_simulation(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job_on(SMALL, tmp_path, part="xc7z010", vendor=COSIM))
    (step,) = (step for step in BACKEND.plan(solved).steps if step.name == COSIM)
    script = str(step.files["cosim.tcl"])
    flags = '-cflags "-std=c++14"'
    for line in (
        "set_top small",
        f"add_files {{project/src/top.cpp}} {flags}",
        f"add_files -tb {{project/tb/simulate.cpp}} {flags}",
        f"add_files -tb {{project/tb/testbench.cpp}} {flags}",
        "set_part {xc7z010clg400-1}",
        "create_clock -period 10 -name default",
        "csynth_design",
    ):
        assert f"    {line}\n" in script, line


@pytest.mark.parametrize(
    ("instance", "scope"),
    [
        ("conv1_U0", "conv1"),
        ("conv1_window_U0", "conv1"),
        ("pool_U0", "pool"),
        ("add_LayerAdd_s", "add"),
        ("add_LayerAdd_U0", "add"),
        ("global_average_pool_Gap_U0", "gap"),
        ("clone_48_ap_uint_24_U0", CLONE),
        ("receive_48_24_U0", STREAMS),
        ("send_5_1_ap_int_32_32_U0", STREAMS),
        ("FIFO", FIFO),
        ("entry_proc_U0", "entry_proc_U0"),
    ],
)
def test_an_instance_belongs_to_a_layer(instance: str, scope: str) -> None:
    assert scope_of(SMALL)(instance) == scope


@pytest.mark.parametrize(
    ("instance", "scope"), [("sender_U0", "sender"), ("clones_U0", "clones"), ("receiver_U0", "receiver")]
)
def test_a_layer_may_be_called_almost_like_a_stage(instance: str, scope: str) -> None:
    layers = (
        Conv2D("sender", (INPUT,), (1, 1), (1, 1), "same", 4),
        Conv2D("clones", ("sender",), (3, 3), (1, 1), "same", 4),
        GlobalAveragePool("gap", ("clones",)),
        Dense("receiver", ("gap",), 5),
    )
    assert scope_of(Network("mail", (6, 8, 3), layers))(instance) == scope


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ({"modules": MODULES}, "not of this design: no conv2 in it, 1 in the design; no conv2_window in it"),
        (
            {"cycles": {**CYCLES, "Interval/min": 8, "Interval/max": 8}},
            "interval 8 cycles, where a stage takes 48 pixels",
        ),
        (
            {"cycles": {"Latency (cycles)/min": 7, "Latency (cycles)/max": 9}},
            "latency 9 cycles, where a stage takes 48",
        ),
    ],
)
def test_a_report_whose_structure_is_another_is_no_input(tmp_path: Path, content: dict[str, Any], fact: str) -> None:
    place = tmp_path / "other.rpt"
    place.write_text(csynth_report(top="small", **content))
    with pytest.raises(InputError, match=fact):
        amd.read_report(BACKEND.resolve(job_on(SMALL, tmp_path)), place)


def test_a_report_that_is_quicker_than_the_options_or_of_another_tool_is_doubted(tmp_path: Path) -> None:
    place = tmp_path / "quick.rpt"
    quick = {**CYCLES, "Interval/min": 50, "Interval/max": 60}
    place.write_text(csynth_report(top="small", cycles=quick, modules=WHOLE, tool="Vivado", pipeline="yes"))
    _, built, tool = (note.text for note in amd.read_report(BACKEND.resolve(job_on(SMALL, tmp_path)), place).notes)
    assert built.startswith("quick.rpt has an interval of 60 cycles, where the options asked for need at least")
    assert tool.startswith("quick.rpt is a report of Vivado HLS 2023.1, and this design is for Vitis HLS")
