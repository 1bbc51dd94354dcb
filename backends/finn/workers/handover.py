"""Writes what a FINN user needs: ``python -m backends.finn.workers.handover JOB.json``. Renders templates.

JOB.json: ``quantised``, and the facts of the templates (see `backends.finn.handover.step`). Reads ``model.onnx``,
``folding.json`` and ``outputs.json``, the integers that qonnx's executor found for the project's vectors. Writes the
folder ``finn``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.core.worker import JOB, run_worker
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json
from models.vectors import vectors

TEMPLATES = Path(__file__).parent.parent / "handover" / "templates"


def texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """``build.py`` and ``README.md`` by name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return {name: environment.get_template(f"{name}.j2").render(facts) for name in ("build.py", "README.md")}


def arrays(quantised: QuantisedNetwork, outputs: list[list[int]]) -> dict[str, np.ndarray]:
    """What FINN verifies with: float32 pixels of 0 to 255 in NCHW, and float32 logits."""
    images = vectors(quantised.network.input_shape, len(outputs))
    unit = 2.0 ** -quantised.type_of(quantised.output).fraction
    return {
        "input.npy": np.ascontiguousarray(np.moveaxis(images, -1, 1), np.float32),
        "expected_output.npy": (np.array(outputs) * unit).astype(np.float32),
    }


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    made = arrays(quantised, json.loads(Path("outputs.json").read_text()))
    folder = Path("finn")
    folder.mkdir()
    for name in ("model.onnx", "folding.json"):
        shutil.copy(name, folder)
    for name, array in made.items():
        np.save(folder / name, array)
    (count, *image), (_, classes) = made["input.npy"].shape, made["expected_output.npy"].shape
    facts = ask["facts"] | {"vectors": count, "shape": [count, *image], "classes": classes}
    for name, text in texts(facts).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "build.py").chmod(0o755)


if __name__ == "__main__":
    run_worker(main)
