"""When every token of a stream simulation is taken and put, for whole arrays of tokens at once.

Where FIFOs push back, stages wait for each other in circles. So every time is a lower bound at first, and stages are
computed one after the other until none moves: upwards only, and what lies before the earliest time that still moves is
settled. This goes on in a span of time that slides along, since whatever is computed beyond it would move again.

Times that agree with all that they wait for are the only ones that do, wherever they come from. So a simulation of the
same stages with other FIFOs may as well begin with the times of one before: mostly few of them move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from backends.dataflow.stages import Fifo, Stage
from backends.dataflow.track import LONGEST, Track

if TYPE_CHECKING:
    from backends.dataflow.stages import Times

SPANS = 2
"""Spans of time that all frames take, to begin with."""
FEW, MANY = 3, 4
"""Sweeps in which a span settles that is soon doubled, and those after which it is halved."""
TURNS = 20
"""Times that two stages may take turns in a sweep."""
STUCK = 30
"""Sweeps without one more event that is settled, after which this is taken for a deadlock."""
CALL, PATIENCE = 2000, 45
"""What the numpy calls for a stage cost, in events, and what an event may cost: token by token takes as long then."""
EARLY = 3
"""Which part of all events may be paid for before any is settled."""
AGAIN = 12
"""What an event may cost where times of another simulation are moved: from the beginning it takes as long then."""


UNLIKE = 6
"""FIFOs that may be of other depths there."""


class Unsettled(Exception):
    """The times do not settle soon: a deadlock, or FIFOs that push back token by token."""


@dataclass(frozen=True, eq=False)
class Settled:
    """The times at which each stage takes and puts its tokens with FIFOs of these depths, in parts of a cycle."""

    depths: Mapping[Fifo, int | None]
    times: Mapping[str, tuple[Times, Times]]


def settled(
    stages: Sequence[Stage],
    depths: Mapping[Fifo, int | None],
    frames: int,
    followed: float = inf,
    like: Settled | None = None,
) -> tuple[Mapping[str, Track], int]:
    """The stages, with the times at which each takes and puts its tokens of so many frames, and the bits of a cycle in
    a time. Raises `Unsettled`. `like` are times of the same stages and frames to begin with.

    Where fewer are `followed` than a frame has, they are about so many at even distances, which wait for nothing else:
    all that they wait for they wait for in the design too, so they are never later than there.

    Until the end, times are in so small a part of a cycle that as many as there are tokens do not come to one. Waiting
    for room takes such a part: so the times of stages that wait for each other in a circle grow without end.
    """
    tokens = frames * sum(stage.tokens for stage in stages)
    longest = frames * sum(stage.busy + stage.delay * stage.tokens for stage in stages)
    bits = tokens.bit_length()
    if longest.bit_length() + bits >= LONGEST:
        raise Unsettled
    tracks: dict[str, Track] = {}
    grains: dict[str, int] = {}
    for stage in stages:
        grain = grains[stage.name] = _grain(stage.tokens, followed)
        frame = stage.frame.of_every(_grain(len(stage.frame.takes), followed), grain)
        tracks[stage.name] = Track.of(frame, stage.busy, frames, bits)
    delays = {stage.name: stage.delay for stage in stages}
    for stage in stages:
        reader = tracks[stage.name]
        for name in stage.sources:
            if (source := tracks.get(name)) is None:
                continue
            if len(source.put) != len(reader.taken):
                raise Unsettled
            depth = depths.get((name, stage.name))
            reader.sources.append((source, delays[name] << bits))
            source.readers.append((reader, None if depth is None else -(-(depth + delays[name]) // grains[name])))
            if depth is not None:
                reader.pushed.append(source)
    if like is None or len(unlike(depths, like.depths)) > UNLIKE or not _moved_from(like, tracks, depths):
        busiest = max(stage.busy for stage in stages)
        _settle(list(tracks.values()), (frames * busiest << bits) // SPANS + 1)
    return tracks, bits


def unlike(depths: Mapping[Fifo, int | None], others: Mapping[Fifo, int | None]) -> list[Fifo]:
    """The FIFOs whose depths differ; those that are not named are never full."""
    return [fifo for fifo in depths.keys() | others.keys() if depths.get(fifo) != others.get(fifo)]


def _grain(tokens: int, followed: float) -> int:
    """The most that divides so many tokens into no fewer than are `followed`."""
    most = int(tokens // followed)
    return next((size for size in range(most, 1, -1) if tokens % size == 0), 1)


def _agree(track: Track) -> int:
    """Settles a stage and its sources in turn until they agree: most waits are between two neighbours. What it cost."""
    cost = 0
    for _ in range(TURNS):
        if track.stale >= track.end:
            break
        for one in (track, *track.pushed):
            if one.stale < one.end:
                cost += CALL + one.settle()
    return cost


def _settle(tracks: Sequence[Track], span: int) -> None:
    """In a span that slides along, at first as long as `span`."""
    total = sum(track.events for track in tracks)
    spent = -STUCK * CALL * len(tracks)
    front = end = done = sweeps = idle = 0
    while done < total:
        if front >= end - span // 2 or sweeps > MANY:
            if sweeps > MANY:
                span = span // 2 + 1
            elif front >= end and sweeps <= FEW:
                span *= 2
            for track in tracks:
                track.stale = min(track.stale, end)
            end, sweeps = front + span, 0
            for track in tracks:
                track.open(end)
        for track in reversed(tracks) if sweeps % 2 else tracks:
            spent += _agree(track)
        sweeps, idle = sweeps + 1, idle + 1
        front = min(end, *(track.stale for track in tracks))
        if (now := sum(sum(track.before(front)) for track in tracks)) > done:
            done, idle = now, 0
        if idle > STUCK or spent > PATIENCE * (done + total // EARLY):
            raise Unsettled


def _moved_from(like: Settled, tracks: Mapping[str, Track], depths: Mapping[Fifo, int | None]) -> bool:
    """Moves the times of another simulation until they agree; False, with all as at first, where that takes long."""
    every = list(tracks.values())
    for name, track in tracks.items():
        track.begin(*like.times[name])
    for writer, _ in unlike(depths, like.depths):
        tracks[writer].stale = 0
    spent, most = 0, AGAIN * sum(track.events for track in every)
    while any(track.stale < track.end for track in every):
        every.reverse()  # room comes from the reader
        spent += sum(map(_agree, every))
        if spent > most:
            for track in every:
                track.reset()
            return False
    return True
