"""What a csynth report says, and the checks that both of its forms share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backends.amd import tables
from backends.amd.csynth_checks import Module
from backends.amd.tables import count, damaged
from flows.core.evidence import RESOURCES as COUNTED
from flows.core.evidence import Metric

RESOURCES = {
    "BRAM_18K": Metric.BRAM18,
    "DSP": Metric.DSP,
    "DSP48E": Metric.DSP,  # Vivado HLS
    "FF": Metric.FF,
    "LUT": Metric.LUT,
}
"""The columns and elements of a report, with their resources. What a report does not say is absent."""
FIFOS = "FIFO"
"""The name under which a text report sums up the FIFOs between instances."""


@dataclass(frozen=True)
class Csynth:
    """`part` and `tool` are as the report has them; clock periods are in ns, `estimated_ns` before uncertainty.

    `available` is what the part has, by the report; `modules` are absent where it lists none.
    """

    top: Module
    part: str
    tool: str
    clock_ns: float | None
    estimated_ns: float | None
    modules: tuple[Module, ...] = field(default=())
    available: Mapping[Metric, float] = field(default_factory=dict)
    uncertainty_ns: float | None = None


def resources(amounts: Mapping[str, str], place: str) -> dict[Metric, float]:
    """What is known of the resources in a row or element. Raises `InputError` for a blank, which no report has."""
    values = {metric: known(amounts[name], name, place) for name, metric in RESOURCES.items() if name in amounts}
    return {metric: value for metric, value in values.items() if value is not None}


def known(text: str, what: str, place: str) -> float | None:
    """As `tables.count`; raises `InputError` also for a blank: csynth writes "-" or "?" where it knows nothing."""
    if not text.strip():
        raise damaged(place, f"a blank where {what} should be")
    return count(text, place)


def release(version: str | None, place: str) -> str:
    """The year and number of a version, which may have a build behind it. Raises `InputError` where it has none."""
    first = (version or "").partition(" ")[0]
    if not tables.RELEASE.fullmatch(first):
        raise damaged(place, f"{first!r} where the tool's version should be")
    return first


def check_columns(names: Iterable[str], what: str, place: str) -> None:
    """Raises `InputError` unless every resource that is counted has one column, or element, among `names`."""
    held = [RESOURCES[name] for name in names if name in RESOURCES]
    for metric in COUNTED:
        if held.count(metric) != 1:
            known = " or ".join(name for name, counted in RESOURCES.items() if counted is metric)
            raise damaged(place, f"{what} has {held.count(metric) or 'no'} {known}, where every report has one")
