"""One training, epoch by epoch, whatever its recipe. Imports torch; the worker beside it is what a step starts."""

from __future__ import annotations

import copy
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.cifar10 import Images
from models.folding import folded
from models.network import Network
from models.training import checkpoint
from models.training.augmentation import Batch, augmentation
from models.training.course import Course
from models.training.files import Progress, replacing
from models.training.progress import counted, epoch_line
from models.training.recipe import AnyRecipe, Recipe
from models.training.torch_network import TorchNetwork, as_input
from models.weights import save_weights

EVALUATION_BATCH = 500


@torch.no_grad()
def evaluate(model: TorchNetwork, images: Images) -> tuple[int, float]:
    """(how many are right, the mean cross-entropy)."""
    model.eval()
    right, losses = 0, 0.0
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = images[start : start + EVALUATION_BATCH]
        scores, labels = model(as_input(batch.pixels, model.network.pixels)), torch.from_numpy(batch.labels).long()
        right += int((scores.argmax(1) == labels).sum())
        losses += float(F.cross_entropy(scores, labels, reduction="sum"))
    return right, losses / len(images)


@torch.no_grad()
def average(mean: TorchNetwork, model: TorchNetwork, decay: float) -> None:
    """Moves `mean` towards `model`, BatchNorm statistics included."""
    for old, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def begin(network: Network, recipe: AnyRecipe) -> tuple[TorchNetwork, torch.optim.Optimizer]:
    """The network before its first step, and the optimiser of `recipe` over it."""
    torch.manual_seed(recipe.seed)
    model = TorchNetwork(network, batch_norm=recipe.batch_norm).to(memory_format=torch.channels_last)
    if isinstance(recipe, Recipe):
        kernels = [value for value in model.parameters() if value.ndim > 1]
        others = [value for value in model.parameters() if value.ndim <= 1]
        groups = [{"params": kernels, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return model, torch.optim.SGD(groups, lr=recipe.peak_rate, momentum=recipe.momentum, nesterov=True)
    for module in model.trained.values():  # as Keras begins
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    return model, torch.optim.Adam(model.parameters(), lr=recipe.peak_rate, eps=1e-7)


class Run:
    """One training, resumed where its folder holds its checkpoint: of the same recipe, network and images."""

    def __init__(self, course: Course, compiled: bool) -> None:
        self.course, self.recipe = course, course.recipe
        self.rest, self.chooser = course.rest, course.chooser
        self.model, self.optimizer = begin(course.network, self.recipe)
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.mean = self.model
        if self.recipe.average_decay:
            self.mean = self.modules["mean"] = copy.deepcopy(self.model)
        self.progress = self._resumed()
        self.step = torch.compile(self.model) if compiled else self.model
        self.batch: Batch = augmentation(self.recipe, self.rest.pixels, course.network.pixels)

    def _resumed(self) -> Progress:
        """Raises `InputError` rather than write over another training."""
        path, identity = self.course.checkpoint, self.course.identity
        progress = checkpoint.load(path, self.optimizer, identity, **self.modules)
        if progress is None and path.exists():
            raise self.course.taken()
        return progress or Progress()

    def finish_epochs(self) -> None:
        while not self.recipe.ended(self.progress.accuracies):
            started = time.monotonic()
            row = self._epoch(self.progress.epochs)
            self._keep(row)
            print(epoch_line(row, self.recipe.epochs, time.monotonic() - started), flush=True)

    def _epoch(self, epoch: int) -> dict[str, float]:
        """One pass over the images; raises `StepFailed` at the first loss that is no number."""
        batches, right, losses = len(self.rest) // self.recipe.batch, 0, 0.0
        random = np.random.default_rng((self.recipe.seed, epoch))
        order = random.permutation(len(self.rest))
        torch.manual_seed(1_000_003 * self.recipe.seed + epoch)  # for dropout
        self.model.train()
        for number in counted(epoch, batches):
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate(epoch + number / batches, self.progress.accuracies)
            chosen = order[number * self.recipe.batch : (number + 1) * self.recipe.batch]
            labels = torch.from_numpy(self.rest.labels[chosen]).long()
            scores = self.step(self.batch(chosen, random))
            loss = F.cross_entropy(scores, labels)
            if not math.isfinite(value := float(loss.detach())):
                raise self.course.diverged(epoch, value)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            if self.mean is not self.model:
                steps = 1 + epoch * batches + number
                average(self.mean, self.model, min(self.recipe.average_decay, 1 - 1 / steps))
            losses += value
            right += int((scores.detach().argmax(1) == labels).sum())
        held_out_right, held_out_loss = evaluate(self.mean, self.chooser)
        return {
            "epoch": epoch + 1,
            "loss": losses / batches,
            "accuracy": right / (batches * self.recipe.batch),
            "held_out_loss": held_out_loss,
            "held_out_accuracy": held_out_right / len(self.chooser),
        }

    def _keep(self, row: dict[str, float]) -> None:
        """The epoch's end on disk: the best weights first, then the checkpoint that counts it as done."""
        progress = self.progress
        history = [*progress.history, row]
        best = progress.best
        # the modern recipe's weights are ever better averages: of equals it takes the last, the seed's the first
        ahead = row["held_out_accuracy"] - best.get("held_out_accuracy", -1.0)
        if ahead > 0 or (ahead == 0 and isinstance(self.recipe, Recipe)):
            best = row
            with replacing(self.course.best) as scratch:
                save_weights(scratch, self.mean.folded(), folded(self.course.network))
        after = Progress(progress.epochs + 1, history, best)
        checkpoint.save(self.course.checkpoint, after, self.optimizer, self.course.identity, **self.modules)
        self.progress = after
        self.course.write_curves(after)
