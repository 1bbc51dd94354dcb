"""What goes to JSON comes back equal, and what is damaged on the way is refused with its place."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import InputError
from models.fixed import FixedType, Overflow, Rounding
from models.layers import AveragePool2D, Clip, Concat, Conv2D, GlobalAveragePool, GroupedConv2D, LeakyReLU
from models.network import INPUT, Network
from models.pixels import UNIT
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables
from models.serial import network_from_json, network_to_json, quantised_from_json, quantised_to_json
from models.zoo import ARCH8, NETWORKS

NARROW, WIDE = FixedType(16, 6, rounding=Rounding.RND, overflow=Overflow.SAT), FixedType(48, 28)


def design(softmax: bool) -> QuantisedNetwork:
    layers = {}
    for layer in ARCH8.layers:
        match layer.kind:
            case "conv2d" | "dense":
                layers[layer.name] = Arithmetic(NARROW, NARROW, NARROW, WIDE)
            case "global_average_pool":
                layers[layer.name] = Arithmetic(NARROW, accumulator=WIDE)
            case "softmax":
                tables = SoftmaxTables(1024, FixedType(15, 5, signed=False), NARROW, NARROW, NARROW, NARROW)
                layers |= {layer.name: Arithmetic(NARROW, softmax=tables)} if softmax else {}
            case _:
                layers[layer.name] = Arithmetic(NARROW)
    return QuantisedNetwork(ARCH8, "0123456789abcdef", InputContract(NARROW, UNIT, "design"), layers)


def through_text(content: Any) -> Any:
    return json.loads(json.dumps(content))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda network: network.name)
def test_networks_come_back_equal(network: Network) -> None:
    back = network_from_json(through_text(network_to_json(network)))
    assert back == network and back.digest == network.digest


def test_the_other_layers_come_back_equal_with_the_type_of_a_slope() -> None:
    layers = (
        GroupedConv2D("grouped", (INPUT,), (3, 3), (1, 1), "same", 4, 2),
        Clip("clip", ("grouped",), -1.0, 6.0),
        LeakyReLU("leaky", ("clip",), 0.1),
        Concat("concat", ("clip", "leaky")),
        AveragePool2D("average", ("concat",), (2, 2), (2, 2), "valid"),
        GlobalAveragePool("gap", ("average",)),
    )
    network = Network("other", (4, 4, 2), layers)
    again = network_from_json(json.loads(json.dumps(network_to_json(network))))
    assert again == network and again.digest == network.digest
    fixed = FixedType(8, 4)
    types = {layer.name: Arithmetic(fixed) for layer in layers}
    types["grouped"] = Arithmetic(fixed, fixed, fixed, FixedType(24, 16))
    types["leaky"] = Arithmetic(fixed, slope=FixedType(8, -3, signed=False))
    types["average"] = types["gap"] = Arithmetic(fixed, accumulator=FixedType(16, 8))
    quantised = QuantisedNetwork(network, "weights", InputContract(fixed), types)
    back = quantised_from_json(json.loads(json.dumps(quantised_to_json(quantised))))
    assert back == quantised and back.digest == quantised.digest


def test_a_padding_of_ones_own_comes_back_equal() -> None:
    layer = Conv2D("conv", (INPUT,), (3, 3), (2, 2), (1, 1, 0, 1), 4)
    network = Network("own", (8, 8, 3), (layer, GlobalAveragePool("gap", ("conv",))))
    back = network_from_json(through_text(network_to_json(network)))
    assert back == network and back.digest == network.digest


@pytest.mark.parametrize("softmax", [True, False])
def test_quantised_networks_come_back_equal(softmax: bool) -> None:
    meant = design(softmax)
    back = quantised_from_json(through_text(quantised_to_json(meant)))
    assert back == meant and back.digest == meant.digest


def damage(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    damaged = copy.deepcopy(content)
    place = damaged
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return damaged


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("network",), []),
        (("network", "name"), 8),
        (("network", "input_shape"), [32, 32.0, 3]),
        (("network", "input_shape"), [32, True, 3]),
        (("network", "layers", 0, "kind"), "conv9d"),
        (("network", "layers", 0, "filters"), "28"),
        (("network", "layers", 0, "filters"), 0),
        (("network", "layers", 0, "strides"), [1]),
        (("network", "layers", 0, "padding"), "full"),
        (("network", "layers", 0, "inputs"), "input"),
        (("network", "layers", 0, "colour"), "red"),
        (("weights",), None),
        (("input", "type"), "ap_fixed<16>"),
        (("input", "gain"), "1/0"),
        (("input", "gain"), 0.5),
        (("layers", "dense", "kernel"), 16),
        (("layers", "dense", "thickness"), "ap_fixed<16,6>"),
        (("layers", "dense", "accumulator"), "ap_fixed<16,16>"),
        (("layers", "softmax", "softmax", "size"), 1000),
        (("layers", "softmax", "softmax", "size"), "1024"),
        (("layers", "softmax", "softmax", "total"), None),
        (("layers", "other"), {"output": "ap_fixed<16,6>"}),
        (("layers",), {}),
    ],
)
def test_damage_is_refused(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(InputError):
        quantised_from_json(damage(quantised_to_json(design(True)), path, value), "job.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def paths(content: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = content.keys() if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [path for key in keys for path in ((*here, key), *paths(content[key], (*here, key)))]


@given(st.data(), JSON)
def test_any_damage_is_an_input_error_or_a_whole_value(data: st.DataObject, value: Any) -> None:
    content = quantised_to_json(design(True))
    damaged = damage(content, data.draw(st.sampled_from(paths(content))), value)
    try:
        back = quantised_from_json(damaged)
    except InputError:
        return
    assert through_text(quantised_to_json(back)) == damaged


@given(JSON)
def test_other_objects_are_refused(content: Any) -> None:
    for read in (network_from_json, quantised_from_json):
        with pytest.raises(InputError, match="here"):
            read(content, "here")


def test_what_was_absorbed_comes_back() -> None:
    network = replace(ARCH8, absorbed=(("bn/1", ARCH8.layers[0].name), ("input_1", INPUT)))
    back = network_from_json(through_text(network_to_json(network)))
    assert (back, back.absorbed, back.digest) == (network, network.absorbed, ARCH8.digest)
    assert "absorbed" not in network_to_json(ARCH8), "what has none stays as it was"
    for damaged in ([1], {"bn": 7}, "bn"):
        with pytest.raises(InputError, match="damaged"):
            network_from_json(through_text(network_to_json(network) | {"absorbed": damaged}))
