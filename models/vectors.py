"""The project's check images: the same sixteen on every machine, chosen to reach far.

A design is compared with the exact reference on these, integer by integer, so they need no data set and no licence.
The first are extremes (black, white, single colours, checkers, gradients), the others noise of several contrasts, in
which convolutions saturate and wrap if they can. Noise is a hash, not a library's generator, whose streams may change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Shape = tuple[int, ...]

COUNT = 16

_PATTERNS: tuple[Callable[[int, int, int, int, int], int], ...] = (
    lambda y, x, c, h, w: 0,
    lambda y, x, c, h, w: 255,
    lambda y, x, c, h, w: 255 * ((y + x) % 2),
    lambda y, x, c, h, w: 255 * ((y // 4 + x // 4 + c) % 2),
    lambda y, x, c, h, w: 255 * x // max(w - 1, 1),
    lambda y, x, c, h, w: 255 - 255 * y // max(h - 1, 1),
    lambda y, x, c, h, w: 255 * (c == 0),
    lambda y, x, c, h, w: 255 if (2 * y - h) ** 2 + (2 * x - w) ** 2 < h * w // 2 else 16 * c,
)


def vectors(shape: Shape, n: int = COUNT) -> NDArray[np.uint8]:
    """The first `n` check images of `shape`, (height, width, channels) or (features,): uint8 (n, *shape)."""
    import numpy as np

    if len(shape) == 1:
        return vectors((1, *shape, 1), n).reshape(n, *shape)
    height, width, channels = shape
    images = np.empty((n, *shape), np.uint8)
    for index in range(n):
        if index < len(_PATTERNS):
            pattern = _PATTERNS[index]
            for y, x, c in np.ndindex(*shape):
                images[index, y, x, c] = pattern(y, x, c, height, width)
        else:
            images[index] = _noise(index, height * width * channels).reshape(shape)
    return images


def _noise(seed: int, size: int) -> NDArray[np.uint8]:
    """Bytes of SHAKE-128 of the seed; every third image is stretched to its extremes, every third is dim."""
    import numpy as np

    noise = np.frombuffer(hashlib.shake_128(f"zynqflows vector {seed}".encode()).digest(size), np.uint8)
    match seed % 3:
        case 0:
            return np.where(noise < 128, 0, 255).astype(np.uint8)
        case 1:
            return noise // 8
    return noise
