"""The content of one file in ``src/layers``, and what the texts of several kinds of layers share."""

from __future__ import annotations

from dataclasses import dataclass

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.nodes import Convolution, Lanes, Node, pixels
from backends.hls.generate.cpp import Function
from models.fixed import FixedType
from models.layers import AveragePool2D, MaxPool2D

Constants = tuple[tuple[str, str], ...]
"""(comment, definitions) of groups of constants."""


def word(type: FixedType, values: str | int) -> str:
    """The integer type of several values side by side.

    >>> word(FixedType(8, 3), "SIMD"), word(FixedType(5, 0), 4)
    ('ap_uint<8 * SIMD>', 'ap_uint<5 * 4>')
    """
    return f"ap_uint<{type.width} * {values}>"


@dataclass(frozen=True)
class Weights:
    """The stage of a layer with weights: its template, the storage of the weights, and the storage of the `parts` that
    it reads again."""

    stage: str
    storage: str
    kept: str
    parts: str
    rom: str
    comment: str


@dataclass(frozen=True)
class Rows:
    """The stage `name` over the rows of an image: its template, the type of its output words, and the rows' storage."""

    name: str
    stage: str
    output: str
    storage: str
    comment: str


@dataclass(frozen=True)
class LayerText:
    """`constants` are (comment, definitions), `types` (name, type, comment); a comment may be empty."""

    name: str
    struct: str
    title: str
    headers: tuple[str, ...]
    constants: Constants
    types: tuple[tuple[str, str, str], ...]
    result: Function | None = None
    weights: Weights | None = None
    rows: Rows | None = None


def definitions(**values: int) -> str:
    """
    >>> definitions(PE=4, SIMD=9)
    'PE = 4, SIMD = 9'
    """
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def image_constants(node: Node, layer: Convolution | MaxPool2D | AveragePool2D) -> Constants:
    """Those of a stage whose window slides over an image."""
    height, width, channels = node.taken
    top, bottom, left, right = layer.pads(node.taken)
    return (
        ("The image, and the window that slides over it.", definitions(HEIGHT=height, WIDTH=width, CHANNELS=channels)),
        ("", definitions(KERNEL_HEIGHT=layer.kernel[0], KERNEL_WIDTH=layer.kernel[1])),
        ("", definitions(STRIDE_HEIGHT=layer.strides[0], STRIDE_WIDTH=layer.strides[1])),
        ("", definitions(PAD_TOP=top, PAD_BOTTOM=bottom, PAD_LEFT=left, PAD_RIGHT=right)),
    )


def serial_constants(node: Node, wide: Lanes) -> Constants:
    """Those of a stage that takes the channels of a pixel in turns."""
    channels = node.taken[-1]
    return (
        ("", definitions(PIXELS=pixels(node.taken), CHANNELS=channels)),
        ("LANES channels a cycle.", definitions(LANES=wide.takes, STEPS=channels // wide.takes)),
    )


def rows_of(project: Blueprint, node: Node, name: str, stage: str, output: str) -> Rows:
    """The stage `name` of `node`, over rows in the storage that the design chose."""
    storage = project.rows[node.layer.name]
    return Rows(name, stage, output, storage, f"The rows are in {'block RAM' if storage == BRAM else 'LUT RAM'}.")
