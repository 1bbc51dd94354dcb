"""From a job to its design: the folding that was asked for, and for the other layers what the solver finds."""

from __future__ import annotations

from dataclasses import dataclass

from backends.hls.arithmetic import lower
from backends.hls.design import Design
from backends.hls.folding import Answer, Space, as_built, lightest, reach, solve
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
    space, found = Space(_unfolded(job, quantised), asked, ()), list[Resolved]()
    for _ in range(ROUNDS):
        answer = solve(space) if limit is None else reach(space, limit)
        made = Design(job, quantised, space.named(answer.folding))
        space = Space(made, asked, made.buffers)
        if limit is not None:
            found = [Resolved(made, answer, space)]
            if simulation(made).interval <= limit:
                break
            limit /= 1 + SLACK
        else:
            built = as_built(space, answer)
            found.append(Resolved(made, built, space))
            if (built.sure, built.lacking.keys()) == (answer.sure, answer.lacking.keys()):
                break
    return min(found, key=lambda one: (len(one.answer.lacking), not one.answer.sure, one.answer.folding.cycles))


def limit_of(job: Job) -> float | None:
    """Cycles between frames at the rate that was asked for, None where none was."""
    rate = job.options.target_fps
    return None if rate == NO_TARGET else 1e9 / (float(rate) * job.target.clock_ns)


def quickest(job: Job, quantised: QuantisedNetwork) -> int:
    """The shortest interval of any legal folding with the layers that were asked for, in cycles, fit or not."""
    space = Space(_unfolded(job, quantised), parse_folding(job.options.folding), ())
    made = Design(job, quantised, space.named(lightest(space, space.quickest)))
    return max(stage.busy for stage in made.stages)


def _unfolded(job: Job, quantised: QuantisedNetwork) -> Design:
    names = [node.name for node in nodes(quantised) if node.kind == MATRIX_VECTOR]
    return Design(job, quantised, dict.fromkeys(names, Fold(1, 1)))
