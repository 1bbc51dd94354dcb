"""What the C flow refuses, estimates and reads, and how its buffers are shared."""

from __future__ import annotations

import json
import struct
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from backends.c import BACKEND
from backends.c.check import resolve
from backends.c.elf import ProgramMemory, memory
from backends.c.generate.names import TAKEN, layer_names, top_name
from backends.c.instructions import cycles, instruction_models, turns_of
from backends.c.options import NONE
from backends.c.plan import COUNT, EQUAL, NONE_COUNTED, OBJECT
from backends.c.tools import ARM_GCC, QEMU
from flows.conformance.networks import TINY
from flows.core.errors import InputError
from flows.core.evidence import RESOURCES, SOFTWARE, Metric, Tier, total
from flows.core.fit import Verdict, judge
from flows.core.part import Target, find_part
from flows.core.plan import Products, State, StepResult
from flows.jobs import run_name
from models.layers import Conv2D, Dense, GlobalAveragePool
from models.network import INPUT, Network
from tests.backends.c.networks import SMALL, job_on, random_network
from tests.backends.jobs import refusals


def test_more_memory_than_was_asked_for_is_refused_with_what_would_do(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path, memory_kib=1)
    (refusal,) = refusals(BACKEND, job)
    assert refusal.culprit == "--memory-kib" and "1 KiB do not hold" in refusal.fact
    enough = int(refusal.nearest.split()[-1])
    assert not refusals(BACKEND, replace(job, options=replace(job.options, memory_kib=enough)))
    assert refusals(BACKEND, replace(job, options=replace(job.options, memory_kib=enough - 1)))


def test_an_accumulator_that_could_overflow_is_refused(tmp_path: Path) -> None:
    (refusal, *_) = refusals(BACKEND, job_on(SMALL, tmp_path, activation_bits=16, weight_format="Q1.15"))
    assert refusal.culprit == "--accumulator-bits" and refusal.nearest.startswith("--")


def test_the_clock_is_the_boards_or_the_one_that_was_asked_for(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path)
    clocks = {}
    for name in ("pynq-z2", "zybo-z7-10", "zedboard", "xc7z020clg400-3"):
        clocks[name] = resolve(replace(job, target=Target(find_part(name)))).cpu_mhz
    assert clocks == {"pynq-z2": 650.0, "zybo-z7-10": 667.0, "zedboard": 667.0, "xc7z020clg400-3": 866.0}
    assert resolve(replace(job, options=replace(job.options, cpu_mhz="500"))).cpu_mhz == 500.0


def test_boards_with_other_clocks_have_runs_of_their_own(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path)
    boards = [replace(job, target=Target(find_part(name))) for name in ("pynq-z2", "zybo-z7-20", "arty-z7-20")]
    names = [run_name("c", board) for board in boards]
    assert names[0] != names[1] == names[2], "the last two are the same part at the same clock"


def test_time_follows_the_instructions_and_the_clock(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path)
    slow, fast = (
        BACKEND.estimate(resolve(replace(job, options=replace(job.options, cpu_mhz=mhz)))) for mhz in ("400", "800")
    )
    for item in (slow, fast):
        assert not [each for each in item if each.metric in RESOURCES], "a program has no LUTs: absent, not 0"
        us, rate = total(item, Metric.LATENCY_US), total(item, Metric.THROUGHPUT_FPS)
        assert us and rate and us.tier is rate.tier is Tier.MODELLED
        assert rate.value == pytest.approx(1e6 / us.value) and rate.low == pytest.approx(1e6 / us.ends[1])
        assert us.ends[0] < us.value < us.ends[1]
    times = [total(item, Metric.LATENCY_US) for item in (slow, fast)]
    assert times[0] and times[1] and times[0].value == pytest.approx(2 * times[1].value)


def test_a_program_takes_nothing_of_the_fabric(tmp_path: Path) -> None:
    design = resolve(job_on(SMALL, tmp_path))
    fit = judge(BACKEND.estimate(design), find_part("xc7z010").device, clock_ns=10.0)
    assert fit.verdict is Verdict.PROCESSOR and fit.clock is None and not fit.judged


def test_buffers_hold_no_two_tensors_at_once(tmp_path: Path) -> None:
    """Every tensor is still where it was written when its last reader reads it."""
    for seed in range(40):
        program = resolve(job_on(random_network(Random(seed)), tmp_path, seed, accumulator_bits=40)).program
        holds = {program.first: INPUT}
        read: dict[str, str] = {}
        for call in program.calls:
            for name, source in zip(call.layer.inputs, call.sources, strict=True):
                read.setdefault(name, holds[source])
                assert holds[source] == read[name], f"seed {seed}: {name} was overwritten"
            if call.target is not None:
                assert call.target not in call.sources or call.layer.kind in ("add", "relu")
                holds[call.target] = call.tensor


def test_a_chain_of_layers_takes_two_buffers(tmp_path: Path) -> None:
    layers = [Conv2D("conv0", (INPUT,), (3, 3), (1, 1), "same", 4)]
    layers += [Conv2D(f"conv{n}", (f"conv{n - 1}",), (3, 3), (1, 1), "same", 4) for n in range(1, 5)]
    network = Network("chain", (4, 4, 4), (*layers, GlobalAveragePool("gap", ("conv4",)), Dense("dense", ("gap",), 3)))
    assert len(resolve(job_on(network, tmp_path)).program.buffers) == 2


def test_names_are_no_words_of_c_and_no_two_are_alike() -> None:
    words = ["int", "add", "conv2d", "sums", "Conv_1", "conv_1", "main", "value_t", "x_weights", "buffer_0", "str1"]
    layers = [Dense(words[0], (INPUT,), 3)]
    layers += [Dense(name, (before,), 3) for before, name in pairwise(words)]
    network = Network("printf", (3,), tuple(layers))
    names = [*layer_names(network).values(), top_name(network)]
    assert len(set(names)) == len(words) + 1 and not TAKEN & set(names)
    assert not [name for name in names if name.endswith(("_t", "_weights", "_biases"))]


def test_without_arm_the_plan_has_no_step_of_it(tmp_path: Path) -> None:
    design = resolve(job_on(TINY, tmp_path, arm=NONE))
    assert not {step.tool for step in BACKEND.plan(design).steps} & {ARM_GCC, QEMU}
    assert {ARM_GCC, QEMU} <= {step.tool for step in BACKEND.plan(resolve(job_on(TINY, tmp_path))).steps}


def elf(*sections: tuple[int, int, int]) -> bytes:
    """An object of 32 bits with these sections: (type, flags, size)."""
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 1, 40, 1, 0, 0, 52, 0, 52, 0, 0, 40, len(sections), 0)
    rows = (struct.pack("<10I", 0, kind, flags, 0, 0, size, 0, 0, 0, 0) for kind, flags, size in sections)
    return header + b"".join(rows)


def test_the_sections_of_an_object_are_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "network.o"
    path.write_bytes(elf((1, 6, 100), (1, 2, 30), (1, 3, 5), (8, 3, 7), (1, 0, 999), (0x70000001, 2, 8)))
    assert memory(path) == ProgramMemory(code=100, constants=30, written=12)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" * 40, elf((1, 6, 1))[:60], b"\x7fELF\2\1" + bytes(60)])
def test_what_is_no_object_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.o"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no object of 32-bit ARM") as refused:
        memory(path)
    assert refused.value.next_step


def test_what_was_compiled_and_counted_is_read(tmp_path: Path) -> None:
    (tmp_path / OBJECT.file).write_bytes(elf((1, 6, 100), (1, 2, 30), (8, 3, 7)))
    design = resolve(job_on(SMALL, tmp_path))
    counts = {NONE_COUNTED.step: "1000", COUNT.step: "9000"}
    results = {}
    for step in BACKEND.plan(design).steps:
        folder = tmp_path
        if step.name in counts:
            folder = tmp_path / step.name.replace(" ", "_")
            folder.mkdir()
            (folder / COUNT.file).write_text(counts[step.name])
        elif step.name == EQUAL.step:
            (tmp_path / EQUAL.file).write_text("{}")
        done = None if "keras2c" in step.name else folder
        results[step.name] = StepResult(step.name, State.DONE, done, 0.0, {step.tool: f"{step.tool} 1.0"})
    readings = {each.metric: each for each in BACKEND.read(design, Products(results))}
    assert set(readings) == set(SOFTWARE) and readings[Metric.INSTRUCTIONS].value == 2000
    assert all(each.tier is Tier.SIMULATED for each in readings.values())
    assert "qemu-arm 1.0, of 4 images" in readings[Metric.INSTRUCTIONS].source
    (note,) = BACKEND.observations(design, Products(results))
    assert "64 of 64 vectors equal" in note.text


def test_turns_are_those_of_the_loops() -> None:
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 6)
    counts = turns_of(conv, (4, 5, 3), (4, 5, 6))
    assert counts["eights"] == 20 * 1 * 3 and counts["tails"] == 20 * 1 * 3 and counts["singles"] == 20 * 2 * 27
    assert counts["read"] == 20 * 27 and counts["results"] == 20 * 6
    dense = turns_of(Dense("dense", (INPUT,), 4), (2, 4, 2), (4,))
    assert dense == Counter(eights=2, tails=0, fours=1, singles=0, results=4, pixels=1, read=16, reads=1)


def test_every_usual_width_has_a_model_that_says_how_far_it_is_off() -> None:
    for widths in ("8x8+32", "16x8+32", "8x16+32"):
        model = instruction_models()[widths]
        assert 0.6 < model.low < 1 < model.high < 1.4 and "qemu" in model.source


@pytest.mark.parametrize(
    ("bits", "element", "factor"), [(4, 8, 16), (8, 8, 16), (9, 16, 16), (12, 16, 16), (15, 16, 16), (16, 16, 32)]
)
def test_elements_are_no_wider_than_their_tensors(bits: int, element: int, factor: int, tmp_path: Path) -> None:
    design = resolve(job_on(SMALL, tmp_path, activation_bits=bits, accumulator_bits=48))
    program, quantised = design.program, design.quantised
    assert (program.value_bits, program.factor_bits) == (element, factor)
    for call in program.calls:
        type, offset = quantised.type_of(call.tensor), program.offset(quantised.type_of(call.tensor))
        if call.target is not None:
            assert -(1 << element - 1) <= type.low - offset <= type.high - offset < 1 << element - 1, call.tensor


def test_the_cycles_of_an_instruction_are_those_of_the_programs_that_were_timed() -> None:
    rows = json.loads(Path("calibration/rows/c_cycles.json").read_text())["rows"]
    each = [row["cycles"] for row in rows]
    for row in rows:
        assert row["cycles"] == pytest.approx(row["ms"] * 1e3 * row["mhz"] / row["instructions"], abs=1e-3)
    assert (cycles().low, cycles().high) == pytest.approx((min(each), max(each)), abs=0.006)
    assert min(each) < cycles().usual < max(each) and f"{len(each)} programs" in cycles().source
