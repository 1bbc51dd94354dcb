"""What the C simulation showed, beside equal integers: how full the FIFOs became that the stream simulation sized."""

from __future__ import annotations

import json
from collections.abc import Sequence

from backends.hls.plan import FIFO_FRAMES, MARKS, SIMULATE
from backends.protocol import Job
from flows.core.plan import Output, Products


def observations(job: Job, products: Products) -> Sequence[str]:
    path = products.path(Output(SIMULATE, MARKS))
    if path is None:
        return ()
    held = json.loads(path.read_text())
    fuller = {name: (most, depth) for name, (most, depth) in held.items() if most > 1}
    words = [f"{name} {most:,} of {depth:,}" for name, (most, depth) in fuller.items()]
    if others := len(held) - len(fuller):
        words.append(f"{'the others' if fuller else 'all'} 1 word ({others})")
    return (
        f"in C simulation {FIFO_FRAMES} frames passed FIFOs of these depths, which held at most: {', '.join(words)}",
    )
