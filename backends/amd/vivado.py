"""What every report of Vivado's has: the box at its head."""

from __future__ import annotations

from dataclasses import dataclass

from backends.amd.tables import RELEASE, damaged, only_field

UNROUTED = ("Synthesized", "Optimized", "Fully Placed", "Physopt postPlace")
ROUTED = ("Routed", "Fully Routed", "Physopt postRoute")


@dataclass(frozen=True)
class Head:
    """`state` is Vivado's word, None where the report has none, as timing reports had until 2022."""

    top: str
    part: str
    tool: str
    state: str | None


def head(text: str, place: str) -> Head:
    """Raises `InputError` where it is no report of Vivado's, or where two stand in one file."""
    names = ("Tool Version", "Command", "Design", "Device", "Design State")
    tool, _, top, part, state = (only_field(text, name, place) for name in names)
    if top is None or part is None or tool is None or not tool.startswith("Vivado"):
        raise damaged(place, "no report of Vivado's: it does not name its design, device and tool")
    release = [*tool.split(), ""][1].removeprefix("v.")
    if not RELEASE.fullmatch(release):
        raise damaged(place, f"{release!r} where the version of Vivado should be")
    return Head(top, part, f"Vivado {release}", state)
