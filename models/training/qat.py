"""Quantisation-aware training with Brevitas: ``python -m models.training.qat JOB.json``. Imports torch and brevitas.

JOB.json: ``network`` (folded, see `models.serial`), ``weights`` (its float ones), ``data``, ``out``, ``recipe`` (fields
of `QatRecipe` that differ), ``command``, ``threads`` and ``compile``.

1. Channels are equalised, so that one scale serves a whole tensor (`equalising`).
2. A network of Brevitas' layers and quantisers gets those weights, and scales of the least squared error.
3. It is exported once before it is trained: what FINN could not build is refused now, not after hours.
4. It is trained towards the float network's answers, from where its checkpoint ends (`fine_tuning`).

Writes ``NAME-wXaY.onnx``, which is cleaned QONNX and all that FINN needs, and a card. For a network of the project's
(``named``), beside them, what the flows read of the file: weights and ranges of its float twin, and its integers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import brevitas
import numpy as np
import onnx
import torch

from flows.core.digest import digest_of
from flows.core.errors import InputError
from flows.core.worker import run_worker
from models.cifar10 import Images
from models.imported.workers.onnx_nodes import read_graph
from models.imported.workers.qonnx import read_quantised
from models.integer_network import FACTS, WEIGHTS, beside
from models.layers import Softmax
from models.network import Network
from models.pixels import UNIT
from models.proportion import wilson
from models.qat_recipe import QatRecipe
from models.ranges import Ranges
from models.serial import network_from_json
from models.training.brevitas_network import BrevitasNetwork, Quantisers, Scaled
from models.training.checkpoint import replacing
from models.training.equalising import equalised, equalised_activations
from models.training.file_names import name_nodes
from models.training.fine_tuning import FineTuning, right
from models.training.labelled import labelled
from models.training.qonnx_export import export
from models.training.rounding import compile_rounding
from models.training.torch_network import TorchNetwork
from models.weights import Weights, open_weights, save_weights

FITTED_IMAGES = 500
"""Images that the first scales are fitted to."""


@dataclass(frozen=True)
class Task:
    """What is trained, from which weights, how, and where the result goes."""

    network: Network
    weights: Weights
    recipe: QatRecipe
    out: Path

    @property
    def stem(self) -> str:
        return f"{self.network.name}-{self.recipe.variant}"

    def begin(self, images: Images) -> BrevitasNetwork:
        """The network before its first step, its scales fitted to the first of these images."""
        recipe, network, tensors = self.recipe, self.network, self.weights.tensors()
        pixels = images.pixels[:FITTED_IMAGES]
        kinds = Quantisers(recipe.bits_of(network), recipe.activation_bits, recipe.per_channel, recipe.power_of_two)
        start = equalised_activations(network, tensors, pixels) if recipe.per_channel else equalised(network, tensors)
        return BrevitasNetwork(network, kinds, start, pixels).to(memory_format=torch.channels_last)

    def teacher(self) -> Scaled:
        float_network = TorchNetwork(self.network).load(self.weights.tensors()).eval()
        return Scaled(float_network.to(memory_format=torch.channels_last), self.network.pixels)

    def training(self, model: BrevitasNetwork, images: Images) -> FineTuning:
        identity = digest_of([self.network.digest, self.weights.digest])
        return FineTuning(model, self.teacher(), UNIT, self.recipe, images, self.out, identity)

    def export(self, model: BrevitasNetwork, path: Path) -> str:
        return export(model, self.network.input_shape, path, partial(name_nodes, network=self.network))


def read_quantised_file(path: Path, name: str, folder: Path) -> dict[str, np.ndarray]:
    """What the flows read of the exported file, written into `folder`; returns its float twin's weights.

    Raises `InputError` where it is nothing that FINN builds.
    """
    model = onnx.load(path)
    network, graph = read_graph(model, path, name, ())
    _, weights = read_quantised(model, network, graph, path.name, folder)
    if (refused := folder / "not_integers.json").exists():
        raise InputError(**json.loads(refused.read_text()))
    return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in weights.items()}


def check_exportable(task: Task, model: BrevitasNetwork) -> None:
    """Raises what export and reading back raise, before hours of training."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "untrained.onnx"
        task.export(model, path)
        read_quantised_file(path, task.network.name, Path(folder))


def write_beside(task: Task, path: Path) -> str:
    """What is read of the QONNX file `path`, in files of its name; returns the digest of its float twin's weights."""
    network = task.network
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        twin = read_quantised_file(path, network.name, folder)
        weights = path.with_suffix(".safetensors")
        with replacing(weights) as new:
            save_weights(new, twin, network, task.weights.digest)
        digest = open_weights(weights, network).digest
        reach = {name: tuple(ends) for name, ends in json.loads((folder / "ranges.json").read_text()).items()}
        reach |= {layer.name: (0.0, 1.0) for layer in network.layers if isinstance(layer, Softmax)}
        with replacing(path.with_suffix(".ranges.json")) as new:
            Ranges(network.digest, digest, "quantisers", 0, {name: reach[name] for name in network.shapes}).save(new)
        for name in (FACTS, WEIGHTS):
            shutil.move(folder / name, beside(path, name))
    return digest


def card_of(recipe: QatRecipe, count: int, test: Images, trained_on: Images, history: list[Any]) -> dict[str, Any]:
    low, high = wilson(count, len(test), 0.95)
    score = {"accuracy": count / len(test), "n": len(test), "low95": low, "high95": high, "images": test.digest}
    return {
        "test": score,
        "trained_on": {"n": len(trained_on), "images": trained_on.digest},
        "recipe": asdict(recipe),
        "about": "Brevitas; the last epoch ships, and the test images are read once, at the end",
        "versions": {"torch": torch.__version__, "brevitas": brevitas.__version__, "numpy": np.__version__},
        "history": history,
    }


def leave_card(graph: Path, card: Mapping[str, Any], count: int, n: int) -> None:
    """Writes `card` beside the trained `graph`, and prints where both are; `count` of `n` test images are right."""
    path = graph.with_suffix(".card.json")
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(card, indent=1) + "\n")
    print(f"test images: {100 * count / n:.2f} % of {n:,} right, by Brevitas; card: {path}", flush=True)
    print(f"QONNX: {graph}, which `python -m flows run finn --network {graph}` takes", flush=True)


def main(ask: Mapping[str, Any]) -> None:
    torch.set_num_threads(ask.get("threads", 2))
    out, network = Path(ask["out"]), network_from_json(ask["network"])
    out.mkdir(parents=True, exist_ok=True)
    task = Task(network, open_weights(Path(ask["weights"]), network), QatRecipe(**ask["recipe"]), out)
    data = labelled(Path(ask["data"]), network.input_shape, network.shapes[network.output][0])
    model = task.begin(data.training())
    check_exportable(task, model)
    if ask["compile"]:
        compile_rounding()
    run = task.training(model, data.training())
    run.finish_epochs()
    graph = out / f"{task.stem}.onnx"
    exporter = task.export(model, graph)
    names = {"network": network.name, "architecture": network.digest, "derived_from": task.weights.digest}
    names |= {"weights": write_beside(task, graph)} if ask["named"] else {}
    test = data.test()
    count = right(model, test, UNIT)
    names |= {"command": ask["command"], "exporter": exporter}
    leave_card(graph, names | card_of(task.recipe, count, test, run.rest, run.progress.history), count, len(test))


if __name__ == "__main__":
    run_worker(main, "error: ")
