"""The options of the RTL flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.options import LayerOptions
from backends.dataflow.options import AUTO


@dataclass(frozen=True)
class RtlOptions(LayerOptions):
    """What every flow of such stages is asked."""

    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds the words of FIFOs: auto (LUT RAM or block RAM, the smaller share of the part), or "
            "block RAM",
            "choices": (AUTO, BRAM),
        },
    )
