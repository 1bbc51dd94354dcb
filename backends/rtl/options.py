"""The options of the RTL flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.options import LayerOptions
from backends.dataflow.options import AUTO, hours
from backends.open_tools.synthesis import PYOSYS, SYNTHESISERS

NOTHING, STAGES, DESIGN = "none", "stages", "design"
LAST_SEED = 2**31 - 1


def seed(text: str) -> int:
    """A seed of nextpnr. Raises `ValueError`."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= LAST_SEED:
        raise ValueError(f"{text} is no whole number from 1 to {LAST_SEED:,}")
    return int(text)


@dataclass(frozen=True)
class RtlOptions(LayerOptions):
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
    route_seed: int = field(
        default=1,
        metadata={
            "help": "where nextpnr's placement starts: another one may be some per cent faster or slower",
            "parse": seed,
        },
    )
    bitstream: bool = field(
        default=False,
        metadata={
            "help": "with --route: a bitstream of what is routed by Project X-Ray, read back; none was on a board"
        },
    )
