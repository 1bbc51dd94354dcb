"""From a job to its design: the folding that was asked for, and for the other layers what the solver finds."""

from __future__ import annotations

from dataclasses import dataclass

from backends.hls.arithmetic import lower
from backends.hls.design import Design
from backends.hls.folding import Answer, Space, as_built, reach, solve
from backends.hls.folding_options import NO_TARGET, Fold, parse_folding
from backends.hls.nodes import MATRIX_VECTOR, nodes
from backends.hls.timing import simulation
from backends.protocol import Job
from backends.stream import SLACK
from flows.core.digest import digest_of
from models.quantised import QuantisedNetwork

ROUNDS = 3
"""FIFOs and the words of streams follow from a folding, and count in its budget: what they take is known when it is
solved. The first round has no FIFOs; what fits with them, too, is the fastest. Else it is solved again, with them."""


@dataclass(frozen=True)
class Resolved:
    """A design, and what the solver said of it in the space that it was asked about."""

    design: Design
    answer: Answer
    space: Space


_made: dict[str, Resolved] = {}


def design(job: Job) -> Design:
    """What will be built for `job`."""
    return resolved(job, lower(job)).design


def resolved(job: Job, quantised: QuantisedNetwork) -> Resolved:
    """The design of `job` in the arithmetic `quantised`; found once, since all of the backend asks for it."""
    key = digest_of([quantised.digest, job.target, job.options])
    if key not in _made:
        _made[key] = _resolved(job, quantised)
    return _made[key]


def _resolved(job: Job, quantised: QuantisedNetwork) -> Resolved:
    asked, limit = parse_folding(job.options.folding), limit_of(job)
    space = Space(_unfolded(job, quantised), asked, ())
    if limit is not None:
        return _reaching(space, limit)
    found = []
    for _ in range(ROUNDS):
        answer = solve(space)
        space = _followed(space, answer)
        built = as_built(space, answer)
        found.append(Resolved(space.base, built, space))
        if (built.sure, built.lacking.keys()) == (answer.sure, answer.lacking.keys()):
            break
    return min(found, key=lambda one: (len(one.answer.lacking), not one.answer.sure, one.answer.folding.cycles))


def _reaching(space: Space, limit: float) -> Resolved:
    """The cheapest of at most `limit` cycles a frame; a shorter interval is asked for where stalls come to more."""
    cycles, shortest = limit, space.quickest
    while True:
        answer = reach(space, max(cycles, shortest))
        space = _followed(space, answer)
        if cycles <= shortest or simulation(space.base).interval <= limit:
            return Resolved(space.base, answer, space)
        cycles /= 1 + SLACK


def _followed(space: Space, answer: Answer) -> Space:
    """The space around the design that is made of `answer`."""
    made = Design(space.base.job, space.base.quantised, space.named(answer.folding))
    return Space(made, space.asked, made.buffers)


def limit_of(job: Job) -> float | None:
    """Cycles between frames at the rate that was asked for, None where none was."""
    rate = job.options.target_fps
    return None if rate == NO_TARGET else 1e9 / (float(rate) * job.target.clock_ns)


def quickest(job: Job, quantised: QuantisedNetwork) -> int:
    """The shortest interval of any legal folding with the layers that were asked for, in cycles, fit or not."""
    space = Space(_unfolded(job, quantised), parse_folding(job.options.folding), ())
    return simulation(_followed(space, reach(space, space.quickest)).base).interval


def _unfolded(job: Job, quantised: QuantisedNetwork) -> Design:
    names = [node.name for node in nodes(quantised) if node.kind == MATRIX_VECTOR]
    return Design(job, quantised, dict.fromkeys(names, Fold(1, 1)))
