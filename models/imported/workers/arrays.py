"""Arrays of the user's own, in numpy's formats: images as bytes, labels as classes. Nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.core.errors import InputError
from models.layers import Shape

Array = NDArray[Any]
LIMIT = 1 << 30
"""Bytes of an array: 350,000 images of CIFAR-10's size."""
BYTES = "pixels as they are in the image files, whole numbers from 0 to 255: --pixels says how they are scaled"


def load(path: Path) -> Mapping[str, Array]:
    """The arrays of an .npz file by name, or that of an .npy file under ``""``; raises `InputError`."""
    try:
        with np.errstate(over="ignore"):
            if path.suffix != ".npz":
                array = np.load(path, mmap_mode="r")  # holds the shape in the header against the size of the file
                if not isinstance(array, np.memmap):
                    raise ValueError("several arrays")
                if behind := path.stat().st_size - array.offset - array.nbytes:
                    raise ValueError(f"{behind:,} bytes behind its array")
                return {"": array}
            with zipfile.ZipFile(path) as archive:
                if large := [member.filename for member in archive.infolist() if member.file_size > LIMIT]:
                    raise ValueError(f"{large[0]} unpacks to more than {LIMIT >> 20:,} MiB")
            with np.load(path) as arrays:
                return {name: arrays[name] for name in arrays.files if name in KNOWN}
    except MemoryError:
        raise
    except Exception as reason:  # numpy and zipfile hand on whatever parsing raises
        advice = "save it with numpy.save, or numpy.savez(images=..., labels=...)"
        raise InputError(path.name, f"no plain array in numpy's format ({str(reason)[:80]})", advice) from None


def images_of(array: Array, shape: Shape, culprit: str) -> NDArray[np.uint8]:
    """`array` as bytes (n, *shape): channels may stand first, the axis of a single one may be absent, and the pixels of
    a vector may stand in rows. Raises `InputError`."""
    wanted = f"({', '.join(map(str, ('N', *shape)))}) of uint8"
    if not array.ndim:
        raise InputError(culprit, f"holds a single number, and {wanted} is needed", f"give {BYTES}")
    flat, own, shaped = (prod(shape),), array.shape[1:], None
    if own == shape:
        shaped = array
    elif len(shape) == 3 and own == (shape[2], *shape[:2]):
        shaped = array.transpose(0, 2, 3, 1)
    elif prod(own) == flat[0] and (len(shape) == 1 or (shape[-1] == 1 and own in (shape[:2], flat))):
        shaped = array.reshape(len(array), *shape)
    if shaped is None or not len(array):
        fact = f"holds {array.shape} of {array.dtype}, and {wanted} is needed"
        raise InputError(culprit, fact[:200], f"save it so with numpy.save: {BYTES}")
    return np.ascontiguousarray(_bytes(shaped, culprit, wanted))


def labels_of(array: Array, count: int, classes: int, culprit: str) -> Array:
    """(n,) of whole numbers below `classes`, from those, or from rows with a 1 at the class. Raises `InputError`."""
    if array.ndim == 2 and array.shape == (count, classes) and classes > 1:
        if not (np.isin(array, (0, 1)).all() and (array.sum(1) == 1).all()):
            raise InputError(culprit, "a row of labels is not 1 at one class and 0 elsewhere", "give a class an image")
        array = array.argmax(1)
    if array.shape not in ((count,), (count, 1)):
        fact = f"holds labels {array.shape}, and one for each of {count:,} images is needed"
        raise InputError(culprit, fact[:200], "give a class an image, from 0")
    labels = array.reshape(count)
    if labels.dtype.kind not in "uif" or not (labels == np.floor(labels)).all():
        raise InputError(culprit, f"its labels are {labels.dtype}, no whole numbers", "give a class an image, from 0")
    if labels.min() < 0 or labels.max() >= classes:
        odd = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
        fact = f"image {odd} has label {labels[odd]:g}, and the network has the classes 0 to {classes - 1}"
        raise InputError(culprit, fact, "count the classes from 0, in the network's order")
    return labels.astype(np.uint8 if classes <= 256 else np.uint16)


def _bytes(array: Array, culprit: str, wanted: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.asarray(array)
    if array.dtype.kind in "iuf":
        low, high = array.min(), array.max()
        if array.dtype.kind == "f" and low >= 0 and high <= 1 and high > 0:
            whole = np.rint(array * 255)
            if (abs(array * 255 - whole) < 1e-3).all():  # bytes over 255
                return whole.astype(np.uint8)
        elif low >= 0 and high <= 255 and (array == np.floor(array)).all():
            return array.astype(np.uint8)
    raise InputError(culprit, f"its numbers are {array.dtype}, no bytes, and {wanted} is needed", f"give {BYTES}")


TEST = (("x_test", "y_test"), ("test_images", "test_labels"), ("images", "labels"), ("x", "y"), ("X", "y"))
"""What the images to judge by and their labels may be called in an .npz file, as Keras and MedMNIST call them too."""
TRAINING = ("x_train", "train_images", "calibration")
TRAINING_LABELS = ("y_train", "train_labels")
"""And the images to measure ranges on."""
KNOWN = {*TRAINING, *TRAINING_LABELS, *(name for pair in TEST for name in pair)}
