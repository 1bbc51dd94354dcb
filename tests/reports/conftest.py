"""A document that every report must print without harm."""

import pytest

from flows.core.evidence import Reading
from flows.core.record import Document, StepFacts, Verification
from tests.reports.runs import HOSTILE, document_of, run_of


@pytest.fixture(scope="session")
def hostile() -> Document:
    """A document whose every text would do harm if it were taken for more than a text."""
    run = run_of(HOSTILE, options={HOSTILE: HOSTILE})
    readings = [
        Reading(x.metric, x.value, x.tier, HOSTILE, HOSTILE, HOSTILE if x.scope == "conv1" else x.scope, x.predicts)
        for x in run.readings
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
