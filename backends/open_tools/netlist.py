"""A netlist in Yosys' JSON form, put between shift registers: nextpnr places nothing whose ports have no pins.

Every input comes from a flip-flop of one long shift register, and every output is taken over by another: three pins
are enough for any module. What that costs is known exactly, and taken off again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

TOP = "harness"
CLOCK, SERIAL_IN, SERIAL_OUT = "harness_clk", "harness_in", "harness_out"
PINS = {"clg225": ("L12", "K11", "N11"), "clg400": ("H16", "J18", "L16"), "clg484": ("AA9", "AA6", "AA8")}
"""Pins for them by the package, the first of them for a clock (package_pins.csv of Project X-Ray)."""
TAKE_OR_SHIFT = "11001010"
"""A LUT3 that gives its second input where the third is 1, else its first."""

LUT_PLACE = re.compile(r"(.*\.)([A-D])[56]LUT")
"""Where a LUT is: X117Y1/SLICE_X0Y0.D6LUT."""
SITE_LUT, ORIGIN = "SLICE_LUTX", "X_ORIG_PORT_"
"""What nextpnr calls a LUT, and the attributes that tell which pin of the netlist a pin of it was."""
Bit = int | str


@dataclass(frozen=True)
class Harness:
    """What the shift registers take: a flip-flop a bit and a LUT for every output."""

    inputs: int
    outputs: int

    @property
    def ff(self) -> int:
        return self.inputs + 1 + self.outputs

    @property
    def lut(self) -> int:
        return self.outputs


def constraints(package: str) -> str:
    """Where the three pins are. Raises `KeyError` for a package that no pins are known of."""
    lines = []
    for port, pin in zip((CLOCK, SERIAL_IN, SERIAL_OUT), PINS[package], strict=True):
        lines += [f"set_property LOC {pin} [get_ports {port}]", f"set_property IOSTANDARD LVCMOS33 [get_ports {port}]"]
    return "\n".join([*lines, ""])


def harnessed(netlist: Mapping[str, Any], module: str, clock: str = "clk") -> tuple[dict[str, Any], Harness]:
    """(the netlist with shift registers at all ports of `module`, what they take).

    Raises `ValueError` where there is no such module, or no such clock of one bit among its inputs.
    """
    try:
        inner = netlist["modules"][module]
        ports, cells = inner["ports"], without_single_ports(inner["cells"])
        (clk,) = ports[clock]["bits"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"no module {module} with a clock {clock!r} in the netlist") from None
    fresh = iter(range(1 + max(_numbers(inner)), 1 << 62))
    inputs = [
        bit for name, port in ports.items() if port["direction"] == "input" and name != clock for bit in port["bits"]
    ]
    outputs = [bit for port in ports.values() if port["direction"] == "output" for bit in port["bits"]]

    def cell(name: str, kind: str, parameters: Mapping[str, str], **pins: Bit) -> None:
        out = {"O", "Q"}
        cells[f"{TOP}.{name}"] = {
            "hide_name": 0,
            "type": kind,
            "parameters": dict(parameters),
            "attributes": {},
            "port_directions": {pin: "output" if pin in out else "input" for pin in pins},
            "connections": {pin: [bit] for pin, bit in pins.items()},
        }

    clock_pin, in_pin, out_pin, clock_in, first = (next(fresh) for _ in range(5))
    cell("clock_pad", "IBUF", {}, I=clock_pin, O=clock_in)
    cell("clock_buffer", "BUFG", {}, I=clock_in, O=clk)
    cell("in_pad", "IBUF", {}, I=in_pin, O=first)
    takes = next(fresh)
    before: Bit = first
    for at, bit in enumerate([*inputs, takes]):
        cell(f"in_{at}", "FDRE", {"INIT": "0"}, C=clk, CE="1", D=before, R="0", Q=bit)
        before = bit
    before = "0"
    for at, bit in enumerate(outputs):
        chosen, kept = next(fresh), next(fresh)
        given = "0" if bit == "x" else bit
        cell(f"choose_{at}", "LUT3", {"INIT": TAKE_OR_SHIFT}, I0=before, I1=given, I2=takes, O=chosen)
        cell(f"out_{at}", "FDRE", {"INIT": "0"}, C=clk, CE="1", D=chosen, R="0", Q=kept)
        before = kept
    cell("out_pad", "OBUF", {}, I=before, O=out_pin)
    pins = {CLOCK: ("input", clock_pin), SERIAL_IN: ("input", in_pin), SERIAL_OUT: ("output", out_pin)}
    whole = {
        **inner,
        "attributes": {**inner.get("attributes", {}), "top": "1"},
        "ports": {name: {"direction": way, "bits": [bit]} for name, (way, bit) in pins.items()},
        "cells": cells,
    }
    return {**netlist, "modules": {TOP: whole}}, Harness(len(inputs), len(outputs))


def without_single_ports(cells: Mapping[str, Any]) -> dict[str, Any]:
    """`cells` with four RAM64X1S at one address made one RAM64M, which takes as many LUTs: nextpnr 0.11 ends with a
    failed assertion at the former."""
    groups: dict[tuple[Bit, ...], list[str]] = {}
    for name, cell in cells.items():
        if cell["type"] == "RAM64X1S":
            pins = cell["connections"]
            shared = tuple(pins[pin][0] for pin in (*(f"A{bit}" for bit in range(6)), "WCLK", "WE"))
            groups.setdefault(shared, []).append(name)
    merged = {name: cell for name, cell in cells.items() if cell["type"] != "RAM64X1S"}
    for (*address, clock, enable), names in groups.items():
        for first in range(0, len(names), 4):
            four = names[first : first + 4]
            pins = {f"ADDR{lane}": list(address) for lane in "ABCD"} | {"WCLK": [clock], "WE": [enable]}
            contents = {}
            # The last LUT is the one that is written by its own address: it is always there.
            for lane in "DCBA"[len(four) :]:
                pins[f"DI{lane}"] = ["0"]
            for lane, single in zip("DCBA", four, strict=False):
                pins[f"DI{lane}"] = cells[single]["connections"]["D"]
                pins[f"DO{lane}"] = cells[single]["connections"]["O"]
                contents[f"INIT_{lane}"] = cells[single]["parameters"].get("INIT", "0" * 64)
            merged[four[0]] = {
                "hide_name": 0,
                "type": "RAM64M",
                "parameters": contents,
                "attributes": {},
                "port_directions": {pin: "output" if pin.startswith("DO") else "input" for pin in pins},
                "connections": pins,
            }
    return merged


def parameters(netlist: Mapping[str, Any], kind: str) -> dict[str, dict[str, str]]:
    """What the cells of a kind are set to, by their names: numbers as Yosys writes them, in bits."""
    (module,) = netlist["modules"].values()
    return {name: cell["parameters"] for name, cell in module["cells"].items() if cell["type"] == kind}


def sites_of_harness(placed: Mapping[str, Any], cells: Set[str]) -> int:
    """LUT sites that hold LUTs of the shift registers and none of the stage: two small LUTs share a site.

    `placed` is what nextpnr writes, with the place of every cell; `cells` are those of the netlist, since LUTs that
    nextpnr made to pass a signal on count elsewhere.
    """
    sites: dict[bool, set[str]] = {True: set(), False: set()}
    for module in placed["modules"].values():
        for name, cell in module["cells"].items():
            place = str(cell["attributes"].get("NEXTPNR_BEL", ""))
            if name in cells and (match := LUT_PLACE.fullmatch(place)):
                sites[name.startswith(f"{TOP}.")].add(f"{match[1]}{match[2]}")
    return len(sites[True] - sites[False])


def lut_inputs(placed: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The address pins that each LUT reads, as nextpnr placed it. Where two LUTs share a site, it writes the pins of
    either as pins of both; those of its own bear the name that they had in the netlist."""
    return {
        name: frozenset(key.removeprefix(ORIGIN) for key in cell["attributes"] if key.startswith(ORIGIN))
        for module in placed["modules"].values()
        for name, cell in module["cells"].items()
        if cell["type"] == SITE_LUT
    }


def _numbers(module: Mapping[str, Any]) -> Iterator[int]:
    yield 1
    for port in module["ports"].values():
        yield from (bit for bit in port["bits"] if isinstance(bit, int))
    for cell in module["cells"].values():
        for bits in cell["connections"].values():
            yield from (bit for bit in bits if isinstance(bit, int))
    for net in module.get("netnames", {}).values():
        yield from (bit for bit in net["bits"] if isinstance(bit, int))
