"""The bytes that a host sends to a design for the pixels of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tables = Sequence[Sequence[int]]
"""The codes of all bytes: a row for each channel, or a single row for all."""


def sent(images: NDArray[np.uint8], tables: Tables) -> NDArray[np.uint8]:
    """Images (n, ..., C) as bytes of the stream; negative codes are in two's complement."""
    import numpy as np

    codes = (np.array(tables) & 255).astype(np.uint8)
    return codes[np.arange(images.shape[-1]) if len(codes) > 1 else 0, images]
