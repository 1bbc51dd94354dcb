"""Networks whose instructions are counted: some made for the fit, each with other loops, and the shipped ones, held
out."""

from __future__ import annotations

from collections.abc import Iterator

from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, MaxPool2D, ReLU
from models.network import INPUT, Network

SHIPPED = ("arch4", "arch5", "arch6", "arch7", "arch8")
"""Held out."""


def fitted() -> Iterator[Network]:
    for place, (size, channels, filters, kernel) in enumerate(
        ((16, 3, 8, 3), (12, 8, 16, 3), (10, 12, 12, 5), (16, 5, 7, 3), (8, 16, 30, 3), (16, 4, 9, 1), (9, 24, 32, 1))
    ):
        yield _convolution(f"convolution {place}", size, channels, filters, kernel)
    for place, widths in enumerate(((64, 32, 10), (200, 33, 5), (17, 64, 64, 10), (784, 12, 10), (40, 7, 6, 5))):
        yield _perceptron(f"perceptron {place}", *widths)
    for place, (size, channels, window) in enumerate(((16, 8, 2), (12, 20, 2), (12, 6, 3), (24, 3, 2))):
        yield _pooled(f"pool {place}", size, channels, window)
    for place, (size, channels) in enumerate(((16, 6), (8, 28), (12, 13))):
        yield _residual(f"sum {place}", size, channels)
    for place, (size, channels) in enumerate(((16, 10), (6, 40))):
        yield _rectified(f"relu {place}", size, channels)


def _head(tensor: str) -> tuple[GlobalAveragePool, Dense]:
    return GlobalAveragePool("gap", (tensor,)), Dense("dense", ("gap",), 10)


def _convolution(name: str, size: int, channels: int, filters: int, kernel: int) -> Network:
    first = Conv2D("conv", (INPUT,), (kernel, kernel), (1, 1), "same", filters)
    return Network(name, (size, size, channels), (first, ReLU("relu", ("conv",)), *_head("relu")))


def _perceptron(name: str, inputs: int, *units: int) -> Network:
    layers: list[Dense | ReLU] = []
    source = INPUT
    for place, count in enumerate(units):
        layers.append(Dense(f"dense{place}", (source,), count))
        if place < len(units) - 1:
            layers.append(ReLU(f"relu{place}", (f"dense{place}",)))
        source = layers[-1].name
    return Network(name, (inputs,), tuple(layers))


def _pooled(name: str, size: int, channels: int, window: int) -> Network:
    pool = MaxPool2D("pool", ("relu",), (window, window), (window, window), "valid")
    layers = ReLU("relu", (INPUT,)), pool, Flatten("flat", ("pool",)), Dense("dense", ("flat",), 4)
    return Network(name, (size, size, channels), layers)


def _residual(name: str, size: int, channels: int) -> Network:
    first = Conv2D("conv", (INPUT,), (1, 1), (1, 1), "same", channels)
    layers = first, Add("add", ("conv", INPUT)), Add("add2", ("add", INPUT)), *_head("add2")
    return Network(name, (size, size, channels), layers)


def _rectified(name: str, size: int, channels: int) -> Network:
    layers = ReLU("relu", (INPUT,)), ReLU("relu2", ("relu",)), *_head("relu2")
    return Network(name, (size, size, channels), layers)
