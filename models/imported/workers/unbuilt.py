"""What networks often have and no flow here builds: said by name, with what the tools could do and what to do instead.

What the tools have is as of hls4ml 1.3.0 and FINN 0.10: what this project does not generate, and so does not prove,
may still be built with them by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.core.errors import InputError
from models.imported.workers.draft import Place


@dataclass(frozen=True)
class Unbuilt:
    """`fact` says what the layer is, `tools` which of them have it, `instead` what every flow here builds."""

    fact: str
    tools: str
    instead: str

    @property
    def advice(self) -> str:
        return f"{self.instead}. {self.tools}"


NEITHER = "Neither hls4ml nor FINN has it, and hls has no template"
UNEVEN = Unbuilt(
    "an average whose divisor is smaller at the edges",
    "hls4ml and FINN have none, either",
    "supported is one divisor for all windows: pool without padding, or with count_include_pad=True",
)
QKERAS = Unbuilt(
    "a layer of QKeras whose quantised arithmetic is not read",
    "hls4ml itself takes QKeras models",
    "supported of QKeras are QConv2D, QDense and QActivation: take those; or export it as QONNX where QKeras is",
)
SLOPES = Unbuilt(
    "a ReLU with a slope below zero that was trained, or one for each channel",
    "hls4ml has PReLU, FINN has not, but no flow here makes it",
    "supported are ReLU and LeakyReLU, of one slope above 0 and below 1: train it with one of them",
)
CLIPPED = Unbuilt(
    "an activation of several straight lines",
    "hls4ml has HardSigmoid and HardTanh; FINN has neither, but no flow here makes it",
    "supported are ReLU, ReLU6, HardTanh (a clip) and LeakyReLU: train it with one of them",
)
SMOOTH = Unbuilt(
    "an activation that is not made of straight lines",
    "hls4ml has tables for sigmoid, tanh, SiLU, ELU and SELU; FINN has none of them, but no flow here makes them",
    "supported are ReLU and, at the end, softmax: train it with ReLU",
)
PRODUCT = Unbuilt(
    "a product of two tensors, as in squeeze and excitation",
    "hls4ml has Multiply and FINN-plus an elementwise product, but no flow here makes them",
    "supported is the sum of two tensors: leave the product out, and train again",
)
UPSAMPLING = Unbuilt(
    "an image made larger",
    "hls4ml has UpSampling2D and FINN an UpsampleNearestNeighbour, but no flow here makes them",
    "supported are networks that end in one vector: classes",
)
SEQUENCE = Unbuilt(
    "a layer over a sequence", "hls4ml has recurrent layers and Conv1D; FINN and hls here take images", "take images"
)
NORM = Unbuilt(
    "a normalisation that is computed of each image",
    NEITHER + " for images",
    "supported is BatchNormalization, which is folded away: train it with that",
)

BY_KIND: Mapping[str, Unbuilt] = {
    **dict.fromkeys(("PRelu", "PReLU"), SLOPES),
    **dict.fromkeys(("HardSigmoid", "HardSwish", "ThresholdedRelu", "Min"), CLIPPED),
    **dict.fromkeys(("Sigmoid", "Tanh", "Elu", "Selu", "ELU", "Softplus", "Softsign", "Gelu", "Mish", "Erf"), SMOOTH),
    **dict.fromkeys(
        ("QBatchNormalization", "QConv2DBatchnorm", "QDepthwiseConv2D", "QDepthwiseConv2DBatchnorm"), QKERAS
    ),
    **dict.fromkeys(
        ("QAveragePooling2D", "QGlobalAveragePooling2D", "QSeparableConv2D", "QAdaptiveActivation"), QKERAS
    ),
    **dict.fromkeys(("Multiply",), PRODUCT),
    **dict.fromkeys(("UpSampling2D", "Conv2DTranspose", "ConvTranspose", "Resize", "Upsample"), UPSAMPLING),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "SimpleRNN", "Conv1D", "Embedding", "MultiHeadAttention"), SEQUENCE),
    **dict.fromkeys(
        ("LayerNormalization", "GroupNormalization", "InstanceNormalization", "LRN", "UnitNormalization"), NORM
    ),
}
"""By what Keras or ONNX calls a layer."""
BY_ACTIVATION: Mapping[str, Unbuilt] = {
    **dict.fromkeys(("prelu", "PReLU"), SLOPES),
    **dict.fromkeys(("hard_sigmoid", "hard_swish", "hard_silu"), CLIPPED),
    **dict.fromkeys(("sigmoid", "tanh", "silu", "swish", "gelu", "elu", "selu", "softplus", "mish"), SMOOTH),
}
"""By what Keras calls an activation."""


def refuse(place: Place, unbuilt: Unbuilt, detail: str = "") -> InputError:
    """The refusal of the layer at `place`; `detail` says what of the file shows it ("group is 3")."""
    return place.refusal(f"{detail}: {unbuilt.fact}" if detail else f"not supported: {unbuilt.fact}", unbuilt.advice)


def refuse_kind(place: Place) -> InputError:
    """The refusal of a layer that is not read."""
    known = BY_KIND.get(place.kind)
    return refuse(place, known) if known else place.refusal("not supported")
