"""What the FINN flow cannot do, said before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from backends.finn.arithmetic import Ungridded, lower
from backends.finn.resolve import refusals
from backends.protocol import Job, Refusal

LEAST, MOST = 2, 8


def check(job: Job) -> Sequence[Refusal]:
    options = job.options
    given = (("--weight-bits", options.weight_bits), ("--activation-bits", options.activation_bits))
    wrong = [Refusal(name, f"{bits} bits", f"{LEAST} to {MOST}") for name, bits in given if not LEAST <= bits <= MOST]
    if wrong:
        return wrong
    try:
        quantised = lower(job)
    except Ungridded as reason:
        nearest = "--weights of quantisation-aware training at these bits (flows train NETWORK --qat)"
        return (Refusal("weights", str(reason), nearest),)
    return tuple(refusals(job, quantised))
