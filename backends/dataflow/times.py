"""The times at which every token of a stream simulation is taken and put, for whole arrays of tokens at once.

Where FIFOs exert backpressure, stages wait for each other in circles. So every time starts as a lower bound, and stages
are computed in turn until no time changes. Times only increase; those before the earliest one that still changes are
settled. The computation is limited to a span of time that slides along, since times beyond it would change again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.dataflow.stages import Fifo, Stage
from backends.dataflow.track import LONGEST, Events, Track

SPANS = 2
"""Into how many spans all frames are divided at first."""
FEW, MANY = 3, 4
"""A span that settles within `FEW` sweeps is doubled; one that has not settled after `MANY` sweeps is halved."""
TURNS = 20
"""How many times two stages may take turns in a sweep."""
STUCK = 30
"""The number of sweeps without a newly settled event after which a deadlock is assumed."""
CALL, PATIENCE = 2000, 45
"""The cost of the numpy calls for a stage, in events, and the cost of an event beyond which token by token is as
fast."""
EARLY = 3
"""One in this many of all events may be paid for before any is settled."""


class Unsettled(Exception):
    """The times do not settle soon: a deadlock, or FIFOs that push back token by token."""


def settled(stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int) -> tuple[Mapping[str, Track], int]:
    """(the tracks of all stages over so many frames, the number of fraction bits in a time). Raises `Unsettled`.

    Times are in fractions of a cycle, so small that one for every token is less than a cycle. Waiting for room takes
    one such fraction. So the times of stages that wait for each other in a circle grow without end.
    """
    tokens = frames * sum(stage.tokens for stage in stages)
    longest = frames * sum(stage.busy + stage.delay * stage.tokens for stage in stages)
    bits = tokens.bit_length()
    if longest.bit_length() + bits >= LONGEST:
        raise Unsettled
    by_name = {stage.name: stage for stage in stages}
    tracks: dict[str, Track] = {}
    for stage in stages:
        track = tracks[stage.name] = Track.of(Events.of(stage, frames, bits))
        for name in stage.sources:
            if (source := tracks.get(name)) is None:
                continue
            if len(source.ready) != len(track.taken):
                raise Unsettled
            depth = depths.get((name, stage.name))
            track.connect(source, None if depth is None else depth + by_name[name].in_pipeline)
    busiest = max(stage.busy for stage in stages)
    _settle(list(tracks.values()), (frames * busiest << bits) // SPANS + 1)
    return tracks, bits


def _agree(track: Track) -> int:
    """Settles a stage and its sources in turn until they agree, since most waits are between neighbours.

    Returns the cost.
    """
    cost = 0
    for _ in range(TURNS):
        if track.stale >= track.end:
            break
        for each in (track, *(source for source, _ in track.pushed)):
            if each.stale < each.end:
                cost += CALL + each.settle()
    return cost


def _settle(tracks: Sequence[Track], span: int) -> None:
    """Settles all tracks in a sliding span of time, of length `span` at first."""
    total = sum(map(len, tracks))
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
