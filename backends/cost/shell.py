"""The shell that connects an accelerator to the processor, charged to every flow alike.

Two stream DMA engines, the interconnect to the memory ports, the control interconnect and the reset block. The
figures are of one design (n = 1), so there is no interval: a FINN accelerator on an xc7z010clg400-1 at 100 MHz,
Vivado 2022.2, placed and routed, ``report_utilization -hierarchical``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flows.core.evidence import SHELL, Metric, Tier

SCOPE = SHELL
"""What readings of it are said of, in every flow."""
STAGE = Tier.ROUTED
SOURCE = "shell of one routed design (n = 1; Vivado 2022.2, xc7z010clg400-1, 100 MHz)"


@dataclass(frozen=True, slots=True)
class ShellBlock:
    """One block of the shell and what it occupies after routing."""

    name: str
    lut: int
    ff: int
    bram18: int


BLOCKS = (
    ShellBlock("input DMA", 1382, 2121, 1),
    ShellBlock("output DMA", 1554, 2301, 1),
    ShellBlock("AXI SmartConnect to two memory ports", 3559, 4124, 0),
    ShellBlock("AXI-Lite interconnect", 506, 631, 0),
    ShellBlock("reset", 17, 33, 0),
)


SUMS: Mapping[Metric, int] = MappingProxyType(
    {
        Metric.LUT: sum(block.lut for block in BLOCKS),
        Metric.FF: sum(block.ff for block in BLOCKS),
        Metric.BRAM18: sum(block.bram18 for block in BLOCKS),
        Metric.DSP: 0,
    }
)


def shell() -> Mapping[Metric, int]:
    """What the whole shell occupies.

    >>> {metric.key: value for metric, value in shell().items()}
    {'lut': 7018, 'ff': 9210, 'bram18': 2, 'dsp': 0}
    """
    return SUMS
