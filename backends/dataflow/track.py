"""One stage of a stream simulation over all frames: the times of all its takes and puts, as arrays.

The firings of a stage follow each other. So the time of an event (a token taken or put) is the sum of the cycles before
it, plus the longest wait of any event up to it, which is a running maximum. An event waits for a token to arrive, or
for room: for the token that occupied its place to leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from backends.dataflow.stages import Stage

if TYPE_CHECKING:
    from backends.dataflow.stages import Times

LONGEST = 62
"""Bits of a time."""
NEVER = 1 << LONGEST


@dataclass(frozen=True, eq=False)
class Events:
    """The events of a stage over all frames, as in `Frame`, if it never waits. `ready_at` are the times at which the
    tokens it puts can be taken, `delay` after they are put.

    `puts_before` and `takes_before` are None where every firing takes a token and puts one.
    """

    take_at: Times
    ready_at: Times
    puts_before: Times | None
    takes_before: Times | None
    delay: int

    @classmethod
    def of(cls, stage: Stage, frames: int, bits: int) -> Events:
        """Those of `stage` in so many frames; a cycle is 2 to the `bits`."""
        import numpy as np

        frame = stage.frame
        number, delay = np.arange(frames)[:, None], stage.delay << bits

        def repeated(values: Times, step: int) -> Times:
            return (values + number * step).ravel()

        take_at, put_at = (repeated(at << bits, stage.busy << bits) for at in (frame.takes, frame.puts))
        if frame.alternates:
            return cls(take_at, put_at + delay, None, None, delay)
        puts_before = repeated(frame.puts_before, len(frame.puts))
        return cls(take_at, put_at + delay, puts_before, repeated(frame.takes_before, len(frame.takes)), delay)

    @cached_property
    def room_at(self) -> Times:
        """For each put, the time of a take that makes room for it just in time."""
        return self.ready_at - self.delay - 1


@dataclass(eq=False)
class Track:
    """One stage over all frames: its events without waits, and the times known so far, at which tokens are `taken` and
    those that it puts are `ready`."""

    events: Events
    taken: Times
    ready: Times
    sources: list[Track] = field(default_factory=list)
    readers: list[tuple[Track, int | None]] = field(default_factory=list)
    """(track, tokens that fit in between, None where that is not limited)."""
    pushed: list[tuple[Track, int]] = field(default_factory=list)
    """The sources that may have to wait for this stage, with the tokens that fit in between."""
    last: tuple[int, int] = (0, 0)
    """The index of the first take and of the first put beyond the span."""
    end: int = 0
    """The end of the span."""
    stale: int = 0
    """The earliest time of an event that may change since a neighbour has changed."""

    @classmethod
    def of(cls, events: Events) -> Track:
        """A track without any waits."""
        return cls(events, events.take_at.copy(), events.ready_at.copy())

    def connect(self, source: Track, room: int | None) -> None:
        """`room` tokens fit between the source and this stage."""
        self.sources.append(source)
        source.readers.append((self, room))
        if room is not None:
            self.pushed.append((source, room))

    def __len__(self) -> int:
        """The number of events."""
        return len(self.taken) + len(self.ready)

    def before(self, time: int) -> tuple[int, int]:
        """How many takes and puts of the span come before it."""
        if time <= 0:
            return 0, 0
        (take, put), delay = self.last, self.events.delay
        return int(self.taken[:take].searchsorted(time)), int(self.ready[:put].searchsorted(time + delay))

    def wait(self, take: int, put: int) -> int:
        """The longest wait of so many takes and puts."""
        by_take = self.taken.item(take - 1) - self.events.take_at.item(take - 1) if take else 0
        return max(by_take, self.ready.item(put - 1) - self.events.ready_at.item(put - 1) if put else 0)

    def open(self, end: int) -> None:
        """Sets the end of the span. Events beyond it are no earlier than that."""
        import numpy as np

        (take, put), (last_take, last_put), wait = self.before(end), self.last, self.wait(*self.last)
        take_at, ready_at, delay = self.events.take_at, self.events.ready_at, self.events.delay
        if take == last_take:
            take = max(take, int(take_at.searchsorted(end - wait)))
            self.taken[last_take:take] = np.maximum(take_at[last_take:take] + wait, self.end)
        if put == last_put:
            put = max(put, int(ready_at.searchsorted(end + delay - wait)))
            self.ready[last_put:put] = np.maximum(ready_at[last_put:put] + wait, self.end + delay)
        self.last, self.end = (take, put), end

    def settle(self) -> int:
        """Computes the times from `stale` on from those of the neighbours, and marks neighbours stale whose times may
        change with them.

        Returns the number of events computed.
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
            for_takes, before = came[1:], self.events.takes_before
            for_puts = came[put + 1 - take : last_put + 1 - take] if before is None else came[before[puts] - take]
        if limited := [(reader, room) for reader, room in self.readers if room is not None and room < last_put]:
            left, before = self._room(limited, put, last_put, wait), self.events.puts_before
            behind = left[take - put : last_take - put] if before is None else left[before[takes] - put]
            for_takes, for_puts = np.maximum(for_takes, behind), np.maximum(for_puts, left[1:])
        self._renew_takes(take, self.events.take_at[takes] + for_takes)
        self._renew_puts(put, self.events.ready_at[puts] + for_puts)
        return last_take - take + last_put - put

    def _came(self, take: int, last: int, wait: int) -> Times:
        """The longest wait for a token up to each of these takes; the first element is `wait`."""
        import numpy as np

        longest = np.empty(last - take + 1, np.int64)
        longest[0], waits = wait, longest[1:]
        for number, source in enumerate(self.sources):
            there = np.subtract(source.ready[take:last], self.events.take_at[take:last], out=None if number else waits)
            if (known := max(source.last[1], take)) < last:
                np.subtract(self.end, self.events.take_at[known:last], out=there[known - take :])
            if number:
                np.maximum(waits, there, out=waits)
        return np.maximum.accumulate(longest, out=longest)

    def _room(self, limited: Sequence[tuple[Track, int]], put: int, last: int, wait: int) -> Times:
        """The longest wait for room up to each of these puts; the first element is `wait`."""
        import numpy as np

        longest, room_at = np.empty(last - put + 1, np.int64), self.events.room_at
        for number, (reader, room) in enumerate(limited):
            first = max(put, room)  # the puts before it have room
            waits = longest[first - put + 1 :]
            taken = reader.taken[first - room : last - room]
            left = np.subtract(taken, room_at[first:last], out=None if number else waits)
            if (known := max(reader.last[0] + room, first)) < last:
                np.subtract(self.end, room_at[known:last], out=left[known - first :])
            if number:
                np.maximum(waits, left, out=waits)
            else:
                longest[: first - put + 1] = wait
        return np.maximum.accumulate(longest, out=longest)

    def _renew_takes(self, take: int, new: Times) -> None:
        """Sets the times of the takes from `take` on, and marks the sources that have room later."""
        first, last = take + _renew(self.taken[take : take + len(new)], new), take + len(new)
        for source, room in self.pushed if first < last else ():
            delay, ready = source.events.delay, source.ready[first + room : min(last + room, source.last[1])]
            since = _since(self.taken[first : first + len(ready)] + (delay + 1), ready)
            if since is not None:
                source.stale = min(source.stale, since - delay)

    def _renew_puts(self, put: int, new: Times) -> None:
        """Sets the times of the puts from `put` on, and marks the readers whose tokens come later."""
        first, last = put + _renew(self.ready[put : put + len(new)], new), put + len(new)
        for reader, _ in self.readers if first < last else ():
            taken = reader.taken[first : min(last, reader.last[0])]
            since = _since(self.ready[first : first + len(taken)], taken)
            if since is not None:
                reader.stale = min(reader.stale, since)


def _renew(times: Times, new: Times) -> int:
    """Copies `new` into `times`. Returns the place of the first that changes. Times never fall."""
    moved = times != new
    place = int(moved.argmax()) if len(times) else 0
    if not len(times) or not moved[place]:
        return len(times)
    times[place:] = new[place:]
    return place


def _since(bounds: Times, times: Times) -> int | None:
    """The first of `times` that is less than its bound."""
    if not len(times):
        return None
    less = times < bounds
    place = less.argmax()
    return times.item(place) if less[place] else None


def filled(writer: Stage, ready: Times, taken: Times, depth: int | None) -> int:
    """The most tokens that a FIFO of `depth` behind `writer` needed room for at once, from the times at which they were
    ready and taken. Tokens on their way count where the pipeline of the writer cannot hold them. A FIFO of that depth
    delays no stage."""
    put = ready - writer.delay
    on_their_way = most(put + 1, taken, None) - writer.in_pipeline if writer.delay else 0
    held = max(most(ready, taken, depth), on_their_way)
    return held if depth is None else min(held, depth)


def most(came: Times, left: Times, depth: int | None) -> int:
    """The most tokens that a FIFO of `depth` held, from the times at which tokens came and left. A token that leaves in
    the cycle in which another one comes still counts.

    The FIFO held more than n tokens if some token came no later than the n-th token before it left. Tokens without a
    known time have not left. The number is found by bisection.
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
