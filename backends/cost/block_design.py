"""The shell of a block design that was built elsewhere, from the list of its IPs (as in a ``.hwh`` file).

A list does not show the connections. Where they follow from the counts, these decide; otherwise the range covers every
possible reading of the list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from backends.cost.shell import (
    AXI_DMA,
    AXI_LITE,
    AXI_LITE_TRIPLE,
    MEMORY_1X1,
    MEMORY_2X1,
    RESET,
    SMART_MEMORY,
    IpBlock,
    Range,
    Shell,
)

HARD = frozenset({"processing_system7", "xlconstant", "xlconcat", "xlslice", "util_vector_logic"})
"""IPs of few LUTs or none: the processor, constants and wires."""
ONE_WAY_DMA = IpBlock("AXI DMA of one or two channels", Range(600, 1200, 1417), Range(850, 1700, 2094), Range(2, 5, 10))
ANY_DMA = IpBlock("AXI DMA of any width", Range(600, 1416, 4800), Range(850, 2050, 7000), Range(2, 8, 34))
ANY_MEMORY = IpBlock("memory interconnect to any width", Range(170, 996, 3900), Range(100, 1124, 5000), Range(0, 0, 4))
"""For streams of 32 to 512 bits, with or without scatter-gather, as in hand-written designs. No report shows one alone:
whole designs of one project with streams of 64, 128, 256 and 512 bits take 4,690 to 9,177 LUT and 18 to 37 RAMB18 more
than their cores routed alone."""
MEMORY_FEW = IpBlock("memory interconnect of one or two masters", Range(170, 400, 998), Range(100, 500, 1124))
MEMORY_OF_CORE = IpBlock("memory interconnect of the core's masters", Range(170, 1040, 2200), Range(100, 1500, 2500))
"""Of a core that reads memory itself: two HLS designs are 1,561 and 2,060 LUT (2,166 and 2,336 FF) larger than their
cores of two and three masters were synthesised, AXI-Lite and reset within."""
MEMORY_WIDE = IpBlock("memory interconnect of three or four masters", Range(989, 1500, 2200), Range(1123, 1700, 2500))
SMART_SINGLE = IpBlock("SmartConnect of one master", Range(300, 560, 3930), Range(300, 560, 4750))
"""To memory or to registers, which a list of IPs does not say. Three of one design took 433, 557 and 675 LUT (393, 470
and 818 FF) when they were synthesised; with more masters or wider ones it is what FINN's builds have."""
SMALL = IpBlock("small AXI-Lite peripheral", Range(40, 120, 350), Range(60, 150, 400))
"""No report shows one alone; an adder with registers behind AXI-Lite takes 139 LUT."""
FIFO = IpBlock("AXI-Stream FIFO", Range(20, 60, 150), Range(30, 100, 250), Range(0, 2, 4))
PLAIN = {
    "proc_sys_reset": RESET, "axis_data_fifo": FIFO, "axi_gpio": SMALL, "axi_intc": SMALL, "axi_timer": SMALL,
    "axi_uartlite": SMALL,
}  # fmt: skip
"""IPs that take the same in every design."""
FINN_PARTITION = "StreamingDataflowPartition"
"""The name of the partitions of a FINN design; the first and the last each contain a DMA engine."""


def shell_of(ips: Mapping[str, int], own: Collection[str] = (), any_width: bool = False) -> Shell:
    """What the IPs of a block design take, except the accelerator itself, whose IPs are `own`.

    `any_width` is for streams that may be wider than the 32 and 64 bits that flows connect. FINN's partitions always
    belong to the accelerator. Any other unknown IP makes the shell a lower bound and is named.

    >>> [block.name for block in shell_of({"axi_dma": 1, "axi_interconnect": 2, "proc_sys_reset": 1}).blocks]
    ['AXI DMA', 'AXI-Lite interconnect', '2x1 memory interconnect', 'reset']
    """
    counts = {name: count for name, count in ips.items() if count and name not in {*HARD, *own}}
    is_finn = any(name.startswith(FINN_PARTITION) for name in counts)
    counts = {name: count for name, count in counts.items() if not name.startswith(FINN_PARTITION)}
    engines = counts.pop("axi_dma", 0)
    blocks = [AXI_DMA] if engines == 1 else [ONE_WAY_DMA] * engines
    blocks += _connections(counts.pop("axi_interconnect", 0), counts.pop("smartconnect", 0), engines, is_finn)
    if any_width and engines:
        blocks = [_of_any_width(block) for block in blocks]
    for name in counts.keys() & PLAIN.keys():
        blocks += [PLAIN[name]] * counts.pop(name)
    return Shell("the shell of its block design", tuple(blocks), "by its list of IPs", tuple(sorted(counts)))


def _connections(interconnects: int, smart: int, engines: int, is_finn: bool) -> list[IpBlock]:
    """One connection is from the processor to registers, by an interconnect if there is one; the others go to
    memory."""
    blocks: list[IpBlock] = []
    if interconnects:
        blocks.append(AXI_LITE_TRIPLE if is_finn else AXI_LITE)
        interconnects -= 1
    elif smart:
        blocks.append(SMART_SINGLE)
        smart -= 1
    if engines == 1:
        memory = MEMORY_1X1 if interconnects >= 2 else MEMORY_2X1
    elif engines:
        memory = MEMORY_WIDE
    else:
        memory = MEMORY_FEW if is_finn else MEMORY_OF_CORE
    of_two = SMART_MEMORY if is_finn else SMART_SINGLE
    return [*blocks, *[memory] * interconnects, *[of_two] * smart]


def _of_any_width(block: IpBlock) -> IpBlock:
    if block in (AXI_DMA, ONE_WAY_DMA):
        return ANY_DMA
    return ANY_MEMORY if block in (MEMORY_1X1, MEMORY_2X1, MEMORY_WIDE) else block
