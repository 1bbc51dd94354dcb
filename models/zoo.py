"""The eight networks of the published study, as values.

ARCH1 and ARCH2 have BatchNorm and Dropout, which `models.folding` takes away before a flow sees them. Where each stands
follows from the published parameter counts; the dropout rate was not published, and `DROPOUT` is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool2D,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network

DROPOUT = 0.25


def _conv(name: str, source: str, filters: int, size: int) -> Conv2D:
    return Conv2D(name, (source,), (size, size), (1, 1), "same", filters)


def _residual_block(block: str, source: str, filters: int) -> tuple[Layer, ...]:
    """Two 3x3 convolutions beside a 1x1 shortcut, joined and halved.

    The second ReLU stands before the sum and none after it, so the sum is signed. A ReLU after the sum is another
    network: it costs the trained weights 14 to 18 points of accuracy.
    """
    return (
        _conv(f"{block}_conv1", source, filters, 3),
        ReLU(f"{block}_relu1", (f"{block}_conv1",)),
        _conv(f"{block}_conv2", f"{block}_relu1", filters, 3),
        ReLU(f"{block}_relu2", (f"{block}_conv2",)),
        _conv(f"{block}_shortcut", source, filters, 1),
        Add(f"{block}_add", (f"{block}_relu2", f"{block}_shortcut")),
        MaxPool2D(f"{block}_pool", (f"{block}_add",), (2, 2), (2, 2), "valid"),
    )


def _residual(name: str, narrow: int, wide: int) -> Network:
    return Network(
        name,
        (32, 32, 3),
        (
            *_residual_block("block1", INPUT, narrow),
            *_residual_block("block2", "block1_pool", wide),
            GlobalAveragePool("gap", ("block2_pool",)),
            Dense("dense", ("gap",), 10),
            Softmax("softmax", ("dense",)),
        ),
    )


def _plain(name: str, *widths: int) -> Network:
    """Two 3x3 convolutions of each width, halved between widths."""
    layers: list[Layer] = []
    source = INPUT
    for block, width in enumerate(widths, start=1):
        for place in (1, 2):
            layers.append(_conv(f"block{block}_conv{place}", source, width, 3))
            source = f"block{block}_relu{place}"
            layers.append(ReLU(source, (layers[-1].name,)))
        if block < len(widths):
            layers.append(MaxPool2D(f"block{block}_pool", (source,), (2, 2), (2, 2), "valid"))
            source = layers[-1].name
    head = (GlobalAveragePool("gap", (source,)), Dense("dense", ("gap",), 10), Softmax("softmax", ("dense",)))
    return Network(name, (32, 32, 3), (*layers, *head))


def _deep(name: str, *blocks: tuple[int, ...], units: int, batch_norm: bool) -> Network:
    """3x3 convolutions of these widths, each block halved at its end; then two dense layers on all that is left."""
    layers: list[Layer] = []
    for block, widths in enumerate(blocks, start=1):
        for place, width in enumerate(widths, start=1):
            layers.append(_conv(f"block{block}_conv{place}", _last(layers), width, 3))
            layers += _activated(layers[-1].name, f"block{block}", str(place), batch_norm)
        layers.append(MaxPool2D(f"block{block}_pool", (_last(layers),), (2, 2), (2, 2), "valid"))
        if batch_norm:
            layers.append(Dropout(f"block{block}_dropout", (_last(layers),), DROPOUT))
    layers += (Flatten("flatten", (_last(layers),)), Dense("dense1", ("flatten",), units))
    layers += _activated("dense1", "dense1", "", batch_norm)
    layers += (Dense("dense2", (_last(layers),), 10), Softmax("softmax", ("dense2",)))
    return Network(name, (32, 32, 3), tuple(layers))


def _last(layers: Sequence[Layer]) -> str:
    return layers[-1].name if layers else INPUT


def _activated(source: str, block: str, place: str, batch_norm: bool) -> tuple[Layer, ...]:
    """ReLU, behind a BatchNorm where there is one."""
    relu = f"{block}_relu{place}"
    if not batch_norm:
        return (ReLU(relu, (source,)),)
    norm = f"{block}_norm{place}"
    return BatchNorm(norm, (source,)), ReLU(relu, (norm,))


ARCH1 = _deep("arch1", (64, 64), (128, 128), (256, 256), units=512, batch_norm=True)
ARCH2 = _deep("arch2", (32, 32), (64, 64), (128, 128), units=256, batch_norm=True)
ARCH3 = _deep("arch3", (32, 32), (64, 64), (96,), units=256, batch_norm=False)
ARCH4 = _plain("arch4", 16, 32, 64)
ARCH5 = _plain("arch5", 16, 32)
ARCH6 = _plain("arch6", 32, 64)
ARCH7 = _residual("arch7", 32, 64)
ARCH8 = _residual("arch8", 28, 56)
"""The network of the mission: residual, 28 then 56 filters, 52,622 parameters, 19,325,488 MACs."""

NETWORKS = {network.name: network for network in (ARCH1, ARCH2, ARCH3, ARCH4, ARCH5, ARCH6, ARCH7, ARCH8)}
