"""A user's own Brevitas module: executed only when asked, and whatever it does wrong is one line."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.core.errors import InputError
from models.pixels import UNIT
from models.qat_recipe import QatRecipe
from models.serial import pixels_to_json

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")
pytest.importorskip("onnx")

pytestmark = pytest.mark.filterwarnings("ignore")

SOURCE = """
import brevitas.nn as qnn
import torch.nn.functional as F
from brevitas.quant import Uint8ActPerTensorFloat
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.image = qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, bit_width=8)
        self.conv = qnn.QuantConv2d(1, 4, 3, padding=1, weight_bit_width=4)
        self.norm = nn.BatchNorm2d(4)
        self.relu = qnn.QuantReLU(bit_width=4, return_quant_tensor=True)
        self.dense = qnn.QuantLinear(4 * 16, classes, bias=True, weight_bit_width=4)

    def forward(self, images):
        made = self.relu(self.norm(self.conv(self.image(images))))
        return self.dense(F.max_pool2d(made, 2).flatten(1))

class Wrong(nn.Module):
    def __init__(self):
        raise ValueError("no\\nway")

class Deaf(nn.Module):
    def forward(self, images):
        return images

def number():
    return 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net_of_a_user.py"
    path.write_text(SOURCE)
    return path


def job(file: Path, **changed: Any) -> dict[str, Any]:
    random = np.random.default_rng(3)
    data = file.with_name("own.npz")
    np.savez(data, images=random.integers(0, 256, (300, 8, 8)).astype(np.uint8), labels=random.integers(0, 5, 300))
    recipe = asdict(QatRecipe(epochs=1, batch=50, shift=0, warmup_steps=2))
    asked = {"file": str(file), "class": "Net", "state": None, "pixels": pixels_to_json(UNIT), "recipe": recipe}
    return asked | {"data": str(data), "out": str(file.parent / "out"), "threads": 1, "compile": False} | changed


def test_a_module_trains_from_its_state_and_is_exported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from models.training import own_module
    from tests.models.test_brevitas_training import integers

    torch.manual_seed(1)
    module: Any = own_module.load(file, "Net", None).module
    module(torch.rand(20, 1, 8, 8))
    state = file.with_name("state.pth")
    torch.save({"state_dict": module.state_dict()}, state)
    again: Any = own_module.load(file, "Net", state).module
    assert torch.equal(again.conv.weight, module.conv.weight)
    own_module.main(job(file, state=str(state)))
    printed = capsys.readouterr()
    assert "QONNX: " in printed.out and "of 60 right" in printed.out and not printed.err
    result, _ = integers(file.parent / "out" / "Net.onnx", file.parent / "read")
    assert set(result.quantised.weight_bits.values()) == {4}


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("raise RuntimeError('no\\nway')", "raises RuntimeError on import (no way)"),
        ("import sys; sys.exit(3)", "raises SystemExit on import (3)"),
        ("import a_package_that_is_nowhere", "raises ModuleNotFoundError on import"),
        ("def x(:", "raises SyntaxError on import"),
        ("x = 1", "there is no such class"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(tmp_path: Path, source: str, fact: str) -> None:
    from models.training import own_module

    path = tmp_path / "wrong_file_of_a_user.py"
    path.write_text(source)
    with pytest.raises(InputError) as told:
        own_module.load(path, "Net", None)
    assert fact in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("print('before')\nraise RuntimeError('no\\nway')", "raises RuntimeError on import (no way)"),
        ("import os; os._exit(0)", "ends the process before it is trained"),
    ],
)
def test_a_module_that_ends_on_import_is_one_line_of_the_command(
    source: str, fact: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its own process ends with what it raises: no traceback, no second error, and nothing is written."""
    from flows.__main__ import main

    path, data, out = tmp_path / "wrong_file.py", tmp_path / "own.npz", tmp_path / "out"
    path.write_text(source)
    np.savez(data, images=np.zeros((40, 8, 8), np.uint8), labels=np.zeros(40, np.int64))
    assert main(["train", "--module", f"{path}:Net", "--data", str(data), "--out", str(out)]) == InputError.exit_code
    note, *progress, error = capfd.readouterr().err.splitlines()
    assert note.startswith("note: --module executes")
    assert error.startswith(f"error: {path}: {fact}. Import it with python")
    assert not [line for line in progress if line.startswith(("error", "Traceback", "  File"))]
    assert not [left for left in out.rglob("*") if left.suffix in (".onnx", ".safetensors")]


def test_a_class_that_makes_no_network_of_images_is_named(file: Path) -> None:
    from models.training import own_module

    with pytest.raises(InputError, match=r"raises ValueError when Wrong\(\) is called \(no way\)"):
        own_module.load(file, "Wrong", None)
    with pytest.raises(InputError, match="There are Net, Wrong, Deaf"):
        own_module.load(file, "Nat", None)
    with pytest.raises(InputError, match="makes a int, no torch module"):
        own_module.load(file, "number", None)
    deaf = own_module.load(file, "Deaf", None)
    with pytest.raises(InputError, match=r"gives \(1, 1, 8, 8\) for one image"):
        own_module.classes_of(deaf, (8, 8, 1), UNIT, file)
    with pytest.raises(InputError, match="raises RuntimeError on an image of 8x8x3"):
        own_module.classes_of(own_module.load(file, "Net", None), (8, 8, 3), UNIT, file)
    path = file.with_name("labels.npz")
    np.savez(path, images=np.zeros((300, 8, 8), np.uint8), labels=np.full(300, 5))
    with pytest.raises(InputError, match="image 0 has label 5"):
        own_module.main(job(file, data=str(path)))


class Payload:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def test_a_state_is_read_as_tensors_alone(file: Path) -> None:
    from models.training import own_module

    state = file.with_name("state.pth")
    torch.save({"weight": Payload(file.with_name("executed"))}, state)
    with pytest.raises(InputError, match="more than tensors"):
        own_module.load(file, "Net", state)
    assert not file.with_name("executed").exists()
    torch.save({"weight": torch.ones(3)}, state)
    with pytest.raises(InputError, match="does not fit the module"):
        own_module.load(file, "Net", state)
    torch.save(torch.ones(3), state)
    with pytest.raises(InputError, match="holds no state_dict"):
        own_module.load(file, "Net", state)
    state.write_bytes(b"nothing of torch's")
    with pytest.raises(InputError):
        own_module.load(file, "Net", state)
