"""What FINN leaves in the ``report`` folder of a build, as evidence (see `backends.amd.finn_reports`)."""

from __future__ import annotations

from backends.amd import finn_reports
from flows.core.evidence import TOTAL
from flows.core.ledger import Entry, Kind

FILES = {
    "post_synth_resources.json": Kind.FINN_BUILD,
    "rtlsim_performance.json": Kind.FINN_SIMULATION,
    "estimate_layer_resources.json": Kind.FINN_ESTIMATE,
    "estimate_network_performance.json": Kind.FINN_ESTIMATE,
}


def entry(content: str, name: str, file: str, digest: str, today: str) -> Entry:
    """Of one of `FILES`. Raises `InputError` where it is damaged, or holds none of what it should."""
    readings = finn_reports.readings_of(content, name, file)
    whole = None
    if (kind := FILES[name]) is Kind.FINN_BUILD:
        whole = any(reading.scope == TOTAL for reading in readings)
    return Entry(file, digest, kind, today, whole=whole, readings=readings)
