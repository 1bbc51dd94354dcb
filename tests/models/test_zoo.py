"""The eight networks have the parameters that were published and the multiply-accumulates that follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows.__main__ import main
from flows.core.errors import InputError
from flows.jobs import shipped_weights
from models.folding import folded
from models.layers import BatchNorm, Dropout
from models.network import INPUT, Network
from models.ranges import Ranges
from models.serial import network_from_json, network_to_json
from models.weights import open_weights, save_weights
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
def test_they_survive_json(network: Network) -> None:
    assert network_from_json(network_to_json(network)) == network


def test_the_listing_shows_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "networks"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    for name, (parameters, macs) in PUBLISHED.items():
        shown = " ".join(line for line in said.splitlines() if line.startswith(name))
        trained = shipped_weights(NETWORKS[name]) is not None
        assert f" {parameters:,} " in shown and f" {macs / 1e6:.3f} " in shown
        assert (" of 10,000 " in shown, "not trained here" in shown) == (trained, not trained)
        assert folded(NETWORKS[name]).digest in shown
    assert " 210.5 105.2 52.6 26.3 " in " ".join(said.split())
    assert "dense 10, BN, dropout" in said


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_network_is_estimated_or_says_how_to_train_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["estimate", "hls4ml", "--network", name])
    said = capsys.readouterr()
    if shipped_weights(NETWORKS[name]):
        assert code == 0 and f"{name}: {PUBLISHED[name][0]:,} parameters" in said.out
    else:
        assert code == InputError.exit_code
        assert f"`python -m flows train {name} --data DIR --out OUT`" in said.err


@pytest.mark.parametrize("name", [pytest.param("arch1", marks=pytest.mark.slow), "arch2", "arch3"])
def test_what_training_would_leave_can_be_estimated(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights of the folded network, as training writes them, with ranges beside them."""
    hardware, path = folded(NETWORKS[name]), tmp_path / f"{name}.safetensors"
    save_weights(path, {name: np.zeros(shape, np.float32) for name, shape in hardware.weight_shapes()}, hardware)
    reach = dict.fromkeys(hardware.shapes, (-9.0, 9.0)) | {INPUT: (0.0, 1.0), hardware.output: (0.0, 1.0)}
    weights = open_weights(path, hardware).digest
    Ranges(hardware.digest, weights, "0" * 16, 1, reach).save(path.with_suffix(".ranges.json"))
    assert main(["estimate", "hls4ml", "--network", name, "--weights", str(path)]) == 0
    assert f"{name}: {hardware.parameters:,} parameters" in capsys.readouterr().out
