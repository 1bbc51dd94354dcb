"""The published recipe by Keras itself: `model.fit` with its two callbacks. Imports keras, on any backend.

The worker beside it is what a step starts. Images, their order and how each is moved are those of the torch trainer
with the same seed; the first weights are drawn by Keras and so are not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras.callbacks import EarlyStopping, ReduceLROnPlateau
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from flows.core.errors import InputError
from flows.core.files import MODEL_LIMIT, opened
from models import zoo
from models.cifar10 import Images
from models.keras3 import zoo as definitions
from models.keras3.network import EVALUATION_BATCH, get_weights, keras_model, put_weights, scaled
from models.layers import Softmax
from models.network import Network
from models.training.course import Course
from models.training.files import Progress, replacing
from models.training.motions import in_pixels, motions
from models.training.progress import counted, epoch_line
from models.training.recipe import SeedRecipe
from models.weights import save_weights

MONITOR = "val_accuracy"


def defined(network: Network) -> keras.Model:
    """The definition that people read where it is one of the project's networks, or else the same, layer by layer."""
    name = network.name
    return definitions.NETWORKS[name]() if zoo.NETWORKS.get(name) == network else keras_model(network)


def compiled(network: Network, recipe: SeedRecipe) -> keras.Model:
    """The network before its first step."""
    keras.utils.set_random_seed(recipe.seed)
    model = defined(network)
    logits = not isinstance(network.layers[-1], Softmax)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.peak_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def turned(images: np.ndarray, recipe: SeedRecipe, random: np.random.Generator) -> Any:
    """Square `images` (n, H, W, C), each turned, shifted and mirrored: bilinear, edges repeated."""
    moves = in_pixels(motions(len(images), recipe.rotation, recipe.shift, random), images.shape[1])
    affine = keras.ops.image.affine_transform
    return affine(images, moves, "bilinear", "nearest", data_format="channels_last")


class KerasRun:
    """One training, resumed where its folder holds its checkpoint: of the same recipe, network and images."""

    def __init__(self, course: Course) -> None:
        assert isinstance(course.recipe, SeedRecipe)
        self.course, self.recipe = course, course.recipe
        self.model = compiled(course.network, self.recipe)
        self.reducing = ReduceLROnPlateau(
            monitor=MONITOR,
            mode="max",
            factor=self.recipe.factor,
            patience=self.recipe.patience,
            min_delta=self.recipe.min_delta,
            verbose=0,
        )
        self.stopping = EarlyStopping(
            monitor=MONITOR, mode="max", patience=self.recipe.stop_patience, restore_best_weights=True
        )
        self.progress = self._resumed()

    def finish_epochs(self) -> None:
        if self.recipe.ended(self.progress.accuracies):
            return
        chooser = self.course.chooser
        self.model.fit(
            self._batches(),
            steps_per_epoch=self._steps,
            shuffle=False,  # the generator does
            validation_data=(scaled(self.course.network, chooser.pixels), chooser.labels),
            validation_batch_size=EVALUATION_BATCH,
            initial_epoch=self.progress.epochs,
            epochs=self.recipe.epochs,
            callbacks=[self.reducing, self.stopping, Keeper(self)],
            verbose=0,
        )

    @property
    def _steps(self) -> int:
        return len(self.course.rest) // self.recipe.batch

    def _batches(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Of all epochs that are left, each in an order of its own."""
        network, images, size = self.course.network, self.course.rest, self.recipe.batch
        for epoch in range(self.progress.epochs, self.recipe.epochs):
            random = np.random.default_rng((self.recipe.seed, epoch))
            order = random.permutation(len(images))
            for number in counted(epoch, self._steps):
                chosen = order[number * size : (number + 1) * size]
                yield turned(scaled(network, images.pixels[chosen]), self.recipe, random), images.labels[chosen]

    def keep(self, row: dict[str, float]) -> None:
        """The epoch's end on disk: the best weights first, then the checkpoint that counts it as done."""
        best, course = self.progress.best, self.course
        if row["held_out_accuracy"] > best.get("held_out_accuracy", -1.0):
            best = row
            with replacing(course.best) as scratch:
                save_weights(scratch, get_weights(self.model, course.network), course.network)
        after = Progress(self.progress.epochs + 1, [*self.progress.history, row], best)
        tensors = {name: np.asarray(variable.numpy()) for name, variable in self._variables().items()}
        with replacing(course.checkpoint) as scratch:
            save_file(tensors, scratch, {"progress": json.dumps(vars(after)), "recipe": course.identity})
        self.progress = after
        course.write_curves(after)

    def _variables(self) -> Mapping[str, Any]:
        """What an epoch begins with, by role and number."""
        roles = {"model": self.model.weights, "optimizer": self.model.optimizer.variables}
        return {f"{role}.{number}": variable for role, every in roles.items() for number, variable in enumerate(every)}

    def _resumed(self) -> Progress:
        """Raises `InputError` where the checkpoint is damaged, or of another training."""
        path, advice = self.course.checkpoint, "remove it, and start again"
        if not path.exists():
            return Progress()
        with opened(path, MODEL_LIMIT, advice):  # a regular file, before a library opens it
            pass
        try:
            with safe_open(path, "np") as file:
                metadata = file.metadata()
                if metadata["recipe"] != self.course.identity:
                    raise self.course.taken()
                for name, variable in self._variables().items():
                    variable.assign(file.get_tensor(name))
            return Progress(**json.loads(metadata["progress"]))
        except (OSError, SafetensorError, LookupError, RuntimeError, TypeError, ValueError) as reason:
            raise InputError(str(path), f"damaged checkpoint ({str(reason)[:200]!r})", advice) from None

    def best_weights(self) -> dict[str, np.ndarray]:
        return dict(load_file(self.course.best))


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras says no types
    """Keeps every epoch on disk, and gives the two other callbacks back what they knew where a run goes on."""

    def __init__(self, run: KerasRun) -> None:
        super().__init__()
        self.run, self.epoch, self.started = run, run.progress.epochs, 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """The two others have just forgotten everything: they are told of the epochs so far, on the best weights."""
        run, now = self.run, self.model.get_weights()
        if not run.progress.epochs:
            return
        put_weights(self.model, run.course.network, run.best_weights())
        self.model.optimizer.learning_rate = run.recipe.peak_rate
        for epoch, accuracy in enumerate(run.progress.accuracies):
            run.reducing.on_epoch_end(epoch, {MONITOR: accuracy})
            run.stopping.on_epoch_end(epoch, {MONITOR: accuracy})
        self.model.set_weights(now)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch, self.started = epoch, time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Dropout draws by seed and epoch, so that a resumed run draws what a whole one does: on TensorFlow from states
        of its own, on torch from the one that all share, its loader of batches too, which has just begun."""
        if batch:
            return
        random = np.random.default_rng((self.run.recipe.seed, self.epoch, 1))
        keras.utils.set_random_seed(int(random.integers(0, 1 << 31)))
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign(random.integers(0, 1 << 31, 2))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not math.isfinite(loss := float(logs["loss"])):
            raise self.run.course.diverged(self.epoch, loss)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        count = len(self.run.course.chooser)
        row = {
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            "accuracy": float(logs["accuracy"]),
            "held_out_loss": float(logs["val_loss"]),
            "held_out_accuracy": round(float(logs[MONITOR]) * count) / count,
        }
        self.run.keep(row)
        print(epoch_line(row, self.run.recipe.epochs, time.monotonic() - self.started), flush=True)


def right(network: Network, tensors: Mapping[str, np.ndarray], images: Images) -> int:
    """How many of `images` the network on `tensors` gets right."""
    model = put_weights(keras_model(network), network, tensors)
    correct = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = images[start : start + EVALUATION_BATCH]
        scores = keras.ops.convert_to_numpy(model(scaled(network, batch.pixels), training=False))
        correct += int((scores.argmax(1) == batch.labels).sum())
    return correct
