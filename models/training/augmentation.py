"""Training images, altered anew in every epoch: what each recipe does to a batch. Imports torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.pixels import UNIT, Pixels
from models.training.motions import motions
from models.training.recipe import AnyRecipe, Recipe
from models.training.torch_network import as_input

Batch = Callable[[np.ndarray, np.random.Generator], Tensor]
"""(Indices of the images of one batch, a generator) -> those images, altered: float32 (n, C, H, W), scaled."""


def augmentation(recipe: AnyRecipe, pixels: np.ndarray, scaling: Pixels = UNIT) -> Batch:
    """For `pixels` uint8 (n, H, W, C), by `recipe`."""
    if isinstance(recipe, Recipe):
        shift = recipe.shift
        padded = np.pad(pixels, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
        return lambda chosen, random: as_input(cropped(padded, chosen, shift, random), scaling)
    return lambda chosen, random: turned(as_input(pixels[chosen], scaling), recipe.rotation, recipe.shift, random)


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
    matrix = motions(len(images), rotation, shift, random)
    grid = F.affine_grid(torch.from_numpy(matrix).float(), list(images.shape), align_corners=False)
    sampled = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return sampled.contiguous(memory_format=torch.channels_last)
