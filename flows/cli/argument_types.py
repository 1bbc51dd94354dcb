"""The types of command-line arguments: each checks a text and gives its value, or the reason why it has none."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from flows.values import clock_period, several, single
from models.pixels import parse_pixels

T = TypeVar("T")


def argument_type(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` as a type for argparse, which then shows the reason of its `ValueError`."""

    def convert(text: str) -> T:
        try:
            return parse(text)
        except ValueError as reason:
            raise ArgumentTypeError(str(reason)) from None

    return convert


clock_ns = argument_type(partial(single, clock_period))
periods = argument_type(partial(several, clock_period))
pixels = argument_type(parse_pixels)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no number") from None


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no whole number") from None


def seed(text: str) -> int:
    value = whole_number(text)
    if not 0 <= value < 1 << 32:
        raise ArgumentTypeError(f"{text} is no seed: give a whole number from 0 to {(1 << 32) - 1:,}")
    return value


def count(text: str) -> int:
    value = whole_number(text)
    if value < 1:
        raise ArgumentTypeError(f"{text} is below 1")
    return value


def bits(text: str) -> int:
    value = whole_number(text)
    if not 2 <= value <= 8:
        raise ArgumentTypeError(f"{text} bits: FINN builds 2 to 8")
    return value


def rate(text: str) -> float:
    value = number(text)
    if not (0 < value < math.inf):
        raise ArgumentTypeError(f"{text} is no learning rate: give a number above 0")
    return value


def hours(text: str) -> float:
    value = number(text)
    if not (0 < value <= 1000):
        raise ArgumentTypeError(f"{text} is no number of hours: give more than 0, up to 1,000")
    return value


def days(text: str) -> float:
    value = number(text)
    if not (0 <= value < math.inf):
        raise ArgumentTypeError(f"{text} is no number of days: give 0 or more")
    return value


def tolerance(text: str) -> tuple[str, float]:
    """(metric or "", share), of ``lut=5`` or ``5``."""
    from flows.core.evidence import Metric

    metric, _, percent = text.rpartition("=")
    if metric and metric not in {choice.key for choice in Metric}:
        raise ArgumentTypeError(f"{metric} is no metric: one of {', '.join(choice.key for choice in Metric)}")
    value = number(percent)
    if not (0 <= value < math.inf):
        raise ArgumentTypeError(f"{percent} is no tolerance: give per cent, 0 or more")
    return metric, value / 100
