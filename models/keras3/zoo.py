"""The eight networks of the published study as Keras 3 definitions. Imports keras, on whichever backend it runs.

To train a network of your own, copy this file, change it, save what it builds, and name that file:

    python -c "import mine; mine.arch8().save('mine.keras')"
    python -m flows train mine.keras --framework tensorflow --data DIR --out OUT

`models.zoo` holds the same networks for everything that does without Keras; a test holds the two together, layer by
layer. The dropout rate of ARCH1 and ARCH2 was not published.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import KerasTensor, layers


def arch1() -> keras.Model:
    return with_batch_norm("arch1", (64, 128, 256), units=512)


def arch2() -> keras.Model:
    return with_batch_norm("arch2", (32, 64, 128), units=256)


def arch3() -> keras.Model:
    """ARCH2 without batch normalisation and dropout, and with a single convolution of 96 filters at its end."""
    image = x = keras.Input((32, 32, 3), name="image")
    for block, widths in enumerate(((32, 32), (64, 64), (96,)), start=1):
        for place, filters in enumerate(widths, start=1):
            x = layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv{place}")(x)
            x = layers.Activation("relu", name=f"block{block}_relu{place}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(256, name="dense1")(x)
    x = layers.Activation("relu", name="dense1_relu")(x)
    x = layers.Dense(10, name="dense2")(x)
    return keras.Model(image, layers.Softmax(name="softmax")(x), name="arch3")


def arch4() -> keras.Model:
    return plain("arch4", 16, 32, 64)


def arch5() -> keras.Model:
    return plain("arch5", 16, 32)


def arch6() -> keras.Model:
    return plain("arch6", 32, 64)


def arch7() -> keras.Model:
    return residual("arch7", 32, 64)


def arch8() -> keras.Model:
    return residual("arch8", 28, 56)


def with_batch_norm(name: str, widths: tuple[int, ...], units: int) -> keras.Model:
    """Two 3x3 convolutions of each width with batch normalisation, halved after each; then two dense layers."""
    image = x = keras.Input((32, 32, 3), name="image")
    for block, filters in enumerate(widths, start=1):
        for place in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv{place}")(x)
            x = layers.BatchNormalization(name=f"block{block}_norm{place}")(x)
            x = layers.Activation("relu", name=f"block{block}_relu{place}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        x = layers.Dropout(0.25, name=f"block{block}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, name="dense1")(x)
    x = layers.BatchNormalization(name="dense1_norm")(x)
    x = layers.Activation("relu", name="dense1_relu")(x)
    x = layers.Dense(10, name="dense2")(x)
    return keras.Model(image, layers.Softmax(name="softmax")(x), name=name)


def plain(name: str, *widths: int) -> keras.Model:
    """Two 3x3 convolutions of each width, halved between widths; then the average of each channel."""
    image = x = keras.Input((32, 32, 3), name="image")
    for block, filters in enumerate(widths, start=1):
        if block > 1:
            x = layers.MaxPooling2D(2, name=f"block{block - 1}_pool")(x)
        for place in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", name=f"block{block}_conv{place}")(x)
            x = layers.Activation("relu", name=f"block{block}_relu{place}")(x)
    return keras.Model(image, classified(x), name=name)


def residual(name: str, narrow: int, wide: int) -> keras.Model:
    """Two residual blocks; then the average of each channel."""
    image = keras.Input((32, 32, 3), name="image")
    x = residual_block(image, narrow, "block1")
    x = residual_block(x, wide, "block2")
    return keras.Model(image, classified(x), name=name)


def residual_block(x: KerasTensor, filters: int, block: str) -> KerasTensor:
    """Two 3x3 convolutions beside a 1x1 shortcut, joined and halved. No ReLU stands behind the sum."""
    y = layers.Conv2D(filters, 3, padding="same", name=f"{block}_conv1")(x)
    y = layers.Activation("relu", name=f"{block}_relu1")(y)
    y = layers.Conv2D(filters, 3, padding="same", name=f"{block}_conv2")(y)
    y = layers.Activation("relu", name=f"{block}_relu2")(y)
    shortcut = layers.Conv2D(filters, 1, padding="same", name=f"{block}_shortcut")(x)
    y = layers.Add(name=f"{block}_add")([y, shortcut])
    return layers.MaxPooling2D(2, name=f"{block}_pool")(y)


def classified(x: KerasTensor) -> KerasTensor:
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dense(10, name="dense")(x)
    return layers.Softmax(name="softmax")(x)


def resnet8() -> keras.Model:
    """MLPerf Tiny's small ResNet, none of the eight: an example of a network of one's own."""
    image = keras.Input((32, 32, 3), name="image")
    x = normalised(image, 16, 3, 1, "entry")
    x = layers.Activation("relu", name="entry_relu")(x)
    for block, (filters, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
        y = normalised(x, filters, 3, stride, f"block{block}_conv1")
        y = layers.Activation("relu", name=f"block{block}_relu1")(y)
        y = normalised(y, filters, 3, 1, f"block{block}_conv2")
        if stride > 1:
            x = layers.Conv2D(filters, 1, stride, padding="same", name=f"block{block}_shortcut")(x)
        x = layers.Add(name=f"block{block}_add")([x, y])
        x = layers.Activation("relu", name=f"block{block}_relu2")(x)
    return keras.Model(image, classified(x), name="resnet8")


def normalised(x: KerasTensor, filters: int, size: int, stride: int, name: str) -> KerasTensor:
    x = layers.Conv2D(filters, size, stride, padding="same", name=name)(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    build.__name__: build for build in (arch1, arch2, arch3, arch4, arch5, arch6, arch7, arch8)
}
