"""What a user should know of a FINN design."""

from __future__ import annotations

from collections.abc import Sequence

from backends.finn.arithmetic import lower
from backends.finn.estimate import finn_totals
from backends.finn.finn_plus import ESTIMATES, TOOL
from backends.finn.folding_notes import folding_notes
from backends.finn.resolve import design
from backends.protocol import Job
from models.grids import grid


def notes(job: Job) -> Sequence[str]:
    """One line each; the first word "warning:" makes it loud."""
    quantised = lower(job)
    made = design(job, quantised)
    kernels = [
        f"{name} {bits} bits at {_scales(job, name) if name in quantised.code_bits else 'one scale'}"
        for name, bits in quantised.weight_bits.items()
    ]
    own = ", ".join(f"{value:,} {metric.unit}" for metric, value in finn_totals(made).items())
    return (
        *folding_notes(made),
        "what FINN's dataflow builder needs, with steps of its own for residual graphs, is in handover/finn",
        f"by FINN's own formulas, which leave FIFOs, DMA and shell out: {own}",
        f"weights by layer: {', '.join(kernels)}",
        "products, biases, residual sums and the average are exact; quantisers behind ReLUs and shortcuts round",
        "FINN's build was not run: it needs Vivado",
        f"FINN's own figures of each node (`flows show` sets them beside ours), and its proof that its graphs are this "
        f"network, come with step {ESTIMATES.step}; they are lost where {TOOL} is not on PATH (nox -s finn makes it)",
    )


def _scales(job: Job, layer: str) -> str:
    return grid(job.weights.tensors()[f"{layer}/kernel"]).words
