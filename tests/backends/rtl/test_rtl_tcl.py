"""The Tcl of the project under a stand-in for Vivado: it runs to its end, and names what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backends.dataflow.layers.blueprint import blueprint
from backends.rtl import BACKEND
from backends.rtl.workers.generate import files
from tests.backends.hls.networks import SMALL
from tests.backends.rtl.networks import FOLDING, job_on

VIVADO = """\
# Every command that Tcl does not know is printed; one may be told to fail.
proc unknown {args} {
    puts $args
    if {[lindex $args 0] eq "FAILING"} { error "it failed" }
    return [expr {[lindex $args 0] eq "get_property" ? "100%" : $args}]
}
source [lindex $argv 0]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    job = job_on(SMALL, tmp_path, folding=FOLDING)
    design = BACKEND.resolve(job).design
    rows = files(blueprint(design), design.sums, design.simulation.interval, job.weights.tensors(), [[0] * 5] * 2)
    for name, text in rows:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return tmp_path


def run(project: Path, script: str, failing: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    (project / "vivado.tcl").write_text(VIVADO.replace("FAILING", failing))
    command = ["tclsh", "vivado.tcl", script]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment or None)


needs_tcl = pytest.mark.skipif(not shutil.which("tclsh"), reason="tclsh is absent")


@needs_tcl
def test_the_core_is_synthesised_from_files_that_are_there(project: Path) -> None:
    done = run(project, "vivado/synthesise.tcl")
    assert done.returncode == 0, done.stdout + done.stderr
    read = [line for line in done.stdout.splitlines() if line.startswith(("read_", "{read_"))]
    for path in re.findall(r"[\w/]+\.(?:sv|mem|xdc)", " ".join(read)):
        assert (project / path).is_file()
    assert "rtl/library/matrix_vector.sv" in read[0] and "mem/conv1_weights.mem" in read[1]
    assert "synth_design -top layer_small -part xc7z020clg400-1 -mode out_of_context" in done.stdout
    assert run(project, "vivado/synthesise.tcl", failing="route_design").returncode == 1


@needs_tcl
@pytest.mark.parametrize("board", ["pynq-z2", "zybo-z7-10", "zedboard"])
def test_a_whole_design_is_generated_for_a_board(project: Path, board: str) -> None:
    runs = project / "vivado" / board / "layer_small.runs" / "impl_1"
    handoff = project / "vivado" / board / "layer_small.gen" / "sources_1" / "bd" / "system" / "hw_handoff"
    for folder, name in ((runs, "system_wrapper.bit"), (handoff, "system.hwh")):
        folder.mkdir(parents=True)
        (folder / name).write_text("")
    done = run(project, "vivado/zynq.tcl", BOARD=board, PATH="/usr/bin:/bin:/usr/local/bin")
    assert done.returncode == 0, done.stdout + done.stderr
    part = {"zybo-z7-10": "xc7z010clg400-1", "zedboard": "xc7z020clg484-1"}.get(board, "xc7z020clg400-1")
    assert f"vivado/{board} -part {part}" in done.stdout
    assert (project / "vivado/layer_small.bit").is_file() and (project / "vivado/layer_small.hwh").is_file()


@needs_tcl
def test_a_board_that_is_not_known_is_refused(project: Path) -> None:
    done = run(project, "vivado/zynq.tcl", BOARD="zcu102", PATH="/usr/bin:/bin:/usr/local/bin")
    assert done.returncode == 1 and "give pynq-z2, zybo-z7-10, zedboard" in done.stdout


def test_the_block_design_has_what_it_connects(project: Path) -> None:
    text = (project / "vivado/zynq.tcl").read_text()
    cells = set(re.findall(r"create_bd_cell .*?(\w+)(?:\]|\n)", text))
    assert cells == {"ps", "reset", "dma", "control", "memory", "core"} and "ip:smartconnect" not in text
    pins = re.findall(r"\b(ps|reset|dma|control|memory|core)/(\w+)", text)
    assert {cell for cell, _ in pins} == cells
    ports = set(re.findall(r"(?:input|output) wire (?:\[.*?\] )?(\w+)", (project / "rtl/core.v").read_text()))
    assert {pin for cell, pin in pins if cell == "core"} == {"clk", "reset", "images", "results"}
    assert {"clk", "reset", "images_tdata", "results_tlast"} <= ports
    assert "overlay.dma." in (project / "driver.py").read_text() and "-reference layer_small_core core" in text
