"""Runs made for the tests: flows, parts and readings at will, nothing measured."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from flows.core.evidence import RESOURCES, Metric, Reading, Tier
from flows.core.part import find_part
from flows.core.record import Document, NetworkFacts, Run, StepFacts, Verification, WeightsFacts

D = "0123456789abcdef"
LAYERS = ("conv1", "conv2", "dense", "fifo", "shell")


def make_readings(
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
    found = []
    for metric in RESOURCES:
        value = share * part.available(metric)
        bounds = {"low": value * (1 - spread), "high": value * (1 + spread)}
        found.append(Reading(metric, value, tier, device, "a law", predicts=predicts, **bounds))
        for layer in LAYERS:
            one = value / len(LAYERS)
            found.append(Reading(metric, one, tier, device, "a law of one layer", layer, predicts))
    if fps:
        clock = {"predicts": None if cycles is Tier.MEASURED else cycles}
        how = Tier.MEASURED if cycles is Tier.MEASURED else Tier.MODELLED
        for metric, value in (
            (Metric.THROUGHPUT_FPS, fps), (Metric.INTERVAL_CYCLES, 1e8 / fps),
            (Metric.LATENCY_CYCLES, 1.5e8 / fps), (Metric.LATENCY_US, 1.5e6 / fps),
        ):  # fmt: skip
            found.append(Reading(metric, value, how, "10 ns clock", "a simulation", **clock))
        for place, layer in enumerate(LAYERS[:3]):
            cycles_of_layer = 1e8 / fps / (place + 1)
            found.append(Reading(Metric.INTERVAL_CYCLES, cycles_of_layer, how, "clock", "busy", layer, **clock))
    if accuracy:
        on = "10,000 images"
        known = {"low": accuracy - 0.006, "high": accuracy + 0.006, "n": 10_000}
        found.append(Reading(Metric.ACCURACY, accuracy, Tier.EVALUATED, on, "the reference", **known))
        found.append(Reading(Metric.AGREEMENT, 0.99, Tier.EVALUATED, on, "the reference", n=10_000))
    return tuple(found)


def make_run(
    flow: str = "toy",
    part: str = "xc7z020",
    readings: Sequence[Reading] | None = None,
    options: Mapping[str, str] | None = None,
    quantised: str = D,
    equal: int | None = 16,
    **more: object,
) -> Run:
    steps = (
        StepFacts("build", "done", 1.25, {"g++": "g++ 12.2.0"}, "", None),
        StepFacts("csynth", "skipped", 0.0, {}, "vitis_hls is not on PATH", None),
    )
    settings = dict(options or {"reuse_factor": "64"})
    name = f"{flow}-{part}-{abs(hash((flow, part, tuple(settings.items())))) % 0xFFFFFF:06x}"
    content = {
        "name": name, "flow": flow, "part": find_part(part).full_name, "device": part, "clock_ns": 10.0,
        "options": settings, "weights": WeightsFacts(D, None), "quantised": quantised,
        "readings": make_readings(device=part) if readings is None else tuple(readings),
        "verification": Verification(16, equal, "a simulation"), "steps": steps, "notes": ("a note",), "warnings": (),
        "command": f"python -m flows run {flow} --part {part}", "weight_bits": (8,),
    }  # fmt: skip
    return Run(**(content | more))  # type: ignore[arg-type]


def make_document(*runs: Run, architecture: str = D, name: str = "arch8") -> Document:
    return Document(NetworkFacts(name, 52_622, 19_325_488, architecture), runs)


@pytest.fixture(scope="session")
def readings_of() -> Callable[..., tuple[Reading, ...]]:
    return make_readings


@pytest.fixture(scope="session")
def run_of() -> Callable[..., Run]:
    return make_run


@pytest.fixture(scope="session")
def document_of() -> Callable[..., Document]:
    return make_document


HOSTILE = "<script>alert(1)</script>\x1b[31m\x00|`\u202e\"'&=cmd"


@pytest.fixture(scope="session")
def hostile(run_of: Callable[..., Run], document_of: Callable[..., Document]) -> Document:
    """A document whose every text would do harm if it were taken for more than a text."""
    one = run_of(HOSTILE, options={HOSTILE: HOSTILE})
    readings = [
        Reading(x.metric, x.value, x.tier, HOSTILE, HOSTILE, HOSTILE if x.scope == "conv1" else x.scope, x.predicts)
        for x in one.readings
        if x.n is None
    ]
    steps = (StepFacts(HOSTILE, "skipped", 0.0, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE),)
    return document_of(
        run_of(
            HOSTILE, readings=readings, options={HOSTILE: HOSTILE}, steps=steps, notes=(HOSTILE,), warnings=(HOSTILE,),
            command=HOSTILE, verification=Verification(16, None, HOSTILE),
        ),
        name=HOSTILE,
    )  # fmt: skip
