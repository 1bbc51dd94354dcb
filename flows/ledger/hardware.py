"""Bitstreams and hardware handoffs as evidence: what the routed design takes, decoded; its clock and its IP cores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backends.amd.bitstream import archive, count, handoff, packets, prjxray
from backends.amd.bitstream.count import DecodedCounts
from backends.amd.bitstream.handoff import Handoff
from backends.amd.bitstream.packets import Bitstream
from flows.core.errors import SetupError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.ledger import Entry, Kind, same_part

LEAST, MOST = -0.069, 0.003
"""(decoded - published) / published of LUTs, in 24 published totals; the median is -0.008. RAMB18 are equal in 23 of
them, DSP48E1 in 24 (docs/reference/ledger.md)."""
LUT_WORDS = "LUTs that only route through left out; the interval is the error against 24 published totals"
EXACT_WORDS = "equal to {} of 24 published totals"


def database() -> str:
    """Where Project X-Ray's database is, and of which devices; "absent" where it is not."""
    try:
        folder = prjxray.find()
    except SetupError:
        return "absent"
    return f"{folder} ({', '.join(prjxray.supported(folder)) or 'no device'})"


def bitstream_entry(content: bytes, file: str, digest: str, today: str, database: Path | None) -> Entry:
    """Of a ``.bit`` file. Raises `InputError`, and `SetupError` where the database is not here."""
    bitstream = packets.parse(content, file)
    counts = count.count(bitstream, prjxray.load(prjxray.find(database), bitstream, file))
    header = bitstream.header
    facts = {"LUT logic": f"{counts.lut_logic:,}", "LUT RAM": f"{counts.lutram:,}", "SRL": f"{counts.srl:,}"}
    facts |= {"LUTs that only route through": f"{counts.route_through:,}"}
    facts |= {name: said for name, said in (("tool", _tool(header.tool)), ("written", header.date)) if said}
    part = header.part or bitstream.device
    readings = _readings(counts, bitstream, file)
    return Entry(
        file, digest, Kind.BITSTREAM, today, header.design, whole=True, part=part, facts=facts, readings=readings
    )


def archive_entry(content: bytes, file: str, digest: str, today: str, database: Path | None) -> Entry:
    """Of an ``.xsa`` or ``.hdf``: the bitstream in it, with what its handoff says of clock and IP cores."""
    held = archive.parse(content, file)
    entry = bitstream_entry(held.bitstream, f"{file}, {held.name}", digest, today, database)
    if held.handoff is None:
        return entry
    if held.handoff.part and not same_part(entry.part, held.handoff.part):
        fact = f"a bitstream for {entry.part} and a handoff for {held.handoff.part}"
        raise archive.refused(file, fact)
    part = max(entry.part, held.handoff.part, key=len)
    return replace(entry, part=part, clock_ns=_clock_ns(held.handoff), facts={**entry.facts, **_facts(held.handoff)})


def handoff_entry(content: bytes, file: str, digest: str, today: str) -> Entry:
    """Of a ``.hwh``."""
    system = handoff.parse(content, file)
    return Entry(file, digest, Kind.HANDOFF, today, part=system.part, clock_ns=_clock_ns(system), facts=_facts(system))


def _readings(counts: DecodedCounts, bitstream: Bitstream, file: str) -> tuple[Reading, ...]:
    tool, source = _tool(bitstream.header.tool), f"decoded from {file}"
    on = f"{bitstream.header.part or bitstream.device}{f', {tool}' if tool else ''}"
    low, high = counts.lut / (1 + MOST), counts.lut / (1 + LEAST)
    lut = Reading(Metric.LUT, counts.lut, Tier.ROUTED, on, f"{source}; {LUT_WORDS}", low=round(low), high=round(high))
    others = ((Metric.BRAM18, counts.ramb18, 23), (Metric.DSP, counts.dsp, 24))
    return lut, *(
        Reading(metric, value, Tier.ROUTED, on, f"{source}; {EXACT_WORDS.format(n)}", low=value, high=value)
        for metric, value, n in others
    )


def _tool(version: str) -> str:
    return f"Vivado {version}" if version else ""


def _clock_ns(system: Handoff) -> float | None:
    """The period of the only clock from the processing system to the fabric; None with several, of which any may be
    the core's."""
    clocks = set(system.clocks_mhz.values())
    return 1000 / clocks.pop() if len(clocks) == 1 else None


def _facts(system: Handoff) -> dict[str, str]:
    clocks = ", ".join(f"{name} {mhz:g} MHz" for name, mhz in system.clocks_mhz.items())
    ips = ", ".join(name if n == 1 else f"{n} {name}" for name, n in system.ips.items())
    known = (("clocks", clocks), ("IP cores", ips[:2000]), ("board", system.board), ("tool", _tool(system.tool)))
    return {name: said for name, said in known if said}
