"""The generated ``run_hls.tcl`` under a stand-in for vitis_hls: the commands that it gives, and its exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from backends.dataflow.layers.blueprint import blueprint
from backends.hls import BACKEND
from backends.hls.workers.generate import files
from tests.backends.hls.networks import SMALL, job_on

pytestmark = pytest.mark.skipif(not (shutil.which("tclsh") and shutil.which("make")), reason="tclsh or make is absent")

TOOL = """\
#!/usr/bin/env tclsh
foreach name {open_project set_top open_solution set_part create_clock set_clock_uncertainty csim_design
              csynth_design cosim_design export_design} {
    proc $name args "puts \\"$name \\$args\\"; if {{$name} eq {FAILING}} {error {it failed}}"
}
proc add_files {args} {
    set paths [expr {[lindex $args 0] eq "-tb" ? [lindex $args 1] : [lindex $args 0]}]
    foreach path $paths { if {![file isfile $path]} { error "no $path" } }
    puts "add_files $paths"
}
source [lindex $argv end]
"""
SETUP = [
    "open_project -reset hls",
    "set_top small",
    "add_files src/top.cpp",
    "add_files tb/simulate.cpp tb/testbench.cpp",
    "open_solution -reset solution",
    "set_part xc7z020clg400-1",
    "create_clock -period 10 -name default",
    "set_clock_uncertainty 12.5% default",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tcl")
    job = job_on(SMALL, folder)
    for name, text in files(
        blueprint(BACKEND.resolve(job).design), job.weights.tensors(), np.zeros((1, 5), int).tolist()
    ):
        place = folder / "project" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder / "project"


def make(project: Path, goal: str, folder: Path, failing: str = "") -> subprocess.CompletedProcess[str]:
    tool = folder / "vitis_hls"
    tool.write_text(TOOL.replace("FAILING", failing))
    tool.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    command = ["make", "-s", "-C", str(project), goal]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("goal", "commands"),
    [
        ("vitis-csim", ["csim_design"]),
        ("csynth", ["csynth_design"]),
        ("cosim", ["csynth_design", "cosim_design -rtl verilog -argv 4"]),
        ("export", ["csynth_design", "export_design -format ip_catalog -display_name small"]),
    ],
)
def test_each_goal_gives_its_commands(project: Path, tmp_path: Path, goal: str, commands: list[str]) -> None:
    done = make(project, goal, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.strip() for line in done.stdout.splitlines()] == [*SETUP, *commands]


def test_a_command_that_fails_ends_it_with_an_exit_code(project: Path, tmp_path: Path) -> None:
    done = make(project, "cosim", tmp_path, failing="csynth_design")
    assert done.returncode != 0
    assert "ERROR: it failed" in done.stdout and "cosim_design" not in done.stdout


def test_a_goal_must_be_named(project: Path) -> None:
    done = subprocess.run(["tclsh", str(project / "run_hls.tcl")], env={}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "ERROR: GOAL is '': give vitis-csim, csynth, cosim, export\n"


@pytest.mark.skipif(not shutil.which("g++"), reason="g++ is absent")
def test_its_sources_find_their_headers_by_themselves(project: Path) -> None:
    """No -I for the project's own folders, since the tool compiles elsewhere; AMD's headers are its own."""
    sources = [str(project / path) for path in ("src/top.cpp", "tb/simulate.cpp", "tb/testbench.cpp")]
    amd = [f"-I{project / folder}" for folder in ("tb/native", "tb/stand_in")]
    command = ["g++", "-std=c++14", "-fsyntax-only", "-Wno-unknown-pragmas", *amd, *sources]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


VIVADO = """\
proc unknown args { puts [join $args]; return {} }
proc get_property args { return 100% }
proc glob args { return x }
rename file real_file
proc file {what args} { if {$what ne "copy"} { return [real_file $what {*}$args] } }
source vivado/zynq.tcl
"""


def block_design(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment |= {"PATH": os.environ["PATH"]}
    command = ["tclsh"]
    return subprocess.run(command, cwd=project, input=VIVADO, env=environment, capture_output=True, text=True)


def test_the_block_design_has_the_core_that_the_driver_expects(project: Path) -> None:
    """Every command of ``vivado/zynq.tcl`` is taken by a stand-in for Vivado, which knows no command by itself."""
    failed = block_design(project)
    assert failed.returncode == 1 and "run make export first" in failed.stdout
    ip = project / "hls/solution/impl/ip/component.xml"
    ip.parent.mkdir(parents=True, exist_ok=True)
    ip.write_text("")
    for board, part in (
        ("pynq-z2", "xc7z020clg400-1"),
        ("zybo-z7-10", "xc7z010clg400-1"),
        ("zedboard", "xc7z020clg484-1"),
    ):
        done = block_design(project, BOARD=board)
        assert (done.returncode, "ERROR" in done.stdout) == (0, False), done.stdout
        assert f"create_project -force small vivado/{board} -part {part}" in done.stdout
        assert "get_bd_intf_pins small_0/s_axi_control" in done.stdout
        assert "smartconnect" not in done.stdout
    driver = (project / "driver.py").read_text()
    assert "overlay.small_0.register_map.transfer" in driver and "overlay.dma.sendchannel" in driver
    assert block_design(project, BOARD="pynq").returncode == 1
