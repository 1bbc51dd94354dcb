"""Yosys and nextpnr as steps of a plan, with stand-ins for both on PATH."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backends.open_tools import routing, synthesis
from backends.open_tools.stage import RtlStage
from backends.open_tools.synthesis import PYOSYS
from backends.open_tools.synthesis import YOSYS as ON_PATH
from flows.core.clock import ClockVerdict, judge_clock
from flows.core.errors import StepFailed
from flows.core.evidence import DESIGN, SEEN, TOTAL, Metric, Reading, Tier
from flows.core.part import Target, find_part
from flows.core.plan import Plan, Products, State, Step
from flows.executor import Executor
from flows.store import Store
from tests.backends.open_tools.stand_ins import LIBRARY, NEXTPNR, YOSYS, stage

OnPath = Callable[[str, str], None]
TARGET = Target(find_part("xc7z020clg400-1"), 8.0)
STAGES = [stage("first"), stage("second"), stage("third", bits=5)]
NETLISTS = [synthesis.netlist(each) for each in STAGES]


class Runs:
    """An executor and what it told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[tuple[str, str]] = []
        self.executor = Executor(Store(folder), 2, lambda what, step, text: self.told.append((what, step.name)))

    def __call__(self, *steps: Step) -> Products:
        self.told.clear()
        return self.executor.execute(Plan(steps))

    def started(self) -> int:
        return sum(what == "started" for what, _ in self.told)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "store")


def yosys(version: str = "0.66") -> str:
    return YOSYS.replace("VERSION", version)


def nextpnr(before: str = "") -> str:
    return NEXTPNR.replace("BEFORE", before)


def value(readings: tuple[Reading, ...], metric: Metric, scope: str) -> Reading:
    (reading,) = [each for each in readings if (each.metric, each.scope) == (metric, scope)]
    return reading


def test_every_kind_of_stage_is_synthesised_once(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    steps = synthesis.steps(STAGES, LIBRARY, ON_PATH)
    assert len([step for step in steps if step.name.startswith("synthesise")]) == 2
    products = runs(*steps)
    readings = synthesis.read(STAGES, TARGET, products)
    assert value(readings, Metric.LUT, DESIGN).value == 3 * 7
    assert value(readings, Metric.DSP, "second").value == 2
    lut = value(readings, Metric.LUT, "first")
    assert (lut.value, lut.low, lut.high) == (7, round(3 / 1.64 + 4), 7)
    assert {reading.tier for reading in readings} == {Tier.SYNTHESISED}
    assert lut.on == "xc7z020, Yosys 0.66"


def test_another_design_finds_what_the_first_has_synthesised(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))
    other = [stage("of another network", bits=5)]
    products = runs(*synthesis.steps(other, LIBRARY, ON_PATH))
    assert runs.started() == 0
    assert synthesis.read(other, TARGET, products)


def test_another_module_of_the_library_changes_nothing(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))
    runs(*synthesis.steps(STAGES, {**LIBRARY, "other": "module other; // changed\nendmodule"}, ON_PATH))
    assert runs.started() == 0
    runs(*synthesis.steps(STAGES, {**LIBRARY, "adder": LIBRARY["adder"] + "// changed\n"}, ON_PATH))
    assert runs.started() == 2


def test_a_yosys_that_is_too_old_is_named(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys("0.23"))
    with pytest.raises(StepFailed, match=r"version 0\.23, older than 0\.66"):
        runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))


def test_without_a_yosys_nothing_is_counted(on_path: OnPath, runs: Runs) -> None:
    products = runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))
    assert synthesis.read(STAGES, TARGET, products) == ()
    assert routing.read(NETLISTS, TARGET, products) == ()


def test_none_and_the_package_are_choices() -> None:
    assert synthesis.steps(STAGES, LIBRARY, synthesis.NONE) == ()
    assert {step.packages for step in synthesis.steps(STAGES, LIBRARY, PYOSYS)} == {("pyosys",)}


def test_a_yosys_that_crashes_ends_the_run(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys() + "print('ERROR: Assert failed'); sys.exit(1)\n")
    with pytest.raises(StepFailed, match="ERROR: Assert failed"):
        runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))


def test_damaged_counts_are_named(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys() + "Path('counts.json').write_text('[]')\n")
    products = runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH))
    with pytest.raises(StepFailed, match="its counts are damaged"):
        synthesis.read(STAGES, TARGET, products)


def routed(runs: Runs, stages: list[RtlStage], limit_s: float = 60) -> Products:
    return runs(
        *synthesis.steps(stages, LIBRARY, ON_PATH),
        *routing.steps([synthesis.netlist(stage) for stage in stages], TARGET, routing.Routing(limit_s)),
    )


def test_what_nextpnr_left_is_reported_without_the_harness(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    on_path("nextpnr-himbaechel-xilinx", nextpnr())
    readings = routing.read(NETLISTS, TARGET, routed(runs, STAGES))
    assert value(readings, Metric.LUT, "first").value == 5 - 4
    assert value(readings, Metric.FF, "first").value == 12 - 6
    assert value(readings, Metric.LUT, DESIGN).value == 3
    assert {reading.tier for reading in readings} == {Tier.ROUTED}
    assert "nextpnr 0.11.1" in readings[0].on


def test_the_lower_clock_is_that_of_the_slices(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    on_path("nextpnr-himbaechel-xilinx", nextpnr())
    fmax = value(routing.read(NETLISTS, TARGET, routed(runs, STAGES)), Metric.FMAX_MHZ, TOTAL)
    assert fmax.value == pytest.approx(1000 / 5.184, abs=0.01)
    assert "fabric and block RAM 800 MHz, paths of DSP48E1 193 MHz" in fmax.source
    assert "leaves paths out, says 307 MHz" in fmax.source


def test_a_stage_that_does_not_route_is_a_result(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    crash = "print('ERROR: Unable to place cell'); print('0 warnings, 1 error'); sys.exit(1)"
    on_path("nextpnr-himbaechel-xilinx", nextpnr(crash))
    products = routed(runs, STAGES)
    assert routing.read(NETLISTS, TARGET, products) == ()
    names, reasons = zip(*routing.unrouted(NETLISTS, products), strict=True)
    assert names == ("first", "second", "third")
    assert "ERROR: Unable to place cell" in reasons[0]
    assert synthesis.read(STAGES, TARGET, products), "what was synthesised is told all the same"


def test_of_stages_that_do_not_all_route_there_is_no_total(on_path: OnPath, runs: Runs) -> None:
    """A clock that the others meet is credible, and no more; one that they miss is missed."""
    on_path("yosys", yosys())
    before = "if 'parameter BITS = 5' in Path('harnessed.json').read_text(): sys.exit(1)"
    on_path("nextpnr-himbaechel-xilinx", nextpnr(before))
    products = routed(runs, STAGES)
    readings = routing.read(NETLISTS, TARGET, products)
    assert {each.scope for each in readings} == {"first", "second", SEEN}
    assert [name for name, _ in routing.unrouted(NETLISTS, products)] == ["third"]
    clock = judge_clock(readings, 8.0)
    assert clock.verdict is ClockVerdict.CREDIBLE and "slowest of the 2 of 3 stages that routed" in clock.fact
    assert "asked for 125 MHz" in clock.fact
    fast = Target(TARGET.part, 5.0)
    products = runs(*synthesis.steps(STAGES, LIBRARY, ON_PATH), *routing.steps(NETLISTS, fast, routing.Routing(60)))
    readings = routing.read(NETLISTS, fast, products)
    assert judge_clock(readings, 5.0).verdict is ClockVerdict.MISSED
    assert not [each for each in readings if each.scope in (TOTAL, DESIGN) and each.metric is not Metric.FMAX_MHZ]


def test_a_stage_that_takes_too_long_is_a_result(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    on_path("nextpnr-himbaechel-xilinx", nextpnr("import time; time.sleep(600)"))
    products = routed(runs, STAGES[:1], limit_s=0.5)
    assert [reason.partition(";")[0] for _, reason in routing.unrouted(NETLISTS[:1], products)] == [
        "ended after its limit of 0 s"
    ]


def test_a_nextpnr_without_the_chip_says_so(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    crash = "print('ERROR: Unable to read chipdb chipdb-xc7z020.bin'); print('0 warnings, 1 error'); sys.exit(1)"
    on_path("nextpnr-himbaechel-xilinx", nextpnr(crash))
    products = routed(runs, STAGES[:1])
    ((_, reason),) = routing.unrouted(NETLISTS[:1], products)
    assert "Unable to read chipdb" in reason


def test_nothing_of_what_failed_is_kept(on_path: OnPath, runs: Runs) -> None:
    on_path("yosys", yosys())
    on_path("nextpnr-himbaechel-xilinx", nextpnr("sys.exit(1)"))
    routed(runs, STAGES[:1])
    on_path("nextpnr-himbaechel-xilinx", nextpnr())
    products = routed(runs, STAGES[:1])
    assert products.results[routing.step_name("route", NETLISTS[0])].state is State.DONE
    assert routing.read(NETLISTS[:1], TARGET, products)


def test_pins_are_known_of_the_packages_that_nextpnr_has() -> None:
    assert routing.is_supported(TARGET)
    assert not routing.is_supported(Target(find_part("xc7z045"), 8.0))
