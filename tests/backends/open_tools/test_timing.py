"""The paths of a routed design through DSP48E1 slices, whose delays nextpnr does not know."""

from __future__ import annotations

import pytest

from backends.open_tools import dsp_timing, fasm, netlist, sdf
from backends.open_tools.fasm import PlacedCounts
from tests.backends.open_tools.stand_ins import FASM, NETLIST, SDF

REGISTERS = {"AREG": f"{1:032b}", "MREG": f"{1:032b}", "PREG": f"{1:032b}"}


def test_delays_of_the_fabric_are_read() -> None:
    path = sdf.longest(sdf.parse(SDF.splitlines()))
    assert path and path.pins == ("first/Q", "last/D")
    assert path.ns == pytest.approx(0.35 + 0.8 + 0.1)


def test_a_path_that_begins_in_a_slice_is_longer() -> None:
    delays = sdf.parse(SDF.splitlines())
    dsp_timing.add(delays, {"dsp": REGISTERS})
    path = sdf.longest(delays, ["dsp"])
    assert path and path.pins == ("dsp/P3", "gate/A1", "gate/O6", "last/D")
    assert path.ns == pytest.approx(0.434 + 4 + 0.15 + 0.5 + 0.1)  # clock to P 0.43 ns


def test_a_slice_without_input_registers_must_take_its_factors_earlier() -> None:
    """A to MREG takes 1.93 ns, A to AREG 0.36."""
    early, late = sdf.parse(SDF.splitlines()), sdf.parse(SDF.splitlines())
    dsp_timing.add(early, {"dsp": {**REGISTERS, "AREG": f"{0:032b}"}})
    dsp_timing.add(late, {"dsp": REGISTERS})
    assert (early.captured["dsp/A0"], late.captured["dsp/A0"]) == (1.928, 0.362)


def test_the_arcs_are_those_of_the_database() -> None:
    combinational = dict.fromkeys(("AREG", "BREG", "CREG", "MREG", "PREG"), "0")
    delays = sdf.parse(SDF.splitlines())
    dsp_timing.add(delays, {"dsp": combinational})
    assert ("dsp/P3", 3.841) in delays.edges["dsp/A0"]


def test_a_design_without_slices_has_no_such_path() -> None:
    assert sdf.longest(sdf.parse(SDF.splitlines()), []) is None


def test_a_path_that_goes_round_is_followed_once() -> None:
    """nextpnr writes the pins of two LUTs that share a site as pins of both."""
    delays = sdf.parse(SDF.replace("first/Q last/D", "gate/O6 gate/A1").splitlines())
    dsp_timing.add(delays, {"dsp": REGISTERS})
    path = sdf.longest(delays, ["dsp"])
    assert path and path.pins == ("dsp/P3", "gate/A1", "gate/O6", "last/D")


def test_pins_of_a_luts_other_half_are_no_pins_of_it() -> None:
    delays = sdf.parse(SDF.splitlines())
    dsp_timing.add(delays, {"dsp": REGISTERS})
    delays.keep({"gate": {"A2"}})
    path = sdf.longest(delays, ["dsp"])
    assert path and path.pins == ("first/Q", "dsp/A0")
    delays = sdf.parse(SDF.splitlines())
    dsp_timing.add(delays, {"dsp": REGISTERS})
    delays.keep({"gate": {"A1"}})
    path = sdf.longest(delays, ["dsp"])
    assert path and path.pins[0] == "dsp/P3"


def test_a_lut_reads_the_pins_that_had_a_name_in_the_netlist() -> None:
    lut = {"type": "SLICE_LUTX", "attributes": {"X_ORIG_PORT_A3": "I0", "X_ORIG_PORT_O6": "O", "X_ORIG_TYPE": "LUT1"}}
    placed = {"modules": {"top": {"cells": {"gate": lut, "flip_flop": {"type": "SLICE_FFX", "attributes": {}}}}}}
    assert netlist.lut_inputs(placed) == {"gate": {"A3", "O6"}}


def test_names_with_escapes_are_those_of_the_netlist() -> None:
    delays = sdf.parse([r"  (INSTANCE u.G\[1\].x\$a)"])
    assert list(delays.cells) == ["u.G[1].x$a"]


def test_sites_are_counted_as_in_a_bitstream() -> None:
    """An empty LUT is none; one that passes a signal on is told apart."""
    assert fasm.placed(FASM) == PlacedCounts(lut=5, passing=1, ramb18=1, dsp=1)


def test_the_harness_reaches_every_port_and_its_cost_is_known() -> None:
    whole, harness = netlist.harnessed(NETLIST, "stage")
    assert (harness.inputs, harness.outputs, harness.ff, harness.lut) == (1, 4, 6, 4)
    (module,) = whole["modules"].values()
    cells = module["cells"]
    kinds = [cell["type"] for name, cell in cells.items() if name.startswith("harness.")]
    assert kinds.count("FDRE") == harness.ff and kinds.count("LUT3") == harness.lut
    assert [kinds.count(pad) for pad in ("IBUF", "OBUF", "BUFG")] == [2, 1, 1]
    assert set(module["ports"]) == {netlist.CLOCK, netlist.SERIAL_IN, netlist.SERIAL_OUT}
    drivers = [
        bit
        for cell in cells.values()
        for pin, bits in cell["connections"].items()
        if cell["port_directions"][pin] == "output"
        for bit in bits
    ]
    assert len(drivers) == len(set(drivers)), "two cells drive one net"
    assert 2 in drivers and 3 in drivers, "the clock and the input of the stage are driven"
    assert all(cell["connections"]["C"] == [2] for cell in cells.values() if cell["type"] == "FDRE")


def test_a_lut_of_the_harness_that_shares_its_site_costs_nothing() -> None:
    places = {"harness.a": "A6", "harness.b": "B6", "logic": "B5", "$PASS$LUT": "A5", "flip_flop": "AFF"}
    cells = {name: {"attributes": {"NEXTPNR_BEL": f"X1Y1/SLICE_X0Y0.{place}LUT"}} for name, place in places.items()}
    placed = {"modules": {"top": {"cells": {**cells, "pad": {"attributes": {}}}}}}
    assert netlist.sites_of_harness(placed, {"harness.a", "harness.b", "logic", "flip_flop"}) == 1


def test_single_port_rams_at_one_address_share_a_cell() -> None:
    def ram(bit: int, address: int) -> dict[str, object]:
        pins = {f"A{at}": [address + at] for at in range(6)} | {"D": [bit], "O": [bit + 50], "WCLK": [2], "WE": [3]}
        return {"type": "RAM64X1S", "parameters": {"INIT": f"{bit:064b}"}, "connections": pins}

    cells = {f"ram{bit}": ram(bit, 200 if bit < 6 else 300) for bit in range(7)}
    content = netlist.without_single_ports({**cells, "other": {"type": "FDRE"}})
    assert [cell["type"] for cell in content.values()] == ["FDRE", "RAM64M", "RAM64M", "RAM64M"]
    first, second, third = list(content.values())[1:]
    assert first["connections"]["ADDRA"] == [200, 201, 202, 203, 204, 205] == first["connections"]["ADDRD"]
    assert [first["connections"][f"DI{lane}"] for lane in "DCBA"] == [[0], [1], [2], [3]]
    assert [first["connections"][f"DO{lane}"] for lane in "DCBA"] == [[50], [51], [52], [53]]
    assert first["parameters"]["INIT_C"] == f"{1:064b}"
    assert "DOB" not in second["connections"] and second["connections"]["DOC"] == [55]
    assert third["connections"]["ADDRB"][0] == 300


@pytest.mark.parametrize("broken", [{}, {"modules": {}}, {"modules": {"stage": {"ports": {}, "cells": {}}}}])
def test_another_netlist_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no module stage with a clock"):
        netlist.harnessed(broken, "stage")
