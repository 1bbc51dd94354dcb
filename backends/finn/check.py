"""What the FINN flow cannot do, said before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from backends.finn.arithmetic import Ungridded, lower
from backends.finn.resolve import refusals
from backends.protocol import Job, Refusal


def check(job: Job) -> Sequence[Refusal]:
    try:
        quantised = lower(job)
    except Ungridded as reason:
        return (
            Refusal("weights", str(reason), "--weights of quantisation-aware training (flows train NETWORK --qat)"),
        )
    return tuple(refusals(job, quantised))
