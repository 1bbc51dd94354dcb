"""Portable C99 for the ARM cores beside the fabric: the baseline that every review asks for."""

from __future__ import annotations

from backends.c.check import check, resolve
from backends.c.design import CDesign
from backends.c.estimate import estimate
from backends.c.notes import notes
from backends.c.options import COptions
from backends.c.plan import plan
from backends.c.read import observations, read
from backends.protocol import API, Backend

BACKEND: Backend[COptions, CDesign] = Backend(
    api=API,
    name="c",
    about="Portable C99 for the ARM cores beside the fabric: the baseline, with its instructions, time and memory",
    options=COptions,
    check=check,
    resolve=resolve,
    lower=lambda design: design.quantised,
    estimate=estimate,
    notes=notes,
    plan=plan,
    read=read,
    observations=observations,
    on_processor=True,
)
