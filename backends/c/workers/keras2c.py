"""Writes keras2c's C of a network: ``-m backends.c.workers.keras2c JOB.json`` in the environment of keras2c.

JOB.json: ``network``; ``weights``, a file beside it; ``images``, how many. Writes the folder ``keras2c``: the float C,
keras2c's runtime, random images with what Keras makes of them, a main program and ``sources.txt``, which gcc takes as
``@keras2c/sources.txt``. The runtime is the folder ``include`` of keras2c's repository, named
by `RUNTIME`, since its wheel has none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from flows.core.errors import InputError, SetupError
from flows.core.worker import JOB, run_worker
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.serial import network_from_json

RUNTIME = "KERAS2C_INCLUDE"
FOLDER = Path("keras2c")
MAIN = Path(__file__).parent.parent / "generate" / "keras2c_main.c"


def keras_model(network: Network, weights: Mapping[str, NDArray[np.float32]]) -> Any:
    """`network` without its softmax, as Keras has it."""
    keras = import_module("keras")
    tensors = {INPUT: keras.Input(network.input_shape, name="image")}
    last = INPUT
    for layer in network.layers:
        if not isinstance(layer, Softmax):
            sources = [tensors[name] for name in layer.inputs]
            keras_layer = _layer(keras.layers, layer)
            tensors[layer.name] = keras_layer(sources) if isinstance(layer, Add) else keras_layer(*sources)
            if isinstance(layer, Conv2D | Dense):
                keras_layer.set_weights([weights[f"{layer.name}/{role}"] for role in ("kernel", "bias")])
            last = layer.name
    return keras.Model(tensors[INPUT], tensors[last])


def _layer(layers: Any, layer: Layer) -> Any:
    match layer:
        case Conv2D():
            return layers.Conv2D(layer.filters, layer.kernel, strides=layer.strides, padding=layer.padding)
        case Dense():
            return layers.Dense(layer.units)
        case MaxPool2D():
            return layers.MaxPooling2D(layer.kernel, strides=layer.strides, padding=layer.padding)
        case GlobalAveragePool():
            return layers.GlobalAveragePooling2D()
        case Add():
            return layers.Add()
        case ReLU():
            return layers.Activation("relu")
        case Flatten():
            return layers.Flatten()
    raise InputError(f"layer {layer.name}", f"{layer.kind} was not tried with keras2c", "compare another network")


def data(model: Any, number: int) -> str:
    """`number` random images, and what Keras makes of them."""
    shape = model.input_shape[1:]
    images = np.random.default_rng(0).random((number, *shape), np.float32)
    expected = model.predict(images, verbose=0)
    whole = [*shape, *[1] * (5 - len(shape))]  # a tensor of keras2c has five dimensions
    sizes = {
        "DIMENSIONS": len(shape),
        "SHAPE": "{" + ", ".join(map(str, whole)) + "}",
        "SIZE": images[0].size,
        "RESULTS": len(expected[0]),
    }
    lines = [f"#define {name} {size}" for name, size in sizes.items()]
    for name, rows in (("images", images), ("expected", expected)):
        texts = ("{" + ",".join(f"{value:.9e}f" for value in row.ravel()) + "}" for row in rows)
        lines.append(f"static float {name}[{number}][{rows[0].size}] = {{{','.join(texts)}}};")
    return "\n".join(lines) + "\n"


def runtime() -> Path:
    """Raises `SetupError` where the folder of keras2c's runtime is not named."""
    place = Path(os.environ.get(RUNTIME) or "nowhere")
    if not (place / "k2c_include.h").is_file():
        next_step = f"let ${RUNTIME} name the folder include of keras2c's repository (docs/c.md)"
        raise SetupError("keras2c's C runtime", f"${RUNTIME} names no folder that has it", next_step)
    return place


def main(ask: Mapping[str, Any]) -> None:
    include = runtime()
    model = keras_model(network_from_json(ask["network"], JOB), load_file(ask["weights"]))
    FOLDER.mkdir()
    shutil.copytree(include, FOLDER / "include")
    import_module("keras2c.keras2c_main").model2c(model, str(FOLDER / "net"), malloc=False, verbose=False)
    for path in FOLDER.glob("net.*"):  # it names the function after the path
        path.write_text(path.read_text().replace(f"{FOLDER}/net", "net"))
    shutil.copy(MAIN, FOLDER / "main.c")
    (FOLDER / "data.h").write_text(data(model, ask["images"]))
    sources = ["main.c", "net.c", *sorted(f"include/{path.name}" for path in FOLDER.glob("include/*.c"))]
    (FOLDER / "sources.txt").write_text("".join(f"{FOLDER}/{name}\n" for name in sources))


if __name__ == "__main__":
    run_worker(main)
