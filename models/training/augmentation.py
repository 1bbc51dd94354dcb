"""Training images, altered anew in every epoch: what each recipe does to a batch. Imports torch."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.training.recipe import AnyRecipe, Recipe
from models.training.torch_network import as_input

Batch = Callable[[np.ndarray, np.random.Generator], Tensor]
"""(Indices of the images of one batch, a generator) -> those images, altered: float32 (n, C, H, W) in 0..1."""


def augmentation(recipe: AnyRecipe, pixels: np.ndarray) -> Batch:
    """For `pixels` uint8 (n, H, W, C), by `recipe`."""
    if isinstance(recipe, Recipe):
        shift = recipe.shift
        padded = np.pad(pixels, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
        return lambda chosen, random: as_input(cropped(padded, chosen, shift, random))
    return lambda chosen, random: turned(as_input(pixels[chosen]), recipe.rotation, recipe.shift, random)


def cropped(padded: np.ndarray, chosen: np.ndarray, shift: int, random: np.random.Generator) -> np.ndarray:
    """(b, H, W, 3) crops of the `chosen` images of `padded` (n, H + 2 shift, W + 2 shift, 3), half of them mirrored."""
    count, size = len(chosen), padded.shape[1] - 2 * shift
    rows = random.integers(0, 2 * shift + 1, (count, 1)) + np.arange(size)
    columns = random.integers(0, 2 * shift + 1, (count, 1)) + np.arange(size)
    mirrored = random.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]


def turned(images: Tensor, rotation: float, shift: float, random: np.random.Generator) -> Tensor:
    """Square `images` (n, C, H, W), each turned by up to `rotation` degrees and shifted by up to `shift` of its size,
    each way, and half of them mirrored: bilinear, edges repeated (Keras' ImageDataGenerator with its defaults)."""
    count = len(images)
    angle = random.uniform(-rotation, rotation, count) * pi / 180
    across, down = random.uniform(-2 * shift, 2 * shift, (2, count))  # the grid is 2 wide and 2 high
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.stack([mirror * cosine, -sine, across, mirror * sine, cosine, down], axis=1).reshape(count, 2, 3)
    grid = F.affine_grid(torch.from_numpy(matrix).float(), list(images.shape), align_corners=False)
    made = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return made.contiguous(memory_format=torch.channels_last)
