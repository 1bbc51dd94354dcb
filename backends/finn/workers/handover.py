"""Writes what a FINN user needs: ``python -m backends.finn.workers.handover JOB.json``. Renders templates.

JOB.json: ``integers`` (see `models.integer_network`), and the facts of the templates (see
`backends.finn.handover.step`). Reads ``model.onnx``, ``folding.json``, ``order.json``, and ``outputs.json``: the
integers that qonnx's executor gave for the project's vectors. Writes the folder ``finn``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from backends.dataflow.workers import project
from flows.core.worker import run_worker
from models.integer_network import QuantisedTensor, read_facts
from models.quantised import QuantisedNetwork
from models.vectors import vectors

TEMPLATES = Path(__file__).parent.parent / "handover" / "templates"


def texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """``build.py`` and ``README.md`` by name."""
    environment = project.templates(TEMPLATES)
    return {name: environment.get_template(f"{name}.j2").render(facts) for name in ("build.py", "README.md")}


def arrays(
    quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], channels_last: bool, outputs: list[list[int]]
) -> dict[str, np.ndarray]:
    """What FINN verifies with: float32 pixels of 0 to 255 in the graph's layout, and float32 logits."""
    images = vectors(quantised.network.input_shape, len(outputs))
    layout = images if channels_last else np.moveaxis(images, -1, 1)
    gain, offset = (weights[f"{quantised.network.output}/{role}"] for role in ("gain", "offset"))
    logits = np.array(outputs).astype(np.float32) * gain + offset
    return {
        "input.npy": np.ascontiguousarray(layout, np.float32),
        "expected_output.npy": logits.astype(np.float32),
    }


def thresholds(
    weights: Mapping[str, np.ndarray],
    tensors: Iterable[QuantisedTensor],
    is_bipolar: Callable[[str], bool] = lambda layer: False,
) -> list[np.ndarray]:
    """By quantiser, in the graph's order: what it reads at its thresholds (channels, steps), each half way between the
    last integer below it and the first above. Both steps of a bipolar one are a single threshold to FINN."""
    rows = []
    for tensor in tensors:
        if tensor.gains:
            steps = weights[f"{tensor.layer}/thresholds"].astype(np.float64)
            steps = steps[:, :1] if is_bipolar(tensor.layer) else steps
            gains, offsets = (np.array(numbers)[:, None] for numbers in (tensor.gains, tensor.offsets))
            rows.append((abs(gains) * (steps - 0.5) + offsets).astype(np.float32))
    return rows


def main(ask: Mapping[str, Any]) -> None:
    quantised, _, channels_last, tensors = read_facts(ask["integers"])
    weights, by_name = load_file("integers.safetensors"), {tensor.tensor: tensor for tensor in tensors}
    arrays_by_file = arrays(quantised, weights, channels_last, json.loads(Path("outputs.json").read_text()))
    folder = Path("finn")
    folder.mkdir()
    order = [by_name[name] for name in json.loads(Path("order.json").read_text()) if name in by_name]
    np.savez(folder / "thresholds.npz", *thresholds(weights, order, quantised.is_bipolar))
    for name in ("model.onnx", "folding.json"):
        shutil.copy(name, folder)
    for name, array in arrays_by_file.items():
        np.save(folder / name, array)
    (count, *image), (_, classes) = arrays_by_file["input.npy"].shape, arrays_by_file["expected_output.npy"].shape
    facts = ask["facts"] | {"vectors": count, "shape": [count, *image], "classes": classes}
    for name, text in texts(facts).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "build.py").chmod(0o755)


if __name__ == "__main__":
    run_worker(main)
