"""What the RTL flow cannot build, said before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.dataflow.buffers import SRL
from backends.dataflow.layers import check as layers
from backends.protocol import Job, Refusal
from backends.rtl.options import RtlOptions


def check(job: Job[RtlOptions]) -> Sequence[Refusal]:
    return (*layers.check(job), *_storage(job))


def _storage(job: Job[RtlOptions]) -> Iterator[Refusal]:
    if job.options.fifo_storage == SRL:
        fact = "the FIFOs of the library are in LUT RAM, which two bits of 32 words share a LUT of, or in block RAM"
        yield Refusal("--fifo-storage", fact, "--fifo-storage lutram")
