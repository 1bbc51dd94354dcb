"""From a job to its design: the reuse factors that were asked for, or those that the folding solver finds."""

from __future__ import annotations

from backends.fold import fastest
from backends.hls4ml.design import Design, asked, snapped, unrolled
from backends.hls4ml.folding import Answer, Space, reach, solve
from backends.hls4ml.options import NO_TARGET, parse_reuse
from backends.hls4ml.precision import lower
from backends.hls4ml.timing import simulation
from backends.protocol import Job
from backends.stream import SLACK, passable
from flows.core.digest import digest_of

ROUNDS = 3
"""FIFOs count against the budget and follow from the folding: solved again until they agree."""

_made: dict[str, tuple[Design, Answer | None]] = {}


def design(job: Job) -> Design:
    """What hls4ml will build for `job`."""
    return resolved(job)[0]


def resolved(job: Job) -> tuple[Design, Answer | None]:
    """The design, and what the folding solver says of it where it was asked. Made once: all of the backend asks."""
    key = digest_of([job.network.digest, job.weights.digest, job.ranges.reach, job.target, job.options])
    if key not in _made:
        _made[key] = _resolved(job)
    return _made[key]


def _resolved(job: Job) -> tuple[Design, Answer | None]:
    quantised, flat = lower(job), unrolled(job)
    number, layers = parse_reuse(job.options.reuse_factor)[0], asked(job)[1]
    made = Design(job, quantised, snapped(job), flat)
    if number is not None or job.options.io_type == "io_parallel":
        return made, None
    limit = limit_of(job)
    buffers = made.buffers_by(passable)
    for _ in range(ROUNDS):
        space = Space(made, layers, buffers)
        answer = solve(space) if limit is None else reach(space, limit)
        made = Design(job, quantised, answer.folding.values, flat)
        stalled = limit is not None and simulation(made).interval > limit
        if made.buffers == buffers and not stalled:
            break
        buffers = made.buffers
        limit = limit / (1 + SLACK) if limit is not None and stalled else limit
    return made, answer


def limit_of(job: Job) -> float | None:
    """Cycles between frames at the rate that was asked for, None where none was."""
    rate = job.options.target_fps
    return None if rate == NO_TARGET else 1e9 / (float(rate) * job.target.clock_ns)


def quickest(job: Job) -> int:
    """The shortest interval of any legal reuse factors, whether they fit or not, in cycles."""
    made = Design(job, lower(job), snapped(job), unrolled(job))
    folding = fastest(Space(made, asked(job)[1], ()).layers, lambda cost: True, sum)
    assert folding, "without a budget every layer has a choice"
    return max(folding.cycles, *(stage.busy for stage in made.stages if stage.name not in made.reuse))
