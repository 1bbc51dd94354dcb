"""Writes what a FINN user needs: ``python -m backends.finn.workers.handover JOB.json``. Renders templates.

JOB.json: ``quantised``, and the facts of the templates (see `backends.finn.handover.step`). Reads ``model.onnx``,
``folding.json`` and ``outputs.json``, the integers that qonnx's executor found for the project's vectors. Writes the
folder ``finn``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from backends.dataflow.workers import project
from flows.core.worker import JOB, run_worker
from models.integer_network import QuantisedTensor, read_facts
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json
from models.vectors import vectors

TEMPLATES = Path(__file__).parent.parent / "handover" / "templates"


def texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """``build.py`` and ``README.md`` by name."""
    environment = project.templates(TEMPLATES)
    return {name: environment.get_template(f"{name}.j2").render(facts) for name in ("build.py", "README.md")}


def arrays(quantised: QuantisedNetwork, outputs: list[list[int]]) -> dict[str, np.ndarray]:
    """What FINN verifies with: float32 pixels of 0 to 255 in NCHW, and float32 logits."""
    images = vectors(quantised.network.input_shape, len(outputs))
    unit = 2.0 ** -quantised.type_of(quantised.output).fraction
    return {
        "input.npy": np.ascontiguousarray(np.moveaxis(images, -1, 1), np.float32),
        "expected_output.npy": (np.array(outputs) * unit).astype(np.float32),
    }


def own_arrays(
    made: dict[str, np.ndarray], quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], channels_last: bool
) -> dict[str, np.ndarray]:
    """The same for a graph of the user's: its layout, and its logits rather than the integers that they are made of."""
    gain, offset = (weights[f"{quantised.network.output}/{role}"] for role in ("gain", "offset"))
    logits = made["expected_output.npy"] * gain + offset
    image = made["input.npy"].transpose(0, 2, 3, 1) if channels_last else made["input.npy"]
    return {"input.npy": np.ascontiguousarray(image), "expected_output.npy": logits.astype(np.float32)}


def own_thresholds(weights: Mapping[str, np.ndarray], tensors: Iterable[QuantisedTensor]) -> list[np.ndarray]:
    """By quantiser, in the graph's order: what it reads at its thresholds (channels, steps), each half way between the
    last integer below it and the first above."""
    found = []
    for one in tensors:
        if one.gains:
            steps = weights[f"{one.layer}/thresholds"].astype(np.float64)
            gains, offsets = (np.array(numbers)[:, None] for numbers in (one.gains, one.offsets))
            found.append((abs(gains) * (steps - 0.5) + offsets).astype(np.float32))
    return found


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    made = arrays(quantised, json.loads(Path("outputs.json").read_text()))
    folder = Path("finn")
    folder.mkdir()
    if "integers" in ask:
        quantised, _, channels_last, tensors = read_facts(ask["integers"])
        weights, by_name = load_file("integers.safetensors"), {one.tensor: one for one in tensors}
        made = own_arrays(made, quantised, weights, channels_last)
        order = [by_name[name] for name in json.loads(Path("order.json").read_text()) if name in by_name]
        np.savez(folder / "thresholds.npz", *own_thresholds(weights, order))
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
