"""Maps a node of a FINN build to the resource models of backends/finn, by its type and attributes.

Types of every FINN since 0.5: with ``_rtl`` or ``_hls``, or the older names without (``StreamingFCLayer_Batch``). An
attribute that is left out has FINN's default, where FINN has one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backends.cost.amounts import Amount, Amounts, exact
from backends.cost.blockram import bram18
from backends.cost.fabric import ram_luts
from backends.dataflow.buffers import SRL
from backends.finn.design.fifos import StreamingFifo, WidthConverter
from backends.finn.design.nodes import HardwareNode, Integer, MatrixVector, NodeFold, Padding, Thresholds, Window
from backends.finn.resources import hls
from backends.finn.resources.formulas import AUTO, BLOCK, DECOUPLED, DISTRIBUTED, EMBEDDED, MemoryStyle
from backends.finn.resources.models import DMA_DSP, DMA_READS, DMA_WRITES, MEMORY_PORT, Calibration, fitted
from backends.finn.resources.resource_model import ResourceModel
from backends.finn.resources.structure import LUT_WORDS
from flows.core.evidence import Metric

OLDER = {"StreamingFCLayer": "MVAU", "MatrixVectorActivation": "MVAU", "VectorVectorActivation": "VVAU"}
MODES = {"decoupled": DECOUPLED, "const": EMBEDDED, DECOUPLED: DECOUPLED, EMBEDDED: EMBEDDED}
OLD_HLS = 2022
"""The last year of Vitis HLS whose units take fewer registers (`backends.finn.resources.hls`)."""
KEPT = r"finn-plus 1\.[0-4]\b"
"""Releases whose thresholds are not optimised."""
PIXEL = Integer(8, False)
WIDEST = 8
"""Bits of a result up to which a unit whose ``noActivation`` is left out applies thresholds, as FINN's default is."""
NAMED = ("node", "layer", ("input",))


class Unknown(Exception):
    """Why no resource model covers a node."""


NONE = exact(0, "exact", "none")


@dataclass(frozen=True)
class Other:
    """A node type that our own graphs do not use: its fitted models, its block RAM and its DSP slices."""

    models: Mapping[Metric, ResourceModel]
    blocks: Amount | None = NONE
    dsp: Amount = NONE

    def amounts(self, calibration: Calibration) -> Amounts:
        amounts = {metric: (fitted(model, metric, calibration),) for metric, model in self.models.items()}
        return {**amounts, Metric.BRAM18: (self.blocks,), Metric.DSP: (self.dsp,)}


Part = StreamingFifo | WidthConverter | tuple[HardwareNode, NodeFold, MemoryStyle] | Other


def part_of(op: str, config: Mapping[str, Any], version: str = "", vivado: str = "") -> Part:
    """The model inputs of a node, by the releases of FINN and of Vivado that built it ("" where not recorded).

    Raises `Unknown`, and `KeyError` where an attribute that a model needs is not recorded.
    """
    name = kind_of(op)
    kind, rtl = name.removesuffix("_rtl").removesuffix("_hls"), name.endswith("_rtl")
    match kind:
        case "StreamingFIFO":
            return _fifo(config)
        case "StreamingDataWidthConverter" if rtl:
            return WidthConverter("writer", "reader", *_widths(config))
        case "FMPadding" if rtl:
            return _padding(config)
        case "ConvolutionInputGenerator" if rtl:
            return _window(config)
        case "MVAU":
            is_former = "finn-plus" not in version
            return _unit(config, rtl, is_former, of_2022=int(vivado[:4]) <= OLD_HLS if vivado else is_former)
        case "Thresholding" if rtl:
            return _thresholds(config, is_kept=bool(re.search(KEPT, version)))
        case "Thresholding":
            return _thresholds_hls(config)
        case "StreamingMaxPool":
            return _pool(config)
        case "IODMA":
            return _dma(config)
        case "LabelSelect":
            bits = config["PE"] * integer(config["inputDataType"]).width
            return Other({metric: hls.label_select(bits) for metric in (Metric.LUT, Metric.FF)})
        case "StreamingDataWidthConverter" if max(widths := _widths(config)) % min(widths):
            return WidthConverter("writer", "reader", *widths)
    if rtl or (ports := _ports(kind, config)) is None:
        raise Unknown(f"no resource model of {op}")
    return _stream(ports)


def kind_of(op: str) -> str:
    """Today's name of a node's type: what has no suffix is in HLS, but for FIFOs.

    >>> kind_of("StreamingFCLayer_Batch"), kind_of("StreamingFIFO_rtl_3"), kind_of("IODMA"), kind_of("StreamingFIFO")
    ('MVAU_hls', 'StreamingFIFO_rtl', 'IODMA_hls', 'StreamingFIFO_rtl')
    """
    match = re.fullmatch(r"(\w+?)(?:_Batch)?(_hls|_rtl)?(?:_\d+)*", op)
    if not match:
        return op
    kind = OLDER.get(match[1], match[1])
    return kind + (match[2] or ("_rtl" if kind == "StreamingFIFO" else "_hls"))


def _stream(ports: int) -> Other:
    return Other({metric: hls.stream(ports, metric) for metric in (Metric.LUT, Metric.FF)})


def _fifo(config: Mapping[str, Any]) -> StreamingFifo:
    if "width_bits" in config:
        bits = int(config["width_bits"])
    else:
        bits = int(config["folded_shape"][-1]) * integer(config["dataType"]).width
    style = config.get("ram_style", AUTO)
    if config.get("impl_style", "rtl") == "rtl":
        style = SRL
    elif style == AUTO:
        style = BLOCK
    return StreamingFifo("writer", "reader", int(config["depth"]), bits, style)


def _padding(config: Mapping[str, Any]) -> tuple[HardwareNode, NodeFold, MemoryStyle]:
    (rows, columns), channels, pads = _pair(config["ImgDim"]), config["NumChannels"], tuple(config["Padding"])
    data = integer(config["inputDataType"])
    shape = rows + pads[0] + pads[2], columns + pads[1] + pads[3], channels
    return (
        Padding(*NAMED, (rows, columns, channels), shape, data, data, pads),
        NodeFold(simd=config["SIMD"]),
        MemoryStyle(),
    )


def _window(config: Mapping[str, Any]) -> tuple[HardwareNode, NodeFold, MemoryStyle]:
    taken, shape = ((*_pair(config[key]), config["IFMChannels"]) for key in ("IFMDim", "OFMDim"))
    kernel, strides = _pair(config["ConvKernelDim"]), _pair(config["Stride"])
    data = integer(config["inputDataType"])
    node = Window(*NAMED, taken, shape, data, data, kernel, strides, bool(config.get("depthwise", 0)))
    fold = NodeFold(simd=config["SIMD"], parallel=bool(config.get("parallel_window", 0)))
    return node, fold, MemoryStyle(window_style=config.get("ram_style", DISTRIBUTED))


def _widths(config: Mapping[str, Any]) -> tuple[int, int]:
    return int(config["inWidth"]), int(config["outWidth"])


def _thresholds(config: Mapping[str, Any], is_kept: bool) -> tuple[HardwareNode, NodeFold, MemoryStyle]:
    """Those of pixels are a network's input, whose scale is the same for all channels."""
    data, result = integer(config["inputDataType"]), integer(config["outputDataType"])
    shape = 1, config["NumChannels"]
    node = Thresholds(*NAMED, shape, shape, data, result, uniform=data == PIXEL, kept=is_kept)
    return node, NodeFold(pe=config["PE"]), MemoryStyle()


def _unit(
    config: Mapping[str, Any], rtl: bool, former: bool, of_2022: bool
) -> tuple[HardwareNode, NodeFold, MemoryStyle]:
    """Where the accumulator width is not recorded, the worst case of any input is taken."""
    data, weight, result = (integer(config[f"{key}DataType"]) for key in ("input", "weight", "output"))
    inputs, outputs, pixels = config["MW"], config["MH"], math.prod(config.get("numInputVectors", [1]))
    mode, style = MODES.get(config.get("mem_mode", DECOUPLED)), config.get("ram_style", AUTO)
    if mode is None or style == "ultra":
        raise Unknown(f"no row is known of weights in {config['mem_mode'] if mode is None else style} memory")
    sums = data.width + weight.width - (data.width == 1) + (inputs - 1).bit_length()
    if "accDataType" in config:
        sums = integer(config["accDataType"]).width
    plain = config["noActivation"] if result.width > WIDEST else config.get("noActivation", 0)
    steps = 0 if plain else 2**result.width - 1
    node = MatrixVector(
        *NAMED,
        (pixels, inputs),
        (pixels, outputs),
        data,
        result,
        inputs,
        weight.width,
        rtl,
        steps,
        sums,
        former=rtl and former,
        of_luts=config.get("resType") == "lut",
        of_2022=of_2022,
    )
    return node, NodeFold(config["PE"], config["SIMD"]), MemoryStyle(mode, style)


def _thresholds_hls(config: Mapping[str, Any]) -> Other:
    """Modelled as the thresholds inside an HLS matrix unit, without multipliers and without replay of inputs."""
    pe, steps = config["PE"], config["numSteps"]
    bits, words = integer(config["weightDataType"]).width, config["NumChannels"] // config["PE"]
    none = ("again", "multiplied", "gates", "logic", "weights", "sums", "replay", "words")
    logic = ResourceModel(
        "hls_unit", 0, {**dict.fromkeys(none, 0), "compared": pe * steps * bits, "steps": pe * steps, "one": 1}
    )
    blocks = 0
    if MODES.get(config["mem_mode"]) == EMBEDDED:
        blocks = pe * steps if words > LUT_WORDS else 0
    elif config["ram_style"] == BLOCK:
        blocks = bram18(1 << (words - 1).bit_length(), pe * steps * bits)
    elif config["ram_style"] != DISTRIBUTED:
        return Other({Metric.LUT: logic, Metric.FF: logic}, None)
    return Other({Metric.LUT: logic, Metric.FF: logic}, exact(blocks, "exact", "shape of the RAMB18"))


def _pool(config: Mapping[str, Any]) -> Other:
    """A two-dimensional one takes all channels at once and keeps a row; of single bits it keeps it in block RAM. One
    over a single column is another function, which passes a stream on and compares."""
    (rows, columns), (_, kernel) = _pair(config["ImgDim"]), _pair(config["PoolDim"])
    bits = integer(config["dataType"]).width
    if columns == 1 or rows == 1:
        ports = 2 * config["PE"] * bits
        return Other(
            {
                Metric.LUT: ResourceModel("max_pool_1d", 0, {"bits": ports, "one": 1}),
                Metric.FF: hls.stream(ports, Metric.FF),
            }
        )
    word, row = config["NumChannels"] * bits, columns // kernel
    features = {"bits": word, "compared": word * (bits > 1), "one": 1}
    memory = 0 if bits == 1 else ram_luts(row, word)
    blocks = 2 * bram18(row, word) if bits == 1 else 0
    models = {
        Metric.LUT: ResourceModel("max_pool", memory, features),
        Metric.FF: ResourceModel("max_pool", 0, features),
    }
    return Other(models, exact(blocks, "exact", "a row of it, twice"))


def _dma(config: Mapping[str, Any]) -> Other:
    """Default widths: 8 bits for a stream; for a memory port FINN's widest on input, the stream's width on output."""
    incoming = config["direction"] == "in"
    taken = int(config.get("streamWidth", 8))
    interface = int(config.get("intfWidth", MEMORY_PORT if incoming else taken))
    logic = {metric: hls.dma(incoming, taken, interface, metric is Metric.LUT) for metric in (Metric.LUT, Metric.FF)}
    return Other(logic, DMA_READS if incoming else DMA_WRITES, DMA_DSP)


def _ports(kind: str, config: Mapping[str, Any]) -> int | None:
    """Bits of all ports of a node in HLS that passes streams on."""

    def bits(key: str) -> int:
        return integer(config[key]).width

    match kind:
        case "AddStreams":
            return int(config["PE"] * (3 * bits("inputDataType") + 1))
        case "DuplicateStreams":
            return int(config["PE"] * bits("inputDataType") * (1 + config["NumOutputStreams"]))
        case "ChannelwiseOp" | "Pool":
            taken, put = ("InputDataType", "OutputDataType") if kind == "Pool" else ("inputDataType", "outputDataType")
            return int(config["PE"] * (bits(taken) + bits(put)))
        case "ElementwiseAdd" | "ElementwiseMul" | "ElementwiseSub":
            return int(config["PE"] * (bits("lhs_dtype") + bits("rhs_dtype") + bits("out_dtype")))
        case "StreamingDataWidthConverter":
            return int(config["inWidth"]) + int(config["outWidth"])
        case "FMPadding":
            return int(2 * config["SIMD"] * bits("inputDataType"))
    return None


def integer(name: str) -> Integer:
    """``UINT4``, ``INT4``, or a type of one bit."""
    if name in ("BIPOLAR", "BINARY"):
        return Integer(1, False)
    match = re.fullmatch(r"(U?)INT(\d+)", "INT2" if name == "TERNARY" else name)
    if not match:
        raise Unknown(f"no resource model of data of type {name}")
    return Integer(int(match[2]), not match[1])


def _pair(size: Any) -> tuple[int, int]:
    """Rows and columns; older FINN gives one number for both."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return rows, columns
