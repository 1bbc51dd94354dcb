"""The eight networks have the parameters that were published and the multiply-accumulates that follow."""

from __future__ import annotations

import pytest

from models.folding import folded
from models.network import BatchNorm, Dropout
from models.serial import network_from_json, network_to_json
from models.zoo import NETWORKS

PUBLISHED = {
    "arch1": (3_253_834, 154_866_688),
    "arch2": (816_938, 39_160_320),
    "arch3": (517_002, 28_412_416),
    "arch4": (72_730, 9_880_192),
    "arch5": (16_986, 6_340_928),
    "arch6": (66_218, 24_478_336),
    "arch7": (68_458, 25_100_928),
    "arch8": (52_622, 19_325_488),
}


def test_all_eight_are_there() -> None:
    assert list(NETWORKS) == list(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_macs(name: str) -> None:
    network = NETWORKS[name]
    assert (network.parameters, network.macs) == PUBLISHED[name]
    assert network.name == name
    assert (network.input_shape, network.shapes[network.output]) == ((32, 32, 3), (10,))


@pytest.mark.parametrize("name", PUBLISHED)
def test_hardware_sees_no_batch_norm_and_no_dropout(name: str) -> None:
    network, hardware = NETWORKS[name], folded(NETWORKS[name])
    assert not [layer for layer in hardware.layers if isinstance(layer, BatchNorm | Dropout)]
    assert hardware.macs == network.macs
    assert (hardware is network) == (name not in ("arch1", "arch2"))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_they_survive_json(network) -> None:
    assert network_from_json(network_to_json(network)) == network
