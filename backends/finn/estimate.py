"""What a FINN design will cost by our laws, with no tool installed: totals, then nodes by layer, FIFOs, shell.

Resources foretell place and route. FINN's own figures, which leave out what FINN leaves out, stand in the source of
each node's reading and in `formulas`. Cycles are FINN's for each node; those of the whole design are simulated with
the FIFOs that it has. There is no reading of the clock frequency: nothing here knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import sqrt

from backends.cost import shell
from backends.finn import formulas, laws
from backends.finn.design import Design
from backends.finn.fifos import Buffer
from backends.finn.laws import Amount, Amounts
from backends.finn.nodes import Node
from backends.finn.resolve import design
from backends.protocol import Job
from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from models.quantised import QuantisedNetwork

FIFO, CONVERTER, SHELL = "fifo", "width converters", shell.SCOPE
PREDICTS = Tier.ROUTED


def estimate(job: Job, quantised: QuantisedNetwork) -> tuple[Reading, ...]:
    """Readings of the design that `job` asks for in the arithmetic `quantised`.

    Raises `InputError` where the folding file is not for this network.
    """
    return readings(design(job, quantised))


@lru_cache(maxsize=16)
def readings(made: Design) -> tuple[Reading, ...]:
    """Of a design whose folding is known. A scope is a node by FINN's name, or one of those above."""
    parts = [(node.name, laws.of_node(node, made.folding[node.name], made.memory)) for node in made.nodes]
    parts += [(FIFO if isinstance(link, Buffer) else CONVERTER, laws.of_link(link)) for link in made.links]
    parts.append((SHELL, {metric: laws.exact(value, shell.SOURCE) for metric, value in shell.shell().items()}))
    scopes: dict[str, list[Amounts]] = {}
    for scope, amounts in parts:
        scopes.setdefault(scope, []).append(amounts)
    on = made.job.target.part.device.name
    everything = [amounts for group in scopes.values() for amounts in group]
    found = [_sum(metric, everything, TOTAL, on) for metric in RESOURCES]
    found += _timing(made)
    nodes = {node.name: node for node in made.nodes}
    for scope, group in scopes.items():
        note = _by_finn(made, nodes[scope]) if scope in nodes else {}
        found += [_sum(metric, group, scope, on, note.get(metric, "")) for metric in RESOURCES]
        if scope in nodes:
            cycles = nodes[scope].cycles(made.folding[scope])
            source = f"FINN's cycles of one frame; {nodes[scope].layer}, {_fold(made, nodes[scope])}"
            found.append(Reading(Metric.INTERVAL_CYCLES, cycles, Tier.MODELLED, on, source, scope, Tier.RTL_SIMULATED))
    return tuple(reading for reading in found if reading is not None)


def finn_totals(made: Design) -> dict[Metric, int]:
    """FINN's own sums over its nodes: no FIFOs, converters or shell, and no FFs."""
    sums = [_finn(made, node) for node in made.nodes]
    return {metric: sum(one[metric] for one in sums) for metric in (Metric.LUT, Metric.BRAM18, Metric.DSP)}


def _finn(made: Design, node: Node) -> dict[Metric, int]:
    fold = made.folding[node.name]
    return {
        Metric.LUT: formulas.lut(node, fold, made.memory),
        Metric.BRAM18: formulas.bram18(node, fold, made.memory),
        Metric.DSP: formulas.dsp(node, fold),
    }


def _by_finn(made: Design, node: Node) -> dict[Metric, str]:
    return {metric: f"; FINN's formula says {value}" for metric, value in _finn(made, node).items()}


def _fold(made: Design, node: Node) -> str:
    fold = made.folding[node.name]
    values = {"PE": fold.pe, "SIMD": fold.simd}
    return ", ".join(f"{key} {values[key]}" for key in node.attributes if key in values)


def _timing(made: Design) -> Iterator[Reading]:
    """Latency of the first frame, and the interval once the pipeline is full."""
    run, clock_ns = made.simulation, made.job.target.clock_ns
    on = f"{clock_ns:g} ns clock"
    source = f"stream simulation with the FIFOs of this design; the bottleneck is {run.bottleneck}"
    asked = f"{source}; at the clock asked for, met or not"
    for metric, value, said in (
        (Metric.LATENCY_CYCLES, run.latency, source),
        (Metric.INTERVAL_CYCLES, run.interval, source),
        (Metric.LATENCY_US, run.latency * clock_ns / 1e3, asked),
        (Metric.THROUGHPUT_FPS, 1e9 / (run.interval * clock_ns), asked),
    ):
        yield Reading(metric, value, Tier.MODELLED, on, said, TOTAL, Tier.RTL_SIMULATED)


def _sum(metric: Metric, group: Iterable[Amounts], scope: str, on: str, note: str = "") -> Reading | None:
    """The sum over parts: amounts of one law add up with their bounds, laws combine as independent errors."""
    amounts = [part[metric] for part in group if metric in part]
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return None
    by_law: dict[str, list[Amount]] = {}
    for amount in known:
        by_law.setdefault(amount.law, []).append(amount)
    value = sum(amount.value for amount in known)
    below = sqrt(sum(sum(one.value - one.low for one in law) ** 2 for law in by_law.values()))
    above = sqrt(sum(sum(one.high - one.value for one in law) ** 2 for law in by_law.values()))
    counting = [amount for amount in known if amount.value] or known[:1]
    source = "; ".join(dict.fromkeys(amount.source for amount in counting)) + note
    if scope == TOTAL:
        source = "sum of nodes, FIFOs, width converters and the routed shell, by laws of ours"
    return Reading(
        metric,
        float(round(value)),
        Tier.MODELLED,
        on,
        source,
        scope,
        predicts=PREDICTS,
        low=None if scope == SHELL else float(round(value - below)),
        high=None if scope == SHELL else float(round(value + above)),
        at_least=len(known) < len(amounts),
    )
