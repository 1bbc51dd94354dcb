"""The shell of a whole design: that of its own block design, where the row lists its IPs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from backends.cost.amounts import Total, summed
from backends.cost.block_design import shell_of
from backends.cost.shell import DMA, SMARTCONNECT, IpBlock, Range, Shell, find_shell
from benchmarks.whole_designs.rows import Row
from flows.core.evidence import Metric

OWN = re.compile(
    "(?!Streaming|axi|axis|smartconnect|proc|xl|util|clk|mig|mdm|micro|lmb|blk|ila|vio|v_|dvi|rgb|color|pixel)"
)
"""Names of IPs that are none of AMD's nor FINN's: the accelerator, and what else its author wrote."""
UNTOLD_SHELL = Shell(
    "a shell that is not recorded",
    (IpBlock("from an AXI-Lite port to wide DMAs", Range(350, 2934, 9177), Range(383, 3838, 12000), Range(0, 8, 37)),),
)
"""For hand-written designs whose IPs are not listed. It spans every such shell that was seen."""


def with_shell(row: Row, core: Mapping[Metric, Total], also: Sequence[IpBlock] = ()) -> dict[Metric, Total]:
    """With the shell of the row's IPs, the usual one of its flow where they are not listed, and other blocks beside."""
    own = _shell(row)
    charged = replace(own, blocks=(*own.blocks, *also)).amounts()
    totals = {}
    for metric, total in core.items():
        shell = summed(charged[metric])
        low, high = total.low + shell.low, inf if shell.at_least else total.high + shell.high
        totals[metric] = Total(total.value + shell.value, low, high, total.at_least or shell.at_least)
    return totals


def _shell(row: Row) -> Shell:
    if row.ips is None and row.flow not in ("finn", "hls4ml"):
        return UNTOLD_SHELL
    if row.ips is None:
        return find_shell(SMARTCONNECT, own_dma=True) if row.flow == "finn" else find_shell(DMA)
    by_hand = row.flow not in ("finn", "hls4ml", "shell only")
    return shell_of(row.ips, [name for name in row.ips if OWN.match(name)], any_width=by_hand)
