"""The hand-over: a folder with all that FINN's dataflow builder needs (docs/finn.md)."""

from __future__ import annotations

from typing import Any

from backends.finn.design.design import FinnDesign
from flows.core.plan import Asset, Output, Step
from flows.core.worker import worker
from models.integers import Threshold
from models.layers import Concat
from models.network import INPUT

NAME = "handover"
FOLDER = Output(NAME, "finn")
OF_A_LOGIT = 1e-3
"""By how much logits may differ that floats scale on the host; integers that differ by one differ by more."""
BOARDS = {"xc7z020clg400-1": "Pynq-Z2"}
"""FINN's boards by part (``pynq_part_map`` of finn-plus 1.6.1, as far as Zynq-7000; the Pynq-Z1 is the same to it)."""


def handover_step(design: FinnDesign, model: Output, outputs: Output, order: Output) -> Step:
    """`outputs` are the integers that the graph `model` gives for the project's vectors; `order` is that of its
    quantisers."""
    weights = design.integer.weights
    return worker(
        name=NAME,
        about="what FINN's dataflow builder needs",
        module="backends.finn.workers.handover",
        ask={"integers": design.integer.facts, "facts": facts(design)},
        files={
            "folding.json": design.folding_file(),
            "model.onnx": model,
            "outputs.json": outputs,
            "order.json": order,
            "integers.safetensors": Asset(weights.path, weights.digest),
        },
        makes=(FOLDER.file,),
        packages=("jinja2", "numpy", "safetensors"),
        sources=("flows.core", "models", "backends.finn", "backends.dataflow.workers"),
    )


def facts(design: FinnDesign) -> dict[str, Any]:
    """What the templates say of a design."""
    target = design.job.target
    return {
        "divisor": design.integer.divisor,
        "identity": not any(
            isinstance(layer, Threshold) and INPUT in layer.inputs for layer in design.quantised.computed
        ),
        "bipolar": any(map(design.quantised.is_bipolar, design.quantised.layers)),
        "joins": any(isinstance(layer, Concat) for layer in design.quantised.computed),
        "atol": OF_A_LOGIT,
        "network": design.quantised.network.name,
        "design": design.quantised.digest,
        "part": target.part.full_name,
        "board": BOARDS.get(target.part.full_name),
        "clock_ns": f"{target.clock_ns:g}",
        "fps": f"{1e9 / (design.simulation.interval * target.clock_ns):,.0f}",
    }
