"""From Keras' description of a model, plain JSON, to a `Network` with its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.errors import InputError
from models.imported.workers.draft import Draft, Place, Tensor, image_shape
from models.imported.workers.keras_archive import ADVICE, KerasArchive, group_name
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

MODELS = ("Sequential", "Functional")
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")
"""Those under which Keras keeps its weights in float32."""


@dataclass(frozen=True)
class _Entry:
    """A layer of the model: its place, settings, the layers it reads, and its group in the weights file."""

    place: Place
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    group: str

    def expect(self, key: str, *legal: Any) -> None:
        """Raises `InputError` unless the setting is absent or one of these; lists count as tuples."""
        value = self.config.get(key, legal[0])
        value = tuple(value) if isinstance(value, list) else value
        if value not in legal:
            shown = " or ".join(map(str, legal))
            raise self.place.refusal(f"{key} is {value}", f"build it with {key} {shown}, which is supported")

    def pair(self, key: str) -> tuple[int, int]:
        match self.config[key]:
            case [int(one), int(other)] | (int(one) as other):
                return one, other
        raise self.place.refusal(f"{key} is {self.config[key]}, not two whole numbers", ADVICE)


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
        self.entries, self.input_shape, self.output = _entries(archive)
        self.draft = Draft(name, self.input_shape)
        self.made: dict[str, str] = {}
        """The tensor of the draft that a layer of the model puts out."""

    def read(self) -> tuple[Network, Mapping[str, Tensor]]:
        for entry in self.entries:
            kind = entry.place.kind
            if kind == "InputLayer":
                self.made[entry.place.name] = INPUT
                continue
            _check_dtype(entry)
            if kind not in READERS:
                raise entry.place.refusal("code, which is not executed" if kind == "Lambda" else "not supported")
            if missing := [one for one in entry.inputs if one not in self.made]:
                raise entry.place.refusal(f"it reads {missing[0]!r}, which does not come before it", ADVICE)
            inputs = tuple(self.made[one] for one in entry.inputs)
            self.made[entry.place.name] = READERS[kind](self, entry, inputs)
        return self.draft.finish(self.made[self.output], self.archive.file), self.draft.tensors

    def weights(self, entry: _Entry, **shapes: Shape) -> dict[str, Tensor]:
        return dict(zip(shapes, self.archive.weights(entry.place, entry.group, list(shapes.values())), strict=True))

    def activated(self, entry: _Entry, tensor: str) -> str:
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


def _conv(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("dilation_rate", (1, 1), 1)
    entry.expect("groups", 1)
    entry.expect("padding", "same", "valid")
    kernel, filters = entry.pair("kernel_size"), entry.config["filters"]
    shapes = {"kernel": (*kernel, model.draft.shapes[inputs[0]][-1], filters), "bias": (filters,)}
    weights = _with_bias(model, entry, shapes)
    settings = {"kernel": kernel, "strides": entry.pair("strides"), "padding": entry.config["padding"]}
    return model.activated(entry, model.draft.add(entry.place, Conv2D, inputs, weights, filters=filters, **settings))


def _dense(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    units = entry.config["units"]
    shapes = {"kernel": (model.draft.shapes[inputs[0]][-1], units), "bias": (units,)}
    weights = _with_bias(model, entry, shapes)
    return model.activated(entry, model.draft.add(entry.place, Dense, inputs, weights, units=units))


def _with_bias(model: _Model, entry: _Entry, shapes: dict[str, Shape]) -> dict[str, Tensor]:
    if not entry.config.get("use_bias", True):
        del shapes["bias"]
    return model.weights(entry, **shapes)


def _batch_norm(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    shape = model.draft.shapes[inputs[0]]
    entry.expect("axis", -1, len(shape), (-1,), (len(shape),))
    entry.expect("renorm", False)
    roles = ["gamma"] * entry.config["scale"] + ["beta"] * entry.config["center"] + ["mean", "variance"]
    weights = {"gamma": np.ones(shape[-1:], np.float32), "beta": np.zeros(shape[-1:], np.float32)}
    weights |= model.weights(entry, **dict.fromkeys(roles, shape[-1:]))
    return model.draft.add(entry.place, BatchNorm, inputs, weights, epsilon=float(entry.config["epsilon"]))


def _max_pool(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("padding", "valid", "same")
    kernel = entry.pair("pool_size")
    strides = entry.pair("strides") if entry.config.get("strides") else kernel
    settings = {"kernel": kernel, "strides": strides, "padding": entry.config["padding"]}
    return model.draft.add(entry.place, MaxPool2D, inputs, **settings)


def _average(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    entry.expect("keepdims", False)
    return model.draft.add(entry.place, GlobalAveragePool, inputs)


def _relu(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("max_value", None)
    entry.expect("negative_slope", 0.0)
    entry.expect("threshold", 0.0)
    return model.draft.add(entry.place, ReLU, inputs)


def _softmax(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("axis", -1, 1)
    return model.draft.add(entry.place, Softmax, inputs)


def _flatten(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    return model.draft.add(entry.place, Flatten, inputs)


def _add(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    if len(inputs) != 2:
        raise entry.place.refusal(f"it adds {len(inputs)} tensors", "add two at a time")
    return model.draft.add(entry.place, Add, inputs)


def _rescaling(model: _Model, entry: _Entry, inputs: tuple[str, ...]) -> str:
    """The project's images are bytes over 255 already, so that this is the identity at the entry."""
    settings = entry.config["scale"], entry.config["offset"]
    if inputs != (INPUT,) or not isclose(settings[0], 1 / 255, rel_tol=1e-6) or settings[1] != 0:
        fact = f"scale {settings[0]}, offset {settings[1]}"
        raise entry.place.refusal(fact, "supported is scale 1/255, offset 0, as the first layer")
    return INPUT


READERS: Mapping[str, Callable[[_Model, _Entry, tuple[str, ...]], str]] = {
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


def _entries(archive: KerasArchive) -> tuple[list[_Entry], Shape, str]:
    """The layers in order, the shape of the input, and the layer that is the output."""
    model, config = archive.config, archive.config["config"]
    if model["class_name"] not in MODELS or model.get("registered_name") not in (None, *MODELS):
        fact = f"a model of class {model['class_name']} ({model.get('registered_name')}), whose code is not executed"
        raise InputError(archive.file, fact, "build it with keras.Sequential or keras.Model(inputs, outputs)")
    sequential = model["class_name"] == "Sequential"
    entries: list[_Entry] = []
    counts: dict[str, int] = {}
    for index, row in enumerate(config["layers"], start=1):
        place = Place(archive.file, index, row["config"]["name"], row["class_name"])
        module, registered = row.get("module", "keras.layers"), row.get("registered_name")
        if not f"{module}.".startswith("keras.") or registered not in (None, place.kind):
            raise place.refusal(f"a custom object ({registered or module}), whose code is not executed")
        before = [entry.place.name for entry in entries[-1:]]
        inputs = tuple(before if sequential else _sources(place, row["inbound_nodes"]))
        group = group_name(place.kind)
        counts[group] = counts.get(group, -1) + 1
        entries.append(_Entry(place, row["config"], inputs, f"{group}_{counts[group]}" if counts[group] else group))
    if sequential and entries and entries[0].place.kind != "InputLayer":
        place = Place(archive.file, 0, INPUT, "InputLayer")
        entries[0] = _Entry(entries[0].place, entries[0].config, (INPUT,), entries[0].group)
        entries.insert(0, _Entry(place, {"batch_shape": config["build_input_shape"]}, (), ""))
    first = [entry for entry in entries if entry.place.kind == "InputLayer"]
    ends = entries[-1].place.name if sequential else _ends(archive.file, config["output_layers"])
    if len(first) != 1:
        raise InputError(archive.file, f"it has {len(first)} inputs", "give the network one input")
    return entries, image_shape(first[0].config["batch_shape"][1:], archive.file), ends


def _sources(place: Place, nodes: list[Any]) -> Iterator[str]:
    """The layers that a layer of a functional model reads."""
    if place.kind == "InputLayer":
        return
    if len(nodes) != 1:
        raise place.refusal(f"it is used in {len(nodes)} places", "give each place a layer of its own")
    if unusual := [key for key, value in nodes[0]["kwargs"].items() if value not in (None, False)]:
        raise place.refusal(f"it is called with {unusual[0]}", "call it with tensors only")
    arguments = nodes[0]["args"]
    for tensor in arguments[0] if isinstance(arguments[0], list) else arguments:
        layer, node, output = tensor["config"]["keras_history"]
        if node or output:
            raise place.refusal(f"it reads output {output} of call {node} of {layer!r}", "use each layer once")
        yield layer


def _ends(file: str, layers: list[Any]) -> str:
    """The name in Keras' list of outputs, ``[name, 0, 0]`` or ``[[name, 0, 0]]``."""
    match layers:
        case [str(name), 0, 0] | [[str(name), 0, 0]]:
            return name
    raise InputError(file, f"it has {len(layers)} outputs", "give the network one output")


def _check_dtype(entry: _Entry) -> None:
    match entry.config.get("dtype", "float32"):
        case str(policy) | {"config": {"name": str(policy)}}:
            if policy in POLICIES:
                return
        case {"class_name": policy} | policy:
            pass
    raise entry.place.refusal(f"its weights follow {policy}, not float32", "save the network before it is quantised")
