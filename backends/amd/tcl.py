"""The scripts for vendor tools.

They replace hls4ml's ``build_prj.tcl``, which continues an old project with its reports, reads its options from a
second file, and leaves the exit code to the tool. Each script here runs everything inside one ``catch`` and ends with
exit code 1 if a command failed. The commands are common to Vivado HLS 2019.2 to 2020.1 and to Vitis HLS from 2020.1 on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flows.core.part import Target

TEMPLATES = Path(__file__).parent / "templates"
"""What the generated projects of several flows have in common: `zynq_design.tcl.j2`, the block design around a core."""
BOARDS = {"xc7z010clg400-1": "zybo-z7-10", "xc7z020clg484-1": "zedboard"}
"""Which board of that design is taken for a part where a PYNQ-Z2 is not meant."""

PROJECT, SOLUTION = "hls", "solution"
"""Made new in the step's own directory: nothing from an earlier run can lie there."""


def hls(
    top: str,
    sources: Iterable[str],
    bench: Iterable[str],
    cflags: str,
    settings: Iterable[str],
    target: Target,
    cosim: bool,
) -> str:
    """For vitis_hls and vivado_hls: csynth and, where asked for, co-simulation in the same session."""
    commands = [f"open_project -reset {PROJECT}", f"set_top {top}"]
    commands += [f"add_files {{{path}}}{_flags(path, cflags)}" for path in sources]
    commands += [f"add_files -tb {{{path}}}{_flags(path, cflags)}" for path in bench if cosim]
    commands += [
        f"open_solution -reset {SOLUTION}",
        f"set_part {{{target.part.full_name}}}",
        f"create_clock -period {target.clock_ns:g} -name default",
        *settings,
        "csynth_design",
    ]
    # No waves: they fill disks. The RTL of the two languages is the same design, and Verilog is what vsynth takes.
    commands += ["cosim_design -rtl verilog -trace_level none"] if cosim else []
    return _guarded(commands)


def _flags(path: str, cflags: str) -> str:
    return f' -cflags "{cflags}"' if path.endswith(".cpp") else ""


def vsynth(top: str, rtl: str, clock: str, target: Target, utilization: str, timing: str) -> str:
    """For vivado: logic synthesis out of context, since the streams of a design are no pins of the part.

    `rtl` is a folder, `clock` a file with what `constraint` gives.
    """
    return _guarded(
        [
            f"add_files {{{rtl}}}",
            f"read_xdc {{{clock}}}",
            f"synth_design -top {top} -part {{{target.part.full_name}}} -mode out_of_context",
            "opt_design",
            f"report_utilization -file {utilization}",
            f"report_timing_summary -file {timing}",
        ]
    )


def constraint(target: Target) -> str:
    """The clock, on the port that HLS compilers give every design."""
    return f"create_clock -period {target.clock_ns:g} -name ap_clk [get_ports ap_clk]\n"


def _guarded(commands: Iterable[str]) -> str:
    body = "\n".join(f"    {command}" for command in commands)
    return f'if {{[catch {{\n{body}\n}} reason]}} {{\n    puts "ERROR: $reason"\n    exit 1\n}}\nexit 0\n'
