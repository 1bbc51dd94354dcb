"""From Keras' description of a model, plain JSON, to a `Network` with its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.core.errors import InputError
from models.imported.quantiser import Quantise
from models.imported.workers.draft import Draft, Tensor
from models.imported.workers.keras_archive import ADVICE, OLD_ADVICE, OLD_FOLDER, KerasArchive, is_hdf5
from models.imported.workers.keras_config import MODELS, Entry, KerasFile, check_dtype, entries_of
from models.imported.workers.keras_hdf5 import KerasHdf5
from models.imported.workers.qkeras import quantiser
from models.imported.workers.unbuilt import BY_ACTIVATION, UNEVEN, refuse, refuse_kind
from models.layers import (
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    LeakyReLU,
    MaxPool2D,
    Pads,
    ReLU,
    Shape,
    Softmax,
)
from models.network import INPUT, Network


def read_keras(path: Path, name: str) -> tuple[Network, Mapping[str, Tensor]]:
    """The network in a Keras file, BatchNorm included; raises `InputError` naming what is not supported."""
    archive: KerasFile = KerasHdf5(path) if is_hdf5(path) else KerasArchive(path)
    try:
        return _Model(archive, name).read()
    except RecursionError:
        raise InputError(f"{path.name}, config.json", "nested too deep to be read", ADVICE) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as reason:
        fact = f"damaged description ({type(reason).__name__}: {str(reason)[:80]})"
        advice = OLD_ADVICE if archive.folder == OLD_FOLDER else ADVICE
        raise InputError(f"{path.name}, config.json", fact, advice) from None


class _Model:
    def __init__(self, archive: KerasFile, name: str) -> None:
        self.archive, self.name = archive, name
        self.entries, self.input_shape, self.output = entries_of(archive)
        self.draft = Draft(name, self.input_shape)
        self.tensors: dict[str, str] = {}
        """The tensor of the draft that a layer of the model puts out, by its key."""
        self.pads: dict[str, Pads] = {}
        """The zeros around it that the next layer takes over, by the same."""

    def read(self) -> tuple[Network, Mapping[str, Tensor]]:
        for entry in self.entries:
            kind, key = entry.place.kind, entry.key
            if kind == "InputLayer" and not entry.inputs:
                self.tensors[key] = INPUT
                continue
            if kind not in HANDED_ON:
                check_dtype(entry)
            if kind not in READERS:
                lambda_code = entry.place.refusal("code, which is not executed")
                raise lambda_code if kind == "Lambda" else refuse_kind(entry.place)
            if missing := [source for source in entry.inputs if source not in self.tensors]:
                raise entry.place.refusal(f"it reads {missing[0]!r}, which does not come before it", ADVICE)
            inputs = tuple(self.tensors[source] for source in entry.inputs)
            if kind not in (*HANDED_ON, *CONVOLUTIONS) and any(source in self.pads for source in entry.inputs):
                raise entry.place.refusal("it reads a padded image", "pad right before a convolution")
            self.tensors[key] = READERS[kind](self, entry, inputs)
            if kind in HANDED_ON and entry.inputs[0] in self.pads:
                self.pads[key] = self.pads[entry.inputs[0]]
        for entry in self.entries:
            self.draft.absorb(entry.place.name, self.tensors[entry.key])
        return self.draft.finish(self.tensors[self.output], self.archive.file), self.draft.tensors

    def weights(self, entry: Entry, **shapes: Shape) -> dict[str, Tensor]:
        return dict(zip(shapes, self.archive.weights(entry.place, entry.group, list(shapes.values())), strict=True))

    def activated(self, entry: Entry, tensor: str) -> str:
        """`tensor` through the activation that Keras fuses into a layer."""
        activation, name = entry.config.get("activation"), entry.place.name
        if fixed := quantiser(entry.place, activation):
            name += "" if entry.place.kind == "QActivation" else "_quantised"
            codes: dict[str, Any] = {"bits": fixed.bits, "signed": fixed.signed, "narrow": fixed.narrow}
            return self.draft.add(entry.place, Quantise, (tensor,), name=name, scale=fixed.scale, **codes)
        if entry.place.kind not in ("Activation", "QActivation"):
            name += f"_{activation}"
        match activation:
            case None | "linear":
                return tensor
            case "relu":
                return self.draft.add(entry.place, ReLU, (tensor,), name=name)
            case "relu6":
                return self.draft.add(entry.place, Clip, (tensor,), name=name, low=0.0, high=6.0)
            case "hard_tanh":
                return self.draft.add(entry.place, Clip, (tensor,), name=name, low=-1.0, high=1.0)
            case "leaky_relu":
                return self.draft.add(entry.place, LeakyReLU, (tensor,), name=name, slope=0.2)
            case "softmax":
                return self.draft.add(entry.place, Softmax, (tensor,), name=name)
            case {"class_name": str(other)} | str(other) if other in BY_ACTIVATION:
                raise refuse(entry.place, BY_ACTIVATION[other], f"activation {other!r}")
            case {"class_name": other} | other:
                raise entry.place.refusal(
                    f"activation {other!r}", "supported are linear, relu, relu6, hard_tanh, leaky_relu and softmax"
                )


def _conv(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    shape = model.draft.shapes[inputs[0]]
    kernel, filters, groups = entry.pair("kernel_size"), entry.config["filters"], entry.config.get("groups", 1)
    if groups < 1:
        raise entry.place.refusal(f"groups is {groups}", ADVICE)
    weights = _with_bias(model, entry, {"kernel": (*kernel, shape[-1] // groups, filters), "bias": (filters,)})
    if len(shape) == 1 and (*kernel, groups) == (1, 1, 1):  # on the one pixel of an average that kept its axes
        weights["kernel"] = weights["kernel"][0, 0]
        return model.activated(entry, model.draft.add(entry.place, Dense, inputs, weights, units=filters))
    return model.activated(entry, _slid(model, entry, inputs, weights, groups))


def _depthwise(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    channels, times = model.draft.shapes[inputs[0]][-1], entry.config["depth_multiplier"]
    kernel = entry.pair("kernel_size")
    weights = _with_bias(model, entry, {"kernel": (*kernel, channels, times), "bias": (channels * times,)})
    return model.activated(entry, _slid(model, entry, inputs, _by_group(weights), channels))


def _separable(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    """A depthwise convolution without bias, and one of 1x1 pixels behind it."""
    channels, times = model.draft.shapes[inputs[0]][-1], entry.config["depth_multiplier"]
    kernel, filters = entry.pair("kernel_size"), entry.config["filters"]
    depth, shapes = (*kernel, channels, times), {"kernel": (1, 1, channels * times, filters), "bias": (filters,)}
    weights = _with_bias(model, entry, {"depth": depth, **shapes})
    first = _by_group({"kernel": weights.pop("depth")})
    between = _slid(model, entry, inputs, first, channels, f"{entry.place.name}_depthwise")
    settings: dict[str, Any] = {"kernel": (1, 1), "strides": (1, 1), "padding": "valid"}
    name = model.draft.add(entry.place, Conv2D, (between,), weights, filters=filters, **settings)
    return model.activated(entry, name)


def _by_group(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The kernel (height, width, channels, multiplier) as (height, width, 1, filters), channel by channel."""
    height, width, *_ = weights["kernel"].shape
    return weights | {"kernel": weights["kernel"].reshape(height, width, 1, -1)}


def _slid(
    model: _Model, entry: Entry, inputs: tuple[str, ...], weights: dict[str, Tensor], groups: int, name: str = ""
) -> str:
    """A convolution of an image, with the zeros that stand around that."""
    entry.expect("data_format", "channels_last")
    entry.expect("dilation_rate", (1, 1), 1)
    entry.expect("padding", "same", "valid")
    kernel, strides, padding = entry.pair("kernel_size"), entry.pair("strides"), entry.config["padding"]
    if pads := model.pads.get(entry.inputs[0]):
        same = MaxPool2D("", (), kernel, strides, "same").pads(model.draft.shapes[inputs[0]])
        if padding == "same":
            fact = f"padding {pads} (top, bottom, left, right) stands before it, and it pads itself"
            raise entry.place.refusal(fact, "pad once, before a convolution with padding 'valid'")
        padding = "same" if pads == same else pads
    settings = {"kernel": kernel, "strides": strides, "padding": padding, "filters": weights["kernel"].shape[-1]}
    if groups == 1:
        return model.draft.add(entry.place, Conv2D, inputs, weights, name, **settings)
    return model.draft.add(entry.place, GroupedConv2D, inputs, weights, name, groups=groups, **settings)


def _zero_padding(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    (top, bottom), (left, right) = entry.config["padding"]
    pads = int(top), int(bottom), int(left), int(right)
    if min(pads) < 0:
        raise entry.place.refusal(f"it pads by {pads}", ADVICE)
    if any(pads):
        model.pads[entry.key] = pads
    return inputs[0]


def _dense(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    units = entry.config["units"]
    shapes = {"kernel": (model.draft.shapes[inputs[0]][-1], units), "bias": (units,)}
    weights = _with_bias(model, entry, shapes)
    return model.activated(entry, model.draft.add(entry.place, Dense, inputs, weights, units=units))


def _with_bias(model: _Model, entry: Entry, shapes: dict[str, Shape]) -> dict[str, Tensor]:
    if not entry.config.get("use_bias", True):
        del shapes["bias"]
    weights = model.weights(entry, **shapes)
    for role, tensor in weights.items():
        if fixed := quantiser(entry.place, entry.config.get(f"{role}_quantizer"), role == "kernel"):
            weights[role] = fixed.rounded(tensor)
    return weights


def _batch_norm(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    shape = model.draft.shapes[inputs[0]]
    entry.expect("axis", -1, len(shape), (-1,), (len(shape),), 3, (3,))
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
    entry.expect("keepdims", False, True)
    return model.draft.add(entry.place, GlobalAveragePool, inputs)


def _average_pool(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    """Of the whole image, of which one pixel is left, or of windows."""
    entry.expect("data_format", "channels_last")
    entry.expect("padding", "valid", "same")
    kernel, shape = entry.pair("pool_size"), model.draft.shapes[inputs[0]]
    strides = entry.pair("strides") if entry.config.get("strides") else kernel
    settings = {"kernel": kernel, "strides": strides, "padding": entry.config["padding"]}
    if any(around := AveragePool2D("", (), **settings).pads(shape)):
        raise refuse(entry.place, UNEVEN, f"padding 'same' adds {around} (top, bottom, left, right)")
    if kernel == shape[:-1]:
        return model.draft.add(entry.place, GlobalAveragePool, inputs)
    return model.draft.add(entry.place, AveragePool2D, inputs, **settings)


def _relu(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("threshold", 0.0)
    most, slope = entry.config.get("max_value"), entry.config.get("negative_slope")
    if most is not None and slope:
        raise entry.place.refusal(f"max_value is {most} and negative_slope {slope}", "give it one of the two")
    if most is not None:
        return model.draft.add(entry.place, Clip, inputs, low=0.0, high=float(most))
    if slope:
        return model.draft.add(entry.place, LeakyReLU, inputs, slope=float(slope))
    return model.draft.add(entry.place, ReLU, inputs)


def _leaky(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    slope = entry.config["negative_slope" if "negative_slope" in entry.config else "alpha"]  # Keras 3, Keras 2
    return model.draft.add(entry.place, LeakyReLU, inputs, slope=float(slope))


def _concat(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    rank = len(model.draft.shapes[inputs[0]])
    entry.expect("axis", -1, rank)
    joined, *others = inputs
    for other in others:
        joined = model.draft.add(entry.place, Concat, (joined, other))
    return joined


def _softmax(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("axis", -1, 1)
    return model.draft.add(entry.place, Softmax, inputs)


def _flatten(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    entry.expect("data_format", "channels_last")
    if len(model.draft.shapes[inputs[0]]) == 1:
        return inputs[0]
    return model.draft.add(entry.place, Flatten, inputs)


def _reshape(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    total, target = prod(model.draft.shapes[inputs[0]]), entry.config["target_shape"]
    if list(target) not in ([-1], [total]):
        raise entry.place.refusal(f"a reshape to {tuple(target)}", f"supported is one to ({total},), that is, Flatten")
    return _flatten(model, entry, inputs)


def _add(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    if len(inputs) != 2:
        raise entry.place.refusal(f"it adds {len(inputs)} tensors", "add two at a time")
    return model.draft.add(entry.place, Add, inputs)


def _rescaling(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    settings = (np.asarray(entry.config[key], np.float32) for key in ("scale", "offset"))
    return _entry(model, entry, inputs, *settings)


def _normalisation(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    """``(x - mean) / deviation``, of numbers that the model was given or that `adapt` left beside its weights."""
    entry.expect("invert", False)
    channels = model.draft.shapes[inputs[0]][-1]
    statistics = [entry.config.get(key) for key in ("input_mean", "input_variance")]
    if None in statistics:
        entry.expect("axis", -1, (-1,), 1, (1,), 3, (3,))
        mean, variance = model.archive.weights(entry.place, entry.group, [(channels,)] * 2, more=1)
    else:
        mean, variance = (np.asarray(numbers, np.float32).ravel() for numbers in statistics)
    deviation = np.maximum(np.sqrt(variance.astype(np.float64)), 1e-7)  # as Keras keeps it above zero
    return _entry(model, entry, inputs, 1 / deviation, -mean / deviation)


def _entry(model: _Model, entry: Entry, inputs: tuple[str, ...], gain: NDArray[Any], offset: NDArray[Any]) -> str:
    """What is done to every pixel first; nothing else may read the image as it was."""
    images = [key for key, tensor in model.tensors.items() if tensor == INPUT]
    reads = [key for entry in model.entries for key in entry.inputs if key in images]
    if inputs != (INPUT,) or len(set(reads)) < len(reads):
        advice = "scale the image first, once for all that read it, or in the layer behind"
        raise entry.place.refusal("it scales what is not the network's input, or not for all that read it", advice)
    if any(key in model.pads for key in entry.inputs):
        raise entry.place.refusal("it scales a padded image", "pad behind it")
    model.draft.normalise(entry.place, gain, offset)
    return INPUT


def _handed_on(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    return inputs[0]


CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "QConv2D")


def _dropout(model: _Model, entry: Entry, inputs: tuple[str, ...]) -> str:
    """Nothing in inference: it stays for whoever trains the network again."""
    return model.draft.add(entry.place, Dropout, inputs, rate=float(entry.config["rate"]))


HANDED_ON = {"InputLayer", *MODELS}
"""The input of a model inside the model, and its output."""
NOTHING_IN_INFERENCE = (
    "ActivityRegularization",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout2D",
)

READERS: Mapping[str, Callable[[_Model, Entry, tuple[str, ...]], str]] = {
    **dict.fromkeys((*HANDED_ON, *NOTHING_IN_INFERENCE), _handed_on),
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "Dropout": _dropout,
    "BatchNormalization": _batch_norm,
    "AveragePooling2D": _average_pool,
    "MaxPooling2D": _max_pool,
    "GlobalAveragePooling2D": _average,
    "ReLU": _relu,
    "Relu": _relu,
    "LeakyReLU": _leaky,
    "Concatenate": _concat,
    "Reshape": _reshape,
    **dict.fromkeys(("Activation", "QActivation"), lambda model, entry, inputs: model.activated(entry, inputs[0])),
    "QConv2D": _conv,
    "QDense": _dense,
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Add": _add,
    "Rescaling": _rescaling,
    "Normalization": _normalisation,
    "ZeroPadding2D": _zero_padding,
}
