"""Trains a user's own Brevitas module: ``python -m models.training.own_module JOB.json``. Imports torch and brevitas.

JOB.json: ``file`` and ``class``, which are executed: this process exists for that alone. ``state`` (None, or a
state_dict, of which tensors are read and nothing else), ``pixels`` (what the module is given for a byte), ``data``,
``out``, ``recipe`` (fields of `QatRecipe` that differ), ``threads`` and ``compile``. Writes ``CLASS.onnx``, cleaned
QONNX, and a card.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from brevitas.quant_tensor import QuantTensor
from torch import Tensor, nn

from flows.core.digest import digest_of
from flows.core.errors import FlowsError, InputError
from flows.core.worker import run_worker
from models.layers import Shape
from models.pixels import Pixels
from models.qat_recipe import QatRecipe
from models.serial import pixels_from_json
from models.training import labelled
from models.training.fine_tuning import FineTuning, right
from models.training.qat import card_of, leave_card, read_quantised_file
from models.training.qonnx_export import export
from models.training.torch_network import as_input


class Plain(nn.Module):
    """A module whose result is a tensor, also where its own is one with its scale."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        result = self.module(images)
        return result.value if isinstance(result, QuantTensor) else torch.as_tensor(result)


def load(file: Path, name: str, state: Path | None) -> Plain:
    """What the class `name` of `file` makes, with this state; raises `InputError`."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise InputError(str(file), "is no Python file", "give FILE.py:CLASS")
    sys.path.insert(0, str(file.parent))
    own = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = own
    with _theirs(file, "on import"):
        spec.loader.exec_module(own)
    factory = getattr(own, name, None)
    if not callable(factory):
        classes = [key for key, value in vars(own).items() if isinstance(value, type) and issubclass(value, nn.Module)]
        raise InputError(f"{file}:{name}", "there is no such class", f"there are {', '.join(classes) or 'none'}")
    with _theirs(file, f"when {name}() is called"):
        module = factory()
    if not isinstance(module, nn.Module):
        raise InputError(f"{file}:{name}", f"makes a {type(module).__name__}, no torch module", "name its class")
    if state:
        _load_state(module, state)
    return Plain(module)


@contextmanager
def _theirs(file: Path, when: str) -> Iterator[None]:
    """Whatever the user's code raises, as one line."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as reason:  # SystemExit too: it is their code
        said = " ".join(str(reason).split())[:200]
        fact = f"raises {type(reason).__name__} {when}" + (f" ({said})" if said else "")
        raise InputError(str(file), fact, "import it with python yourself to see where") from None


def _load_state(module: nn.Module, path: Path) -> None:
    advice = "save it with torch.save(module.state_dict(), 'state.pth')"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as reason:  # torch hands on what zipfile and its own reader raise
        if type(reason).__name__ == "UnpicklingError" and "weights_only" in str(reason).lower():
            raise InputError(str(path), "holds more than tensors, which would have to be executed", advice) from None
        said = " ".join(str(reason).split())[:120]
        raise InputError(str(path), f"is no file of torch's ({said})", advice) from None
    state = state.get("state_dict", state) if isinstance(state, dict) else None
    if not isinstance(state, dict):
        raise InputError(str(path), "holds no state_dict", advice)
    try:
        module.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as reason:
        said = " ".join(str(reason).split())[:200]
        advice = "name the class that it was saved of"
        raise InputError(str(path), f"does not fit the module ({said})", advice) from None


def classes_of(module: nn.Module, shape: Shape, pixels: Pixels, file: Path) -> int:
    """How many results it gives for an image."""
    module.eval()
    with _theirs(file, f"on an image of {'x'.join(map(str, shape))}"), torch.no_grad():
        scores = module(as_input(torch.zeros(1, *shape, dtype=torch.uint8).numpy(), pixels))
    if scores.ndim != 2 or len(scores) != 1:
        raise InputError(str(file), f"gives {tuple(scores.shape)} for one image", "end it with one number a class")
    return int(scores.shape[1])


def main(ask: Mapping[str, Any]) -> None:
    torch.set_num_threads(ask.get("threads", 2))
    out, file, data = Path(ask["out"]), Path(ask["file"]), Path(ask["data"])
    out.mkdir(parents=True, exist_ok=True)
    recipe, pixels = QatRecipe(**ask["recipe"]), pixels_from_json(ask["pixels"])
    torch.manual_seed(recipe.seed)
    model = load(file, ask["class"], Path(ask["state"]) if ask["state"] else None)
    shape = labelled.shape_of(data)
    images = labelled.labelled(data, shape, classes_of(model, shape, pixels, file))
    identity = digest_of([file.read_text(), ask["class"], str(pixels)])
    run = FineTuning(model, None, pixels, recipe, images.training(), out, identity)
    run.finish_epochs()
    graph = out / f"{ask['class']}.onnx"
    exporter = export(model, shape, graph)
    test = images.test()
    count = right(model, test, pixels)
    card = {"module": f"{file.name}:{ask['class']}", "exporter": exporter, "pixels": str(pixels)}
    card |= card_of(recipe, count, test, run.rest, run.progress.history)
    leave_card(graph, card, count, len(test))
    try:
        with tempfile.TemporaryDirectory() as folder:
            read_quantised_file(graph, graph.stem, Path(folder))
    except FlowsError as refusal:
        print(f"warning: it is not what FINN builds: {refusal}", file=sys.stderr)


if __name__ == "__main__":
    run_worker(main, "error: ")
