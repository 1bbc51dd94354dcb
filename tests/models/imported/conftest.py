"""Files as users bring them, and what our reading of them computes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.layers import Softmax
from models.network import Network

Archive = Callable[..., Path]


@pytest.fixture
def keras_archive(tmp_path: Path) -> Archive:
    """A .keras file written without Keras: `layers` as (class, settings, tensors), one after another."""

    def write(
        layers: list[tuple[str, dict[str, Any], list[Any]]],
        shape: tuple[int | None, ...] = (6, 6, 3),
        extra: Mapping[str, bytes] | None = None,
        edit: Callable[[dict[str, Any]], None] | None = None,
        edit_weights: Callable[[Any], None] | None = None,
    ) -> Path:
        rows = [keras_row("InputLayer", {"name": "image", "batch_shape": [None, *shape]})]
        rows += [keras_row(kind, {"name": f"l{index}"} | settings) for index, (kind, settings, _) in enumerate(layers)]
        config = {"class_name": "Sequential", "config": {"layers": rows}, "registered_name": "Sequential"}
        if edit:
            edit(config)
        (tmp_path / "weights.h5").write_bytes(hdf5(layers, edit_weights, tmp_path / "scratch.h5"))
        path = tmp_path / "own.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
            archive.write(tmp_path / "weights.h5", "model.weights.h5")
            for name, content in (extra or {}).items():
                archive.writestr(name, content)
        return path

    return write


def keras_row(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def hdf5(layers: list[tuple[str, dict[str, Any], list[Any]]], edit: Callable[[Any], None] | None, path: Path) -> bytes:
    h5py = pytest.importorskip("h5py")
    from models.imported.workers.keras_archive import group_name

    seen: dict[str, int] = {}
    with h5py.File(path, "w") as file:
        for index, (kind, settings, tensors) in enumerate(layers):
            name = group_name(kind)
            seen[name] = seen.get(name, -1) + 1
            group = file.create_group(f"layers/{name}_{seen[name]}/vars" if seen[name] else f"layers/{name}/vars")
            group.attrs["name"] = settings.get("name", f"l{index}")
            for number, tensor in enumerate(tensors):
                group.create_dataset(str(number), data=np.asarray(tensor, np.float32))
        if edit:
            edit(file)
    return path.read_bytes()


def conv_layer(inputs: int, filters: int, seed: int = 0, **settings: Any) -> tuple[str, dict[str, Any], list[Any]]:
    plain = {"filters": filters, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "activation": "linear"}
    random = np.random.default_rng(seed)
    kernel = random.normal(0, 0.3, (3, 3, inputs, filters))
    return "Conv2D", plain | settings, [kernel, random.normal(0, 0.3, filters)]


@pytest.fixture(scope="session")
def compute() -> Callable[[Network, Mapping[str, NDArray[Any]], NDArray[Any]], NDArray[Any]]:
    """What a network computes for images (n, height, width, 3) in 0..1, the softmax included."""
    torch = pytest.importorskip("torch")
    from models.training.torch_network import TorchNetwork

    def run(network: Network, tensors: Mapping[str, NDArray[Any]], images: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            model = TorchNetwork(network).load(tensors).eval()
            result = model(torch.from_numpy(images).permute(0, 3, 1, 2))
            ends = isinstance(network.layers[-1], Softmax)
            return (result.softmax(1) if ends else result).numpy()

    return run
