"""Numbers with their evidence. Packages exchange no bare numbers, only `Reading`s.

Unknown is absent, never 0. What a model leaves out makes a total a lower bound, and the reading says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

TOTAL = "total"
DESIGN = "design"
SHELL = "shell"
"""Scopes of a whole design: with the shell, and as a report has it, without; and of the shell alone."""
SEEN = "other builds"
"""The scope of what other designs of the flow reached; it is not about this design."""
AT_ASKED_CLOCK = "at the clock asked for"
"""The scope of a rate or a time of the whole design at a clock that it is not credible to meet, or misses."""
MET_OR_NOT = "at the clock asked for, met or not"
"""The end of the source of a rate or a time that was taken at the clock asked for."""
NO_BLOCKS = (TOTAL, DESIGN, SEEN, AT_ASKED_CLOCK)
WHOLES = (*NO_BLOCKS, SHELL)
"""Scopes that no instance in a report of others may take for its name."""


class Tier(Enum):
    """How a number is known, nearer the metal is later. The last two belong to accuracy and agreement alone."""

    MODELLED = "modelled"  # by a model of ours
    HLS = "hls"  # an HLS compiler's report (csynth)
    SIMULATED = "simulated"  # a compiled program under an instruction simulator: instructions and bytes, no cycles
    RTL_SIMULATED = "rtl-simulated"  # cycles only
    SYNTHESISED = "synthesised"  # logic synthesis
    ROUTED = "routed"  # place and route
    MEASURED = "measured"  # on a board
    EVALUATED = "evaluated"  # computed here on n images, bit for bit
    RECORDED = "recorded"  # read from a model card


class Subject(StrEnum):
    """Whose number it is. Only accuracy is ever another's than the design's."""

    DESIGN = "design"  # in the arithmetic that is built
    FLOAT = "float network"
    TRAINING = "quantised training"  # the network with the quantisers that it was trained with


class Metric(Enum):
    """What is counted, with its unit. BRAM18 are 18 Kbit halves of a block RAM, DSP are DSP48E1 slices. The throughput
    is the core's; that of the system has driver and DMA with it, at `Reading.n` images a call or at one. Instructions
    and bytes are of a program on the processor."""

    LUT = ("lut", "LUT")
    FF = ("ff", "FF")
    BRAM18 = ("bram18", "RAMB18")
    DSP = ("dsp", "DSP48E1")
    LATENCY_CYCLES = ("latency_cycles", "cycles")
    INTERVAL_CYCLES = ("interval_cycles", "cycles")
    LATENCY_US = ("latency_us", "us")
    THROUGHPUT_FPS = ("throughput_fps", "images/s")
    SYSTEM_FPS = ("system_fps", "images/s")
    SINGLE_FPS = ("single_fps", "images/s")
    ACCURACY = ("accuracy", "fraction")
    AGREEMENT = ("agreement", "fraction")
    FMAX_MHZ = ("fmax_mhz", "MHz")
    POWER_W = ("power_w", "W")
    INSTRUCTIONS = ("instructions", "instructions/image")
    CODE_BYTES = ("code_bytes", "bytes")
    CONSTANT_BYTES = ("constant_bytes", "bytes")
    ACTIVATION_BYTES = ("activation_bytes", "bytes")

    def __init__(self, key: str, unit: str) -> None:
        self.key, self.unit = key, unit

    __hash__ = object.__hash__
    """By identity, as members are single. Enum's own hash is written in Python, and slows sums by metric down."""


BUILT = (Tier.SYNTHESISED, Tier.ROUTED, Tier.MEASURED)
"""Tiers that report on what was built."""
RESOURCES = (Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)
SOFTWARE = (Metric.INSTRUCTIONS, Metric.CODE_BYTES, Metric.CONSTANT_BYTES, Metric.ACTIVATION_BYTES)
"""What a program on the processor takes, in place of `RESOURCES`, of which it takes none."""
FRACTIONS = (Metric.ACCURACY, Metric.AGREEMENT)
"""Shares of images. Only `Tier.EVALUATED` and `Tier.RECORDED` have them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` of `metric` for `scope` (`TOTAL`, or a layer or block by name).

    `predicts` is the tier whose number a model predicts (its own tier otherwise), `on` the silicon, simulator or image
    set it is true of, `source` the model, report or file it comes from. `low` and `high` bound 90 %, None if unknown.
    `at_least` marks a total from which something unknown is missing. `n` counts the images behind a fraction, or those
    of a call that a rate of the system is for; `of` says whose a fraction is.
    """

    metric: Metric
    value: float
    tier: Tier
    on: str
    source: str
    scope: str = TOTAL
    predicts: Tier | None = None
    low: float | None = None
    high: float | None = None
    at_least: bool = False
    n: int | None = None
    of: Subject = Subject.DESIGN

    @property
    def stage(self) -> Tier:
        """The stage that the number speaks of."""
        return self.predicts or self.tier

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of its interval: the number itself where none is known."""
        low, high = (self.value if end is None else end for end in (self.low, self.high))
        return low, high


def total(readings: Iterable[Reading], metric: Metric) -> Reading | None:
    """The reading of the whole design for `metric`, None where there is none."""
    return next((reading for reading in readings if reading.metric is metric and reading.scope == TOTAL), None)


def on_processor(readings: Iterable[Reading]) -> bool:
    """Whether they are of a program on the processor, which takes nothing of the fabric and has no clock there."""
    metrics = [reading.metric for reading in readings if reading.scope == TOTAL]
    return any(metric in SOFTWARE for metric in metrics) and not any(metric in RESOURCES for metric in metrics)


def nearest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Of several readings of one metric and scope, the one nearest the metal; the first of those that are as near.

    Of resources a report on what was built comes first, then the later stage: a model of routed resources says more of
    the fit than csynth's report. Of other metrics it is the reading of the higher tier.
    """
    best: dict[tuple[Metric, str], Reading] = {}
    for reading in readings:
        key = (reading.metric, reading.scope)
        if key not in best or _nearness(reading) > _nearness(best[key]):
            best[key] = reading
    return tuple(best.values())


def _nearness(reading: Reading) -> tuple[int, int, int]:
    order = list(Tier)
    resource, tier = reading.metric in RESOURCES, order.index(reading.tier)
    return (reading.tier in BUILT, order.index(reading.stage), tier) if resource else (0, 0, tier)
