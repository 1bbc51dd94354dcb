"""From Keras' description of a model, plain JSON, to a `Network` with its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isclose
from pathlib import Path

import numpy as np

from flows.core.errors import InputError
from models.imported.workers.draft import Draft, Tensor
from models.imported.workers.keras_archive import ADVICE, KerasArchive
from models.imported.workers.keras_config import Entry, check_dtype, entries_of
from models.network import (
    INPUT,
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool2D,
    Network,
    ReLU,
    Shape,
    Softmax,
)


def read_keras(path: Path, name: str) -> tuple[Network, Mapping[str, Tensor]]:
    """The network in a .keras archive, BatchNorm included; raises `InputError` naming what is not supported."""
    archive = KerasArchive(path)
    try:
        return _Model(archive, name).read()
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as reason:
        raise InputError(f"{path.name}, config.json", f"damaged description ({reason!r})", ADVICE) from None


class _Model:
    def __init__(self, archive: KerasArchive, name: str) -> None:
        self.archive, self.name = archive, name
        self.entries, self.input_shape, self.output = entries_of(archive)
        self.draft = Draft(name, self.input_shape)
        self.made: dict[str, str] = {}
        """The tensor of the draft that a layer of the model puts out."""

    def read(self) -> tuple[Network, Mapping[str, Tensor]]:
        for entry in self.entries:
            kind = entry.place.kind
            if kind == "InputLayer":
                self.made[entry.place.name] = INPUT
                continue
            check_dtype(entry)
            if kind not in READERS:
                raise entry.place.refusal("code, which is not executed" if kind == "Lambda" else "not supported")
            if missing := [one for one in entry.inputs if one not in self.made]:
                raise entry.place.refusal(f"it reads {missing[0]!r}, which does not come before it", ADVICE)
            inputs = tuple(self.made[one] for one in entry.inputs)
            self.made[entry.place.name] = READERS[kind](self, entry, inputs)
        return self.draft.finish(self.made[self.output], self.archive.file), self.draft.tensors

    def weights(self, entry: Entry, **shapes: Shape) -> dict[str, Tensor]:
        return dict(zip(shapes, self.archive.weights(entry.place, entry.group, list(shapes.values())), strict=True))

    def activated(self, entry: Entry, tensor: str) -> str:
        """`tensor` through the activation that Keras fuses into a layer."""
        activation, name = entry.config.get("activation"), entry.place.name
        if entry.place.kind != "Activation":
            name += f"_{activation}"
        match activation:
            case None | "linear":
                return tensor
            case "relu":
                return self.draft.add(entry.place, ReLU, (tensor,), name=name)
            case "softmax":
                return self.draft.add(entry.place, Softmax, (tensor,), name=name)
            case {"class_name": other} | other:
                raise entry.place.refusal(f"activation {other!r}", "supported are linear, relu and softmax")


def _conv(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("dilation_rate", (1, 1), 1)
    entry.expect("groups", 1)
    entry.expect("padding", "same", "valid")
    kernel, filters = entry.pair("kernel_size"), entry.config["filters"]
    shapes = {"kernel": (*kernel, model.draft.shapes[inputs[0]][-1], filters), "bias": (filters,)}
    weights = _with_bias(model, entry, shapes)
    settings = {"kernel": kernel, "strides": entry.pair("strides"), "padding": entry.config["padding"]}
    return model.activated(entry, model.draft.add(entry.place, Conv2D, inputs, weights, filters=filters, **settings))


def _dense(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    units = entry.config["units"]
    shapes = {"kernel": (model.draft.shapes[inputs[0]][-1], units), "bias": (units,)}
    weights = _with_bias(model, entry, shapes)
    return model.activated(entry, model.draft.add(entry.place, Dense, inputs, weights, units=units))


def _with_bias(model: _Model, entry: Entry, shapes: dict[str, Shape]) -> dict[str, Tensor]:
    if not entry.config.get("use_bias", True):
        del shapes["bias"]
    return model.weights(entry, **shapes)


def _batch_norm(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    shape = model.draft.shapes[inputs[0]]
    entry.expect("axis", -1, len(shape), (-1,), (len(shape),))
    entry.expect("renorm", False)
    roles = ["gamma"] * entry.config["scale"] + ["beta"] * entry.config["center"] + ["mean", "variance"]
    weights = {"gamma": np.ones(shape[-1:], np.float32), "beta": np.zeros(shape[-1:], np.float32)}
    weights |= model.weights(entry, **dict.fromkeys(roles, shape[-1:]))
    return model.draft.add(entry.place, BatchNorm, inputs, weights, epsilon=float(entry.config["epsilon"]))


def _max_pool(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("padding", "valid", "same")
    kernel = entry.pair("pool_size")
    strides = entry.pair("strides") if entry.config.get("strides") else kernel
    settings = {"kernel": kernel, "strides": strides, "padding": entry.config["padding"]}
    return model.draft.add(entry.place, MaxPool2D, inputs, **settings)


def _average(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("keepdims", False)
    return model.draft.add(entry.place, GlobalAveragePool, inputs)


def _relu(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("max_value", None)
    entry.expect("negative_slope", 0.0)
    entry.expect("threshold", 0.0)
    return model.draft.add(entry.place, ReLU, inputs)


def _softmax(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("axis", -1, 1)
    return model.draft.add(entry.place, Softmax, inputs)


def _flatten(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    return model.draft.add(entry.place, Flatten, inputs)


def _add(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    if len(inputs) != 2:
        raise entry.place.refusal(f"it adds {len(inputs)} tensors", "add two at a time")
    return model.draft.add(entry.place, Add, inputs)


def _rescaling(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    """The project's images are bytes over 255 already, so that this is the identity at the entry."""
    settings = entry.config["scale"], entry.config["offset"]
    if inputs != (INPUT,) or not isclose(settings[0], 1 / 255, rel_tol=1e-6) or settings[1] != 0:
        fact = f"scale {settings[0]}, offset {settings[1]}"
        raise entry.place.refusal(fact, "supported is scale 1/255, offset 0, as the first layer")
    return INPUT


READERS: Mapping[str, Callable[[_Model, Entry, tuple[str, ...]], str]] = {
    "Conv2D": _conv,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "MaxPooling2D": _max_pool,
    "GlobalAveragePooling2D": _average,
    "ReLU": _relu,
    "Activation": lambda model, entry, inputs: model.activated(entry, inputs[0]),
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Add": _add,
    "Dropout": lambda model, entry, inputs: inputs[0],
    "Rescaling": _rescaling,
}
