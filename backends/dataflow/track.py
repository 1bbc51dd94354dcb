"""One stage of a stream simulation over all frames: the times of all its takes and puts, as arrays.

The firings of a stage follow each other. So the time of an event (a token taken or put) is the sum of the cycles before
it, plus the longest wait of any event up to it, which is a running maximum. An event waits for a token to arrive, or
for room: for the token that occupied its place to leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backends.dataflow.stages import Frame

if TYPE_CHECKING:
    from backends.dataflow.stages import Times

LONGEST = 62
"""Bits of a time."""
NEVER = 1 << LONGEST


@dataclass(eq=False)
class Track:
    """One stage over all frames: its events as in `Frame`, and the times known so far."""

    take_at: Times
    put_at: Times
    puts_before: Times
    takes_before: Times
    taken: Times
    put: Times
    sources: list[tuple[Track, int]] = field(default_factory=list)
    """(track, time from a put until the token can be taken)."""
    readers: list[tuple[Track, int | None]] = field(default_factory=list)
    """(track, tokens that fit in between, None where that is not limited)."""
    pushed: list[Track] = field(default_factory=list)
    """The sources that may have to wait for this stage."""
    last: tuple[int, int] = (0, 0)
    """The index of the first take and of the first put beyond the span."""
    end: int = 0
    """The end of the span."""
    stale: int = 0
    """The earliest time of a neighbour that has changed since this track was computed."""

    @classmethod
    def of(cls, frame: Frame, busy: int, frames: int, bits: int) -> Track:
        """A track without any waits; a cycle is 2 to the `bits`, and a frame takes `busy` cycles."""
        import numpy as np

        number = np.arange(frames)[:, None]

        def repeated(values: Times, step: int) -> Times:
            return (values + number * step).ravel()

        take_at, put_at = (repeated(at, busy) << bits for at in (frame.takes, frame.puts))
        puts_before = repeated(frame.puts_before, len(frame.puts))
        takes_before = repeated(frame.takes_before, len(frame.takes))
        return cls(take_at, put_at, puts_before, takes_before, take_at.copy(), put_at.copy())

    def begin(self, taken: Times, put: Times) -> None:
        """Starts from these times, which may still change, in one span."""
        self.taken[:], self.put[:] = taken, put
        self.last, self.end, self.stale = (len(taken), len(put)), NEVER, NEVER

    def reset(self) -> None:
        """Returns to times without any waits."""
        self.taken[:], self.put[:] = self.take_at, self.put_at
        self.last, self.end, self.stale = (0, 0), 0, 0

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
        """Sets the end of the span. Events beyond it are no earlier than that."""
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
        """Computes the times from `stale` on from those of the neighbours, and marks neighbours stale where times
        changed.

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
        """The longest wait for a token up to each of these takes; the first element is `wait`."""
        import numpy as np

        longest = np.empty(last - take + 1, np.int64)
        longest[0], waits = wait, longest[1:]
        for number, (source, delay) in enumerate(self.sources):
            there = np.add(source.put[take:last], delay, out=None if number else waits)
            if source.last[1] < last:
                there[max(source.last[1] - take, 0) :] = self.end
            if number:
                np.maximum(waits, there, out=waits)
        np.subtract(waits, self.take_at[take:last], out=waits)
        return np.maximum.accumulate(longest, out=longest)

    def _room(self, limited: Sequence[tuple[Track, int]], put: int, last: int, wait: int) -> Times:
        """The longest wait for room up to each of these puts; the first element is `wait`."""
        import numpy as np

        longest = np.full(last - put + 1, wait)
        for reader, room in limited:
            first = max(put - room, 0)
            left = reader.taken[first : last - room] + 1
            if reader.last[0] < last - room:
                left[max(reader.last[0] - first, 0) :] = self.end
            behind = longest[len(longest) - len(left) :]
            np.maximum(behind, left, out=behind)
        waits = longest[1:]
        np.subtract(waits, self.put_at[put:last], out=waits)
        return np.maximum.accumulate(longest, out=longest)


def _moved(old: Times, new: Times) -> int:
    """The earliest time that has changed, after copying `new` into `old`."""
    if not len(old):
        return NEVER
    moved = old != new
    place = moved.argmax()
    if not moved[place]:
        return NEVER
    since = int(old[place])
    old[place:] = new[place:]
    return since


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
