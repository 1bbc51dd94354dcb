"""The shell that connects an accelerator to the processor and its memory: which blocks of IP, and what they occupy.

Every figure is post-route, from hierarchical utilization reports of public projects or, where a project has no report,
counted in its bitstream (`docs/reference/shells.md` lists them all). `low` and `high` are the least and the most that
were seen; they come from few designs, so they are no 90 % interval. A block that no report shows is bounded by the
whole designs that contain it, and its range is as wide as these leave it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backends.cost.amounts import Amount, Amounts
from flows.core.evidence import RESOURCES, SHELL, Metric

SCOPE = SHELL
"""The scope of its readings, in every flow."""
DMA, DMA_1X1, SMARTCONNECT, NONE = NAMES = ("dma", "dma-1x1", "smartconnect", "none")
"""The shells that a user may choose by name, with any flow."""
ACCELERATOR = "accelerator"
"""That of hls4ml's VivadoAccelerator, which no other flow has."""


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most that were seen, and the expected value."""

    low: float
    value: float
    high: float


NOTHING = Range(0, 0, 0)


@dataclass(frozen=True, slots=True)
class IpBlock:
    """One block of IP, post-route; no block of a shell uses DSP slices."""

    name: str
    lut: Range
    ff: Range
    bram18: Range = NOTHING

    def of(self, metric: Metric) -> Range:
        known = {Metric.LUT: self.lut, Metric.FF: self.ff, Metric.BRAM18: self.bram18, Metric.DSP: NOTHING}
        return known[metric]


AXI_DMA = IpBlock("AXI DMA", Range(1402, 1416, 1417), Range(2010, 2050, 2094), Range(4, 6, 10))
"""One channel each way, no scatter-gather; its block RAM grows with the width of the streams."""
MEMORY_2X1 = IpBlock("2x1 memory interconnect", Range(989, 996, 998), Range(1123, 1124, 1124))
MEMORY_1X1 = IpBlock("1x1 memory interconnect", Range(170, 200, 240), Range(100, 280, 560))
AXI_LITE = IpBlock("AXI-Lite interconnect", Range(333, 504, 506), Range(350, 631, 657))
AXI_LITE_SINGLE = IpBlock("AXI-Lite interconnect to one block", Range(333, 350, 363), Range(350, 440, 448))
AXI_LITE_TRIPLE = IpBlock("AXI-Lite interconnect to three blocks", Range(504, 506, 506), Range(631, 631, 657))
RESET = IpBlock("reset", Range(16, 17, 18), Range(33, 33, 37))
SMART_MEMORY = IpBlock("SmartConnect to memory", Range(3559, 3900, 3930), Range(4124, 4750, 4750))
"""Two masters of 64 bits and less on one or two HP ports, as FINN connects its DMA engines."""
CONVERTERS = IpBlock(
    "converters of hls4ml's VivadoAccelerator", Range(378, 970, 1408), Range(937, 1081, 1876), Range(0, 0, 6)
)
"""Between the streams of the core and those of the DMA, for floats or fixed point. Its block RAM is the FIFO of one
frame before the core, which follows from the network where that is known."""


@dataclass(frozen=True)
class Shell:
    """`title` is its name in readings that include it; `rows` says where the figures come from."""

    title: str
    blocks: tuple[IpBlock, ...] = ()
    rows: str = ""
    unknown: tuple[str, ...] = ()
    """IPs of which nothing is known: the amounts of the shell are then lower bounds."""

    @property
    def words(self) -> str:
        """Its title and, after a colon, its blocks and their source."""
        names = ", ".join(block.name for block in self.blocks)
        without = f", and without {', '.join(self.unknown)}, of which nothing is known" if self.unknown else ""
        return f"{self.title}: {names} ({self.rows}{without})" if names or without else self.title

    def amounts(self) -> Amounts:
        """The amount of each resource, under the model `SCOPE`."""
        by_metric: dict[Metric, tuple[Amount | None, ...]] = {}
        for metric in RESOURCES:
            taken = self.range(metric)
            known = Amount(taken.value, taken.low, taken.high, SCOPE, self.words)
            by_metric[metric] = (known, *(None for _ in self.unknown if metric is not Metric.DSP))
        return by_metric

    def range(self, metric: Metric) -> Range:
        """The range of all known blocks. Their ends are added up, since errors within one shell are correlated."""
        parts = [block.of(metric) for block in self.blocks]
        return Range(*(sum(getattr(part, end) for part in parts) for end in ("low", "value", "high")))


_HIERARCHIES = "4 routed designs of hls4ml, Vivado 2019.2"
BARE = Shell("no shell")
DEFAULT = Shell("the shell dma", (AXI_DMA, MEMORY_2X1, AXI_LITE, RESET), _HIERARCHIES)
_NAMED = {
    DMA: DEFAULT,
    DMA_1X1: Shell(
        "the shell dma-1x1", (AXI_DMA, MEMORY_1X1, MEMORY_1X1, AXI_LITE_SINGLE, RESET), "4 bitstreams of loopbacks"
    ),
    SMARTCONNECT: Shell("the shell smartconnect", (SMART_MEMORY, AXI_LITE_TRIPLE, RESET), "8 routed builds of FINN"),
    ACCELERATOR: replace(DEFAULT, title="the shell accelerator", blocks=(*DEFAULT.blocks, CONVERTERS)),
    NONE: BARE,
}


def find_shell(text: str, own_dma: bool = False) -> Shell:
    """The shell of one of `NAMES`, `ACCELERATOR`, or that of a user's own numbers as `shell_text` writes them.

    A SmartConnect comes with an AXI DMA, unless the flow has its own DMA engines, as FINN does.
    """
    if text == SMARTCONNECT and not own_dma:
        known = _NAMED[text]
        return replace(known, blocks=(AXI_DMA, *known.blocks), rows=f"{_HIERARCHIES}, and {known.rows}")
    if text in _NAMED:
        return _NAMED[text]
    ranges = parse_shell(text)
    return Shell(
        "a shell of your own",
        (IpBlock("as given", ranges[Metric.LUT], ranges[Metric.FF], ranges[Metric.BRAM18]),),
        "your numbers",
    )


def parse_shell(text: str) -> Mapping[Metric, Range]:
    """A user's own numbers: ``lut=3000,ff=3500..4000,bram18=4``. Raises `ValueError`.

    >>> parse_shell("lut=3000,ff=3500..4000,bram18=4")[Metric.FF]
    Range(low=3500.0, value=3750.0, high=4000.0)
    """
    wanted = {metric.key: metric for metric in (Metric.LUT, Metric.FF, Metric.BRAM18)}
    ranges: dict[Metric, Range] = {}
    for part in text.split(","):
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in wanted or wanted[key] in ranges:
            names = ", ".join(NAMES)
            raise ValueError(
                f"{text[:80]!r} is no shell: give {names}, a TOML file, or lut=3000,ff=3500..4000,bram18=4"
            )
        ranges[wanted[key]] = _range(key, value)
    if missing := [key for key, metric in wanted.items() if metric not in ranges]:
        raise ValueError(f"a shell of your own needs {' and '.join(missing)}, too: lut=3000,ff=3500..4000,bram18=4")
    return ranges


MOST = 10_000_000


def _range(key: str, text: str) -> Range:
    ends = text.split("..")
    try:
        low, high = int(ends[0]), int(ends[-1])
    except ValueError:
        low = high = -1
    if len(ends) > 2 or not 0 <= low <= high <= MOST:
        raise ValueError(f"{key}={text[:40]}: give a whole number, or two as in 3500..4000, from 0 to {MOST:,}")
    return Range(float(low), (low + high) / 2, float(high))
