"""What a user should know of a folding: how it was found, what it misses, what may be hard to build."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from backends.finn import folding_file
from backends.finn.design import Design
from backends.finn.estimate import readings
from backends.finn.fifos import Buffer, Converter
from backends.finn.folding_options import FINN
from backends.finn.formulas import AUTO
from backends.finn.nodes import MatrixVector
from backends.finn.resolve import bolder, limit_of
from backends.finn.search import WIDEST_WEIGHTS
from flows.core.fit import MARGIN, Verdict, judge


def folding_notes(made: Design) -> Iterator[str]:
    """One line each; the first word "warning:" makes it loud."""
    units = [node for node in made.nodes if isinstance(node, MatrixVector)]
    folds = {node.layer: made.folding[node.name] for node in units}
    yield f"PE x SIMD: {', '.join(f'{layer} {fold.pe} x {fold.simd}' for layer, fold in folds.items())}"
    yield from _search(made)
    wide = [node.layer for node in units if made.folding[node.name].simd * node.weight > WIDEST_WEIGHTS]
    if wide:
        yield (
            f"weights of a PE are wider than the {WIDEST_WEIGHTS} bits of FINN's own search in {', '.join(wide)}: "
            "FINN builds that too, but it may be harder to route"
        )
    buffers = [link for link in made.links if isinstance(link, Buffer)]
    deepest = max(buffers, key=lambda link: link.depth)
    converters = sum(isinstance(link, Converter) for link in made.links)
    blocks = sum(link.bram18 for link in buffers)
    yield (
        f"{len(buffers)} FIFOs in {blocks} RAMB18, the deepest {deepest.depth:,} words of "
        f"{deepest.bits} bits before {deepest.reader}; {converters} width converters"
    )


def _search(made: Design) -> Iterator[str]:
    job, interval = made.job, made.simulation.interval
    device, limit = job.target.part.device, limit_of(job)
    reached = floor(1e9 / (interval * job.target.clock_ns))
    if limit is not None:
        who = "FINN's own search" if job.options.folding == FINN else "the lightest folding"
        yield f"{who} for {job.options.target_fps} images/s"
        if interval > limit:
            yield f"warning: with its FIFOs the design reaches {reached:,} of the {job.options.target_fps} images/s"
    elif job.options.folding != AUTO:
        aside = ", ".join(folding_file.left_aside(job.options.folding))
        left = f"; left aside in it: {aside}; options say the memories, and FIFOs are simulated"
        yield f"the folding is the file's{left if aside else ''}"
    else:
        verdict = judge(readings(made), device).verdict
        free = f"leaves {MARGIN:.0%} of every resource of {device.name} free"
        if verdict is Verdict.FITS:
            yield f"the fastest folding found whose upper bound {free}"
            if faster := bolder(made):
                interval = faster.simulation.interval
                rate = floor(1e9 / (interval * job.target.clock_ns))
                yield f"by its estimates alone a faster one fits, in {interval:,} cycles: --target-fps {rate}"
        elif verdict is Verdict.AT_RISK:
            yield f"the fastest folding found whose estimate {free}; of none is that sure"
        else:
            yield f"warning: no folding {free}; this is the least parallel one"
