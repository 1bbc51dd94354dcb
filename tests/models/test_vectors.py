"""The check images are the same everywhere, of any shape, and reach the ends of what a pixel can be."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from models.vectors import COUNT, vectors


def test_they_never_change() -> None:
    """Recorded designs were checked on exactly these bytes."""
    images = vectors((32, 32, 3), COUNT)
    assert images.dtype == np.uint8 and images.shape == (16, 32, 32, 3)
    assert hashlib.sha256(images.tobytes()).hexdigest() == DIGEST


DIGEST = "48440826c61ce35fff0c99c322f38587004be728618af9e9bfe3355cd2fcd699"


def test_they_reach_far() -> None:
    images = vectors((32, 32, 3))
    assert {int(image.min()) for image in images} >= {0, 255} and len(np.unique(images)) == 256
    assert len({image.tobytes() for image in images}) == COUNT
    black, white = images[0], images[1]
    assert not black.any() and (white == 255).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 5, 3), (28, 28, 1)])
def test_any_shape_and_number(shape: tuple[int, int, int]) -> None:
    many = vectors(shape, 20)
    assert many.shape == (20, *shape)
    assert np.array_equal(vectors(shape, 3), many[:3])
