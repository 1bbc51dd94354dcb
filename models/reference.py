"""The exact reference as steps of a plan: `models.evaluation.worker` and `cost` run in them."""

from __future__ import annotations

from flows.core.plan import Asset, Step
from flows.core.worker import worker
from models.network import Network
from models.quantised import QuantisedNetwork
from models.serial import network_to_json, quantised_to_json

REFERENCE, ACCURACY, COST = "reference.json", "accuracy.json", "cost.json"
PIXELS = "pixels.json"
CHOOSER = "chooser.npz"
"""Images by which a design is chosen, which are no test images."""


def test_file(batch: Asset) -> str:
    """What test images are called in a step: a CIFAR-10 batch, or the user's own."""
    return "test_images.npz" if batch.path.suffix == ".npz" else "test_batch.bin"


def test_images(batch: Asset) -> str:
    if batch.path.name == CHOOSER:
        return "images to choose by"
    return "your test images" if batch.path.suffix == ".npz" else "the 10,000 test images"


def reference_step(name: str, quantised: QuantisedNetwork, weights: Asset, vectors: int) -> Step:
    """Makes `REFERENCE`: the results of `quantised` for so many of the project's check images."""
    about = f"the exact reference on {vectors} of the project's vectors"
    return _evaluation(name, about, quantised, weights, {"vectors": vectors}, {}, REFERENCE)


def accuracy_step(
    name: str,
    quantised: QuantisedNetwork,
    weights: Asset,
    batch: Asset,
    floating: tuple[Network, Asset] | None = None,
) -> Step:
    """Makes `ACCURACY`: how many images of the test images `quantised` and the float network get right, which is
    another one on other weights where `quantised` is of integers alone."""
    about, data = f"accuracy on {test_images(batch)}", test_file(batch)
    ask: dict[str, object] = {"data": data}
    files = {data: batch}
    if floating:
        network, files["float.safetensors"] = floating
        ask |= {"float": network_to_json(network), "float_weights": "float.safetensors"}
    return _evaluation(name, about, quantised, weights, ask, files, ACCURACY)


def cost_step(quantised: QuantisedNetwork, weights: Asset, batch: Asset) -> Step:
    """Makes `COST`: how many images the float network gets right with each tensor alone in its type."""
    about, data = f"{test_images(batch)}, each tensor alone in its type", test_file(batch)
    return _evaluation("cost", about, quantised, weights, {"data": data}, {data: batch}, COST, "cost")


def pixels_step(name: str, network: Network, weights: Asset, batch: Asset) -> Step:
    """Makes `PIXELS`: how many images the float network gets right on pixels in common scalings."""
    data = test_file(batch)
    ask = {"network": network_to_json(network), "weights": "weights.safetensors", "data": data}
    return worker(
        name=name,
        about="test images with their pixels scaled in common ways, by the float network",
        module="models.evaluation.pixels",
        ask=ask,
        files={"weights.safetensors": weights, data: batch},
        makes=(PIXELS,),
        packages=("torch", "numpy", "safetensors"),
    )


def _evaluation(
    name: str,
    about: str,
    quantised: QuantisedNetwork,
    weights: Asset,
    ask: dict[str, object],
    data: dict[str, Asset],
    makes: str,
    module: str = "worker",
) -> Step:
    return worker(
        name=name,
        about=about,
        module=f"models.evaluation.{module}",
        ask={"quantised": quantised_to_json(quantised), "weights": "weights.safetensors", **ask},
        files={"weights.safetensors": weights, **data},
        makes=(makes,),
        packages=("torch", "numpy", "safetensors"),
    )
