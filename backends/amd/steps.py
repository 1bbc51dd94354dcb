"""Vendor tools as steps of a plan, and the readings of their reports.

The readers of reports are imported only where there is a report, since most machines have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backends.amd import tcl
from backends.protocol import Imported, Note, warning
from flows.core.digest import digest_bytes
from flows.core.errors import InputError, StepFailed
from flows.core.evidence import Reading
from flows.core.files import TEXT_LIMIT, read_bytes
from flows.core.part import Target
from flows.core.plan import Output, Products, Step

if TYPE_CHECKING:
    from backends.amd.identity import Expected
    from backends.amd.readings import Report

WANTED = NONE, CSYNTH, COSIM, VSYNTH = "none", "csynth", "cosim", "vsynth"
"""What a user may ask for; the last two include csynth."""
TOOLS = {"vitis": "vitis_hls", "vivado": "vivado_hls"}
NAMES = {"vitis": "Vitis HLS", "vivado": "Vivado HLS"}
FOLDER = "project"
UTILIZATION, TIMING = "utilization.rpt", "timing.rpt"
RTL = f"{tcl.PROJECT}/{tcl.SOLUTION}/syn/verilog"


@dataclass(frozen=True)
class HlsProject:
    """C++ that an HLS compiler takes: `folder` is what an earlier step made; paths are relative to it.

    `settings` are Tcl commands for the solution; `bench` is the test bench, files and folders, for co-simulation only.
    """

    folder: Output
    top: str
    sources: tuple[str, ...]
    bench: tuple[str, ...] = ()
    cflags: str = "-std=c++0x"
    settings: tuple[str, ...] = ()


def steps(tool: str, project: HlsProject, target: Target, wanted: str, limit_s: float) -> tuple[Step, ...]:
    """The steps for `wanted` with `tool`, a key of `TOOLS`. Where the tool is absent they are skipped and do not fail.

    Co-simulation synthesises in the same session and leaves both reports, since no document says that an HLS solution
    still works after it was moved.
    """
    if wanted == NONE:
        return ()
    cosim = wanted == COSIM
    hls = _hls(TOOLS[tool], project, target, cosim, limit_s)
    return (hls, _vsynth(project.top, target, limit_s)) if wanted == VSYNTH else (hls,)


def _hls(tool: str, project: HlsProject, target: Target, cosim: bool, limit_s: float) -> Step:
    name = COSIM if cosim else CSYNTH
    sources, bench = ([f"{FOLDER}/{path}" for path in paths] for paths in (project.sources, project.bench))
    script = tcl.hls(project.top, sources, bench, project.cflags, project.settings, target, cosim)
    synthesised = _report(CSYNTH, project.top)
    return Step(
        name,
        f"{tool}: C++ to RTL{', and its simulation' if cosim else ''}",
        tool,
        (tool, "-f", f"{name}.tcl"),
        files={FOLDER: project.folder, f"{name}.tcl": script},
        makes=(synthesised, _report(COSIM, project.top)) if cosim else (synthesised, RTL),
        limit_s=limit_s,
    )


def _vsynth(top: str, target: Target, limit_s: float) -> Step:
    script = tcl.vsynth(top, "rtl", "clock.xdc", target, UTILIZATION, TIMING)
    return Step(
        VSYNTH,
        "vivado: logic synthesis of the RTL",
        "vivado",
        ("vivado", "-mode", "batch", "-nojournal", "-source", "vsynth.tcl"),
        files={"rtl": Output(CSYNTH, RTL), "clock.xdc": tcl.constraint(target), "vsynth.tcl": script},
        makes=(UTILIZATION, TIMING),
        limit_s=limit_s,
    )


def _report(kind: str, top: str) -> str:
    folder = "sim" if kind == COSIM else "syn"
    return f"{tcl.PROJECT}/{tcl.SOLUTION}/{folder}/report/{top}_{kind}.rpt"


def read(top: str, target: Target, products: Products, scope_of: Callable[[str], str] = str) -> tuple[Reading, ...]:
    """Readings of the steps that ran. Raises `StepFailed` where a report is damaged or of another design.

    The executor has ensured that the tool succeeded and that the report is of this run.
    """
    all_readings: list[Reading] = []
    tool = ""
    for output in (
        Output(CSYNTH, _report(CSYNTH, top)),
        Output(COSIM, _report(CSYNTH, top)),
        Output(COSIM, _report(COSIM, top)),
        Output(VSYNTH, UTILIZATION),
        Output(VSYNTH, TIMING),
    ):
        path = products.path(output) if output.step in products.results else None
        if path is None:
            continue
        from backends.amd.cosim import Cosim
        from backends.amd.readings import check, parse, readings

        try:
            report = parse(_text(path), path.name)
            if not isinstance(report, Cosim):
                check(report, path.name, top, target)
                tool = report.tool
        except InputError as error:
            folder = products.results[output.step].folder
            advice = f"its log is in {folder}; delete that folder to run the step again"
            raise StepFailed(f"step {output.step}, {error.culprit}", error.fact, advice) from None
        all_readings += readings(report, target, f"{output.step} of this run", scope_of, on=tool)
    return tuple(all_readings)


def read_report(
    path: Path,
    top: str,
    target: Target,
    expected: Expected,
    tool: str,
    scope_of: Callable[[str], str] = str,
) -> Imported:
    """The readings of a report that was made elsewhere. The user states that it is of this design; its top, part, clock
    and structure are checked. `tool`, a key of `TOOLS`, is the requested compiler. Raises `InputError`.
    """
    from backends.amd.readings import readings

    text, report = _imported(path, top, target, expected)
    source = f"imported from {path.name} ({digest_bytes(text.encode())})"
    return Imported(readings(report, target, source, scope_of), tuple(_notes(path.name, report, expected, tool)))


def _notes(name: str, report: Report, expected: Expected, tool: str) -> Iterator[Note]:
    from backends.amd import identity
    from backends.amd.csynth_values import Csynth

    yield warning(
        f"that {name} is a report of this very design is your word: compared were "
        f"{identity.compared(report, expected)}, and no report says with what weights and options it was built"
    )
    if doubt := identity.doubt(report, expected):
        yield warning(f"{name} has {doubt}: it was built with other ones, or is of another design")
    if isinstance(report, Csynth) and not report.tool.startswith(NAMES[tool]):
        yield warning(
            f"{name} is a report of {report.tool}, and this design is for {NAMES[tool]}: the two schedule and count "
            f"differently, so its numbers and the model's are of two designs"
        )


def _imported(path: Path, top: str, target: Target, expected: Expected) -> tuple[str, Report]:
    from backends.amd import identity
    from backends.amd.cosim import Cosim
    from backends.amd.readings import check, parse

    text = _text(path)
    report = parse(text, str(path))
    if isinstance(report, Cosim):
        fact = "a co-simulation report, which names neither its design nor its part"
        raise InputError(f"report {path}", fact, "let this program run it, with --vendor cosim")
    check(report, str(path), top, target)
    identity.check(report, str(path), expected)
    return text, report


def _text(path: Path) -> str:
    content = read_bytes(path, TEXT_LIMIT, "name a report that is there", f"report {path}")
    return content.decode(errors="replace").replace("\r\n", "\n")
