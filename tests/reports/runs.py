"""Runs made for the tests: flows, parts and readings at will, nothing measured."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.part import find_part
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts

D = "0123456789abcdef"
HOSTILE = "<script>alert(1)</script>\x1b[31m\x00|`\u202e\"'&=cmd"
LAYERS = ("conv1", "conv2", "dense", "fifo", "shell")


def readings_of(
    share: float = 0.5,
    device: str = "xc7z020",
    fps: float | None = 500.0,
    accuracy: float | None = 0.83,
    tier: Tier = Tier.MODELLED,
    predicts: Tier | None = Tier.HLS,
    spread: float = 0.05,
    cycles: Tier = Tier.RTL_SIMULATED,
) -> tuple[Reading, ...]:
    """Every resource at `share` of the part with an interval of +- `spread`, spread evenly over `LAYERS`."""
    part = find_part(device).device
    results = []
    for metric in RESOURCES:
        value = share * part.available(metric)
        low, high = value * (1 - spread), value * (1 + spread)
        results.append(Reading(metric, value, tier, device, "a model", predicts=predicts, low=low, high=high))
        for layer in LAYERS:
            number = value / len(LAYERS)
            results.append(Reading(metric, number, tier, device, "a model of one layer", layer, predicts))
    if fps:
        predicted = None if cycles is Tier.MEASURED else cycles
        how = Tier.MEASURED if cycles is Tier.MEASURED else Tier.MODELLED
        for metric, value in (
            (Metric.THROUGHPUT_FPS, fps), (Metric.INTERVAL_CYCLES, 1e8 / fps),
            (Metric.LATENCY_CYCLES, 1.5e8 / fps), (Metric.LATENCY_US, 1.5e6 / fps),
        ):  # fmt: skip
            results.append(Reading(metric, value, how, "10 ns clock", "a simulation", predicts=predicted))
        for place, layer in enumerate(LAYERS[:3]):
            cycles_of_layer = 1e8 / fps / (place + 1)
            results.append(Reading(Metric.INTERVAL_CYCLES, cycles_of_layer, how, "clock", "busy", layer, predicted))
    if accuracy:
        on, low, high = "10,000 images", accuracy - 0.006, accuracy + 0.006
        results.append(
            Reading(Metric.ACCURACY, accuracy, Tier.EVALUATED, on, "the reference", low=low, high=high, n=10_000)
        )
        results.append(Reading(Metric.AGREEMENT, 0.99, Tier.EVALUATED, on, "the reference", n=10_000))
    return tuple(results)


def run_of(
    flow: str = "toy",
    part: str = "xc7z020",
    readings: Sequence[Reading] | None = None,
    options: Mapping[str, str] | None = None,
    quantised: str = D,
    equal: int | None = 16,
    **more: Any,
) -> Run:
    """`more` holds further fields of `Run`, and replaces what the others say."""
    steps = (
        StepFacts("build", "done", 1.25, {"g++": "g++ 12.2.0"}, "", None),
        StepFacts("csynth", "skipped", 0.0, {}, "vitis_hls is not on PATH", None),
    )
    settings = dict(options or {"reuse_factor": "64"})
    name = f"{flow}-{part}-{abs(hash((flow, part, tuple(settings.items())))) % 0xFFFFFF:06x}"
    run = Run(
        name=name, flow=flow, part=find_part(part).full_name, device=part, clock_ns=10.0,
        options=settings, weights=WeightsFacts(D, None), quantised=quantised,
        readings=readings_of(device=part) if readings is None else tuple(readings),
        verification=Verification(16, equal, "a simulation"), steps=steps, notes=("a note",), warnings=(),
        command=f"python -m flows run {flow} --part {part}", weight_bits=(8,),
    )  # fmt: skip
    return replace(run, **more)


def document_of(*runs: Run, architecture: str = D, name: str = "arch8") -> Document:
    return Document(NetworkFacts(name, 52_622, 19_325_488, architecture), runs)
