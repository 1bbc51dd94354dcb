"""Checkpoints of training in torch: one safetensors file, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from flows.core.errors import InputError
from flows.core.files import MODEL_LIMIT, opened
from models.training.files import Progress, replacing

__all__ = ["Progress", "load", "replacing", "save"]


def save(path: Path, progress: Progress, optimizer: torch.optim.Optimizer, recipe: str, **modules: nn.Module) -> None:
    tensors = {f"{role}.{key}": value for role, module in modules.items() for key, value in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    metadata = {"progress": json.dumps(vars(progress)), "recipe": recipe}
    with replacing(path) as scratch:
        own = {key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}  # some share
        save_file(own, scratch, metadata)


def load(path: Path, optimizer: torch.optim.Optimizer, recipe: str, **modules: nn.Module) -> Progress | None:
    """Restores the run in `path`; None where there is none, or it follows another recipe.

    Raises `InputError` where the file is damaged.
    """
    if not path.exists():
        return None
    advice = "remove it, and start again"
    with opened(path, MODEL_LIMIT, advice):  # a regular file, before a library opens it
        pass
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            if metadata["recipe"] != recipe:
                return None
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
        return _restored(tensors, metadata["progress"], optimizer, modules)
    except (OSError, SafetensorError, LookupError, RuntimeError, TypeError, ValueError) as reason:
        raise InputError(str(path), f"damaged checkpoint ({str(reason)[:200]!r})", advice) from None


def _restored(
    tensors: dict[str, Tensor], progress: str, optimizer: torch.optim.Optimizer, modules: dict[str, nn.Module]
) -> Progress:
    for role, module in modules.items():
        prefix = f"{role}."
        module.load_state_dict({key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)})
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(progress))
