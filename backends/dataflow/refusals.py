"""Why a streaming design cannot be built as requested: unknown layer names, unreachable rates, FIFOs that deadlock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from math import floor

from backends.dataflow.buffers import SHALLOWEST
from backends.dataflow.fifos import passable
from backends.dataflow.options import DEEPEST, SIMULATED, cycles_at
from backends.dataflow.stages import Fifo, Stage, fifos
from backends.dataflow.stream import simulate
from backends.protocol import Refusal, Unbuildable
from flows.core.text import printable
from models.layers import WEIGHTED, Dense, Layer
from models.network import Network


def refuse(refusals: Iterable[Refusal]) -> None:
    """Raises `Unbuildable` if there are any `refusals`."""
    if every := tuple(refusals):
        raise Unbuildable(*every)


def unknown(
    option: str, named: Iterable[str], known: Collection[str], what: str = "layer with weights"
) -> Iterator[Refusal]:
    """Refusals of names given to `option` that no layer has, each with the nearest known names."""
    for name in named:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
            yield Refusal(option, f"no {what} is called {printable(name)!r}", ", ".join(near))


def beyond_reach(rate: str, clock_ns: float, fewest: int, who: str) -> Iterator[Refusal]:
    """A refusal of a rate that `fewest` cycles between frames do not reach; `who` takes that many."""
    limit = cycles_at(rate, clock_ns)
    if limit is not None and limit < fewest:
        highest = floor(1e9 / (fewest * clock_ns))
        fact = f"{rate} images/s are beyond reach: {who} {fewest:,} cycles an image, which is {highest:,} images/s"
        yield Refusal("--target-fps", fact, f"--target-fps {highest}")


def unweighted(network: Network) -> Iterator[Refusal]:
    """A refusal of a network without layers to fold."""
    if not any(isinstance(layer, WEIGHTED) for layer in network.layers):
        yield Refusal(f"network {network.name}", "no layer of it has weights to multiply by", "one with a Dense layer")


def misplaced(flatten: str, readers: Sequence[Layer]) -> Refusal | None:
    """Why a flatten with these readers cannot be built, None where it can: only dense layers may read it."""
    if readers and all(isinstance(reader, Dense) for reader in readers):
        return None
    then = " and ".join(reader.name for reader in readers) or "the end of the network"
    fact = f"behind it comes {then}; an image is flattened by the dense layer that reads it"
    return Refusal(flatten, fact, "flatten right before a dense layer")


def deadlock(
    stages: Sequence[Stage], depths: Mapping[Fifo, int], bits: Mapping[Fifo, int], asked: str, words: str
) -> Iterator[Refusal]:
    """A refusal where the requested FIFO depth is too small for a skip connection.

    `bits` is the width of a token in each FIFO; `words` is what users call tokens. Pipeline registers are not counted
    as room for tokens.
    """
    if not asked.isdecimal():
        return
    stalled = [replace(stage, delay=0) for stage in stages]
    stuck = simulate(stalled, depths, frames=1).deadlock
    if stuck:
        full = ", ".join(" to ".join(fifo) for fifo in stuck.full)
        fact = f"with {asked} {words} the design deadlocks: {full} fill up before the other branch ends"
        least = _least_depth(stalled, int(asked), max(passable(stages, bits, SHALLOWEST).values()))
        number = f", or {least}" if least <= DEEPEST else ""
        yield Refusal("--fifo-depth", fact, f"{SIMULATED}, which is deep only where it must be{number}")


def _least_depth(stages: Sequence[Stage], below: int, enough: int) -> int:
    """The least common depth of all FIFOs with which `stages` do not deadlock, above `below` and at most `enough`.

    It is found by bisection: if a depth does not deadlock, no larger one does.
    """
    while enough - below > 1:
        middle = (below + enough) // 2
        if simulate(stages, dict.fromkeys(fifos(stages), middle), frames=1).deadlock:
            below = middle
        else:
            enough = middle
    return enough
