"""A library of two modules, and stand-ins for the tools that leave what those leave, in small."""

from __future__ import annotations

import json

from backends.open_tools.stage import MemoryFile, RtlStage

LIBRARY = {
    "counter": """// Counts.
module counter #(
    parameter BITS = 4,
    parameter WORDS = "words.mem",
    parameter STORAGE = "block"    // or "distributed"
) (
    input logic clk,
    input logic go,  // input logic [3:0] not_a_port
    output logic [BITS-1:0] count
);
    adder #(.BITS(BITS)) next (.clk(clk), .go(go), .sum(count));
endmodule
""",
    "adder": """module adder #(
    parameter BITS = 4
) (
    input logic clk,
    input logic go,
    output logic [BITS-1:0] sum
);
    always_ff @(posedge clk) if (go) sum <= sum + 1;
endmodule
""",
    "other": "module other (input logic clk);\nendmodule\n",
}


def stage(name: str, bits: int = 4) -> RtlStage:
    return RtlStage(name, "counter", {"BITS": bits, "STORAGE": "distributed"}, {"WORDS": MemoryFile(12, 3)})


STATISTICS = {
    "modules": {"\\stage": {"num_cells_by_type": {"LUT6": 3, "RAM32M": 1, "FDRE": 5, "DSP48E1": 2, "CARRY4": 1}}}
}
NETLIST = {
    "modules": {
        "stage": {
            "attributes": {},
            "ports": {
                "clk": {"direction": "input", "bits": [2]},
                "go": {"direction": "input", "bits": [3]},
                "count": {"direction": "output", "bits": [4, 5, "x", "0"]},
            },
            "cells": {
                "dsp": {
                    "type": "DSP48E1",
                    "parameters": {"AREG": f"{1:032b}", "BREG": f"{1:032b}", "MREG": f"{1:032b}", "PREG": f"{1:032b}"},
                    "port_directions": {"A": "input", "P": "output", "CLK": "input"},
                    "connections": {"A": [3], "P": [4], "CLK": [2]},
                }
            },
            "netnames": {"go": {"bits": [3]}, "last": {"bits": [9]}},
        }
    }
}

YOSYS = f"""#!/usr/bin/env python3
import json, sys
from pathlib import Path
if "--version" in sys.argv:
    print("Yosys VERSION (git sha1 0)"); sys.exit()
if "-l" in sys.argv:
    Path("yosys.log").write_text(" Yosys VERSION (git sha1 0)\\n"); sys.exit()
text = Path("synthesise.ys").read_text()
assert "synth_xilinx -family xc7" in text and Path("stage.sv").exists() and Path("counter.sv").exists()
Path("counts.json").write_text({json.dumps(json.dumps(STATISTICS))})
netlist = json.loads({json.dumps(json.dumps(NETLIST))})
netlist["modules"]["stage"]["attributes"]["of"] = Path("stage.sv").read_text()
Path("netlist.json").write_text(json.dumps(netlist))
"""

FASM = [
    "CLBLL_L_X2Y3.SLICEL_X0.ALUT.INIT[63:0] = 64'b1001",
    "CLBLL_L_X2Y3.SLICEL_X0.BLUT.INIT[3:0] = 4'b0110",
    "CLBLL_L_X2Y3.SLICEL_X0.CLUT.INIT[1:0] = 2'b01",
    "CLBLL_L_X2Y3.SLICEL_X0.DLUT.INIT[1:0] = 2'b11",
    "CLBLL_L_X2Y3.SLICEL_X1.ALUT.INIT[63:0] = 64'b0",
    f"CLBLL_L_X2Y3.SLICEL_X1.BLUT.INIT[63:0] = 64'b{'10' * 32}",
    "CLBLM_R_X3Y3.SLICEM_X0.ALUT.SRL",
    "DSP_R_X4Y5.DSP48.DSP_0.ZADREG[0]",
    "DSP_R_X4Y5.DSP48.DSP_0.ZCREG[0]",
    "BRAM_L_X6Y5.RAMB18_Y0.IN_USE",
]
SDF = """(DELAYFILE
  (CELL
    (CELLTYPE "top")
    (INSTANCE )
    (DELAY
      (ABSOLUTE
        (INTERCONNECT first/Q dsp/A0 (900:900:1000) (900:900:1000))
        (INTERCONNECT dsp/P3 gate/A1 (100:100:4000) (4000:4000:4000))
        (INTERCONNECT gate/O6 last/D (100:100:500) (500:500:500))
        (INTERCONNECT first/Q last/D (100:100:800) (500:500:800))
      )
    )
  )
  (CELL
    (CELLTYPE "SLICE_FFX")
    (INSTANCE first)
    (DELAY (ABSOLUTE
        (IOPATH CK Q (300:325:350) (300:325:350))
  )))
  (CELL
    (CELLTYPE "SLICE_FFX")
    (INSTANCE last)
    (TIMINGCHECK
      (SETUPHOLD (posedge D) (posedge CK) (100:100:100) (200:200:200))
  ))
  (CELL
    (CELLTYPE "SLICE_LUTX")
    (INSTANCE gate)
    (DELAY (ABSOLUTE
        (IOPATH A1 O6 (120:135:150) (120:135:150))
  )))
  (CELL
    (CELLTYPE "DSP48E1_DSP48E1")
    (INSTANCE dsp)
  )
)
"""
REPORT = {"fmax": {"clk": {"achieved": 307.1}}, "utilization": {"SLICE_FFX": {"used": 12, "available": 106400}}}

NEXTPNR = f"""#!/usr/bin/env python3
import json, sys
from pathlib import Path
if "--version" in sys.argv:
    print('"nextpnr" -- Next Generation Place and Route (Version 0.11.1)', file=sys.stderr); sys.exit()
print("Info: Using uarch 'xilinx'")
BEFORE
assert "--timing-allow-fail" in sys.argv and "LOC H16" in Path("pins.xdc").read_text()
Path("routed.fasm").write_text({json.dumps(chr(10).join(FASM))})
Path("report.json").write_text({json.dumps(json.dumps(REPORT))})
Path("routed.sdf").write_text({json.dumps(SDF)})
(module,) = json.loads(Path("harnessed.json").read_text())["modules"].values()
luts = [name for name, cell in module["cells"].items() if cell["type"] == "LUT3"]
places = {{
    name: {{"type": "SLICE_LUTX", "attributes": {{"NEXTPNR_BEL": f"X1Y{{at}}/SLICE_X0Y0.A6LUT"}}}}
    for at, name in enumerate(luts)
}}
Path("placed.json").write_text(json.dumps({{"modules": {{"top": {{"cells": places}}}}}}))
"""
