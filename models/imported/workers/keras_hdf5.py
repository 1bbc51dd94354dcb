"""A Keras model in one HDF5 file (.h5), as Keras 2 and 3 write it, opened without Keras. Nothing in it is executed.

The description is an attribute; weights stand under ``model_weights``, in a group called as the layer, whose attribute
``weight_names`` lists them in order. The layers of a model inside the model share the group of the outermost one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flows.core.errors import InputError
from flows.core.shape import parse
from models.imported.workers.draft import Place, Tensor
from models.imported.workers.keras_archive import CONFIG, LIMITS, StoredWeights
from models.layers import Shape

DESCRIPTION, ROOT, NAMES = "model_config", "model_weights", "weight_names"
ADVICE = "save the model again: model.save('model.h5'), or with Keras 3 model.save('model.keras')"
WEIGHTS_ALONE = "build the model in Keras, model.load_weights('{}'), then model.save('model.keras')"
PIECES = 10_000
"""Keras cuts a list of names into pieces where it is longer than an attribute may be."""


class KerasHdf5(StoredWeights):
    """`config` as it stands in the file; `weights` reads a layer's tensors. Raises `InputError`."""

    folder = ROOT

    def __init__(self, path: Path) -> None:
        super().__init__(path.name, "the file", ADVICE)
        try:
            self._tree = h5py.File(path, "r")
        except OSError as reason:
            raise InputError(self.file, f"no HDF5 file ({str(reason)[:80]})", ADVICE) from None
        if DESCRIPTION not in self._tree.attrs:
            fact = "weights alone, and no description of the layers that they belong to"
            raise InputError(self.file, fact, WEIGHTS_ALONE.format(self.file))
        try:
            self.config: Any = parse(self._text(self._tree.attrs[DESCRIPTION]))
        except (ValueError, OSError) as reason:  # Wrong, or no text
            raise InputError(f"{self.file}, {DESCRIPTION}", f"no JSON ({str(reason)[:80]})", ADVICE) from None

    @staticmethod
    def _text(value: object) -> str:
        text = value.decode() if isinstance(value, bytes) else value
        if not isinstance(text, str) or len(text) > LIMITS[CONFIG]:
            raise ValueError("it is no text, or a very long one")
        return text

    def group(self, folder: str, place: Place, index: int) -> str:
        return f"{folder}/{place.name}" if folder == ROOT else folder

    def inside(self, group: str) -> str:
        return group

    def weights(self, place: Place, group: str, shapes: list[Shape], more: int = 0) -> list[Tensor]:
        with self.telling(place):
            inner = group != f"{ROOT}/{place.name}"
            names = self._names(self._follow(place, group))
            names = [name for name in names if not inner or f"/{name}".rpartition("/")[0].endswith(f"/{place.name}")]
            self.counted(place, len(names), len(shapes) + more)
            return [self._tensor(place, f"{group}/{name}", shape) for name, shape in zip(names, shapes, strict=False)]

    def _names(self, node: Any) -> list[str]:
        """In order, from the attribute or its pieces."""
        attributes = node.attrs
        pieces = [NAMES] if NAMES in attributes else []
        pieces = pieces or [f"{NAMES}{number}" for number in range(PIECES) if f"{NAMES}{number}" in attributes]
        return [self._text(name) for piece in pieces for name in np.ravel(attributes[piece]).tolist()]
