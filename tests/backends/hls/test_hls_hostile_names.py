"""Whatever a file calls a network and its layers, the generated project is the same but for safe words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from hypothesis import HealthCheck, example, given, settings

from backends.amd import steps as amd
from backends.dataflow.layers.names import layer_names, struct, top_name
from backends.hls.amd import hls_project
from backends.hls.plan import CPP
from backends.hls.workers.generate import files
from flows.core.part import Target, find_part
from models.network import Network
from tests.backends.hls.eight_bit import eight_bit
from tests.backends.hls.networks import SMALL
from tests.backends.hls.test_hls_identifiers import unfolded
from tests.backends.hostile import HOSTILE, WHOLE, benign, entered, layers_of, with_names


def project(network: Network) -> Iterator[tuple[str, str]]:
    """(path, text) of all that is written, the scripts for AMD's tools too."""
    tensors = {name: np.zeros(shape, np.float32) for name, shape in network.weight_shapes()}
    yield from files(unfolded(eight_bit(network)), tensors, [[0] * 5])
    for step in amd.steps("vitis", hls_project(CPP, network), Target(find_part("xc7z020")), "vsynth", 60):
        yield from ((name, text) for name, text in step.files.items() if isinstance(text, str))


@cache
def plain() -> list[tuple[str, str]]:
    return list(project(benign(SMALL)))


@cache
def code(network: Network) -> Callable[[str, int], str]:
    """What stands in code for a name of the benign network: an identifier, or its struct."""
    top, names = top_name(network), list(layer_names(network).values())
    return lambda name, place: top if place < 0 else struct(names[place]) if name[0] == "P" else names[place]


def prose(network: Network) -> Callable[[str, int], str]:
    """What may stand for it in a comment, as a pattern: the name itself, too."""

    def either(name: str, place: int) -> str:
        own = network.name if place < 0 else network.layers[place].name
        return f"(?:{re.escape(own)}|{re.escape(code(network)(name, place))})"

    return either


def same_but_for_names(plain_text: str, text: str, path: str, network: Network) -> None:
    """Every line of `text` is the one of `plain_text`, code exactly."""
    assert len(plain_text.split("\n")) == len(text.split("\n")), path
    for meant, line in zip(plain_text.split("\n"), text.split("\n"), strict=True):
        head, mark, comment = meant.partition("//") if path.endswith((".h", ".cpp")) else (meant, "", "")
        if path == "README.md":
            head, comment = "", meant
        start = with_names(head, code(network)) + mark
        if line != start + with_names(comment, code(network)):  # most are, and a pattern costs more to compile
            pattern = re.escape(start) + with_names(re.escape(comment), prose(network))
            assert re.fullmatch(pattern, line), (path, meant, line)


def check(network: str, layers: Sequence[str]) -> None:
    hostile = entered(SMALL, network, layers)
    pairs = list(zip(plain(), project(hostile), strict=True))
    for (plain_path, meant), (path, text) in pairs:
        assert path == with_names(plain_path, code(hostile)) and len(path.rpartition("/")[2]) < 120
        same_but_for_names(meant, text, plain_path, hostile)
    assert "PE x SIMD" in "".join(text for _, (_, text) in pairs), "comments are compared"
    assert all(re.fullmatch("[A-Za-z0-9_]+", layer.name) for layer in hostile.layers)


@given(HOSTILE, layers_of(SMALL))
@example(WHOLE[0], WHOLE[:10])
@example(WHOLE[10], WHOLE[10:20])
@example(WHOLE[20], WHOLE[20:30])
@example(WHOLE[30], WHOLE[30:40])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_code_does_not_depend_on_names(network: str, layers: list[str]) -> None:
    check(network, layers)
