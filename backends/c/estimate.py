"""Predicted instructions, time and memory of a program; no tool needs to be installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backends.c.design import CDesign
from backends.c.instructions import InstructionModel, cycles, instruction_models, predicted, turns, variant
from flows.core.evidence import TOTAL, Metric, Reading, Tier


def estimate(design: CDesign) -> Sequence[Reading]:
    return tuple(_estimate(design))


def _estimate(design: CDesign) -> Iterator[Reading]:
    if model := model_of(design):
        instructions = _instructions(design, model)
        yield instructions
        yield from times(design, instructions)
    program = design.program
    sizes = (
        (Metric.CONSTANT_BYTES, design.constant_bytes, "weights, biases and the table of pixels, as they are declared"),
        (Metric.ACTIVATION_BYTES, program.activation_bytes, f"{len(program.buffers)} buffers, a window and its sums"),
    )
    for metric, size, source in sizes:
        if size:
            yield Reading(metric, size, Tier.MODELLED, design.cpu, source, TOTAL, Tier.SIMULATED, size, size)


def model_of(design: CDesign) -> InstructionModel | None:
    """None for widths of which no program was counted."""
    return instruction_models().get(variant(design.program))


def _instructions(design: CDesign, model: InstructionModel) -> Reading:
    value = predicted(model, turns(design.quantised, design.program))
    ends = value * model.low, value * model.high
    return Reading(Metric.INSTRUCTIONS, value, Tier.MODELLED, design.cpu, model.source, TOTAL, Tier.SIMULATED, *ends)


def times(design: CDesign, instructions: Reading) -> Iterator[Reading]:
    """Time and rate of the instructions at the processor clock; always modelled, even where instructions are
    counted."""
    low, high = instructions.ends
    each = cycles()
    counts = instructions.value * each.usual, low * each.low, high * each.high
    us = [count / design.cpu_mhz for count in counts]
    source = f"{each.low:g} to {each.high:g} cycles an instruction, {each.usual:g} expected: {each.source}"
    time = Reading(Metric.LATENCY_US, us[0], Tier.MODELLED, design.cpu, source, TOTAL, Tier.MEASURED, us[1], us[2])
    yield time
    rate = [1e6 / time_us for time_us in (us[0], us[2], us[1])]
    yield replace(time, metric=Metric.THROUGHPUT_FPS, value=rate[0], low=rate[1], high=rate[2])
