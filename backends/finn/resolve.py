"""From a job to its design: the folding that was asked for, or the one that a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from math import floor

from backends.finn import fifos, folding_file
from backends.finn.design import Design, memory_of
from backends.finn.folding import Space, lightest, quickest
from backends.finn.folding_options import FINN, NO_TARGET
from backends.finn.formulas import AUTO
from backends.finn.graph import nodes
from backends.finn.nodes import Node
from backends.finn.schedule import Folding
from backends.finn.search import set_folding, slowest
from backends.protocol import Job, Refusal
from backends.stream import SLACK
from flows.core.digest import digest_of
from models.quantised import QuantisedNetwork

ATTEMPTS = 8
"""Foldings that are tried with FIFOs for full speed, the fastest first."""

_made: dict[str, Design] = {}


def design(job: Job, quantised: QuantisedNetwork) -> Design:
    """What FINN will build for `job` in the arithmetic `quantised`. Made once: all of the backend asks.

    Raises `InputError` where a folding file is not for these nodes.
    """
    key = digest_of([quantised.digest, job.target, job.options])
    if key not in _made:
        _made[key] = _resolved(job, quantised)
    return _made[key]


def refusals(job: Job, quantised: QuantisedNetwork) -> Iterator[Refusal]:
    """A rate beyond reach, or one that is given beside a folding file or missing for FINN's search."""
    options, limit = job.options, limit_of(job)
    if limit is None:
        if options.folding == FINN:
            yield Refusal("--folding finn", "FINN's search needs a rate", "--target-fps 500, or --folding auto")
        return
    if options.folding not in (AUTO, FINN):
        yield Refusal("--target-fps", "a folding file leaves nothing to choose", "leave one of them out")
        return
    made = nodes(quantised)
    if options.folding == FINN:
        fewest = slowest(made, set_folding(made, limit))
    else:
        fewest = max(min(node.cycles(fold) for fold in node.folds) for node in made)
    if fewest > limit:
        highest = floor(1e9 / (fewest * job.target.clock_ns))
        who = "FINN's search reaches" if options.folding == FINN else "all nodes fully parallel take"
        fact = f"{options.target_fps} images/s are beyond reach: {who} {fewest:,} cycles an image, {highest:,} images/s"
        yield Refusal("--target-fps", fact, f"--target-fps {highest}")


def limit_of(job: Job) -> float | None:
    """Cycles between frames at the rate that was asked for, None where none was."""
    rate = job.options.target_fps
    return None if rate == NO_TARGET else 1e9 / (float(rate) * job.target.clock_ns)


def _resolved(job: Job, quantised: QuantisedNetwork) -> Design:
    options, limit = job.options, limit_of(job)
    made = nodes(quantised)
    if options.folding == FINN:
        assert limit is not None, "refused without a rate"
        return Design(job, quantised, set_folding(made, limit))
    if options.folding != AUTO:
        return Design(job, quantised, folding_file.read(options.folding, made))
    if limit is not None:
        return _reaching(job, quantised, made, limit)
    least = Design(job, quantised, {node.name: node.folds[0] for node in made})
    return _fitting(job, quantised, made, True) or _fitting(job, quantised, made, False) or least


def bolder(made: Design) -> Design | None:
    """The fastest that fits by its estimates, whatever their upper bounds say; None where it is no faster."""
    found = _fitting(made.job, made.quantised, made.nodes, False)
    return found if found and found.simulation.interval < made.simulation.interval else None


def _fitting(job: Job, quantised: QuantisedNetwork, made: Sequence[Node], sure: bool) -> Design | None:
    """The fastest that fits with its own FIFOs; those that only let tokens pass serve until it is found."""
    space = Space(made, memory_of(job), job.target.part.device, ())
    depths = fifos.passing(made)

    def linked(folding: Folding) -> Sequence[fifos.Link]:
        return fifos.links(made, folding, depths, job.options.fifo_style)

    for found in islice(quickest(space, sure, linked), ATTEMPTS):
        result = Design(job, quantised, found)
        if replace(space, links=result.links).holds(found, sure):
            return result
    return None


def _reaching(job: Job, quantised: QuantisedNetwork, made: Sequence[Node], limit: float) -> Design:
    """The lightest that reaches the rate with its FIFOs, which may slow it by `SLACK`."""
    space = Space(made, memory_of(job), job.target.part.device, ())
    result = None
    for cycles in (limit, limit / (1 + SLACK)):
        if found := lightest(space, cycles):
            result = Design(job, quantised, found)
            if result.simulation.interval <= limit:
                break
    assert result is not None, "a rate beyond reach is refused"
    return result
