"""Images with labels to train on and to judge by: CIFAR-10 in a folder, or files of the user's own. Needs numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.core.errors import InputError
from models import cifar10
from models.cifar10 import Images
from models.imported.workers.arrays import Array, images_of, labels_of, load
from models.layers import Shape

PAIRS = (("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels"))
"""What training images, their labels, test images and theirs are called in an .npz file."""
ALONE = (("images", "labels"), ("x", "y"), ("X", "y"))
"""And where none are set apart to be judged by: the last fifth is."""
SHARE = 5
ADVICE = "save it with numpy.savez('data.npz', images=..., labels=...)"
CIFAR_SHAPE = (32, 32, 3)


@dataclass(frozen=True)
class Labelled:
    """Both are read when they are asked for: test images at the end alone."""

    training: Callable[[], Images]
    test: Callable[[], Images]


def shape_of(data: Path) -> Shape:
    """Of an image in ``--data``, as it stands there; raises `InputError`."""
    if data.suffix != ".npz":
        return CIFAR_SHAPE
    arrays = load(data)
    name = next((names[0] for names in (*PAIRS, *ALONE) if names[0] in arrays), None)
    if name is None:
        raise _nothing(data)
    shape = tuple(arrays[name].shape[1:])
    if len(shape) == 2:
        return (*shape, 1)
    first = len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3)  # channels first
    return (*shape[1:], shape[0]) if first else shape


def _as_read(training: Images, test: Images) -> Labelled:
    return Labelled(lambda: training, lambda: test)


def _nothing(data: Path) -> InputError:
    known = " or ".join("/".join(names) for names in (*PAIRS, *ALONE))
    return InputError(data.name, f"has no arrays called {known}", ADVICE)


def labelled(data: Path, shape: Shape, classes: int) -> Labelled:
    """What ``--data`` names, for a network of images of `shape` and so many classes; raises `InputError`."""
    if data.suffix != ".npz":
        if (shape, classes) != (CIFAR_SHAPE, len(cifar10.CLASSES)):
            fact = f"the network takes {'x'.join(map(str, shape))} and gives {classes} results, CIFAR-10 32x32x3 and 10"
            raise InputError(f"--data {data}", fact, "give --data FILE.npz with images and labels of its own")
        return Labelled(lambda: cifar10.read(data, cifar10.TRAIN), lambda: cifar10.read(data, cifar10.TEST))
    arrays = load(data)

    def read(images: Array, labels: Array) -> Images:
        pixels = images_of(images, shape, data.name)
        return Images(pixels, labels_of(labels, len(pixels), classes, data.name))

    for names in PAIRS:
        if all(name in arrays for name in names):
            ordered = [arrays[name] for name in names]
            training, test = read(*ordered[:2]), read(*ordered[2:])
            return _as_read(training, test)
    for image, label in ALONE:
        if image in arrays and label in arrays:
            every = read(arrays[image], arrays[label])
            apart = len(every) - len(every) // SHARE
            return _as_read(every[:apart], every[apart:])
    raise _nothing(data)
