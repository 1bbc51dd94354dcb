"""FIFO depths from the stream simulation: no deadlock, and as fast as with FIFOs that never fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count, takewhile
from math import ceil

from backends.dataflow import compiled
from backends.dataflow.stages import Fifo, Stage, fifos
from backends.dataflow.stream import simulate
from backends.dataflow.tokens import simulate_tokens

SLACK = 0.01
"""The share by which the interval may exceed that with unlimited FIFOs before FIFOs are made deeper."""
LEAST = 2
"""The least depth of a FIFO between two processes: one token is read while the next is written."""
DEEPEST = 4096
"""The depth at which a FIFO is no longer grown for speed: deeper ones do not help."""


def sized(stages: Sequence[Stage], bits: Mapping[Fifo, int], shallowest: int) -> dict[Fifo, int]:
    """Depths with which the design does not deadlock and is, within `SLACK`, as fast as with FIFOs that never fill.

    `bits` is the width of a token in each FIFO. The depths that are `passable` are tried first. If they are too slow,
    FIFOs are deepened so that their writers run `ahead`, and then the FIFOs of skips by what that fills. If that is too
    slow as well, all FIFOs are grown, and those that speed does not need are trimmed again.
    """
    return dict(_sized(tuple(stages), tuple(bits.items()), shallowest))


@lru_cache(maxsize=64)
def _sized(
    stages: tuple[Stage, ...], bits: tuple[tuple[Fifo, int], ...], shallowest: int
) -> tuple[tuple[Fifo, int], ...]:
    allowed = max(stage.busy for stage in stages) * (1 + SLACK)
    least = passable(stages, dict(bits), shallowest)
    if simulate(stages, least).interval <= allowed:
        return tuple(least.items())
    skips, more = [fifo for fifo, depth in least.items() if depth > shallowest], ahead(stages)
    depths = {fifo: max(depth, more[fifo]) for fifo, depth in least.items()}
    if simulate(stages, depths).interval <= allowed:
        return tuple(depths.items())
    freed = simulate(stages, depths | dict.fromkeys(skips)).fill
    depths |= {fifo: max(depths[fifo], freed[fifo]) for fifo in skips}
    if simulate(stages, depths).interval <= allowed:
        return tuple(depths.items())
    return tuple(_grown(stages, dict(bits), least).items())


def _grown(stages: Sequence[Stage], bits: Mapping[Fifo, int], least: Mapping[Fifo, int]) -> dict[Fifo, int]:
    """Depths in three steps: all FIFOs are doubled until the design is as fast as it can be, each is cut to its fill,
    and as many as possible are set to their least, the widest first."""
    unlimited = simulate(stages, dict.fromkeys(least)).interval
    allowed = max(max(stage.busy for stage in stages) * (1 + SLACK), unlimited)
    deep = next(
        depth
        for depth in (LEAST << doubling for doubling in count())
        if depth >= DEEPEST
        or simulate(stages, {fifo: max(shallow, depth) for fifo, shallow in least.items()}).interval <= allowed
    )
    filled = simulate(stages, {fifo: max(shallow, deep) for fifo, shallow in least.items()}).fill
    depths = {fifo: max(shallow, min(deep, filled[fifo])) for fifo, shallow in least.items()}
    widest = sorted((fifo for fifo in least if depths[fifo] > least[fifo]), key=lambda fifo: -bits[fifo])
    return _trimmed(stages, depths, least, widest, allowed)


def _trimmed(
    stages: Sequence[Stage],
    depths: dict[Fifo, int],
    least: Mapping[Fifo, int],
    those: Sequence[Fifo],
    allowed: float,
) -> dict[Fifo, int]:
    """`depths`, with as many of `those` FIFOs at their least as the interval allows: all, else each half in turn."""
    lower = depths | {fifo: least[fifo] for fifo in those}
    if lower == depths or simulate(stages, lower).interval <= allowed:
        return lower
    if len(those) == 1:
        return depths
    middle = len(those) // 2
    depths = _trimmed(stages, depths, least, those[:middle], allowed)
    return _trimmed(stages, depths, least, those[middle:], allowed)


def ahead(stages: Sequence[Stage]) -> dict[Fifo, int]:
    """For each FIFO, the tokens that arrive at an even pace while its reader puts tokens but takes none at the end of a
    frame, as it does in the rows of padding at the end of an image.

    >>> from backends.dataflow.stages import INPUT, Run
    >>> ahead([Stage("pad", ("row",), (Run(4, 1), Run(2, 1, takes=False))), Stage("row", (INPUT,), (Run(30, 1),))])
    {('row', 'pad'): 10}
    """
    by_name, arriving = {stage.name: stage for stage in stages}, {}
    for source, name in fifos(stages):
        reader = by_name[name]
        late = sum(run.repeats for run in takewhile(lambda run: not run.takes, reversed(reader.pattern)) if run.puts)
        arriving[source, name] = ceil(by_name[source].tokens * late / reader.tokens)
    return arriving


def passable(stages: Sequence[Stage], bits: Mapping[Fifo, int], shallowest: int) -> dict[Fifo, int]:
    """Depths of at least `shallowest` with which the design does not deadlock, whatever its cycles.

    `bits` is the width of a token in each FIFO: where several could be made deeper, the narrowest is.
    """
    delays = tuple(stage.delay for stage in stages)
    skips = _skips(tuple(stage.untimed for stage in stages), delays, tuple(bits.items()))
    return {fifo: max(shallowest, skips.get(fifo, 0)) for fifo in fifos(stages)}


@lru_cache(maxsize=64)
def _skips(
    stages: tuple[Stage, ...], delays: tuple[int, ...], bits: tuple[tuple[Fifo, int], ...]
) -> Mapping[Fifo, int]:
    """Depths of the FIFOs that must be deeper than `LEAST` to let tokens pass: the skips of residual networks.

    Stages that read before they write are a Kahn process network: whether they deadlock does not depend on their
    cycles. So depths that are found here with the other FIFOs at `LEAST` also hold in the real design, where FIFOs are
    deeper. One frame is enough, since a schedule in which each frame leaves before the next one comes is valid. A
    pipeline that stalls for lack of input keeps its tokens, so no pipeline register is counted as room here, and the
    tokens that pipelines on the circle may withhold are added. In each deadlock the narrowest full FIFO may grow.
    """
    depths: dict[Fifo, int | None] = dict.fromkeys(fifos(stages), LEAST)
    circles = len(depths) - len(stages) + 1  # circles of FIFOs in either direction: each may deadlock
    withheld: dict[Fifo, int] = {}
    while True:  # arrays would only fall back to the loop over tokens, which finds a deadlock quickly
        one_frame = simulate if compiled.available() or len(withheld) == circles else simulate_tokens
        simulation = one_frame(stages, depths, 1)
        if simulation.deadlock is None:
            break
        narrowest = min(simulation.deadlock.full, key=lambda fifo: (dict(bits)[fifo], fifo))
        depths[narrowest] = None
        circle = simulation.deadlock.stages
        withheld[narrowest] = sum(delay for stage, delay in zip(stages, delays, strict=True) if stage.name in circle)
    return {fifo: simulation.fill[fifo] + tokens for fifo, tokens in withheld.items()}
