"""FINN's own estimates of a design, where finn-plus is at hand: the step that asks for them, and their readings.

They stand beside ours under the same names. finn-plus is in an environment of its own (``nox -s finn`` builds it), and
`TOOL` on PATH starts that environment's interpreter. Where it is absent the step is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.dataflow.space import Solved
from backends.finn.design.design import FinnDesign
from backends.finn.estimate import finn_figures
from backends.finn.handover.step import FOLDER
from flows.core.errors import StepFailed
from flows.core.evidence import Metric, Reading, Tier
from flows.core.plan import Output, Products, Step

VERSION = "1.6.1"
TOOL = f"finn-plus-{VERSION}"
ESTIMATES = Output("finn-plus", "estimates.json")
METRICS = {
    Metric.INTERVAL_CYCLES: "cycles",
    Metric.LUT: "lut",
    Metric.BRAM18: "bram18",
    Metric.DSP: "dsp",
}


def finn_plus_step() -> Step:
    return Step(
        name=ESTIMATES.step,
        about="FINN's streamlining, verification in Python and estimates",
        tool=TOOL,
        argv=(TOOL, "-P", "-m", "backends.finn.workers.finn_plus", VERSION),
        files={"finn": FOLDER},
        makes=(ESTIMATES.file,),
        sources=("backends.finn.workers",),
    )


def read(solved: Solved[FinnDesign], products: Products) -> Sequence[Reading]:
    """A reading of each node and metric; none where finn-plus is absent.

    Raises `StepFailed` where FINN has other nodes than the design.
    """
    path = products.path(ESTIMATES)
    return tuple(_read(solved.design, path)) if path else ()


def _read(design: FinnDesign, path: Path) -> Iterator[Reading]:
    theirs = json.loads(path.read_text())
    if strange := {node.name for node in design.nodes} ^ theirs.keys():
        fact = f"FINN made other nodes of this network than modelled: {', '.join(sorted(strange)[:5])}"
        raise StepFailed(f"step {ESTIMATES.step}", fact, f"look into {path.parent}; the folding is not for this design")
    on = design.job.target.part.device.name
    for node in design.nodes:
        ours = finn_figures(design, node) | {Metric.INTERVAL_CYCLES: node.cycles(design.folding[node.name])}
        for metric, key in METRICS.items():
            value = theirs[node.name][key]
            same = value == ours[metric]
            agreement = "our formula gives the same" if same else f"our formula gives {ours[metric]:,}"
            stage = Tier.RTL_SIMULATED if metric is Metric.INTERVAL_CYCLES else Tier.SYNTHESISED
            source = f"estimate of finn-plus {VERSION}; {agreement}"
            yield Reading(metric, float(value), Tier.MODELLED, on, source, node.name, stage)
