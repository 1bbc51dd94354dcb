"""The options of the RTL flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.options import LayerOptions, PackingOption
from backends.dataflow.options import AUTO, hours
from backends.open_tools.synthesis import PYOSYS, SYNTHESISERS

NOTHING, STAGES, DESIGN = "none", "stages", "design"


@dataclass(frozen=True)
class RtlOptions(LayerOptions, PackingOption):
    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds the words of FIFOs: auto (LUT RAM or block RAM, the smaller share of the part), or "
            "block RAM",
            "choices": (AUTO, BRAM),
        },
    )
    synthesiser: str = field(
        default=PYOSYS,
        metadata={
            "help": "what counts LUTs, FFs, block RAM and DSPs: the package pyosys, a yosys on PATH, or nothing",
            "choices": SYNTHESISERS,
        },
    )
    route: str = field(
        default=NOTHING,
        metadata={
            "help": "what nextpnr-himbaechel-xilinx, where it is on PATH, places and routes out of context: the design "
            "(ARCH_8 takes 5 to 40 minutes), or its stages, each alone",
            "choices": (NOTHING, DESIGN, STAGES),
        },
    )
    route_timeout: float = field(
        default=1.0,
        metadata={
            "help": "ends what nextpnr takes longer for, in hours: it then does not route",
            "unit": "HOURS",
            "parse": hours,
        },
    )
    bitstream: bool = field(
        default=False,
        metadata={
            "help": "with --route: a bitstream of what is routed by Project X-Ray, read back; none was on a board"
        },
    )
