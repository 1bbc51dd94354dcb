"""What numbers of these widths cannot hold, said before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backends.dataflow.layers.arithmetic import Options, Reach, lower, reaches
from backends.dataflow.layers.options import AS_TRAINED, LEAST, LONGEST, FormatOptions, parse_formats
from backends.protocol import Job, Refusal
from models.quantised import QuantisedNetwork

RESULT = 32
"""Bits of a result of the design."""
BEAT = "a beat of the output stream"


def overflows(job: Job[Options], quantised: QuantisedNetwork, result: str = BEAT) -> Iterator[Refusal]:
    """Accumulators of which it cannot be proven that they hold every sum, and results that `result` (what holds one of
    the design's, in words) does not hold."""
    reached, last = list(reaches(job, quantised)), quantised.output
    for one in reached:
        if one.layer == last and one.bits > RESULT:
            fact = f"its results may take {one.bits} bits, and {result} has {RESULT}"
            yield Refusal(f"layer {one.layer}", fact, _nearest(job, reached))
    if found := [one for one in reached if not one.fits]:
        worst = max(found, key=lambda one: one.bits)
        fact = (
            f"{worst.holds.width} bits cannot hold every sum of {worst.layer}, which may come to "
            f"{max(worst.high, -worst.low):,}: that takes {worst.bits} bits"
        )
        yield Refusal("--accumulator-bits", fact, _nearest(job, reached))


def _nearest(job: Job[Options], reached: Sequence[Reach]) -> str:
    """The nearest options whose sums are all held: wider accumulators, or else shorter numbers."""
    for option, value in _others(job.options, max(one.bits for one in reached)):
        options = replace(job.options, **{option: value})  # type: ignore[arg-type]
        other = replace(job, options=options)
        quantised = lower(other)
        sums, last = list(reaches(other, quantised)), quantised.output
        if all(one.fits and (one.layer != last or one.bits <= RESULT) for one in sums):
            return f"--{option.replace('_', '-')} {value}"
    return "biases that are not so much larger than the weights"


def _others(options: FormatOptions, bits: int) -> Iterator[tuple[str, int | str]]:
    """(option, value) of other arithmetic, the nearest first; `bits` are those of the widest sum."""
    if bits <= LONGEST:
        yield "accumulator_bits", bits
    yield from (("activation_bits", fewer) for fewer in range(options.activation_bits - 1, LEAST - 1, -1))
    usual, layers = parse_formats(options.weight_format)
    if not layers:
        shorter = range(usual.fraction - 1, LEAST - usual.integer - 1, -1)
        yield from (("weight_format", f"Q{usual.integer}.{fraction}") for fraction in shorter if fraction >= 0)
    yield "weight_scale", AS_TRAINED
