"""Images a second of the whole system: the core, and the driver and the DMA that feed it from Linux.

In each call, the driver copies a batch of images into memory that the DMA can read, starts the engines, waits, and
copies the results back. In the drivers of hls4ml and FINN, copies do not overlap with the core. Values are transferred
in whole bytes. Conversions on the host (float to fixed point, packing of single bits) are not included; in Python they
are far slower than everything else.

The figures are published measurements on PYNQ-Z1 and PYNQ-Z2 boards (Cortex-A9 at 650 MHz, PYNQ from Python):
`docs/reference/system-rate.md` lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from flows.core.evidence import TOTAL, Metric, Reading, Tier, nearest
from models.network import INPUT
from models.quantised import QuantisedNetwork

BATCH = 1000
"""Images in a call by default."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the processor and the DMA add: ms for a call, bytes/s of a copy, and bytes/cycle of a DMA stream."""

    call_ms: float
    copied: float
    streamed: float


USUAL, BEST, WORST = Host(0.94, 140e6, 4), Host(0.44, 180e6, 8), Host(1.5, 110e6, 4)
"""Expected, and the ends of the measurements: a call of FINN's driver without its copies takes 0.44 ms."""
ASSUMED = "PYNQ driver in Python, {call:g} ms a call, copies at {copied:g} MB/s not overlapping the core, values in "
ASSUMED += "whole bytes ({given:,} in and {taken:,} out an image); no conversion on the host is in it"


def with_system(
    readings: Sequence[Reading], quantised: QuantisedNetwork, clock_ns: float, batch: int = BATCH
) -> Sequence[Reading]:
    """`readings`, and the rate of the system at `batch` images a call and at one, where the rate of the core is
    known."""
    core = {reading.metric: reading for reading in nearest(readings) if reading.scope == TOTAL}
    rate, latency = core.get(Metric.THROUGHPUT_FPS), core.get(Metric.LATENCY_US)
    if rate is None or not rate.value or rate.tier is Tier.MEASURED:
        return readings
    sent, received = (transferred(quantised, tensor) for tensor in (INPUT, quantised.output))
    assumed = ASSUMED.format(call=USUAL.call_ms, copied=USUAL.copied / 1e6, given=sent, taken=received)

    def reading(metric: Metric, images: int, first_us: Sequence[float]) -> Reading:
        """The rate at `images` a call, where the first result comes after `first_us`, the others at the rate of the
        core."""
        slowest, fastest = rate.ends
        cores = (rate.value, fastest, slowest)
        ends = [
            images / seconds(images, fps, us / 1e6, sent, received, host, clock_ns)
            for fps, us, host in zip(cores, first_us, (USUAL, BEST, WORST), strict=True)
        ]
        return Reading(
            metric, ends[0], Tier.MODELLED, rate.on, assumed, TOTAL, Tier.MEASURED, ends[2], ends[1], n=images
        )

    def rates() -> Iterator[Reading]:
        firsts = [1e6 / rate.value] * 3
        if latency:
            firsts = [latency.value, *latency.ends]
            yield reading(Metric.SINGLE_FPS, 1, firsts)
        if batch > 1:
            yield reading(Metric.SYSTEM_FPS, batch, firsts)

    return [*readings, *rates()]


def seconds(images: int, fps: float, first_s: float, sent: int, received: int, host: Host, clock_ns: float) -> float:
    """Seconds of a call with `images` images; `fps` is the core's rate, `first_s` the time of its first result.

    >>> round(1000 / seconds(1000, 448_877, 8e-6, 432, 1, USUAL, 10.0))  # a board reached 146,038
    159581
    """
    interval = max(1 / fps, max(sent, received) / host.streamed * clock_ns * 1e-9)
    return host.call_ms * 1e-3 + first_s + (images - 1) * interval + images * (sent + received) / host.copied


def transferred(quantised: QuantisedNetwork, tensor: str) -> int:
    """Bytes of a tensor of one image, with each value in 1, 2, 4 or 8 bytes."""
    width = quantised.type_of(tensor).width
    bytes_a_value = next(size for size in (1, 2, 4, 8) if width <= 8 * size or size == 8)
    return prod(quantised.network.shapes[tensor]) * bytes_a_value
