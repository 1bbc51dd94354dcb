"""The library and what the generator makes of it: parameters and ports that exist, numbers that are exact."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.layers.blueprint import blueprint
from backends.dataflow.layers.names import VERILOG_TOP, layer_names
from backends.rtl import BACKEND
from backends.rtl.generate.instances import instances, reciprocal, shift_into
from backends.rtl.workers.generate import LIBRARY, files
from models.fixed import FixedType, Overflow, Rounding
from tests.backends.hls.networks import SMALL
from tests.backends.rtl.networks import FOLDING, job_on, random_job

MODULES = sorted(LIBRARY.glob("*.sv"))
SAT = FixedType(8, 3, True, Rounding.RND, Overflow.SAT)


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_file_holds_the_module_of_its_name_behind_a_comment(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == [path.stem]
    assert text.startswith("// ") and text.endswith("endmodule\n")
    assert path.stem.replace("_", "") in VERILOG_TOP, "no network's top may be called so"
    assert not re.search(r"\b(interface|package|struct|import|latch|negedge)\b", re.sub("//.*", "", text))


@pytest.mark.parametrize("seed", range(8))
def test_every_parameter_and_port_is_one_of_the_module(tmp_path: Path, seed: int) -> None:
    job = random_job(seed, tmp_path) if seed else job_on(SMALL, tmp_path, folding=FOLDING)
    design = BACKEND.resolve(job).design
    names = layer_names(job.network, verilog=True)
    result = list(instances(blueprint(design), design.sums, names))
    for instance in result:
        text = (LIBRARY / f"{instance.module}.sv").read_text()
        parameters = re.findall(r"parameter (?:signed )?(?:\[\d+:0\] )?(\w+)", text)
        texts = [name for line in instance.lines for name in line]
        assert set(texts) <= set(parameters) and len(set(texts)) == len(texts)
        ports = set(re.findall(r"(?:input|output) logic (?:\[.*?\] )?(\w+)_valid\b", text))
        assert {prefix for prefix, _ in instance.ports} <= ports
    written = [stream for instance in result for stream in instance.writes]
    assert len({stream.name for stream in written}) == len(written)
    assert sorted(s.name for i in result for _, s in i.ports) == sorted(2 * [stream.name for stream in written])


@given(st.integers(1, 5000), st.integers(0, 1 << 24))
def test_a_division_by_multiplication_is_exact(area: int, number: int) -> None:
    factor, shift = reciprocal(area, 1 << 24)
    ends = [number, number // area * area, max(number // area * area - 1, 0), 1 << 24]
    assert [end * factor >> shift for end in ends] == [end // area for end in ends]


def test_a_type_that_no_module_enters_is_refused() -> None:
    assert shift_into(10, SAT) == 5
    assert shift_into(3, SAT) == -2
    with pytest.raises(ValueError, match="no module that enters"):
        shift_into(10, FixedType(8, 3, True, Rounding.TRN, Overflow.SAT))
    with pytest.raises(ValueError, match="neither rounds nor saturates"):
        shift_into(10, FixedType(8, 3))


def test_results_that_do_not_come_out_even_have_spare_lanes_without_weights(tmp_path: Path) -> None:
    write(tmp_path)
    top = (tmp_path / "rtl/top.sv").read_text()
    assert ".INPUTS(6), .OUTPUTS(6)," in top and ".PUTS(6), .SPARE(1)," in top
    words = (tmp_path / "mem/dense_weights.mem").read_text().split()
    assert len(words) == 9 and all(word.startswith("0000") for word in words[6:]), "of PE 1, in the last group"
    assert any(not word.startswith("0000") for word in words[:6])


def write(folder: Path, packed: bool = False) -> list[str]:
    """The sources of a small network's project, as paths from its memory files."""
    job = job_on(SMALL, folder, folding=FOLDING)
    design = BACKEND.resolve(job).design
    tensors, sharing = job.weights.tensors(), design.sharing if packed else {}
    rows = files(blueprint(design), design.sums, design.simulation.interval, tensors, [[0] * 5] * 2, sharing)
    for name, text in rows:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return ["../rtl/top.sv", *(f"../rtl/library/{path.name}" for path in MODULES)]


@pytest.mark.skipif(not shutil.which("verilator"), reason="verilator is absent")
@pytest.mark.parametrize("packed", [False, True])
def test_verilator_has_nothing_to_say(tmp_path: Path, packed: bool) -> None:
    sources = write(tmp_path, packed)
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "layer_small", *sources]
    done = subprocess.run(command, cwd=tmp_path / "mem", capture_output=True, text=True)
    assert done.returncode == 0 and "%Warning" not in done.stderr, done.stderr


@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog is absent")
def test_icarus_reads_all_of_it(tmp_path: Path) -> None:
    sources = ["../tb/testbench.sv", *write(tmp_path)]
    command = ["iverilog", "-g2012", "-s", "testbench", "-o", "testbench.vvp", *sources]
    done = subprocess.run(command, cwd=tmp_path / "mem", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not find_spec("pyosys"), reason="pyosys is absent")
def test_yosys_finds_no_latch_and_one_clock(tmp_path: Path) -> None:
    """In a process of its own: what Yosys prints is not for this one."""
    write(tmp_path)
    script = """
import glob
from pyosys import libyosys
design = libyosys.Design()
sources = " ".join([*sorted(glob.glob("../rtl/library/*.sv")), "../rtl/top.sv"])
for command in (f"read_verilog -sv -defer {sources}", "hierarchy -check -top layer_small", "proc", "flatten",
                "opt_clean", "check -assert", "select -assert-none t:$dlatch t:$adff t:$dffsr t:$sr"):
    libyosys.run_pass(command, design)
"""
    import sys

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "mem", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
