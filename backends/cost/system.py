"""Images a second of the whole system: the core, and the driver and the DMA that feed it from Linux.

A call hands over so many images: the driver copies them into memory that the DMA can read, starts the engines, waits,
and copies the results back. Copies and core do not overlap in the drivers that come with hls4ml and FINN. Values travel
in whole bytes; what a network needs of converting before (float to fixed point, packing of single bits) is not in it,
and done in Python it is far slower than all of this.

The figures were measured on PYNQ-Z1 and PYNQ-Z2 boards (Cortex-A9 at 650 MHz, PYNQ from Python) and published by those
who measured them: `docs/reference/system-rate.md` has each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from flows.core.evidence import TOTAL, Metric, Reading, Tier, nearest
from models.network import INPUT
from models.quantised import QuantisedNetwork

BATCH = 1000
"""Images a call, where nothing else is asked."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the processor and the DMA add: ms a call, bytes a second of a copy, and bytes a cycle of a DMA stream."""

    call_ms: float
    copied: float
    streamed: float


USUAL, BEST, WORST = Host(0.94, 140e6, 4), Host(0.44, 180e6, 8), Host(1.5, 110e6, 4)
"""Expected, and the ends of what was measured: a call of FINN's driver without its copies is 0.44 ms."""
ASSUMED = "PYNQ driver in Python, {call:g} ms a call, copies at {copied:g} MB/s not overlapping the core, values in "
ASSUMED += "whole bytes ({given:,} in and {taken:,} out an image); no conversion on the host is in it"


def with_system(
    readings: Sequence[Reading], quantised: QuantisedNetwork, clock_ns: float, batch: int = BATCH
) -> Sequence[Reading]:
    """`readings`, and the rate of the system at `batch` images a call and at one, where that of the core is known."""
    core = {one.metric: one for one in nearest(readings) if one.scope == TOTAL}
    rate, latency = core.get(Metric.THROUGHPUT_FPS), core.get(Metric.LATENCY_US)
    if rate is None or not rate.value or rate.tier is Tier.MEASURED:
        return readings
    given, taken = (transferred(quantised, tensor) for tensor in (INPUT, quantised.output))
    assumed = ASSUMED.format(call=USUAL.call_ms, copied=USUAL.copied / 1e6, given=given, taken=taken)

    def reading(metric: Metric, images: int, first_us: Sequence[float]) -> Reading:
        """At `images` a call, where the first comes after so many us, and the others at the rate of the core."""
        slowest, fastest = rate.ends
        cores = (rate.value, fastest, slowest)
        ends = [
            images / seconds(images, one, us / 1e6, given, taken, host, clock_ns)
            for one, us, host in zip(cores, first_us, (USUAL, BEST, WORST), strict=True)
        ]
        return Reading(
            metric, ends[0], Tier.MODELLED, rate.on, assumed, TOTAL, Tier.MEASURED, ends[2], ends[1], n=images
        )

    def found() -> Iterator[Reading]:
        firsts = [1e6 / rate.value] * 3
        if latency:
            firsts = [latency.value, *latency.ends]
            yield reading(Metric.SINGLE_FPS, 1, firsts)
        if batch > 1:
            yield reading(Metric.SYSTEM_FPS, batch, firsts)

    return [*readings, *found()]


def seconds(images: int, fps: float, first_s: float, given: int, taken: int, host: Host, clock_ns: float) -> float:
    """How long a call of so many images takes; `fps` and `first_s` are the core's rate and first result.

    >>> round(1000 / seconds(1000, 448_877, 8e-6, 432, 1, USUAL, 10.0))  # a board reached 146,038
    159581
    """
    interval = max(1 / fps, max(given, taken) / host.streamed * clock_ns * 1e-9)
    return host.call_ms * 1e-3 + first_s + (images - 1) * interval + images * (given + taken) / host.copied


def transferred(quantised: QuantisedNetwork, tensor: str) -> int:
    """Bytes of a tensor of one image, each value in 1, 2 or 4 of them."""
    width = quantised.type_of(tensor).width
    bytes_a_value = next(size for size in (1, 2, 4, 8) if width <= 8 * size or size == 8)
    return prod(quantised.network.shapes[tensor]) * bytes_a_value
