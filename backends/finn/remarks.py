"""What a user should know of a FINN design."""

from __future__ import annotations

from collections.abc import Sequence

from backends.finn.arithmetic import lower
from backends.finn.estimate import finn_totals
from backends.finn.folding_notes import folding_notes
from backends.finn.resolve import design
from backends.protocol import Job


def notes(job: Job) -> Sequence[str]:
    """One line each; the first word "warning:" makes it loud."""
    quantised = lower(job)
    made = design(job, quantised)
    kernels = {name: types.kernel.name for name, types in quantised.layers.items() if types.kernel}
    own = ", ".join(f"{value:,} {metric.unit}" for metric, value in finn_totals(made).items())
    return (
        *folding_notes(made),
        "the folding of every node is in handover/folding.json",
        f"by FINN's own formulas, which leave FIFOs, DMA and shell out: {own}",
        f"weights by layer: {', '.join(f'{name} {type}' for name, type in kernels.items())}",
        "products, biases, residual sums and the average are exact; quantisers behind ReLUs and shortcuts round",
        "FINN itself was not run: its build needs Vivado, and steps of its own for residual graphs",
    )
