"""What the designs of all flows share."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.budget import usable
from backends.dataflow.buffers import SRL, Buffer
from backends.dataflow.design import BufferedDesign
from backends.dataflow.stages import INPUT, Run, Stage
from backends.dataflow.stream import simulate
from flows.core.evidence import RESOURCES
from flows.core.margins import Margins
from flows.core.part import Target, devices, find_part

FORK = Stage("fork", (INPUT,), (Run(16, 2),))
SLOW = Stage("slow", ("fork",), (Run(8, 1, puts=False), Run(8, 1), Run(8, 3, takes=False)))
JOIN = Stage("join", ("fork", "slow"), (Run(16, 1),))
STAGES = (FORK, SLOW, JOIN)
FIFOS = (("fork", "slow"), ("fork", "join"), ("slow", "join"))


@dataclass(frozen=True, eq=False)
class Skip(BufferedDesign):
    depth: int

    @property
    def stages(self) -> tuple[Stage, ...]:
        return STAGES

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        return tuple(Buffer(*fifo, self.depth, 8, SRL) for fifo in FIFOS)


def test_a_design_is_simulated_with_its_fifos() -> None:
    design = Skip(32)
    assert design.depths == dict.fromkeys(FIFOS, 32)
    assert design.simulation is design.simulation and design.simulation == simulate(STAGES, design.depths)
    assert design.interval == design.simulation.interval


def test_of_a_deadlock_the_interval_is_that_of_the_busiest_stage() -> None:
    design = Skip(2)
    assert design.simulation.deadlock and design.interval == SLOW.busy


@given(st.sampled_from(sorted(devices())), st.floats(0, 0.5), st.floats(0, 1), st.booleans())
def test_the_room_is_the_parts_less_what_is_kept_of_the_margins(
    name: str, margin: float, kept: float, sure: bool
) -> None:
    target = Target(find_part(name), margins=Margins(margin, margin, margin, margin))
    room = usable(target, sure, kept)
    assert room == pytest.approx([devices()[name].available(metric) * (1 - kept * margin) for metric in RESOURCES])
