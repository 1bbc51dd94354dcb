"""How the seed's recipe moves images, drawn once for both frameworks: the same seed moves the same images alike."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray


def motions(count: int, rotation: float, shift: float, random: np.random.Generator) -> NDArray[np.float64]:
    """(count, 2, 3): for each image, where of the original a place of the result is read.

    Both are counted from -1 to 1 across the image and down. A turn by up to `rotation` degrees, a shift by up to
    `shift` of the size, each way, and a mirror for half of them.
    """
    angle = random.uniform(-rotation, rotation, count) * pi / 180
    across, down = random.uniform(-2 * shift, 2 * shift, (2, count))  # the image is 2 wide and 2 high
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = [mirror * cosine, -sine, across, mirror * sine, cosine, down]
    return np.stack(matrix, axis=1).reshape(count, 2, 3)


def in_pixels(matrices: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(count, 8): the same for square images of `size` pixels, counted from 0 at the first, as Keras takes them.

    >>> in_pixels(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]]), 32)[0].tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0, 8.0, 0.0, 0.0]
    """
    turn, move = matrices[:, :, :2], matrices[:, :, 2]
    offset = turn.sum(2) * (1 - size) / 2 + (move * size + size - 1) / 2
    rows = np.concatenate([turn, offset[:, :, None]], axis=2).reshape(-1, 6)
    return np.pad(rows, ((0, 0), (0, 2))).astype(np.float32)
