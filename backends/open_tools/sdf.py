"""Delays of a routed design as nextpnr writes them (SDF), and the longest path among them.

nextpnr's own report leaves paths out: those that begin or end in a DSP48E1, of which it knows no delay, and those
through LUTs that share a site, whose pins it takes for pins of both, so that it breaks loops that are none. Its SDF has
the nets and cells all the same; with the slices' own delays (`dsp_timing`) every path is looked at here. ns are used
throughout; of three corners the slow.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

CELL = re.compile(r'\(CELLTYPE "([^"]*)"\)')
INSTANCE = re.compile(r"\(INSTANCE (.*)\)$")
NET = re.compile(r"\(INTERCONNECT (\S+) (\S+) \(([^)]*)\)")
ARC = re.compile(r"\(IOPATH (\S+) (\S+) \(([^)]*)\)")
SETUP = re.compile(r"\(SETUPHOLD \(\w+ (\S+)\) \(\w+ (\S+)\) \(([^)]*)\)")
CLOCK = re.compile(r"CK|W?CLK|CLK[A-Z]+")
ADDRESS = re.compile(r"A[1-6]")
ESCAPED = re.compile(r"\\(.)")


@dataclass
class Delays:
    """By pins, written ``cell/pin``: `edges` lead from one to the next, a clock brings `launched` ones, and `captured`
    ones must be there so long before it. `cells` are kinds by name."""

    edges: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    launched: dict[str, float] = field(default_factory=dict)
    captured: dict[str, float] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)

    def keep(self, inputs: Mapping[str, Set[str]]) -> None:
        """Leaves out nets to address pins of a LUT that it does not read (`netlist.lut_inputs`, by the LUT's name)."""
        for sinks in self.edges.values():
            sinks[:] = [(sink, ns) for sink, ns in sinks if _is_read(sink, inputs)]


@dataclass(frozen=True)
class LongestPath:
    """`ns` from a clock edge to the next that it takes, and the pins that it passes."""

    ns: float
    pins: tuple[str, ...]


def parse(lines: Iterable[str]) -> Delays:
    """Raises `ValueError` where a number is none."""
    delays = Delays()
    cell = kind = ""
    for line in lines:
        if "IOPATH" in line:
            if match := ARC.search(line):
                source, sink, ns = match[1], match[2], _ns(match[3])
                if CLOCK.fullmatch(source):
                    pin = f"{cell}/{sink}"
                    delays.launched[pin] = max(ns, delays.launched.get(pin, 0.0))
                else:
                    delays.edges[f"{cell}/{source}"].append((f"{cell}/{sink}", ns))
        elif "INTERCONNECT" in line:
            if match := NET.search(line):
                delays.edges[_plain(match[1])].append((_plain(match[2]), _ns(match[3])))
        elif "SETUPHOLD" in line:
            if match := SETUP.search(line):
                pin = f"{cell}/{match[1]}"
                delays.captured[pin] = max(_ns(match[3]), delays.captured.get(pin, 0.0))
        elif match := CELL.search(line):
            kind = match[1]
        elif match := INSTANCE.search(line):
            cell = _plain(match[1])
            delays.cells[cell] = kind
    return delays


def longest(delays: Delays, through: Iterable[str] | None = None) -> LongestPath | None:
    """The longest path from a clock edge to the next; of those that begin or end at a cell of `through`, if given.

    None where there is none.
    """
    wanted = None if through is None else set(through)
    best: LongestPath | None = None
    for starts, ends in _searches(delays, wanted):
        arrival, before = _arrivals(delays, starts)
        for pin, setup in ends.items():
            if pin in arrival and (best is None or arrival[pin] + setup > best.ns):
                best = LongestPath(arrival[pin] + setup, tuple(_back(pin, before)))
    return best


def _searches(delays: Delays, wanted: set[str] | None) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """(where paths may start, where they may end): from anywhere to the cells wanted, and from those to anywhere."""
    if wanted is None:
        yield delays.launched, delays.captured
        return
    yield delays.launched, {pin: ns for pin, ns in delays.captured.items() if _cell(pin) in wanted}
    yield {pin: ns for pin, ns in delays.launched.items() if _cell(pin) in wanted}, delays.captured


def _arrivals(delays: Delays, starts: dict[str, float]) -> tuple[dict[str, float], dict[str, str]]:
    """When the latest change reaches each pin, and by which pin it came.

    A path that goes round is followed once.
    """
    reached, waiting = set(starts), list(starts)
    while waiting:
        for sink, _ in delays.edges.get(waiting.pop(), ()):
            if sink not in reached:
                reached.add(sink)
                waiting.append(sink)
    missing: dict[str, int] = defaultdict(int)
    for pin in reached:
        for sink, _ in delays.edges.get(pin, ()):
            missing[sink] += 1
    arrival, before = dict(starts), dict[str, str]()
    ready = [pin for pin in reached if not missing[pin]]
    passed: set[str] = set()
    while len(passed) < len(reached):
        pin = ready.pop() if ready else next(pin for pin in arrival if pin not in passed)
        if pin in passed:
            continue
        passed.add(pin)
        for sink, ns in delays.edges.get(pin, ()):
            if sink not in passed and arrival[pin] + ns > arrival.get(sink, -1.0):
                arrival[sink], before[sink] = arrival[pin] + ns, pin
            missing[sink] -= 1
            if not missing[sink]:
                ready.append(sink)
    return arrival, before


def _back(pin: str, before: dict[str, str]) -> Iterator[str]:
    path = [pin]
    while path[-1] in before:
        path.append(before[path[-1]])
    return reversed(path)


def _is_read(pin: str, inputs: Mapping[str, Set[str]]) -> bool:
    cell, _, port = pin.rpartition("/")
    return cell not in inputs or not ADDRESS.fullmatch(port) or port in inputs[cell]


def _cell(pin: str) -> str:
    return pin.rpartition("/")[0]


def _plain(text: str) -> str:
    return ESCAPED.sub(r"\1", text)


def _ns(triple: str) -> float:
    """The slow corner of a triple of ps.

    >>> _ns("120:135:150")
    0.15
    """
    return float(triple.rpartition(":")[2]) / 1000
