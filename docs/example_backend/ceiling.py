"""A ceiling on speed: every MAC on a DSP48E1 of the part, all of them busy, one product a cycle each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.protocol import API, Backend, Job, Note, Refusal
from flows.core.evidence import Metric, Reading, Tier
from flows.core.plan import Plan
from models.fixed import FixedType, Overflow, Rounding
from models.layers import Layer
from models.lowering import lowered
from models.quantised import ACCUMULATING, WEIGHTED, Arithmetic, InputContract, QuantisedNetwork

KINDS = ("add", "conv2d", "dense", "flatten", "global_average_pool", "maxpool2d", "relu")


@dataclass(frozen=True)
class Options:
    bits: int = field(default=16, metadata={"help": "bits of every tensor, 8 to 18", "unit": "BITS"})


def check(job: Job[Options]) -> Sequence[Refusal]:
    if not 8 <= job.options.bits <= 18:  # the narrower port of a DSP48E1 has 18 (UG479)
        return [Refusal("--bits", f"{job.options.bits} bits", "8 to 18")]
    *inner, last = job.network.layers
    odd = [layer for layer in (*inner, *([last] * (last.kind != "softmax"))) if layer.kind not in KINDS]
    return [Refusal(f"layer {layer.name}", f"no {layer.kind} is known here", ", ".join(KINDS)) for layer in odd]


def lower(job: Job[Options]) -> QuantisedNetwork:
    type = FixedType(job.options.bits, 8, rounding=Rounding.RND, overflow=Overflow.SAT)

    def arithmetic(layer: Layer, sources: Sequence[FixedType]) -> Arithmetic:
        terms = 2 * type.fraction if layer.kind in WEIGHTED else type.fraction
        weights = type if layer.kind in WEIGHTED else None
        return Arithmetic(type, weights, weights, FixedType(48, 48 - terms) if layer.kind in ACCUMULATING else None)

    return lowered(job.network, job.weights.digest, InputContract(type, job.network.pixels), arithmetic)


def estimate(job: Job[Options]) -> Sequence[Reading]:
    device = job.target.part.device
    cycles, source = -(-job.network.macs // device.dsp), f"{job.network.macs:,} MACs on {device.dsp} DSP48E1"
    return [Reading(Metric.INTERVAL_CYCLES, max(cycles, 1), Tier.MODELLED, device.name, source,
                    predicts=Tier.RTL_SIMULATED, at_least=True)]  # fmt: skip


BACKEND: Backend[Options, Job[Options]] = Backend(
    api=API, name="ceiling", about=__doc__.strip(), options=Options, check=check, resolve=lambda job: job, lower=lower,
    estimate=estimate, notes=lambda job: [Note("a ceiling, not a design: nothing is built")],
    plan=lambda job: Plan(()), read=lambda job, products: (),
)  # fmt: skip
