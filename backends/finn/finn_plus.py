"""FINN's own estimates of a design, where finn-plus is at hand: the step that asks for them, and their readings.

They stand beside ours under the same names. finn-plus is in an environment of its own (``nox -s finn`` builds it), and
`TOOL` on PATH starts that environment's interpreter. Where it is absent the step is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from backends.finn import formulas
from backends.finn.design import Design
from backends.finn.handover import FOLDER
from backends.finn.nodes import Node
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


def read(made: Design, products: Products) -> Iterator[Reading]:
    """A reading of each node and metric; none where finn-plus is absent.

    Raises `StepFailed` where FINN made other nodes than `made` has.
    """
    path = products.path(ESTIMATES)
    if path is None:
        return
    found = json.loads(path.read_text())
    if strange := {node.name for node in made.nodes} ^ found.keys():
        fact = f"FINN made other nodes of this network than modelled: {', '.join(sorted(strange)[:5])}"
        raise StepFailed(f"step {ESTIMATES.step}", fact, f"look into {path.parent}; the folding is not for this design")
    on = made.job.target.part.device.name
    for node in made.nodes:
        for metric, key in METRICS.items():
            value, ours = found[node.name][key], by_formula(made, node, metric)
            agreement = "our formula gives the same" if value == ours else f"our formula gives {ours:,}"
            stage = Tier.RTL_SIMULATED if metric is Metric.INTERVAL_CYCLES else Tier.SYNTHESISED
            source = f"estimate of finn-plus {VERSION}; {agreement}"
            yield Reading(metric, float(value), Tier.MODELLED, on, source, node.name, stage)


def by_formula(made: Design, node: Node, metric: Metric) -> int:
    """What FINN should say of a node, before it narrows the sums to what the weights can reach."""
    fold = made.folding[node.name]
    match metric:
        case Metric.INTERVAL_CYCLES:
            return node.cycles(fold)
        case Metric.LUT:
            return formulas.lut(node, fold, made.memory)
        case Metric.BRAM18:
            return formulas.bram18(node, fold, made.memory)
    return formulas.dsp(node, fold)
