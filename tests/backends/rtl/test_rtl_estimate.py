"""What is said of a design before anything runs, and of what its simulation counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.dataflow.buffers import BRAM, LUTRAM
from backends.protocol import NoteKind, Unbuildable
from backends.rtl import BACKEND
from backends.rtl.plan import CYCLES
from backends.rtl.simulated import fifo_names
from flows.core.clock import ClockVerdict, judge_clock, seen_on
from flows.core.evidence import DESIGN, TOTAL, Metric, Tier, total
from flows.core.part import find_part
from flows.core.plan import Products, State, StepResult
from models.layers import Conv2D, Dense, Flatten, Softmax
from models.network import INPUT, Network
from tests.backends.hls.networks import SMALL
from tests.backends.rtl.networks import FOLDING, job_on


def test_a_product_is_a_dsp_and_cycles_are_those_of_the_stages(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING, packing="off"))
    readings = BACKEND.estimate(solved)
    dsp, interval = total(readings, Metric.DSP), total(readings, Metric.INTERVAL_CYCLES)
    assert dsp and (dsp.value, dsp.ends) == (23, (23, 23))
    assert interval and (interval.value, interval.stage, interval.low) == (864, Tier.RTL_SIMULATED, None)
    assert total(readings, Metric.FMAX_MHZ) is None
    assert DESIGN not in {reading.scope for reading in readings}


@pytest.mark.parametrize(
    ("part", "clock_ns", "verdict"),
    [
        ("xc7z010", 8.0, ClockVerdict.CREDIBLE),
        ("xc7z010", 7.0, ClockVerdict.AT_RISK),
        ("xc7z020", 8.0, ClockVerdict.CREDIBLE),
        ("xc7z020", 7.0, ClockVerdict.AT_RISK),
    ],
)
def test_a_clock_is_believed_as_far_as_a_design_was_routed(part: str, clock_ns: float, verdict: ClockVerdict) -> None:
    known = seen_on(find_part(part), BACKEND.seen_clocks)
    assert known and judge_clock([known], clock_ns).verdict is verdict


def test_sums_are_as_wide_as_their_weights_need(tmp_path: Path) -> None:
    design = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING)).design
    declared = {name: types.accumulator for name, types in design.quantised.layers.items() if types.kernel}
    assert all(design.sums[name] < (held.width if held else 0) for name, held in declared.items())


def test_fifos_are_in_lut_ram_or_block_ram(tmp_path: Path) -> None:
    usual = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING)).design
    assert {buffer.storage for buffer in usual.buffers} == {LUTRAM}
    in_bram = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING, fifo_storage=BRAM)).design
    assert {buffer.storage for buffer in in_bram.buffers} == {BRAM}


def test_a_word_of_a_window_lies_in_one_column(tmp_path: Path) -> None:
    with pytest.raises(Unbuildable) as error:
        BACKEND.resolve(job_on(SMALL, tmp_path, folding="conv2=3x18"))
    assert (
        "SIMD one of 1, 2, 3, 4, 6, 8, 12:" in error.value.refusals[0].fact
        and error.value.refusals[0].nearest == "conv2=3x12"
    )


def test_a_layer_without_a_module_is_refused(tmp_path: Path) -> None:
    ends_in_image = Network("image", (4, 4, 1), (Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 2),))
    assert "the last stage sends a vector" in BACKEND.check(job_on(ends_in_image, tmp_path))[0].fact
    inner = (Flatten("flat", (INPUT,)), Softmax("soft", ("flat",)), Dense("dense", ("soft",), 2))
    assert BACKEND.check(job_on(Network("soft", (4, 4, 1), inner), tmp_path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"route": "design", "synthesiser": "none"}, "nothing is routed without a synthesiser"),
        ({"bitstream": True}, "there is no bitstream without --route"),
    ],
)
def test_what_was_asked_for_and_does_not_happen_is_a_warning(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    notes = BACKEND.notes(BACKEND.resolve(job_on(SMALL, tmp_path, **options)))
    assert [note.kind for note in notes if said in note.text] == [NoteKind.WARNING]


def ran(folder: Path, **cycles: object) -> Products:
    """A run whose simulation counted these."""
    (folder / CYCLES.file).write_text(json.dumps({"simulator": "Yosys CXXRTL 0.70", **cycles}))
    return Products({CYCLES.step: StepResult(CYCLES.step, State.DONE, folder, 0, {}, "")})


def test_what_the_simulation_counted_is_a_reading_of_its_own_tier(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING))
    fill = {name: solved.design.simulation.fill[fifo] for fifo, name in fifo_names(solved.design).items()}
    products = ran(tmp_path, latency=1057, interval=864, fifos=fill)
    readings = BACKEND.read(solved, products)
    assert {(reading.tier, reading.scope) for reading in readings} == {(Tier.RTL_SIMULATED, TOTAL)}
    values = {reading.metric: reading.value for reading in readings}
    assert values[Metric.INTERVAL_CYCLES] == 864
    assert values[Metric.THROUGHPUT_FPS] == pytest.approx(1e9 / 8640)
    assert all(note.kind is NoteKind.NOTE for note in BACKEND.observations(solved, products))


def test_cycles_that_differ_from_the_stream_simulation_are_a_warning(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING))
    full = dict.fromkeys(fifo_names(solved.design).values(), 40)
    said = BACKEND.observations(solved, ran(tmp_path, latency=1057, interval=870, fifos=full))
    (warned,) = [note.text for note in said if note.kind is NoteKind.WARNING]
    assert "0.7% off" in warned and "870 cycles a frame" in warned
    assert any("held more words than in the stream simulation" in note.text for note in said)


def test_a_skipped_simulation_says_nothing(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job_on(SMALL, tmp_path, folding=FOLDING))
    skipped = Products({CYCLES.step: StepResult(CYCLES.step, State.SKIPPED, None, 0, {}, "g++ is not on PATH")})
    assert list(BACKEND.read(solved, skipped)) == [] and list(BACKEND.observations(solved, skipped)) == []


def test_names_of_verilog_are_no_names_of_layers(tmp_path: Path) -> None:
    dense = (Flatten("wire", (INPUT,)), Dense("module", ("wire",), 3), Dense("reset", ("module",), 2))
    job = job_on(Network("always", (2, 2, 1), dense), tmp_path)
    assert BACKEND.top and BACKEND.top("always") == "layer_always"
    names = set(fifo_names(BACKEND.resolve(replace(job)).design).values())
    assert names == {"receive_image words", "layer_module words", "layer_reset words"}
