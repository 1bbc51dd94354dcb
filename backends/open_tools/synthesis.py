"""Synthesis by Yosys as steps of a plan, one for every kind of stage, and the readings of its counts.

The step of a stage is given the text of the modules, their parameters and stand-ins for the contents of memories, and
nothing of the network: so what one design has synthesised, the next finds in the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.open_tools import counts, stage
from backends.open_tools.counts import NetlistCounts
from backends.open_tools.stage import TOP, Netlist, RtlStage, distinct
from flows.core.errors import StepFailed
from flows.core.evidence import DESIGN, RESOURCES, Metric, Reading, Tier
from flows.core.files import TEXT_LIMIT, read_text
from flows.core.part import Target
from flows.core.plan import PYTHON, Output, Products, Step
from flows.core.worker import worker

PYOSYS, YOSYS, NONE = "pyosys", "yosys", "none"
SYNTHESISERS = (PYOSYS, YOSYS, NONE)
"""The package of PyPI, or a ``yosys`` on PATH."""
SCRIPT, COUNTS, NETLIST, VERSION = "synthesise.ys", "counts.json", "netlist.json", "yosys.json"
SOURCES = ("flows.core.worker", "backends.open_tools.workers.synthesise", "backends.open_tools.workers.yosys_version")
"""Those that results depend on: Yosys gets all else as text, and no other change here is to synthesise all again."""
LIMIT_S = 1800.0
WHOLE = "synthesise the whole design"


def steps(stages: Sequence[RtlStage], library: Mapping[str, str], synthesiser: str) -> tuple[Step, ...]:
    """A step for every kind among `stages`; of a ``yosys`` on PATH, first one that sees that it is recent enough."""
    if synthesiser == NONE:
        return ()
    kinds = tuple(_synthesis(of, stage.files(of, library), synthesiser) for of in distinct(stages))
    return (*version_steps(synthesiser), *kinds)


def whole_step(top: str, project: Output, synthesiser: str) -> Step:
    """Synthesises the module `top` of a `project` (rtl/top.sv, rtl/library, mem) with the contents of its memories."""
    sources = "project/rtl/library/*.sv project/rtl/top.sv"
    script = commands(("!cp project/mem/*.mem .", f"read_verilog -defer -sv {sources}"), top)  # $readmemh looks here
    return _step(WHOLE, f"Yosys synthesises the whole of {top}", script, {"project": project}, synthesiser)


def netlist(of: RtlStage) -> Netlist:
    return Netlist(of.name, name(of))


def name(of: RtlStage) -> str:
    """Of the step that synthesises what is built like `of`."""
    return f"synthesise {of.module} {of.kind.removeprefix('sha256:')[:8]}"


def version_steps(synthesiser: str) -> tuple[Step, ...]:
    if synthesiser != YOSYS:
        return ()
    asked = Step(
        "yosys version",
        "yosys says its version",
        YOSYS,
        (YOSYS, "-q", "-l", "yosys.log", "-p", "log"),
        makes=("yosys.log",),
    )
    judged = worker(
        name="yosys is recent enough",
        about="the version of yosys",
        module="backends.open_tools.workers.yosys_version",
        ask={},
        files={"yosys.log": Output(asked.name, "yosys.log")},
        makes=(VERSION,),
        sources=SOURCES,
    )
    return (asked, judged)


def _synthesis(of: RtlStage, given: Mapping[str, str], synthesiser: str) -> Step:
    sources = " ".join(file for file in given if file.endswith(".sv"))
    script = commands((f"read_verilog -defer -sv {sources}",), TOP)
    return _step(name(of), f"Yosys synthesises {of.module} of {of.name}", script, given, synthesiser)


def _step(name: str, about: str, script: str, given: Mapping[str, str | Output], synthesiser: str) -> Step:
    files = {SCRIPT: script, **given}
    if synthesiser == YOSYS:
        version = {VERSION: Output("yosys is recent enough", VERSION)}
        argv = (YOSYS, "-q", "-s", SCRIPT)
        return Step(name, about, YOSYS, argv, {**files, **version}, (COUNTS, NETLIST), limit_s=LIMIT_S)
    return worker(
        name=name,
        about=about,
        module="backends.open_tools.workers.synthesise",
        ask={"script": SCRIPT},
        files=files,
        makes=(COUNTS, NETLIST),
        packages=(PYOSYS,),
        sources=SOURCES,
        limit_s=LIMIT_S,
    )


def commands(read: Sequence[str], top: str) -> str:
    """What Yosys does with what it has `read`. Pads and clock buffers are not the design's; where a line of the source
    is from is left out of the netlist, which is half as long without. Of equal registers Yosys keeps one, unless the
    attribute ``keep`` of their signals is theirs too.
    """
    return "\n".join(
        (
            *read,
            f"hierarchy -top {top}",
            "proc",
            "setattr -set keep 1 */a:keep %ci1 */t:$dff %i",
            f"synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {top}",
            f"tee -q -o {COUNTS} stat -json",
            "setattr -unset src *",
            "setattr -unset src */*",
            "delete */t:$scopeinfo",
            f"write_json {NETLIST}",
            "",
        )
    )


def read(stages: Sequence[RtlStage], target: Target, products: Products) -> tuple[Reading, ...]:
    """What Yosys counted of each stage and of all; nothing where a stage was not synthesised.

    Stages of one name are taken together. Raises `StepFailed` where a count is damaged.
    """
    by_stage: dict[str, NetlistCounts] = {}
    for one in stages:
        counted = of_stage(one, products)
        if counted is None:
            return ()
        by_stage[one.name] = by_stage.get(one.name, NetlistCounts()) + counted
    tool = tool_name(name(stages[0]), products) if stages else ""
    on = f"{target.part.device.name}, {tool}"
    whole = sum(by_stage.values(), NetlistCounts())
    return (
        *readings(whole, DESIGN, on, f"sum of {len(by_stage)} stages, each synthesised out of context"),
        *(
            reading
            for scope, counted in by_stage.items()
            for reading in readings(counted, scope, on, "synthesised out of context")
        ),
    )


def of_stage(of: RtlStage, products: Products) -> NetlistCounts | None:
    """What Yosys counted of it; None where it did not run."""
    output = Output(name(of), COUNTS)
    path = products.path(output) if output.step in products.results else None
    if path is None:
        return None
    try:
        return counts.from_statistics(json.loads(read_text(path, "run it again", f"counts {path}", TEXT_LIMIT)))
    except ValueError as reason:
        advice = f"delete {path.parent} to run the step again"
        raise StepFailed(f"step {output.step}", f"its counts are damaged ({reason})", advice) from None


def tool_name(step: str, products: Products) -> str:
    """Yosys with its version, as the step's result has it."""
    versions = products.results[step].versions
    said = versions.get(YOSYS) or versions.get(PYOSYS, "")
    number = next((word for word in said.split() if word[:1].isdigit()), "of unknown version")
    return f"Yosys {number}{' (pyosys)' if PYOSYS in versions and PYTHON in versions else ''}"


def readings(counted: NetlistCounts, scope: str, on: str, how: str) -> Iterator[Reading]:
    """Of identical RTL Vivado took fewer LUTs of logic: down to as many fewer as was seen, the interval reaches."""
    ratio = OPEN_SYNTHESIS[Metric.LUT]
    low = round(counted.logic / ratio.high + counted.memory)
    values = dict(zip(RESOURCES, (counted.lut, counted.ff, counted.ramb18, counted.dsp), strict=True))
    for metric, value in values.items():
        if metric is Metric.LUT:
            words = f"{how}; Vivado took {ratio.low:g} to {ratio.high:g} times fewer LUTs of identical RTL"
            yield Reading(metric, value, Tier.SYNTHESISED, on, words, scope, low=low, high=value)
        else:
            yield Reading(metric, value, Tier.SYNTHESISED, on, how, scope)
