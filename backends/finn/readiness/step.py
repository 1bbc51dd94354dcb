"""The step that judges a QONNX file: alone, for ``flows check``, or as a stage of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flows.core.plan import Asset, Output, Step
from flows.core.worker import worker
from models.network import Network
from models.serial import network_to_json

NAME, VERDICTS = "readiness", "verdicts.json"
LIMIT_S = 300.0
"""A file that takes longer to read was made to."""


def readiness_step(
    model: Asset | Output,
    network: Network | None = None,
    external: Mapping[str, Asset] | None = None,
    required: bool = False,
) -> Step:
    """Leaves its verdicts on `model` in `VERDICTS` (see `backends.finn.workers.readiness`).

    `network` is the architecture that the graph should be. `external` are the files beside the model that may be read,
    by path relative to its folder. Where `required`, a broken condition fails the step, and with it what needs it.
    """
    beside = external or {}
    name = model.path.name if isinstance(model, Asset) else Path(model.file).name
    ask = {
        "file": f"given/{name}",
        "external": sorted(beside),
        "network": network_to_json(network) if network else None,
        "required": required,
    }
    return worker(
        name=NAME,
        about=f"whether {name} is FINN-ready; nothing in it is executed",
        module="backends.finn.workers.readiness",
        ask=ask,
        files={f"given/{name}": model, **{f"given/{place}": asset for place, asset in beside.items()}},
        makes=(VERDICTS,),
        packages=("onnx", "numpy"),
        sources=("flows.core", "models", "backends.finn.readiness", "backends.finn.workers"),
        limit_s=LIMIT_S,
    )
