"""keras2c's float C beside ours: ``python -m calibration.c.keras2c RUNTIME [NETWORK]``, from the repository.

It runs in an environment of its own, with keras2c, tensorflow, ``pydantic<2`` and safetensors; keras2c's wheel carries
no C runtime, so RUNTIME is the folder ``include`` of its repository. With arm-linux-gnueabihf-gcc and qemu-arm on PATH
it prints the instructions of an image at each level of optimisation, and how far the results are from Keras's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from backends.c.generate.facts import ARM_FLAGS
from backends.c.plan import ARM_GCC, QEMU
from flows.jobs import Trained, find_trained
from models.network import INPUT, Add, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, ReLU, Softmax

LEVELS = "-O1", "-O2", "-O3", "-Ofast"
IMAGES = 2
STACK = str(1 << 24)
"""Bytes: keras2c puts weights and tensors there."""
PLUGIN = Path("backends/c/generate/templates/test/count_instructions.c")
MAIN = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "include/k2c_tensor_include.h"
#include "data.h"
void net(k2c_tensor *image, k2c_tensor *results);
int main(int count, char **words)
{
    float results[RESULTS], worst = 0;
    for (int i = 0; i < atoi(words[1]); i++) {
        k2c_tensor given = {images[i], 3, SIZE, {HEIGHT, WIDTH, CHANNELS, 1, 1}};
        k2c_tensor taken = {results, 1, RESULTS, {RESULTS, 1, 1, 1, 1}};
        net(&given, &taken);
        for (int k = 0; k < RESULTS; k++)
            worst = fmaxf(worst, fabsf(results[k] - expected[i][k]));
    }
    printf("%g\\n", (double)worst);
    return count != 2;
}
"""


def keras_model(trained: Trained) -> Any:
    """The network, without its softmax, as Keras has it."""
    keras = import_module("keras")
    tensors = {INPUT: keras.Input(trained.network.input_shape, name="image")}
    for layer in trained.network.layers:
        if not isinstance(layer, Softmax):
            tensors[layer.name] = _made(keras.layers, layer)(*_given(layer, tensors))
            last = layer.name
    model = keras.Model(tensors[INPUT], tensors[last])
    weights = trained.weights.tensors()
    for layer in trained.network.layers:
        if isinstance(layer, Conv2D | Dense):
            model.get_layer(layer.name).set_weights([weights[f"{layer.name}/{role}"] for role in ("kernel", "bias")])
    return model


def _given(layer: Layer, tensors: dict[str, Any]) -> list[Any]:
    given = [tensors[name] for name in layer.inputs]
    return [given] if isinstance(layer, Add) else given


def _made(layers: Any, layer: Layer) -> Any:
    match layer:
        case Conv2D():
            return layers.Conv2D(
                layer.filters, layer.kernel, strides=layer.strides, padding=layer.padding, name=layer.name
            )
        case Dense():
            return layers.Dense(layer.units, name=layer.name)
        case MaxPool2D():
            return layers.MaxPooling2D(layer.kernel, strides=layer.strides, padding=layer.padding, name=layer.name)
        case GlobalAveragePool():
            return layers.GlobalAveragePooling2D(name=layer.name)
        case Add():
            return layers.Add(name=layer.name)
        case ReLU():
            return layers.Activation("relu", name=layer.name)
    raise ValueError(f"{layer.name}: {layer.kind} is not tried with keras2c")


def data(model: Any) -> str:
    """Random images, and what Keras makes of them."""
    height, width, channels = model.input_shape[1:]
    images = np.random.default_rng(0).random((IMAGES, height, width, channels), np.float32)
    expected = model.predict(images, verbose=0)
    sizes = {
        "HEIGHT": height,
        "WIDTH": width,
        "CHANNELS": channels,
        "SIZE": images[0].size,
        "RESULTS": len(expected[0]),
    }
    lines = [f"#define {name} {size}" for name, size in sizes.items()]
    for name, rows in (("images", images), ("expected", expected)):
        texts = ("{" + ",".join(f"{value:.9e}f" for value in row.ravel()) + "}" for row in rows)
        lines.append(f"static float {name}[{IMAGES}][{rows[0].size}] = {{{','.join(texts)}}};")
    return "\n".join(lines) + "\n"


def counted(folder: Path, images: int) -> int:
    command = [QEMU, "-s", STACK, "-plugin", "./count.so,out=count.txt", "./program", str(images)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return int((folder / "count.txt").read_text())


def main() -> None:
    runtime, *names = sys.argv[1:]
    model = keras_model(find_trained(names[0] if names else "arch8", None))
    plugin = PLUGIN.resolve()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(runtime, folder / "include")
        import_module("keras2c.keras2c_main").model2c(model, str(folder / "net"), malloc=False, verbose=False)
        (folder / "main.c").write_text(MAIN)
        (folder / "data.h").write_text(data(model))
        subprocess.run(["gcc", "-shared", "-fPIC", plugin, "-o", folder / "count.so"], check=True)
        net = (folder / "net.c").read_text()
        (folder / "net.c").write_text(net.replace(f"void {folder}/net", "void net"))
        sources = ["main.c", "net.c", *(str(path.relative_to(folder)) for path in folder.glob("include/*.c"))]
        for level in LEVELS:
            command = [ARM_GCC, "-std=c99", "-w", level, *ARM_FLAGS, "-static", *sources, "-lm", "-o", "program"]
            subprocess.run(command, cwd=folder, check=True)
            each = (counted(folder, IMAGES) - counted(folder, 0)) / IMAGES
            run = [QEMU, "-s", STACK, "./program", str(IMAGES)]
            worst = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
            print(f"{level}: {each:,.0f} instructions an image, {worst} from Keras at worst", flush=True)


if __name__ == "__main__":
    main()
