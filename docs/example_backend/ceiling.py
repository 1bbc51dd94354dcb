"""A ceiling on speed: every MAC on a DSP48E1 of the part, all of them busy, one product a cycle each."""

from dataclasses import dataclass, field

from backends.protocol import Refusal
from flows.core.evidence import Metric, Reading, Tier
from flows.core.plan import Plan
from models.fixed import FixedType, Overflow, Rounding
from models.network import Softmax
from models.quantised import ACCUMULATING, WEIGHTED, Arithmetic, InputContract, QuantisedNetwork

API, NAME = 1, "ceiling"


@dataclass(frozen=True)
class Options:
    width: int = field(default=16, metadata={"help": "bits of every tensor", "unit": "BITS"})


def check(job):
    legal = 8 <= job.options.width <= 18  # the narrower port of a DSP48E1 (UG479)
    return () if legal else (Refusal("--width", f"{job.options.width} bits", "8 to 18"),)


def lower(job):
    type = FixedType(job.options.width, 8, rounding=Rounding.RND, overflow=Overflow.SAT)
    layers = {}
    for layer in job.network.layers:
        terms = 2 * type.fraction if layer.kind in WEIGHTED else type.fraction
        accumulator = FixedType(48, 48 - terms) if layer.kind in ACCUMULATING else None
        weights = type if layer.kind in WEIGHTED else None
        if not isinstance(layer, Softmax):  # left to the host
            layers[layer.name] = Arithmetic(type, weights, weights, accumulator)
    return QuantisedNetwork(job.network, job.weights.digest, InputContract(type), layers)


def estimate(job):
    device = job.target.part.device
    cycles = -(-job.network.macs // device.dsp)
    source = f"{job.network.macs:,} MACs on {device.dsp} DSP48E1, {device.source}"
    return (Reading(Metric.INTERVAL_CYCLES, cycles, Tier.MODELLED, device.name, source, at_least=True),)


def notes(job):
    return ("a ceiling, not a design: nothing is built",)


def plan(job):
    return Plan(())


def read(job, products):
    return ()
