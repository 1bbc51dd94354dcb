"""Place and route by nextpnr as steps of a plan, of a whole design or a stage at a time, and the readings of them.

What is routed stands between shift registers (`netlist`), whose cost is taken off. nextpnr's report leaves paths out,
so every path is looked at afterwards, with the delays of its SDF (`sdf`) and those of DSP48E1 slices (`dsp_timing`);
the lowest Fmax is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.open_tools import netlist
from backends.open_tools.stage import Netlist, distinct
from backends.open_tools.synthesis import NETLIST
from flows.core.clock import seen
from flows.core.errors import StepFailed
from flows.core.evidence import DESIGN, TOTAL, Metric, Reading, Tier
from flows.core.files import TEXT_LIMIT, read_text
from flows.core.part import Target
from flows.core.plan import Output, Products, State, Step
from flows.core.worker import worker

NEXTPNR = "nextpnr-himbaechel-xilinx"
PLACED = "placed.json"
HARNESSED, HARNESS, PINS, FASM, REPORT, SDF, ROUTED = (
    "harnessed.json", "harness.json", "pins.xdc", "routed.fasm", "report.json", "routed.sdf", "routed.json",
)  # fmt: skip
RESULT = ("lut", "ff", "bram18", "dsp", "fmax_mhz", "reported_mhz", "fabric_mhz", "dsp_mhz", "slowest")
FRAMES, PART_FILE, BITSTREAM, DECODED = "design.frm", "part.yaml", "design.bit", "decoded.json"
PLACE_AND_ROUTE = ("--placer", "static", "--router", "router2")
"""Of ARCH_8 as a whole nextpnr's default router does not end within half an hour, and its default placer leaves wires
that are a third longer."""
FRAMES_TO_BITS = "xc7frames2bit"
SOURCES = ("flows.core", "backends.open_tools", "backends.amd")


@dataclass(frozen=True, slots=True)
class Routing:
    """How nextpnr is asked: it has `limit_s`, and begins its placement by `seed`. With `bitstream`, what it routed
    becomes one, which is read back."""

    limit_s: float
    seed: int = 1
    bitstream: bool = False


def is_supported(target: Target) -> bool:
    """Whether pins of the package are known; which devices nextpnr has is for it to say."""
    return target.part.package in netlist.PINS


def steps(netlists: Sequence[Netlist], target: Target, asked: Routing) -> tuple[Step, ...]:
    """For each, which has been synthesised, once where several are built alike. One that nextpnr does not route, or not
    in time, is a result: its step may fail."""
    planned: list[Step] = []
    for of in distinct(netlists):
        planned += _route(of, target, asked)
        if asked.bitstream:
            planned += _bitstream(of, target)
    return tuple(planned)


def step_name(what: str, of: Netlist) -> str:
    return of.step.replace("synthesise", what, 1)


def _route(of: Netlist, target: Target, asked: Routing) -> tuple[Step, ...]:
    part = target.part.full_name
    harness = worker(
        name=step_name("harness", of),
        about=f"shift registers at the ports of {of.name}",
        module="backends.open_tools.workers.harness",
        ask={"netlist": NETLIST, "module": of.top, "harnessed": HARNESSED, "harness": HARNESS},
        files={NETLIST: Output(of.step, NETLIST)},
        makes=(HARNESSED, HARNESS),
        sources=SOURCES,
    )
    options = (
        *PLACE_AND_ROUTE,
        "--seed",
        f"{asked.seed}",
        "--timing-allow-fail",
        "--freq",
        f"{1000 / target.clock_ns:.6g}",
        "--report",
        REPORT,
        "--sdf",
        SDF,
        "--write",
        PLACED,
    )
    where = ("--device", part, "--json", HARNESSED, "-o", f"xdc={PINS}", "-o", f"fasm={FASM}")
    route = Step(
        step_name("route", of),
        f"nextpnr places and routes {of.name}, at most {asked.limit_s / 60:.0f} minutes",
        NEXTPNR,
        (NEXTPNR, *where, *options),
        {HARNESSED: Output(harness.name, HARNESSED), PINS: netlist.constraints(target.part.package)},
        (FASM, REPORT, SDF, PLACED),
        limit_s=asked.limit_s,
        may_fail=True,
    )
    timing = worker(
        name=step_name("time", of),
        about=f"the paths of {of.name} that begin or end in a DSP48E1",
        module="backends.open_tools.workers.routed",
        ask={"harnessed": HARNESSED, "fasm": FASM, "report": REPORT, "sdf": SDF, "placed": PLACED, "routed": ROUTED},
        files={
            HARNESSED: Output(harness.name, HARNESSED),
            **{file: Output(route.name, file) for file in (FASM, REPORT, SDF, PLACED)},
        },
        makes=(ROUTED,),
        sources=SOURCES,
    )
    return harness, route, timing


def _bitstream(of: Netlist, target: Target) -> tuple[Step, ...]:
    part, fasm = target.part.full_name, Output(step_name("route", of), FASM)
    frames = worker(
        name=step_name("frames", of),
        about=f"the frames of {of.name}",
        module="backends.open_tools.workers.frames",
        ask={"part": part, "die": target.part.device.name, "fasm": FASM, "frames": FRAMES, "part_file": PART_FILE},
        files={FASM: fasm},
        makes=(FRAMES, PART_FILE),
        sources=SOURCES,
    )
    bits = Step(
        step_name("bitstream", of),
        f"the bitstream of {of.name}; no board will see it",
        FRAMES_TO_BITS,
        (
            FRAMES_TO_BITS, "--part_name", part, "--part_file", PART_FILE, "--frm_file", FRAMES,
            "--output_file", BITSTREAM,
        ),
        {FRAMES: Output(frames.name, FRAMES), PART_FILE: Output(frames.name, PART_FILE)},
        (BITSTREAM,),
    )  # fmt: skip
    decoded = worker(
        name=step_name("read back", of),
        about=f"the bitstream of {of.name}, read back and counted",
        module="backends.open_tools.workers.read_back",
        ask={"bitstream": BITSTREAM, "fasm": FASM, "decoded": DECODED},
        files={BITSTREAM: Output(bits.name, BITSTREAM), FASM: fasm},
        makes=(DECODED,),
        packages=("numpy",),
        sources=SOURCES,
    )
    return frames, bits, decoded


def read(netlists: Sequence[Netlist], target: Target, products: Products) -> tuple[Reading, ...]:
    """What nextpnr made of each stage; totals where it routed all of them. The clock of the design is that of the
    slowest: where some are not routed, a clock that parts of it have met, and no more. Raises `StepFailed` where a
    result is damaged."""
    routed = {netlist.name: result for netlist in netlists if (result := result_of(netlist, products))}
    if not routed:
        return ()
    on = _on(netlists, target, products)
    readings = [reading for scope, result in routed.items() for reading in _of_stage(result, scope, on)]
    names = {netlist.name for netlist in netlists}
    if len(routed) == len(names):
        readings += _of_all(list(routed.values()), on)
    return (*readings, _clock(list(routed.values()), len(names), target, on))


def read_whole(of: Netlist, target: Target, products: Products) -> tuple[Reading, ...]:
    """What nextpnr made of a whole design; nothing where it did not run, or did not route. Raises `StepFailed` where
    the result is damaged."""
    result = result_of(of, products)
    if not result:
        return ()
    on = _on((of,), target, products)
    how = "the whole design, placed and routed out of context by nextpnr"
    words = f"{how}, which was asked for {1000 / target.clock_ns:.4g} MHz; {_limit(result)}"
    return *_resources(result, DESIGN, on, how), Reading(Metric.FMAX_MHZ, result["fmax_mhz"], Tier.ROUTED, on, words)


def result_of(of: Netlist, products: Products) -> Any:
    """What came of it, as `workers.routed` writes it; None where it did not run, or did not route."""
    output = Output(step_name("time", of), ROUTED)
    path = products.path(output) if output.step in products.results else None
    if path is None:
        return None
    try:
        result = json.loads(read_text(path, "run it again", f"result {path}", TEXT_LIMIT))
        return {key: result[key] for key in RESULT}
    except (ValueError, KeyError, TypeError):
        advice = f"delete {path.parent} to run the step again"
        raise StepFailed(f"step {output.step}", "its result is damaged", advice) from None


def unrouted(netlists: Sequence[Netlist], products: Products) -> Iterator[tuple[str, str]]:
    """(name, why) of those that nextpnr was given and did not route."""
    for of in netlists:
        result = products.results.get(step_name("route", of))
        if result and result.state is State.SKIPPED:
            yield of.name, result.reason


def _on(netlists: Sequence[Netlist], target: Target, products: Products) -> str:
    return f"{target.part.device.name}, {tool_name(netlists, products)}"


def tool_name(netlists: Sequence[Netlist], products: Products) -> str:
    for of in netlists:
        result = products.results.get(step_name("route", of))
        if result and result.versions:
            said = result.versions.get(NEXTPNR, "")
            version = next((word.strip("()") for word in said.split() if word.strip("()")[:1].isdigit()), "")
            return f"nextpnr {version}".strip()
    return "nextpnr"


def _of_stage(result: Any, scope: str, on: str) -> Iterator[Reading]:
    how = "placed and routed out of context by nextpnr"
    yield from _resources(result, scope, on, how)
    yield Reading(Metric.FMAX_MHZ, result["fmax_mhz"], Tier.ROUTED, on, f"{how}; {_limit(result)}", scope)


def _limit(result: Any) -> str:
    slices = f", paths of DSP48E1 {result['dsp_mhz']:.0f} MHz" if result["dsp_mhz"] is not None else ""
    return (
        f"fabric and block RAM {result['fabric_mhz']:.0f} MHz{slices}, by every path of its SDF; nextpnr's own report, "
        f"which leaves paths out, says {result['reported_mhz']:.0f} MHz"
    )


def _of_all(results: Sequence[Any], on: str) -> Iterator[Reading]:
    summed = {key: sum(result[key] for result in results) for key in ("lut", "ff", "bram18", "dsp")}
    yield from _resources(summed, DESIGN, on, f"sum of {len(results)} stages, each routed out of context by nextpnr")


def _clock(results: Sequence[Any], stages: int, target: Target, on: str) -> Reading:
    """It counts as far as stages are routed: no design is faster than a stage of it; what all of them meet is met, and
    what some of them meet is credible."""
    slowest = min(results, key=lambda result: float(result["fmax_mhz"]))
    many = f"{len(results)} stages" if len(results) == stages else f"the {len(results)} of {stages} stages that routed"
    words = (
        f"slowest of {many}, each out of context by nextpnr, which was asked for {1000 / target.clock_ns:.4g} MHz; "
        f"{_limit(slowest)}"
    )
    if len(results) == stages or slowest["fmax_mhz"] * target.clock_ns < 1000:
        return Reading(Metric.FMAX_MHZ, slowest["fmax_mhz"], Tier.ROUTED, on, words, TOTAL)
    return seen(slowest["fmax_mhz"], Tier.ROUTED, target.part.full_name, words)


def _resources(result: Any, scope: str, on: str, how: str) -> Iterator[Reading]:
    ratio = OPEN_SYNTHESIS[Metric.LUT]
    low = round(result["lut"] / ratio.high)
    words = f"{how}, netlist by Yosys; Vivado took {ratio.low:g} to {ratio.high:g} times fewer LUTs of identical RTL"
    yield Reading(Metric.LUT, result["lut"], Tier.ROUTED, on, words, scope, low=low, high=result["lut"])
    for metric in (Metric.FF, Metric.BRAM18, Metric.DSP):
        yield Reading(metric, result[metric.key], Tier.ROUTED, on, how, scope)
