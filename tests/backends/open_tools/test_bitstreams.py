"""FASM to frames, by a small database of our own; with the real tools, from SystemVerilog to a bitstream and back."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from backends.open_tools import fasm, routing, synthesis
from backends.open_tools.stage import RtlStage
from backends.open_tools.synthesis import PYOSYS
from flows.core.evidence import DESIGN, TOTAL, Metric
from flows.core.part import Target, find_part
from flows.core.plan import Output, Plan
from flows.executor import Executor
from flows.store import Store

GRID = {
    "CLB_X1Y0": {"type": "CLBLL_L", "bits": {"CLB_IO_CLK": {"baseaddr": "0x00400100", "offset": 2}}},
    "BRAM_X2Y0": {"type": "BRAM_L", "bits": {"BLOCK_RAM": {"baseaddr": "0x00C00000", "offset": 0}}},
    "INT_X1Y0": {"type": "INT_L", "bits": {}},
}
SEGBITS = {
    "segbits_clbll_l.db": "CLBLL_L.SLICEL_X0.ALUT.INIT[07] 32_05\nCLBLL_L.SLICEL_X0.CARRY 1_33 !1_34 2_00\n",
    "segbits_bram_l.block_ram.db": "BRAM_L.RAMB18_Y0.INIT_00[000] 00_00\n",
    "ppips_clbll_l.db": "CLBLL_L.ALWAYS.ON always\n",
    "segbits_int_l.db": "INT_L.WIRE 0_1\n",
}


@pytest.fixture
def family(tmp_path: Path) -> Path:
    folder = tmp_path / "zynq7"
    (folder / "die").mkdir(parents=True)
    (folder / "die" / "tilegrid.json").write_text(json.dumps(GRID))
    for name, text in SEGBITS.items():
        (folder / name).write_text(text)
    return folder


def test_features_become_bits_of_frames(family: Path) -> None:
    lines = [
        "# a comment",
        "CLB_X1Y0.SLICEL_X0.ALUT.INIT[63:0] = 64'h80",
        "CLB_X1Y0.SLICEL_X0.CARRY",
        "CLB_X1Y0.ALWAYS.ON",
        "BRAM_X2Y0.RAMB18_Y0.INIT_00[0] = 1'b1",
        "BRAM_X2Y0.RAMB18_Y0.IN_USE = 1'b0",
    ]
    frames = fasm.frames(lines, family, "die")
    assert (frames.features, frames.unknown) == (3, ())
    assert {at: {place: word for place, word in enumerate(words) if word} for at, words in frames.words.items()} == {
        0x400120: {2: 1 << 5},
        0x400101: {3: 1 << 1},
        0x400102: {2: 1},
        0xC00000: {0: 1},
    }
    assert frames.text().splitlines()[0].startswith("0x00400101 0x00000000,0x00000000,0x00000000,0x00000002")


@pytest.mark.parametrize("line", ["CLB_X9Y9.SLICEL_X0.CARRY", "CLB_X1Y0.SLICEL_X0.NEW", "INT_X1Y0.WIRE"])
def test_features_that_the_database_does_not_have_are_named(family: Path, line: str) -> None:
    assert fasm.frames([line], family, "die").unknown == (line,)


TOOLS = "nextpnr-himbaechel-xilinx", "xc7frames2bit"
ABSENT = [tool for tool in TOOLS if shutil.which(tool) is None] + [PYOSYS] * (not importlib.util.find_spec(PYOSYS))

MULTIPLIER = {
    "multiplier": """module multiplier #(
    parameter BITS = 8
) (
    input logic clk,
    input logic [BITS-1:0] a,
    input logic [BITS-1:0] b,
    output logic [2*BITS-1:0] product
);
    logic [BITS-1:0] first, second;
    logic [2*BITS-1:0] multiplied;
    (* ram_style = "block" *) logic [2*BITS-1:0] kept[0:511];
    always_ff @(posedge clk) begin
        first <= a;
        second <= b;
        multiplied <= first * second;
        kept[{1'b0, a}] <= multiplied;
        product <= kept[{1'b1, b}];
    end
endmodule
"""
}


@pytest.mark.slow
@pytest.mark.skipif(bool(ABSENT), reason=f"not here: {', '.join(ABSENT)}")
@pytest.mark.parametrize("part", ["xc7z010clg400-1", "xc7z020clg400-1"])
def test_a_module_is_synthesised_routed_and_read_back(tmp_path: Path, part: str) -> None:
    target, stages = Target(find_part(part), 8.0), [RtlStage("layer", "multiplier", {"BITS": 8})]
    netlists = [synthesis.netlist(stage) for stage in stages]
    steps = (
        *synthesis.steps(stages, MULTIPLIER, PYOSYS),
        *routing.steps(netlists, target, routing.Routing(600, bitstream=True)),
    )
    products = Executor(Store(tmp_path), 2, lambda *_: None).execute(Plan(steps))
    counted = {each.metric: each.value for each in synthesis.read(stages, target, products) if each.scope == DESIGN}
    routed = routing.read(netlists, target, products)
    assert counted[Metric.DSP] == 1 and counted[Metric.BRAM18] == 1
    assert {each.metric: each.value for each in routed if each.scope == DESIGN}.items() >= {
        Metric.DSP: 1,
        Metric.BRAM18: 1,
    }.items()
    (fmax,) = [each for each in routed if each.metric is Metric.FMAX_MHZ and each.scope == TOTAL]
    assert fmax.value > 50 and "DSP48E1" in fmax.source
    decoded = products.path(Output(routing.step_name("read back", netlists[0]), routing.DECODED))
    assert decoded and json.loads(decoded.read_text())["dsp"] == 1
