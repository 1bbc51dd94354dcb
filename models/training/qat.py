"""Quantisation-aware training: ``python -m models.training.qat JOB.json``. Imports torch; nothing imports it.

JOB.json: ``network``, ``weights`` (the float ones), ``data``, ``out``, ``recipe`` (fields of `Recipe` that differ),
``threads`` and ``compile``. From trained float weights to weights of few bits on a grid, activations of few bits, and
scales that are powers of two:

1. Channels are equalised: behind a ReLU, a scale may move from one layer's output channel to the next layer's input, so
   that one grid serves a whole layer.
2. Scales are those of the least squared error.
3. The network is trained with its quantisers in place (straight-through gradients) towards the float network's answers.

Starts where its checkpoint ends. Writes ``NAME-wXaY.safetensors`` (weights on their grids), ``.ranges.json`` (what each
quantiser represents) and ``.card.json``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flows.core.digest import digest_of
from flows.core.errors import FlowsError, InputError
from models import cifar10
from models.cifar10 import Images
from models.network import INPUT, Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, Network, ReLU
from models.proportion import wilson
from models.ranges import Ranges
from models.training import checkpoint
from models.training.augmentation import cropped
from models.training.checkpoint import Progress, replacing
from models.training.torch_network import TorchNetwork, as_input, reach
from models.weights import open_weights, save_weights
from models.zoo import NETWORKS

IMAGE_UNIT = 2.0**-8
"""A pixel is read as p / 256: the float network's p / 255, brought to a power of two."""
EQUALISING_ROUNDS = 30
FITTED_IMAGES, FITTED_EPOCHS = 500, 2
"""Images that the scales are fitted to; weight scales are fitted again after the first epochs."""
EXPONENTS = range(-12, 6)
"""Powers of two among which a scale is looked for."""


@dataclass(frozen=True)
class Recipe:
    """Adam, a short warm-up and a cosine to zero, towards the float network's softened answers and the labels."""

    weight_bits: int = 4
    activation_bits: int = 4
    epochs: int = 9
    batch: int = 128
    peak_rate: float = 1e-3
    warmup_steps: int = 200
    temperature: float = 2.0
    towards_float: float = 0.7
    """Share of the loss that compares with the float network; the rest compares with the labels."""
    shift: int = 4
    held_out: int = 5_000
    seed: int = 1


def quantised(values: Tensor, scale: float, low: int, high: int) -> Tensor:
    """`values` rounded (ties to even) and clipped to codes of `scale`; gradients pass where nothing is clipped."""
    clipped = values.clamp(low * scale, high * scale)
    return clipped + (torch.round(values / scale).clamp(low, high) * scale - clipped).detach()


class QuantisedNetwork(TorchNetwork):
    """The network with its quantisers: signed narrow weights, unsigned ReLUs, signed narrow shortcuts.

    `scales` are those of kernels (by layer) and of activations (by the tensor that is quantised), powers of two.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__(network)
        self.weight_high = 2 ** (recipe.weight_bits - 1) - 1
        self.high = 2**recipe.activation_bits - 1
        self.kernels: dict[str, float] = {}
        self.activations: dict[str, float] = {}

    @property
    def units(self) -> dict[str, float]:
        """The value of one code of every tensor that a layer with weights reads."""
        found = {INPUT: IMAGE_UNIT}
        for layer in self.network.layers:
            if layer.name in self.activations:
                found[layer.name] = self.activations[layer.name]
            elif isinstance(layer, Add | MaxPool2D):
                found[layer.name] = min(found[name] for name in layer.inputs)
            elif isinstance(layer, GlobalAveragePool):
                height, width, _ = self.network.input_shapes(layer)[0]
                found[layer.name] = found[layer.inputs[0]] / (height * width)
        return found

    def is_quantised_sum(self, layer: Layer) -> bool:
        """A convolution that no ReLU follows: the shortcut of a residual block."""
        readers = self.network.consumers(layer.name)
        return isinstance(layer, Conv2D) and not all(isinstance(one, ReLU) for one in readers)

    def _run(self, layer: Layer, x: Tensor, *others: Tensor) -> Tensor:
        if not self.kernels:
            return super()._run(layer, x, *others)
        if isinstance(layer, Conv2D | Dense):
            kernel, bias = self.trained_codes(layer)
            if isinstance(layer, Dense):
                return F.linear(x, kernel, bias)
            y = F.conv2d(self._pad(layer, x, 0.0), kernel, bias, layer.strides)
            if self.is_quantised_sum(layer):
                return quantised(y, self.activations[layer.name], -self.high, self.high)
            return y
        if isinstance(layer, ReLU):
            return quantised(x, self.activations[layer.name], 0, self.high)
        return super()._run(layer, x, *others)

    def trained_codes(self, layer: Layer) -> tuple[Tensor, Tensor]:
        """The kernel on its grid, and the bias in units of the sums that it starts."""
        module: Any = self.trained[layer.name]  # torch types what it holds as Tensor or Module
        scale = self.kernels[layer.name]
        unit = scale * self.units[layer.inputs[0]]
        kernel = quantised(module.weight, scale, -self.weight_high, self.weight_high)
        return kernel, module.bias + (torch.round(module.bias / unit) * unit - module.bias).detach()

    @torch.no_grad()
    def on_grids(self) -> dict[str, np.ndarray]:
        """The weights in the project's layout, each on its grid."""
        found = {}
        for layer in self.network.layers:
            if layer.name in self.trained:
                kernel, bias = (one.double().numpy() for one in self.trained_codes(layer))
                found[f"{layer.name}/kernel"] = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
                found[f"{layer.name}/bias"] = bias
        return {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in found.items()}

    def represented(self) -> dict[str, tuple[float, float]]:
        """The ends of what each activation quantiser represents, by the tensor that it quantises."""
        ends = {name: self.high * scale for name, scale in self.activations.items()}
        return {name: (-end if isinstance(self.network[name], Conv2D) else 0.0, end) for name, end in ends.items()}

    @torch.no_grad()
    def fit_kernels(self) -> None:
        modules: Any = dict(self.trained.items())
        high = self.weight_high
        self.kernels = {name: best_scale(module.weight, -high, high) for name, module in modules.items()}

    @torch.no_grad()
    def fit_activations(self, pixels: np.ndarray) -> None:
        """On float values; both inputs of a sum get the larger of their scales."""
        seen: dict[str, Tensor] = {}
        self.kernels = {}
        self.eval()
        self(as_input(pixels), lambda name, value: seen.__setitem__(name, value))
        for layer in self.network.layers:
            if isinstance(layer, ReLU):
                self.activations[layer.name] = best_scale(seen[layer.name], 0, self.high)
            elif self.is_quantised_sum(layer):
                self.activations[layer.name] = best_scale(seen[layer.name], -self.high, self.high)
        for layer in self.network.layers:
            if isinstance(layer, Add):
                shared = max(self.activations[name] for name in layer.inputs)
                self.activations |= dict.fromkeys(layer.inputs, shared)


def best_scale(values: Tensor, low: int, high: int) -> float:
    """The power of two at which rounding and clipping leave the least squared error."""

    def error(exponent: int) -> float:
        scale = 2.0**exponent
        return float((((values / scale).round().clamp(low, high) * scale - values) ** 2).sum())

    return 2.0 ** min(EXPONENTS, key=error)


def equalised(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of the same function, whose channels reach alike in the layer that makes and those that read them.

    ReLU, sum, maximum and average let a positive scale through; so channels that a graph of them joins share one.
    """
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    for _ in range(EQUALISING_ROUNDS):
        for makers, readers in _channels(network):
            made = np.max([_share(weights[f"{name}/kernel"], -1) for name in makers], axis=0)
            read = np.max([_share(weights[f"{name}/kernel"], -2) for name in readers], axis=0)
            scale = np.sqrt(made / np.maximum(read, 1e-6)).clip(1e-3, 1e3)
            for name in makers:
                weights[f"{name}/kernel"] /= scale
                weights[f"{name}/bias"] /= scale
            for name in readers:
                weights[f"{name}/kernel"] *= scale[:, None]
    return {name: tensor.astype(np.float32) for name, tensor in weights.items()}


def _share(kernel: np.ndarray, axis: int) -> np.ndarray:
    """What each channel of `axis` reaches, as a share of what the kernel does."""
    reached = abs(kernel).max(axis=tuple(one for one in range(kernel.ndim) if one != kernel.ndim + axis))
    return reached / reached.max()


def _channels(network: Network) -> list[tuple[list[str], list[str]]]:
    """(layers that make, layers that read) channels that must be scaled alike."""
    group = {INPUT: INPUT}
    for layer in network.layers:
        if isinstance(layer, Conv2D | Dense):
            group[layer.name] = layer.name
            continue
        first, *others = (group[name] for name in layer.inputs)
        joined = dict.fromkeys(others, first)
        group = {name: joined.get(one, one) for name, one in group.items()} | {layer.name: first}
    weighted = [layer for layer in network.layers if isinstance(layer, Conv2D | Dense)]
    found = []
    for root in dict.fromkeys(group[layer.name] for layer in weighted):
        makers = [layer.name for layer in weighted if group[layer.name] == root]
        readers = [layer.name for layer in weighted if group[layer.inputs[0]] == root]
        if readers and root != group[INPUT]:
            found.append((makers, readers))
    return found


@torch.no_grad()
def right(model: nn.Module, images: Images) -> int:
    model.eval()
    count = 0
    for start in range(0, len(images), 500):
        batch = images[start : start + 500]
        count += int((model(halved(as_input(batch.pixels))).argmax(1) == torch.from_numpy(batch.labels)).sum())
    return count


def halved(images: Tensor) -> Tensor:
    """p / 255 as p / 256."""
    return images * (255 / 256)


class Run:
    """One training, resumed where `out` holds its checkpoint: of the same recipe, float weights and images."""

    def __init__(
        self, network: Network, recipe: Recipe, weights: Path, images: Images, out: Path, compiled: bool
    ) -> None:
        self.network, self.recipe, self.out = network, recipe, out
        self.rest, self.chooser = cifar10.split(images, recipe.held_out, recipe.seed)
        opened = open_weights(weights, network)
        self.derived_from, tensors = opened.digest, opened.tensors()
        self.teacher = TorchNetwork(network).load(tensors).eval().to(memory_format=torch.channels_last)
        self.model = QuantisedNetwork(network, recipe)
        self.model.load(equalised(network, tensors)).to(memory_format=torch.channels_last)
        self.model.fit_activations(self.rest.pixels[:FITTED_IMAGES])
        self.model.fit_kernels()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.peak_rate)
        self.resume = out / "checkpoint.safetensors"
        self.identity = digest_of([asdict(recipe), network.digest, self.derived_from, self.rest.digest])
        self.progress = checkpoint.load(self.resume, self.optimizer, self.identity, model=self.model) or Progress()
        if self.resume.exists() and not self.progress.epochs:
            raise InputError(str(self.resume), "the checkpoint of another training", "name another --out, or remove it")
        if self.progress.epochs:
            self.model.kernels = dict(self.progress.best)
        self.student = torch.compile(self.model) if compiled else self.model
        self.judge = torch.compile(self.teacher) if compiled else self.teacher

    def finish_epochs(self) -> None:
        while self.progress.epochs < self.recipe.epochs:
            started, epoch = time.monotonic(), self.progress.epochs
            loss = self._epoch(epoch)
            if epoch < FITTED_EPOCHS:
                self.model.fit_kernels()
            row = {
                "epoch": epoch + 1,
                "loss": loss,
                "held_out_accuracy": right(self.model, self.chooser) / len(self.chooser),
            }
            # the last epoch ships, so there is no best one to keep; the scales go in its place
            self.progress = Progress(epoch + 1, [*self.progress.history, row], dict(self.model.kernels))
            checkpoint.save(self.resume, self.progress, self.optimizer, self.identity, model=self.model)
            seconds = time.monotonic() - started
            left = seconds * (self.recipe.epochs - self.progress.epochs)
            print(json.dumps(row | {"seconds": round(seconds, 1), "seconds_left": round(left)}), flush=True)

    def _epoch(self, epoch: int) -> float:
        recipe, count = self.recipe, len(self.rest) // self.recipe.batch
        random = np.random.default_rng((recipe.seed, epoch))
        order = random.permutation(len(self.rest))
        shift = recipe.shift
        padded = np.pad(self.rest.pixels, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
        self.model.train()
        total = 0.0
        for number in range(count):
            step = epoch * count + number
            warm = min(1.0, step / recipe.warmup_steps)
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.peak_rate * warm * (1 + cos(pi * step / (count * recipe.epochs))) / 2
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            images = as_input(cropped(padded, chosen, shift, random))
            labels = torch.from_numpy(self.rest.labels[chosen]).long()
            with torch.no_grad():
                answers = self.judge(images)
            loss = self._loss(self.student(halved(images)), answers, labels)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach())
        return total / count

    def _loss(self, scores: Tensor, answers: Tensor, labels: Tensor) -> Tensor:
        heat, share = self.recipe.temperature, self.recipe.towards_float
        softened = F.kl_div(F.log_softmax(scores / heat, 1), F.softmax(answers / heat, 1), reduction="batchmean")
        return (1 - share) * F.cross_entropy(scores, labels) + share * heat**2 * softened

    def ship(self, folder: Path) -> None:
        """The only place where the test images are read, once, at the end."""
        recipe, network = self.recipe, self.network
        stem = f"{network.name}-w{recipe.weight_bits}a{recipe.activation_bits}"
        path = self.out / f"{stem}.safetensors"
        with replacing(path) as scratch:
            save_weights(scratch, self.model.on_grids(), network, self.derived_from)
        digest = open_weights(path, network).digest
        seen = reach(self.model, self.rest.pixels[:FITTED_IMAGES]) | self.model.represented()
        ranges = Ranges(network.digest, digest, self.rest[:FITTED_IMAGES].digest, FITTED_IMAGES, seen)
        with replacing(self.out / f"{stem}.ranges.json") as scratch:
            ranges.save(scratch)
        test = cifar10.read(folder, cifar10.TEST)
        count = right(self.model, test)
        low, high = wilson(count, len(test), 0.95)
        card = {
            "network": network.name,
            "architecture": network.digest,
            "weights": digest,
            "derived_from": self.derived_from,
            "test": {
                "accuracy": count / len(test),
                "n": len(test),
                "low95": low,
                "high95": high,
                "images": test.digest,
            },
            "trained_on": {"n": len(self.rest), "images": self.rest.digest},
            "recipe": asdict(recipe),
            "about": "quantisation-aware training; the last epoch ships, and the test images are read once, at the end",
            "command": f"python -m flows train {network.name} --qat --data DIR --out OUT --epochs {recipe.epochs}",
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "history": self.progress.history,
        }
        with replacing(self.out / f"{stem}.card.json") as scratch:
            scratch.write_text(json.dumps(card, indent=1) + "\n")
        print(json.dumps({"test_accuracy": count / len(test), "n": len(test)}), flush=True)


def main(job: Path) -> None:
    content = json.loads(job.read_text())
    torch.set_num_threads(content.get("threads", 2))
    out = Path(content["out"])
    out.mkdir(parents=True, exist_ok=True)
    images = cifar10.read(Path(content["data"]), cifar10.TRAIN)
    recipe, weights = Recipe(**content["recipe"]), Path(content["weights"])
    run = Run(NETWORKS[content["network"]], recipe, weights, images, out, content["compile"])
    run.finish_epochs()
    run.ship(Path(content["data"]))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except FlowsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
