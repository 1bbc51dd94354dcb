"""FIFOs of hls4ml designs: depths that let every schedule pass, and storage that takes what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backends.dataflow.buffers import BRAM, LUTRAM, SRL, Buffer
from backends.dataflow.stream import simulate
from backends.hls4ml.design import Held, chosen_by
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.routed import fifo_cost
from backends.hls4ml.schedule import QUICKEST, slowest
from backends.protocol import Job
from flows.core.evidence import Metric
from models.network import Network
from models.zoo import ARCH8
from tests.backends.hls4ml.answers import design_of

SKIP = ("clone input", "block1_shortcut")


@pytest.mark.parametrize("reuse", ["auto", "27", "252", "9,block1_conv2=252"])
def test_simulated_depths_pass_at_any_pace_and_cost_no_speed(
    job_of: Callable[..., Job[Hls4mlOptions]], reuse: str
) -> None:
    design = design_of(job_of(ARCH8, reuse_factor=reuse))
    depths = design.depths
    for pace in (QUICKEST, slowest("vitis")):
        assert simulate(design.stages_at(pace), depths).deadlock is None
    assert design.interval <= 1.01 * max(stage.busy for stage in design.stages)
    assert design.interval == simulate(design.stages, depths, frames=6).interval
    assert max(depths, key=lambda fifo: depths[fifo]) == SKIP, "the skip is kept on its three-channel side"


def test_one_token_less_than_the_skip_needs_deadlocks(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    """The fewest that pass are what two windows of rows take; the design has some to spare."""
    design = design_of(job_of(ARCH8))
    depths = design.depths
    fewest = next(
        depth for depth in range(depths[SKIP]) if simulate(design.stages, {**depths, SKIP: depth}, 2).deadlock is None
    )
    assert 32 < fewest < depths[SKIP]
    deadlock = simulate(design.stages, {**depths, SKIP: fewest - 1}, 2).deadlock
    assert deadlock and SKIP in deadlock.full


def test_hls4mls_own_depth_is_a_frame(tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    design = design_of(job_of(tiny, fifo_depth="hls4ml", fifo_storage="tool"))
    assert {buffer.depth for buffer in design.buffers} == {64, 100, 16, 1}
    assert {buffer.depth for buffer in design_of(job_of(tiny, fifo_depth="70")).buffers} == {70}


@pytest.mark.parametrize(
    ("storage", "luts", "brams"), [(SRL, 3 * 4, 0), (LUTRAM, 3 * 8, 0), (BRAM, 0, 3), ("tool", 3 * 4, 0)]
)
def test_vivado_makes_a_lane_a_channel(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], storage: str, luts: int, brams: int
) -> None:
    design = design_of(job_of(tiny, backend="vivado", fifo_depth="16", fifo_storage=storage, precision="ap_fixed<8,4>"))
    first = design.buffers[0]
    assert (first.lanes, first.bits, first.luts, first.bram18) == (3, 8, luts, brams)


def test_storage_is_the_smallest_share_of_the_part(job_of: Callable[..., Job[Hls4mlOptions]]) -> None:
    device = job_of(ARCH8).target.part.device

    def share(buffer: Buffer) -> float:
        return Held(buffer).luts / device.lut + buffer.bram18 / device.bram18

    chosen = design_of(job_of(ARCH8, fifo_depth="hls4ml")).buffers
    for way in (SRL, LUTRAM, BRAM):
        for ours, other in zip(
            chosen, design_of(job_of(ARCH8, fifo_depth="hls4ml", fifo_storage=way)).buffers, strict=True
        ):
            assert share(ours) <= share(other)
    assert {buffer.storage for buffer in chosen} == {LUTRAM, BRAM, SRL}


def test_vivado_has_the_last_word_on_free_fifos() -> None:
    """fastmachinelearning/hls4ml-live-demo: 64 FIFOs of 100 bytes are in shift registers, where csynth counts RAMs."""
    counted = Buffer("a", "b", 100, 8, BRAM, 64)
    for free, brams in ((False, 64), (True, 0)):
        (amount,) = fifo_cost(counted, free)[Metric.BRAM18]
        assert amount and amount.value == brams


def test_the_tools_choose_by_their_own_rules() -> None:
    assert [chosen_by("vitis", *size) for size in ((2, 900), (25, 40), (64, 16))] == [SRL, SRL, BRAM]
    assert [chosen_by("vivado", *size) for size in ((32, 16), (33, 16))] == [SRL, BRAM]
