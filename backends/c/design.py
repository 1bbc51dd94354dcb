"""What the flow builds for a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from backends.c.options import AUTO, COptions
from backends.c.program import Program, constant_bytes, program_of
from backends.protocol import Job
from flows.core.part import processor_clock
from models.quantised import QuantisedNetwork


@dataclass(frozen=True, eq=False)
class CDesign:
    job: Job[COptions]
    quantised: QuantisedNetwork

    @cached_property
    def program(self) -> Program:
        return program_of(self.quantised)

    @property
    def constant_bytes(self) -> int:
        return constant_bytes(self.quantised, self.program)

    @property
    def static_bytes(self) -> int:
        """Weights, tables and tensors."""
        return self.constant_bytes + self.program.activation_bytes

    @property
    def cpu_mhz(self) -> float:
        asked = self.job.options.cpu_mhz
        return processor_clock(self.job.target.part).mhz if asked == AUTO else float(asked)

    @property
    def cpu(self) -> str:
        """The processor in words."""
        if self.job.options.cpu_mhz != AUTO:
            return f"one Cortex-A9 at {self.cpu_mhz:g} MHz"
        return f"one Cortex-A9 at {self.cpu_mhz:g} MHz ({processor_clock(self.job.target.part).of})"
