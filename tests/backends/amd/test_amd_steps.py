"""Vendor tools as steps, with stand-ins on PATH that succeed, fail, hang and crash half-way."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.amd import steps as amd_steps
from backends.amd import tcl
from backends.amd.identity import ANYTHING
from backends.amd.steps import COSIM, CSYNTH, NONE, VSYNTH, HlsProject, read, read_report, steps
from backends.protocol import NoteKind
from flows.core.errors import InputError, StepFailed
from flows.core.evidence import DESIGN, TOTAL, Metric, Reading, Tier
from flows.core.part import Target, find_part
from flows.core.plan import PYTHON, Output, Plan, Products, State, Step
from flows.executor import Executor
from flows.store import LOG, Store

Report = Callable[..., str]
Tool = Callable[[str, str], None]
Execute = Callable[[Plan], Products]
TARGET = Target(find_part("xc7z020"))
CPP = Output("write", "source")
PROJECT = HlsProject(CPP, "toy", ("toy.cpp",), ("test.cpp", "data"), settings=("set_clock_uncertainty 27% default",))
HLS = f"{tcl.PROJECT}/{tcl.SOLUTION}"
CSYNTH_RPT, COSIM_RPT = f"{HLS}/syn/report/toy_csynth.rpt", f"{HLS}/sim/report/toy_cosim.rpt"
OLD = "an old report, in what the earlier step left"
MODULES = {
    "conv_config2_U0": ({"BRAM_18K": 8, "LUT": 900}, {"Latency (cycles)/min": 70, "Latency (cycles)/max": 80}),
    "conv_config3_U0": ({"BRAM_18K": "-", "LUT": 100}, {"Latency (cycles)/min": 60, "Latency (cycles)/max": 95}),
}


def plan(wanted: str = CSYNTH, tool: str = "vitis", limit_s: float = 60.0, old: str = "") -> Plan:
    """C++ from one step, the tools behind it; an `old` report may lie among the C++."""
    code = f"""
from pathlib import Path
for name, text in {{"toy.cpp": "", "test.cpp": "", {old!r}: {OLD!r}}}.items():
    if name:
        place = Path("source") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
"""
    write = Step("write", "writes C++", PYTHON, (PYTHON, "-c", code), makes=(CPP.file,))
    return Plan((write, *steps(tool, PROJECT, TARGET, wanted, limit_s)))


@pytest.fixture
def tool(on_path: Tool) -> Tool:
    """Puts a stand-in on PATH: Python code that is run in the step's directory."""

    def put(name: str, code: str) -> None:
        on_path(
            name,
            f"#!{sys.executable}\n"
            "import sys, time, subprocess\nfrom pathlib import Path\n"
            "if '-version' in sys.argv:\n    sys.exit(print('stand-in 2023.1'))\n"
            "def leave(place, text):\n"
            "    Path(place).parent.mkdir(parents=True, exist_ok=True)\n    Path(place).write_text(text)\n" + code,
        )

    return put


@pytest.fixture
def execute(tmp_path: Path) -> Execute:
    store = Store(tmp_path / "store")
    return lambda each: Executor(store, 2, lambda *event: None).execute(each)


def leaves(text: str, cosim: str = "") -> str:
    """Code of a compiler that does its work."""
    code = f"print('synthesising')\nleave({CSYNTH_RPT!r}, {text!r})\nleave('{HLS}/syn/verilog/toy.v', 'module')\n"
    return code + (f"leave({COSIM_RPT!r}, {cosim!r})\n" if cosim else "")


def values(readings: tuple[Reading, ...], scope: str = TOTAL) -> dict[Metric, float]:
    return {reading.metric: reading.value for reading in readings if reading.scope == scope}


def test_a_csynth_report_of_this_run_becomes_readings(tool: Tool, execute: Execute, report: Report) -> None:
    tool("vitis_hls", leaves(report("csynth", modules=MODULES)))
    for state in (State.DONE, State.KEPT):
        products = execute(plan())
        assert products.results[CSYNTH].state is state
        readings = read("toy", TARGET, products, lambda name: "conv")
    assert {each.tier for each in readings} == {Tier.HLS}
    alone, whole = values(readings, DESIGN), values(readings)
    assert alone == {Metric.BRAM18: 41, Metric.DSP: 63, Metric.FF: 12_345, Metric.LUT: 23_456}
    assert not whole.keys() & alone.keys(), "what the whole comes to with its shell is no csynth report"
    assert (whole[Metric.LATENCY_CYCLES], whole[Metric.INTERVAL_CYCLES]) == (6_000, 5_200), "the worst case"
    latency = next(each for each in readings if each.metric is Metric.LATENCY_CYCLES and each.scope == TOTAL)
    assert (latency.low, latency.high) == (5_000, 6_000) and "worst case" in latency.source
    assert whole[Metric.THROUGHPUT_FPS] == pytest.approx(1e9 / 52_000)
    fmax = next(each for each in readings if each.metric is Metric.FMAX_MHZ)
    assert (fmax.value, fmax.low, fmax.high) == pytest.approx((1_000 / 7.25, 1_000 / (7.25 + 2.7), 1_000 / 7.25))
    assert "the low end has its 2.7 ns added" in fmax.source
    assert values(readings, "conv") == {Metric.BRAM18: 8, Metric.LUT: 1_000, Metric.LATENCY_CYCLES: 95}
    lower = next(each for each in readings if each.metric is Metric.BRAM18 and each.scope == "conv")
    assert lower.at_least, "one of two instances has no number"
    assert all("of this run" in each.source and "Vitis HLS 2023.1" in each.on for each in readings)


def test_an_undefined_latency_is_absent(tool: Tool, execute: Execute, report: Report) -> None:
    cycles = {"Latency (cycles)/min": 5, "Latency (cycles)/max": "undef", "Interval/min": "?", "Interval/max": "?"}
    tool("vitis_hls", leaves(report("csynth", cycles=cycles)))
    counts = values(read("toy", TARGET, execute(plan())))
    assert counts.keys() == {Metric.FMAX_MHZ}


def test_an_absent_tool_is_skipped(tool: Tool, execute: Execute) -> None:
    products = execute(plan(VSYNTH, tool="vivado"))
    assert [products.results[name].state for name in (CSYNTH, VSYNTH)] == [State.SKIPPED] * 2
    assert "vivado_hls is not on PATH" in products.results[VSYNTH].reason
    assert read("toy", TARGET, products) == ()


@pytest.mark.parametrize("old", [CSYNTH_RPT, "toy_csynth.rpt"])
@pytest.mark.parametrize(
    ("code", "fact"), [("print('no licence'); sys.exit(1)", "exit code 1: no licence"), ("", "left no")]
)
def test_an_old_report_is_never_read(tool: Tool, execute: Execute, code: str, fact: str, old: str) -> None:
    """The tool fails, or ends well and leaves nothing, while a report of an earlier run lies among the C++."""
    tool("vitis_hls", code)
    with pytest.raises(StepFailed, match=fact) as caught:
        execute(plan(old=old))
    log = Path(str(caught.value.next_step).split("its log, ")[1])
    assert log.name == LOG and log.exists()
    assert (log.parent / amd_steps.FOLDER / old).read_text() == OLD, "it was there"


def test_a_hang_ends_at_the_limit_with_all_that_it_started(tool: Tool, execute: Execute, tmp_path: Path) -> None:
    tool("vitis_hls", "child = subprocess.Popen(['sleep', '300'])\nprint(child.pid, flush=True)\ntime.sleep(300)")
    started = time.monotonic()
    with pytest.raises(StepFailed, match="limit of 1 s") as caught:
        execute(plan(limit_s=1.0))
    assert time.monotonic() - started < 20
    log = Path(str(caught.value.next_step).split("its log, ")[1])
    child = Path("/proc") / log.read_text().split()[0]
    time.sleep(0.2)
    assert not child.exists() or " Z " in (child / "stat").read_text()


def test_a_tool_that_crashes_half_way_has_failed(tool: Tool, execute: Execute, report: Report) -> None:
    tool("vitis_hls", leaves(report("csynth")[:1500]) + "import os\nos.abort()\n")
    with pytest.raises(StepFailed, match=f"step {CSYNTH}: exit code -6"):
        execute(plan())


def faults(report: Report) -> dict[str, str]:
    whole = report("csynth")
    return {
        "cut off": whole[: whole.index("Total") + 20],
        "empty": "",
        r"part xc7z010-clg400-1, not xc7z020clg400-1": report("csynth", part="xc7z010-clg400-1"),
        "of other, not of toy": report("csynth", top="other"),
        "clock of 5 ns, not 10 ns": report("csynth", clock="5.00 ns"),
    }


@pytest.mark.parametrize("place", range(5))
def test_a_report_of_another_design_fails_the_run(tool: Tool, execute: Execute, report: Report, place: int) -> None:
    fact, text = list(faults(report).items())[place]
    tool("vitis_hls", leaves(text))
    products = execute(plan())
    with pytest.raises(StepFailed, match=fact) as caught:
        read("toy", TARGET, products)
    assert str(products.results[CSYNTH].folder) in str(caught.value)


def test_co_simulation_gives_cycles_above_those_of_csynth(tool: Tool, execute: Execute, report: Report) -> None:
    tool("vitis_hls", leaves(report("csynth"), report("cosim")))
    readings = read("toy", TARGET, execute(plan(COSIM)))
    simulated = {each.metric: each.value for each in readings if each.tier is Tier.RTL_SIMULATED}
    assert simulated.keys() == {Metric.LATENCY_CYCLES, Metric.INTERVAL_CYCLES, Metric.LATENCY_US, Metric.THROUGHPUT_FPS}
    assert (simulated[Metric.LATENCY_CYCLES], simulated[Metric.INTERVAL_CYCLES]) == (5_900, 4_800)
    tool("vitis_hls", leaves(report("csynth"), report("cosim", status="Fail")))
    products = execute(plan(COSIM))
    with pytest.raises(StepFailed, match="status Fail"):
        read("toy", TARGET, products)


def test_logic_synthesis_takes_the_rtl_of_csynth(tool: Tool, execute: Execute, report: Report) -> None:
    tool("vivado_hls", leaves(report("csynth", tool="Vivado")))
    used = {"Slice LUTs*": 9_000, "Slice Registers": 8_000, "Block RAM Tile": "19.5", "DSPs": 60}
    code = (
        f"assert Path('rtl/toy.v').read_text() == 'module'\nleave('utilization.rpt', {report('utilization', used)!r})\n"
    )
    tool("vivado", code + f"leave('timing.rpt', {report('timing')!r})")
    readings = read("toy", Target(find_part("xc7z020")), execute(plan(VSYNTH, tool="vivado")))
    synthesised = [each for each in readings if each.tier is Tier.SYNTHESISED]
    assert values(tuple(synthesised), DESIGN) == {
        Metric.LUT: 9_000,
        Metric.FF: 8_000,
        Metric.BRAM18: 39,
        Metric.DSP: 60,
    }
    assert values(tuple(synthesised))[Metric.FMAX_MHZ] == pytest.approx(1_000 / 9.5)
    assert values(tuple(each for each in readings if each.tier is Tier.HLS), DESIGN)[Metric.LUT] == 23_456


def test_nothing_is_planned_where_nothing_is_wanted() -> None:
    assert steps("vitis", PROJECT, TARGET, NONE, 1.0) == ()
    assert [step.limit_s for step in steps("vitis", PROJECT, TARGET, VSYNTH, 7.0)] == [7.0, 7.0]


def test_a_report_from_elsewhere_says_so(report: Report, tmp_path: Path) -> None:
    place = tmp_path / "mine.rpt"
    place.write_text(report("utilization", {"Slice LUTs": 100}, state="Routed"))
    imported = read_report(place, "toy", TARGET, ANYTHING, "vitis")
    alone = next(reading for reading in imported.readings if reading.metric is Metric.LUT)
    assert not [reading for reading in imported.readings if reading.scope == TOTAL], "the shell is no part of a report"
    assert (alone.metric, alone.value, alone.scope, alone.tier) == (Metric.LUT, 100, DESIGN, Tier.ROUTED)
    assert alone.source.startswith("imported from mine.rpt (")
    assert [note.kind for note in imported.notes] == [NoteKind.WARNING]
    assert "mine.rpt is a report of this very design is your word: compared were top and part" in imported.notes[0].text
    for text, fact in (
        (report("cosim"), "neither its design nor its part"),
        *((v, k) for k, v in faults(report).items()),
    ):
        place.write_text(text)
        with pytest.raises(InputError, match=fact):
            read_report(place, "toy", TARGET, ANYTHING, "vitis")
    with pytest.raises(InputError, match="no such file"):
        read_report(tmp_path / "none.rpt", "toy", TARGET, ANYTHING, "vitis")


DRIVER = """
proc unknown {args} {
    global argv
    if {[lindex $args 0] eq [lindex $argv 1]} { error "it broke" }
    puts $args
}
source [lindex $argv 0]
"""
needs_tclsh = pytest.mark.skipif(shutil.which("tclsh") is None, reason="no tclsh here")


def run_tcl(step: Step, tmp_path: Path, failing: str = "none") -> tuple[int, list[str]]:
    """The exit code, and the tool's commands as Tcl understands them, of a script whose command `failing` fails."""
    (name,) = (name for name in step.files if name.endswith(".tcl"))
    script = tmp_path / name
    script.write_text(str(step.files[name]))
    driver = tmp_path / "driver.tcl"
    driver.write_text(DRIVER)
    done = subprocess.run(["tclsh", str(driver), str(script), failing], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


@needs_tclsh
def test_the_script_is_whole_tcl_in_the_order_that_the_tools_want(tmp_path: Path) -> None:
    (step,) = steps("vitis", PROJECT, TARGET, COSIM, 1.0)
    assert run_tcl(step, tmp_path) == (
        0,
        [
            "open_project -reset hls",
            "set_top toy",
            "add_files project/toy.cpp -cflags -std=c++0x",
            "add_files -tb project/test.cpp -cflags -std=c++0x",
            "add_files -tb project/data",
            "open_solution -reset solution",
            "set_part xc7z020clg400-1",
            "create_clock -period 10 -name default",
            "set_clock_uncertainty 27% default",
            "csynth_design",
            "cosim_design -rtl verilog -trace_level none",
        ],
    )


@needs_tclsh
@pytest.mark.parametrize(
    ("wanted", "failing"),
    [
        (CSYNTH, "open_project"),
        (CSYNTH, "set_part"),
        (CSYNTH, "csynth_design"),
        (COSIM, "cosim_design"),
        (VSYNTH, "synth_design"),
    ],
)
def test_a_command_that_fails_ends_the_script_with_1(tmp_path: Path, wanted: str, failing: str) -> None:
    code, said = run_tcl(steps("vitis", PROJECT, TARGET, wanted, 1.0)[-1], tmp_path, failing)
    assert code == 1 and said[-1] == "ERROR: it broke"
    assert not [line for line in said if line.startswith("report_")]
