"""A quantised network as one of integers: codes of kernels, sums of codes, thresholds in place of the quantisers.

Nothing is approximated: every threshold is computed in fractions from the scales, biases and batch normalisations in
the file (`models.thresholds`). What FINN could not put into thresholds is refused where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor, log2, prod
from typing import Any

import numpy as np

from flows.core.errors import InputError
from models.fixed import FixedType, Overflow, Rounding
from models.imported.quantiser import Quantise, QuantisedKernel, Truncate
from models.imported.workers.draft import Tensor
from models.integers import GlobalSum, HostScale, Threshold, WindowSum
from models.layers import (
    Add,
    AveragePool2D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import RAW
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.thresholds import HALF, Affine, bipolar, ladder, root

PIXEL = FixedType(8, 8, signed=False)
NO_BIAS = FixedType(2, 2)
"""Biases are in thresholds."""
UNBUILT = {
    "averagepool2d": (
        "an average of windows, which FINN takes with a Trunc right behind it alone",
        "take a max pool, a convolution with strides, or one average of the whole image at the end",
    ),
    "leaky_relu": ("a leaky ReLU, which FINN does not have", "train it with ReLU"),
}
"""Why layers that the importers read are not built of integers, and what to do instead."""
NEARLY = Fraction(1, 1 << 18)
"""By how much a Trunc's scale may miss that of what it reads: the error of a few products in single precision."""
WIDEST_KERNEL, WIDEST_CODE, WIDEST_SUM = 8, 8, 30
"""Bits: of what FINN quantises, and of sums whose thresholds are int32."""


@dataclass(frozen=True)
class Held:
    """A tensor of the file's network: the integers `name` of the network of integers, and by channel what they stand
    for. Where `rectified`, what is negative of that is 0."""

    name: str
    channels: tuple[Affine, ...]
    rectified: bool = False

    @property
    def unit(self) -> Fraction | None:
        """The scale, where there is one and nothing else."""
        first = self.channels[0]
        plain = not self.rectified and all(
            channel.gain == first.gain and not channel.offset for channel in self.channels
        )
        return first.gain if plain else None


@dataclass(frozen=True)
class Integers:
    """`quantised` on `weights`. By quantiser of the file's network: `layer_of` is the layer that puts its integers out,
    `read` is what the integers that its thresholds compare stand for, by channel."""

    quantised: QuantisedNetwork
    weights: Mapping[str, np.ndarray]
    layer_of: Mapping[str, str]
    read: Mapping[str, tuple[Affine, ...]]


@dataclass
class IntegerDraft:
    """Layers so far. Raises `InputError` that names the layer which FINN could not build of integers."""

    network: Network
    tensors: Mapping[str, Tensor]
    kernels: Mapping[str, QuantisedKernel]
    pixel: Fraction
    layers: list[Layer] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    types: dict[str, Arithmetic] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    layer_of: dict[str, str] = field(default_factory=dict)
    read: dict[str, tuple[Affine, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        channels = self.network.input_shape[-1]
        self.held[INPUT] = Held(INPUT, (Affine(self.pixel),) * channels)

    def finish(self) -> Integers:
        for layer in self.network.layers:
            if not (isinstance(layer, Softmax) and layer.name == self.network.output):
                self._add(layer)
        end = self.held[self.network.logits]
        if end.rectified:
            raise self._refused(self.network[self.network.output], "a ReLU that no quantiser reads ends the network")
        if end.name == INPUT:
            raise self._refused(self.network.layers[0], "nothing is computed of the image")
        name = _unused("host_scale", self.network)
        self.weights[f"{name}/gain"] = np.array([float(channel.gain) for channel in end.channels], np.float32)
        self.weights[f"{name}/offset"] = np.array([float(channel.offset) for channel in end.channels], np.float32)
        self.layers.append(HostScale(name, (end.name,)))
        network = Network(self.network.name, self.network.input_shape, tuple(self.layers))
        contract = InputContract(PIXEL, RAW, "design")
        return Integers(QuantisedNetwork(network, "", contract, self.types), self.weights, self.layer_of, self.read)

    def _add(self, layer: Layer) -> None:
        match layer:
            case Quantise():
                self._quantise(layer)
            case GroupedConv2D() if not layer.is_depthwise(self.network.input_shapes(layer)[0][-1]):
                raise self._refused(
                    layer, f"{layer.groups} groups, and FINN builds 1 group, or a filter for each channel"
                )
            case GroupedConv2D() if layer.kernel == (1, 1):
                raise self._refused(layer, "a depthwise convolution of 1x1 pixels, and FINN builds larger windows")
            case Conv2D() | GroupedConv2D() | Dense():
                self._weigh(layer)
            case BatchNorm():
                self._normalise(layer)
            case ReLU():
                self._rectify(layer)
            case Clip():
                self._confine(layer)
            case Add() | Concat():
                self._join(layer)
            case GlobalAveragePool():
                source, unit = self._plain(layer, 0)
                area, type = prod(self.network.input_shapes(layer)[0][:2]), self._type(source.name)
                wide = _integer(type.width + ceil(log2(area)), type.signed)
                self._put(GlobalSum(layer.name, (source.name,)), Arithmetic(wide), unit / area)
            case AveragePool2D() if any(
                isinstance(consumer, Truncate) for consumer in self.network.consumers(layer.name)
            ):
                self.held[layer.name] = self.held[layer.inputs[0]]
            case Truncate():
                self._truncate(layer)
            case MaxPool2D() | Flatten():
                source, unit = self._plain(layer, 0)
                types = Arithmetic(self._type(source.name), bipolar=self._bipolar(source.name))
                self._put(replace(layer, inputs=(source.name,)), types, unit)
            case _:
                raise self._refused(layer, *UNBUILT.get(layer.kind, (f"FINN has no {layer.kind}",)))

    def _quantise(self, layer: Quantise) -> None:
        source, (low, high) = self.held[layer.inputs[0]], layer.codes
        if layer.bits > WIDEST_CODE:
            raise self._refused(layer, f"activations of {layer.bits} bits, and FINN builds up to {WIDEST_CODE}")
        if source.name == INPUT and _is_identity(source, layer):
            self.layer_of[layer.name] = INPUT
            self.held[layer.name] = Held(INPUT, (Affine(layer.unit),) * len(source.channels))
            return
        first = max(low, 0) if source.rectified else low
        type = self._type(source.name)
        bound = max(type.high, -type.low)
        if layer.bipolar:
            self._check_bipolar(layer, source)
            ladders = [bipolar(channel, bound) for channel in source.channels]
        else:
            ladders = [ladder(channel, layer.unit, first, high, bound) for channel in source.channels]
        self.weights[f"{layer.name}/thresholds"] = np.array([steps for _, steps in ladders], np.int32)
        self.weights[f"{layer.name}/signs"] = np.array([sign for sign, _ in ladders], np.float32)
        self.read[layer.name] = source.channels
        self.layer_of[layer.name] = layer.name
        codes = _codes(layer)
        threshold = Threshold(layer.name, (source.name,), high - first, first)
        self._put(threshold, Arithmetic(codes, bipolar=layer.bipolar), layer.unit)

    def _truncate(self, layer: Truncate) -> None:
        """The sum and the bits that it loses are one unit of FINN's, which works out by itself how many these are."""
        average = self.network[layer.inputs[0]]
        source, unit = self._plain(average, 0)
        shape = self.network.shapes[average.inputs[0]]
        kernel = average.kernel if isinstance(average, AveragePool2D) else shape[:2]
        strides = average.strides if isinstance(average, AveragePool2D) else kernel
        total = WindowSum(
            layer.name, (source.name,), (kernel[0], kernel[1]), (strides[0], strides[1]), "valid", layer.shift
        )
        if (
            len(set(kernel)) > 1
            or len(set(strides)) > 1
            or (isinstance(average, AveragePool2D) and any(average.pads(shape)))
        ):
            fact = f"an average of {kernel} windows every {strides}: FINN averages squares alone, without padding"
            raise self._refused(layer, fact, "take a square kernel, one stride for both axes, and no padding")
        type, area = self._type(source.name), prod(kernel)
        if len(self.network.consumers(average.name)) > 1 or layer.signed not in (None, type.signed):
            fact = f"it truncates {'signed' if type.signed else 'unsigned'} sums to others, or beside other readers"
            raise self._refused(layer, fact, "export TruncAvgPool2d of Brevitas as it is")
        if abs(unit / area * 2**layer.shift / Fraction(layer.scale) - 1) > NEARLY:
            raise self._refused(layer, "its scale is not that of the sums before it", "export it again")
        widths = {type.width, floor(layer.bits + layer.shift - log2(area))}
        dropped = {max(((2**width - 1) * area).bit_length() - layer.bits, 0) for width in widths}
        if dropped != {layer.shift}:
            fact = f"it drops {layer.shift} bits, and FINN would drop {' or '.join(map(str, sorted(dropped)))}"
            raise self._refused(layer, fact, f"let it keep the bits of what it averages, {type.width}")
        self.layer_of[layer.name] = layer.name
        self._put_sum(total, isinstance(average, GlobalAveragePool), _integer(layer.bits, type.signed), layer)

    def _put_sum(self, total: WindowSum, whole: bool, type: FixedType, layer: Truncate) -> None:
        if not whole:
            self._put(total, Arithmetic(type), Fraction(layer.scale))
            return
        self.layers.pop()  # the sum of the image, as it would be without a Trunc
        (name,) = layer.inputs
        del self.types[name], self.held[name]
        self.layers.append(replace(total, name=name))
        self.types[name] = Arithmetic(type)
        self._put(Flatten(layer.name, (name,)), Arithmetic(type), Fraction(layer.scale))

    def _check_bipolar(self, layer: Quantise, source: Held) -> None:
        """FINN multiplies -1 and 1 by -1 and 1, and by nothing else, and pads nothing around them."""
        if source.rectified:
            raise self._refused(layer, "it is 1 whatever the image: no ReLU leaves less than 0", "take the ReLU out")
        waiting = [layer.name]
        while waiting:
            for reader in self.network.consumers(waiting.pop()):
                kernel = self.kernels.get(reader.name)
                if isinstance(reader, MaxPool2D | Flatten):
                    waiting.append(reader.name)
                elif not (kernel and kernel.bipolar):
                    fact = f"bipolar, and {reader.name} that reads it has no bipolar weights: FINN has no unit for that"
                    raise self._refused(layer, fact, "take 2 bits, signed and narrow, or make those weights bipolar")
                if isinstance(reader, Conv2D | GroupedConv2D | MaxPool2D) and any(
                    reader.pads(*self.network.input_shapes(reader))
                ):
                    fact = f"bipolar, and {reader.name} that reads it pads, where there is no code for 0"
                    raise self._refused(layer, fact, "do without padding, or take 2 bits, signed and narrow")

    def _weigh(self, layer: Conv2D | GroupedConv2D | Dense) -> None:
        source, unit = self._plain(layer, 0)
        kernel = self.kernels.get(layer.name)
        if kernel is None:
            raise self._refused(layer, "its weights are not quantised")
        if kernel.scales is None:
            fact = "its weights have one scale an input, or are scaled once more behind their quantiser"
            raise self._refused(layer, fact, "take a weight quantiser of one scale a tensor, or one an output channel")
        if not kernel.signed or kernel.bits > WIDEST_KERNEL:
            words = f"{'signed' if kernel.signed else 'unsigned'} weights of {kernel.bits} bits"
            raise self._refused(layer, f"{words}, and FINN builds signed ones of up to {WIDEST_KERNEL}")
        weights, bias = self.tensors[f"{layer.name}/kernel"], self.tensors[f"{layer.name}/bias"]
        scales = np.broadcast_to(kernel.scales, weights.shape[-1:])
        self.weights[f"{layer.name}/kernel"] = np.rint(weights / scales).astype(np.float32)
        self.weights[f"{layer.name}/bias"] = np.zeros(len(scales), np.float32)
        codes = _codes(kernel)
        terms = prod(weights.shape[:-1])
        width = self._bits(source.name) + kernel.bits + ceil(log2(terms))
        if width > WIDEST_SUM:
            raise self._refused(layer, f"its sums may take {width} bits, and {WIDEST_SUM} are computed exactly here")
        sums = _integer(width, True)
        channels = tuple(
            Affine(unit * Fraction(float(scale)), Fraction(float(addend)), abs(Fraction(float(addend))))
            for scale, addend in zip(scales, bias, strict=True)
        )
        types = Arithmetic(sums, codes, NO_BIAS, sums, bipolar=kernel.bipolar)
        self._put(replace(layer, inputs=(source.name,)), types, *channels)

    def _normalise(self, layer: BatchNorm) -> None:
        source = self.held[layer.inputs[0]]
        if source.rectified:
            raise self._refused(
                layer, "it stands behind a ReLU, with no quantiser between", "put a Quant behind the ReLU"
            )
        roles = [self.tensors[f"{layer.name}/{role}"].tolist() for role in ("gamma", "beta", "mean", "variance")]
        channels = []
        for channel, *numbers in zip(source.channels, *roles, strict=True):
            gamma, beta, mean, variance = map(Fraction, numbers)
            if variance < 0:
                raise self._refused(layer, "one of its variances is negative", "train the network again")
            gain = gamma / root(variance + Fraction(layer.epsilon))
            channels.append(channel.then(Fraction(1), -mean).then(gain, beta))
        self.held[layer.name] = Held(source.name, tuple(channels))

    def _rectify(self, layer: ReLU | Clip) -> None:
        source = self.held[layer.inputs[0]]
        positive = source.unit is not None and not self._type(source.name).signed
        self.held[layer.name] = replace(source, rectified=not positive)

    def _confine(self, layer: Clip) -> None:
        """FINN has no clip. None is needed where what it cuts off is beyond the codes of the quantisers behind it."""
        for reader in self.network.consumers(layer.name):
            if not isinstance(reader, Quantise):
                fact = f"a clip, which FINN does not have, and {reader.name} reads it without a quantiser"
                raise self._refused(layer, fact, "put a Quant behind it that ends where the clip does, or before")
            low, high = reader.codes
            ends = [Fraction(end) / reader.unit for end in (layer.low, layer.high)]
            if (layer.low and ends[0] >= low + HALF) or ends[1] <= high - HALF:
                fact = (
                    f"a clip, which FINN does not have, to {layer.low:g} .. {layer.high:g}, and codes of {reader.name} "
                    f"stand for {float(low * reader.unit):g} to {float(high * reader.unit):g}"
                )
                raise self._refused(layer, fact, "let the quantiser end where the clip does, or before")
        if layer.low:
            self.held[layer.name] = self.held[layer.inputs[0]]
        else:
            self._rectify(layer)

    def _join(self, layer: Add | Concat) -> None:
        (first, unit), (second, other) = self._plain(layer, 0), self._plain(layer, 1)
        if unit != other:
            verb = "adds" if isinstance(layer, Add) else "joins"
            fact = f"it {verb} integers of two scales, {float(unit):g} and {float(other):g}"
            raise self._refused(layer, fact, "let both quantisers share one scale, equal to the last bit")
        types = [self._type(source.name) for source in (first, second)]
        signed = any(type_.signed for type_ in types)
        width = max(type_.width + (signed and not type_.signed) for type_ in types) + isinstance(layer, Add)
        self._put(replace(layer, inputs=(first.name, second.name)), Arithmetic(_integer(width, signed)), unit)

    def _put(self, layer: Layer, types: Arithmetic, *units: Fraction | Affine) -> None:
        """Appends a layer of integers; `units` are one for all channels, or one each."""
        self.layers.append(layer)
        self.types[layer.name] = types
        channels = tuple(unit if isinstance(unit, Affine) else Affine(unit) for unit in units)
        count = layer.output_shape(*(self.network.shapes[name] for name in layer.inputs))[-1]
        self.held[layer.name] = Held(layer.name, channels * count if len(channels) == 1 else channels)

    def _plain(self, layer: Layer, index: int) -> tuple[Held, Fraction]:
        held = self.held[layer.inputs[index]]
        if held.unit is None:
            fact = f"it reads {layer.inputs[index]}, whose scale, bias or ReLU no quantiser has taken in"
            raise self._refused(layer, fact, f"put a Quant behind {layer.inputs[index]}, of one scale a tensor")
        return held, held.unit

    def _type(self, name: str) -> FixedType:
        return PIXEL if name == INPUT else self.types[name].output

    def _bipolar(self, name: str) -> bool:
        return name != INPUT and self.types[name].bipolar

    def _bits(self, name: str) -> int:
        return 1 if self._bipolar(name) else self._type(name).width

    def _refused(self, layer: Layer, fact: str, advice: str = "change it, train again and export again") -> InputError:
        return InputError(f"layer {layer.name}", fact, advice)


def integers(
    network: Network, tensors: Mapping[str, Tensor], kernels: Mapping[str, QuantisedKernel], pixel: Fraction
) -> Integers:
    """`network`, with its quantisers, as one of integers; a pixel times `pixel` is what it reads.

    Raises `InputError` where FINN could not build it so. The quantised network does not name its weights yet.
    """
    return IntegerDraft(network, tensors, kernels, pixel).finish()


def pixel_unit(network: Network) -> Fraction:
    """What a pixel is multiplied by: 1/256 where the range of the input's quantiser ends at 255/256, else 1/255."""
    for layer in network.consumers(INPUT):
        if isinstance(layer, Quantise):
            half = 1 << layer.bits - 1
            if any(layer.unit * codes == Fraction(255, 256) for codes in (2 * half - 1, half, half - 1)):
                return Fraction(1, 256)
    return Fraction(1, 255)


def _is_identity(source: Held, layer: Quantise) -> bool:
    """Whether every pixel is its own code."""
    if (layer.signed, layer.bits, layer.narrow) != (False, 8, False) or source.unit is None:
        return False
    return all(round(pixel * source.unit / layer.unit) == pixel for pixel in range(256))


def _codes(quantiser: Quantise | QuantisedKernel) -> FixedType:
    """Its codes as a type of fixed point, in which -1 and 1 take two bits."""
    symmetric = quantiser.narrow and quantiser.signed
    bits = 2 if quantiser.bipolar else quantiser.bits
    overflow = Overflow.SAT_SYM if symmetric else Overflow.SAT
    return FixedType(bits, bits, quantiser.signed, Rounding.RND_CONV, overflow)


def _integer(width: int, signed: bool) -> FixedType:
    return FixedType(width, width, signed)


def _unused(name: str, network: Network) -> str:
    taken: Sequence[Any] = [layer.name for layer in network.layers]
    return name if name not in taken else _unused(f"{name}_", network)
