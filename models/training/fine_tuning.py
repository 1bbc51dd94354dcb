"""Trains a network with its quantisers, epoch by epoch, whoever built it. Imports torch and brevitas."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from brevitas import config
from torch import Tensor, nn

from flows.core.digest import digest_of
from flows.core.errors import InputError, StepFailed
from models import cifar10
from models.cifar10 import Images
from models.pixels import Pixels
from models.qat_recipe import QatRecipe
from models.training import checkpoint
from models.training.augmentation import cropped
from models.training.checkpoint import Progress
from models.training.progress import counted, epoch_line
from models.training.torch_network import as_input


@torch.no_grad()
def right(model: nn.Module, images: Images, pixels: Pixels) -> int:
    """How many images `model` gets right in evaluation."""
    model.eval()
    count = 0
    for start in range(0, len(images), 250):
        batch = images[start : start + 250]
        scores = model(as_input(batch.pixels, pixels))
        count += int((scores.argmax(1) == torch.from_numpy(batch.labels.astype(np.int64))).sum())
    return count


class FineTuning:
    """`model` towards the labels and, where there is a `teacher`, its answers; both take what `pixels` make of bytes.

    Resumed where `out` holds the checkpoint of the same training: `identity` says what else than recipe and images it
    depends on. With more epochs than it had, a finished one goes on. Raises `InputError` rather than write over others.
    """

    def __init__(
        self,
        model: nn.Module,
        teacher: nn.Module | None,
        pixels: Pixels,
        recipe: QatRecipe,
        images: Images,
        out: Path,
        identity: str,
    ) -> None:
        self.model, self.teacher, self.pixels, self.recipe, self.out = model, teacher, pixels, recipe, out
        self.rest, self.chooser = split(images, recipe)
        shift = recipe.shift
        self.padded = np.pad(self.rest.pixels, ((0, 0), (shift, shift), (shift, shift), (0, 0))) if shift else None
        scales = [value for name, value in model.named_parameters() if ".scaling_impl." in name]
        others = [value for name, value in model.named_parameters() if ".scaling_impl." not in name]
        self.optimizer = torch.optim.Adam([{"params": others}, {"params": scales}])
        self.resume = out / "checkpoint.safetensors"
        self.identity = digest_of([asdict(replace(recipe, epochs=1)), identity, self.rest.digest])
        with _same_parameters():
            self.progress = checkpoint.load(self.resume, self.optimizer, self.identity, model=model) or Progress()
        if self.resume.exists() and not self.progress.epochs:
            raise InputError(str(self.resume), "the checkpoint of another training", "name another --out, or remove it")

    def finish_epochs(self) -> None:
        while self.progress.epochs < self.recipe.epochs:
            started, epoch = time.monotonic(), self.progress.epochs
            loss = self._epoch(epoch)
            accuracy = right(self.model, self.chooser, self.pixels) / len(self.chooser)
            row = {"epoch": epoch + 1, "loss": loss, "held_out_accuracy": accuracy}
            self.progress = Progress(epoch + 1, [*self.progress.history, row])
            checkpoint.save(self.resume, self.progress, self.optimizer, self.identity, model=self.model)
            print(epoch_line(row, self.recipe.epochs, time.monotonic() - started), flush=True)

    def _epoch(self, epoch: int) -> float:
        """The mean loss; raises `StepFailed` at the first that is no number."""
        recipe, count = self.recipe, len(self.rest) // self.recipe.batch
        random = np.random.default_rng((recipe.seed, epoch))
        order = random.permutation(len(self.rest))
        self.model.train()
        total = 0.0
        for number in counted(epoch, count):
            rate = recipe.rate(epoch * count + number, count)
            for group, share in zip(self.optimizer.param_groups, (1.0, recipe.scale_rate), strict=True):
                group["lr"] = rate * share
            chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
            labels = torch.from_numpy(self.rest.labels[chosen].astype(np.int64))
            loss = self._loss(self._images(chosen, random), labels)
            if not math.isfinite(value := float(loss.detach())):
                advice = "start again with a lower --rate and another --out"
                raise StepFailed("training", f"the loss of epoch {epoch + 1} is {value}", advice)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += value
        return total / count

    def _images(self, chosen: np.ndarray, random: np.random.Generator) -> Tensor:
        if self.padded is None:
            return as_input(self.rest.pixels[chosen], self.pixels)
        return as_input(cropped(self.padded, chosen, self.recipe.shift, random), self.pixels)

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.half_precision):
            scores = self.model(images).float()
            if self.teacher is None:
                return F.cross_entropy(scores, labels)
            with torch.no_grad():
                answers = self.teacher(images).float()
        heat, share = self.recipe.temperature, self.recipe.towards_float
        softened = F.kl_div(F.log_softmax(scores / heat, 1), F.softmax(answers / heat, 1), reduction="batchmean")
        return (1 - share) * F.cross_entropy(scores, labels) + share * heat**2 * softened


@contextmanager
def _same_parameters() -> Iterator[None]:
    """While a state is loaded, Brevitas builds quantisers anew, with parameters that the optimiser does not know."""
    before = config.REINIT_ON_STATE_DICT_LOAD
    config.REINIT_ON_STATE_DICT_LOAD = False
    try:
        yield
    finally:
        config.REINIT_ON_STATE_DICT_LOAD = before


def split(images: Images, recipe: QatRecipe) -> tuple[Images, Images]:
    """(what is trained on, what tells how it goes); of few images at most a tenth is held out.

    Raises `InputError` where that leaves less than a batch.
    """
    training, chooser = cifar10.split(images, max(1, min(recipe.held_out, len(images) // 10)), recipe.seed)
    if len(training) < recipe.batch:
        fact = f"{len(images):,} training images, and a batch has {recipe.batch}"
        raise InputError("--data", fact, "give more images")
    return training, chooser
