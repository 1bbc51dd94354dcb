"""One run as a report sees it: judged against its part, with a label that tells it from its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from flows.core.evidence import (
    AT_ASKED_CLOCK,
    RESOURCES,
    SOFTWARE,
    TOTAL,
    Metric,
    Reading,
    Subject,
    Tier,
    nearest,
)
from flows.core.fit import Fit, Verdict, headlines, judge
from flows.core.margins import Margins
from flows.core.part import Device, devices
from flows.core.record import Run
from reports.words import NONE_TAKEN, SHARES, amount, beside, stage_name

SYSTEM = (Metric.SYSTEM_FPS, Metric.SINGLE_FPS)
"""Rates with driver and DMA, which a program needs none of."""


@dataclass(frozen=True)
class Evidence:
    """What two numbers must share to be ranked: how they are known, of which stage, for fractions on which images."""

    tier: Tier
    stage: Tier
    on: str

    def __str__(self) -> str:
        words = stage_name(self.tier)
        words += "" if self.tier is self.stage else f" for {stage_name(self.stage)}"
        return f"{words}, {self.on}" if self.on else words


def evidence_of(reading: Reading) -> Evidence:
    return Evidence(reading.tier, reading.stage, reading.on if reading.metric in SHARES else "")


@dataclass(frozen=True)
class Design:
    run: Run
    label: str
    device: Device
    fit: Fit

    @cached_property
    def totals(self) -> dict[Metric, Reading]:
        """One reading a metric: the one that is judged, and where no accuracy of the design is known another's."""
        shown = {reading.metric: reading for reading in nearest(self.run.readings) if reading.scope == TOTAL}
        clock = {Metric.FMAX_MHZ: self.fit.clock.reading} if self.fit.clock and self.fit.clock.reading else {}
        return shown | clock | headlines(self.run.readings, self.fit)

    @property
    def judged(self) -> list[Reading]:
        """The resources that are known, on which the fit is judged."""
        return [self.totals[metric] for metric in RESOURCES if metric in self.totals]

    def beside(self, metric: Metric) -> str:
        """What else is known of a total: csynth's count, what a model said, what a rate would be at the clock asked
        for; empty where nothing is."""
        shown = self.totals.get(metric)
        others = beside(self.run.readings, shown) if shown else ""
        return "; ".join(filter(None, (self.at_asked_clock(metric), others)))

    def at_asked_clock(self, metric: Metric) -> str:
        """A rate or a time at the clock asked for, where the total is at another: that one is missed, or at risk."""
        readings = (
            reading
            for reading in nearest(self.run.readings)
            if reading.scope == AT_ASKED_CLOCK and reading.metric is metric
        )
        asked = next(readings, None)
        return f"{amount(asked)} at the {1000 / self.run.clock_ns:,.4g} MHz asked for" if asked else ""

    def share(self, metric: Metric) -> float | None:
        """The part of a resource that the design takes, 1 for all of it; None where it is unknown."""
        reading = self.totals.get(metric)
        return reading.value / self.device.available(metric) if reading else None

    @cached_property
    def accuracy(self) -> Reading | None:
        """Its own; None where only the float network's is known, which is another arithmetic."""
        reading = self.totals.get(Metric.ACCURACY)
        return reading if reading and reading.of is Subject.DESIGN else None

    def known(self, metric: Metric) -> Reading | None:
        """What is known of the design itself: an accuracy of the float network is none."""
        return self.accuracy if metric is Metric.ACCURACY else self.totals.get(metric)

    @cached_property
    def bottleneck(self) -> tuple[Reading, ...]:
        """The layers with the longest interval, all of them where several share it."""
        intervals = [
            reading
            for reading in nearest(self.run.readings)
            if reading.metric is Metric.INTERVAL_CYCLES and reading.scope != TOTAL and not reading.at_least
        ]
        longest = max((interval.value for interval in intervals), default=0)
        return tuple(interval for interval in intervals if interval.value == longest)

    @property
    def is_program(self) -> bool:
        """Whether it runs on the processor."""
        return self.fit.verdict is Verdict.PROCESSOR

    def absent(self, metric: Metric) -> str:
        """What stands where there is no reading: unknown, or nothing to know."""
        of_fabric = (*RESOURCES, Metric.LATENCY_CYCLES, Metric.INTERVAL_CYCLES, *SYSTEM)
        return NONE_TAKEN if metric in (of_fabric if self.is_program else SOFTWARE) else "unknown"

    @property
    def place(self) -> str:
        return f"{self.label} on {self.device.name}"

    @property
    def weight_bits(self) -> str:
        return ", ".join(str(width) for width in self.run.weight_bits) or "unknown"

    @property
    def proof(self) -> str:
        verification = self.run.verification
        if self.run.refuted:
            return f"refuted: {'; '.join(self.run.refuted)}"
        if verification is None:
            return "nothing was built"
        if verification.equal is None:
            return f"{verification.against} did not run"
        equal = f"{verification.equal} of {verification.vectors} vectors equal as integers"
        return f"{equal}: {verification.against} against the exact reference"

    @property
    def versions(self) -> str:
        """Tools and packages of all its steps, each once."""
        by_name = {name: version for step in self.run.steps for name, version in step.versions.items()}
        return (
            ", ".join(version if name in version else f"{name} {version}" for name, version in by_name.items())
            or "not recorded"
        )

    @property
    def ancestor(self) -> str:
        """The weights that these were derived from, or their own."""
        return self.run.weights.derived_from or self.run.weights.digest

    @property
    def proven(self) -> bool:
        return self.run.proven


def designs_of(runs: Sequence[Run], margins: Margins | None = None) -> tuple[Design, ...]:
    """Judged with the margins that each run kept to, or with these."""
    return tuple(
        Design(run, label, device, judge(run.readings, device, margins or run.margins, run.clock_ns))
        for run, label, device in zip(runs, _labels(runs), (devices()[run.device] for run in runs), strict=True)
    )


def _labels(runs: Sequence[Run]) -> list[str]:
    """The flow, with clock and options wherever runs of it differ on one part; the run's name where that is not enough.

    An option stands in the label of every run of the flow as soon as two of them differ in it.
    """
    labels = []
    for run in runs:
        varying = _varying([_settings(other) for other in runs if other.flow == run.flow and other.part == run.part])
        settings = _settings(run) | {"weights": _weights(run)}
        words = [f"{name.replace('_', '-')} {value}" for name, value in settings.items() if name in varying]
        labels.append(f"{run.flow} ({', '.join(words)})" if words else run.flow)
    places = [(run.part, label) for run, label in zip(runs, labels, strict=True)]
    return [
        f"{label} [{run.name}]" if places.count((run.part, label)) > 1 else label
        for run, label in zip(runs, labels, strict=True)
    ]


def _settings(run: Run) -> dict[str, str]:
    return {**run.options, "clock": f"{run.clock_ns:g} ns", "weights": run.weights.digest}


def _weights(run: Run) -> str:
    """The name of their file where it is one word, so that it cannot be taken for more than that; else their digest."""
    name = run.weights.name
    return name if re.fullmatch(r"[\w.+-]{1,60}", name) else run.weights.digest


def _varying(settings: Iterable[dict[str, str]]) -> set[str]:
    values: dict[str, set[str]] = {}
    for setting in settings:
        for name, value in setting.items():
            values.setdefault(name, set()).add(value)
    return {name for name, seen in values.items() if len(seen) > 1}
