"""When every token of a stream simulation is taken and put, for whole arrays of tokens at once.

A stage's firings follow each other, so each of its events (a token taken, a token put) comes as long after the start as
the cycles before it add up to, and later by the longest wait of any event up to it: a running maximum. An event waits
for a token, or for room: for the token to leave that stood in its place.

Where FIFOs push back, stages wait for each other in circles. So every time is a lower bound at first, and stages are
computed one after the other until none moves: upwards only, and what lies before the earliest time that still moves is
settled. This goes on in a span of time that slides along, since whatever is computed beyond it would move again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from backends.dataflow.stages import Fifo, Frame, Stage

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
LONGEST = 62
"""Bits of a time."""
NEVER = 1 << LONGEST


class Unsettled(Exception):
    """The times do not settle soon: a deadlock, or FIFOs that push back token by token."""


@dataclass(eq=False)
class Track:
    """One stage over all frames: its events as in `Frame`, and their times as far as they are known."""

    take_at: Times
    put_at: Times
    puts_before: Times
    takes_before: Times
    taken: Times
    put: Times
    sources: list[tuple[Track, int]] = field(default_factory=list)
    """With the time from a put until the token can be taken."""
    readers: list[tuple[Track, int | None]] = field(default_factory=list)
    """With the tokens that may lie between, None where that is not limited."""
    pushed: list[Track] = field(default_factory=list)
    """Those of the sources that may wait for it."""
    last: tuple[int, int] = (0, 0)
    """The first take and put beyond the span."""
    end: int = 0
    """Of the span."""
    stale: int = 0
    """The earliest time of a neighbour that has moved since this one was computed."""

    @classmethod
    def of(cls, frame: Frame, busy: int, frames: int, bits: int) -> Track:
        """As if it never waited; a cycle is 2 to the `bits`, and a frame keeps it so many cycles `busy`."""
        import numpy as np

        number = np.arange(frames)[:, None]

        def repeated(values: Times, step: int) -> Times:
            return (values + number * step).ravel()

        take_at, put_at = (repeated(at, busy) << bits for at in (frame.takes, frame.puts))
        puts_before = repeated(frame.puts_before, len(frame.puts))
        takes_before = repeated(frame.takes_before, len(frame.takes))
        return cls(take_at, put_at, puts_before, takes_before, take_at.copy(), put_at.copy())

    @property
    def events(self) -> int:
        return len(self.taken) + len(self.put)

    def before(self, time: int) -> tuple[int, int]:
        """How many takes and puts of the span come before it."""
        take, put = self.last
        return int(self.taken[:take].searchsorted(time)), int(self.put[:put].searchsorted(time))

    def wait(self, take: int, put: int) -> int:
        """The longest wait of so many takes and puts."""
        by_take = int(self.taken[take - 1] - self.take_at[take - 1]) if take else 0
        return max(by_take, int(self.put[put - 1] - self.put_at[put - 1]) if put else 0)

    def open(self, end: int) -> None:
        """Sets the end of the span. What is beyond it comes no earlier than that."""
        import numpy as np

        (take, put), (last_take, last_put), wait = self.before(end), self.last, self.wait(*self.last)
        if take == last_take:
            take = max(take, int(self.take_at.searchsorted(end - wait)))
            self.taken[last_take:take] = np.maximum(self.take_at[last_take:take] + wait, self.end)
        if put == last_put:
            put = max(put, int(self.put_at.searchsorted(end - wait)))
            self.put[last_put:put] = np.maximum(self.put_at[last_put:put] + wait, self.end)
        self.last, self.end = (take, put), end

    def settle(self) -> int:
        """Computes its times from `stale` on by those of its neighbours, and tells them what has moved.

        How many events that were.
        """
        import numpy as np

        (take, put), (last_take, last_put) = self.before(self.stale), self.last
        self.stale = NEVER
        takes, puts = slice(take, last_take), slice(put, last_put)
        wait = self.wait(take, put)
        for_takes: Any = wait
        for_puts: Any = wait
        if self.sources:
            came = self._came(take, last_take, wait)
            for_takes, for_puts = came[1:], came[self.takes_before[puts] - take]
        if limited := [(reader, room) for reader, room in self.readers if room is not None and room < last_put]:
            left = self._room(limited, put, last_put, wait)
            for_takes = np.maximum(for_takes, left[self.puts_before[takes] - put])
            for_puts = np.maximum(for_puts, left[1:])
        if (since := _moved(self.taken[takes], self.take_at[takes] + for_takes)) < self.end:
            for source in self.pushed:
                source.stale = min(source.stale, since)
        if (since := _moved(self.put[puts], self.put_at[puts] + for_puts)) < self.end:
            for reader, _ in self.readers:
                reader.stale = min(reader.stale, since)
        return last_take - take + last_put - put

    def _came(self, take: int, last: int, wait: int) -> Times:
        """The longest wait for a token before each of these takes, and with it."""
        import numpy as np

        found = np.empty(last - take + 1, np.int64)
        found[0], waits = wait, found[1:]
        for number, (source, delay) in enumerate(self.sources):
            there = np.add(source.put[take:last], delay, out=None if number else waits)
            there[max(source.last[1] - take, 0) :] = self.end
            if number:
                np.maximum(waits, there, out=waits)
        waits -= self.take_at[take:last]
        return np.maximum.accumulate(found, out=found)

    def _room(self, limited: Sequence[tuple[Track, int]], put: int, last: int, wait: int) -> Times:
        """The longest wait for room before each of these puts, and with it."""
        import numpy as np

        found = np.empty(last - put + 1, np.int64)
        found[:] = wait
        for reader, room in limited:
            first = max(put - room, 0)
            left = reader.taken[first : last - room] + 1
            left[max(reader.last[0] - first, 0) :] = self.end
            behind = found[len(found) - len(left) :]
            np.maximum(behind, left, out=behind)
        found[1:] -= self.put_at[put:last]
        return np.maximum.accumulate(found, out=found)


def _moved(old: Times, new: Times) -> int:
    """The earliest time that has moved; `old` becomes `new`."""
    moved = old != new
    place = int(moved.argmax()) if len(moved) else 0
    since = int(old[place]) if len(moved) and moved[place] else NEVER
    old[:] = new
    return since


def settled(
    stages: Sequence[Stage], depths: Mapping[Fifo, int | None], frames: int, followed: float = inf
) -> Mapping[str, Track]:
    """The stages, with the cycles at which each takes and puts its tokens of so many frames. Raises `Unsettled`.

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
    busiest = max(stage.busy for stage in stages)
    _settle(list(tracks.values()), (frames * busiest << bits) // SPANS + 1)
    for track in tracks.values():
        track.taken >>= bits
        track.put >>= bits
    return tracks


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


def most(came: Times, left: Times, depth: int | None) -> int:
    """The most tokens that a FIFO of `depth` held, by when each came and left. One that leaves in the cycle in which
    another comes still counts.

    It held more than some number where a token came no later than the one left that came so many before. Those of
    which it is not known have not left.
    """
    import numpy as np

    if len(left) < len(came):
        left = np.concatenate((left, np.full(len(came) - len(left), NEVER)))
    low, high = min(1, len(came)), len(came) if depth is None else min(depth, len(came))
    while low < high:
        middle = (low + high) // 2
        if (left[: len(came) - middle] >= came[middle:]).any():
            low = middle + 1
        else:
            high = middle
    return low
