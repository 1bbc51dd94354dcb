"""The hand-over: a folder with all that FINN's dataflow builder needs (docs/finn.md)."""

from __future__ import annotations

from typing import Any

from backends.finn.design.design import FinnDesign
from flows.core.plan import Asset, Output, Step
from flows.core.worker import worker
from models.integer_network import IntegerNetwork
from models.integers import Threshold
from models.network import INPUT
from models.quantised import QuantisedNetwork
from models.serial import quantised_to_json

NAME = "handover"
FOLDER = Output(NAME, "finn")
OF_A_LOGIT = 1e-3
"""By how much logits may differ that floats scale on the host; integers that differ by one differ by more."""
BOARDS = {"xc7z020clg400-1": "Pynq-Z2"}
"""FINN's boards by part (``pynq_part_map`` of finn-plus 1.6.1, as far as Zynq-7000; the Pynq-Z1 is the same to it)."""


def handover_step(made: FinnDesign, model: Output, outputs: Output, order: Output | None = None) -> Step:
    """`outputs` are the integers that the graph `model` was found to give for the project's vectors; `order` is that of
    the quantisers in a graph of the user's."""
    ask: dict[str, Any] = {"quantised": quantised_to_json(made.quantised), "facts": facts(made)}
    files: dict[str, str | Asset | Output] = {"folding.json": made.folding_file(), "model.onnx": model}
    files["outputs.json"] = outputs
    if order and isinstance(integer := made.job.integer, IntegerNetwork):
        files["order.json"] = order
        ask["integers"] = integer.facts
        files["integers.safetensors"] = Asset(integer.weights.path, integer.weights.digest)
    return worker(
        name=NAME,
        about="what FINN's dataflow builder needs",
        module="backends.finn.workers.handover",
        ask=ask,
        files=files,
        makes=(FOLDER.file,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=("flows.core", "models", "backends.finn", "backends.dataflow.workers"),
    )


def facts(made: FinnDesign) -> dict[str, Any]:
    """What the templates say of a design."""
    target, integer = made.job.target, made.job.integer
    own = isinstance(integer, IntegerNetwork)
    return {
        "own": own,
        "divisor": integer.divisor if isinstance(integer, IntegerNetwork) else 256,
        "identity": not any(isinstance(one, Threshold) and INPUT in one.inputs for one in made.quantised.computed),
        "atol": OF_A_LOGIT if own else 0.0,
        "network": made.quantised.network.name,
        "design": made.quantised.digest,
        "part": target.part.full_name,
        "board": BOARDS.get(target.part.full_name),
        "clock_ns": f"{target.clock_ns:g}",
        "tie_bits": tie_bits(made.quantised),
        "fps": f"{1e9 / (made.simulation.interval * target.clock_ns):,.0f}",
    }


def tie_bits(quantised: QuantisedNetwork) -> int:
    """How often a quantiser's step is halved until it is less than one unit of whatever a quantiser reads."""
    drops = (
        (types.accumulator or quantised.type_of(layer.inputs[0])).fraction - types.output.fraction
        for layer in quantised.computed
        if (types := quantised.layers[layer.name])
    )
    return max(drops) + 1
