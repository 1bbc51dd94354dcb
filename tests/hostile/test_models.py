"""Models that would fill the memory, nest without end or hold numbers of thousands of digits."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from flows.core.errors import InputError
from tests.hostile.conftest import CASES, ErrorLine

pytest.importorskip("h5py")
onnx = pytest.importorskip("onnx")
import h5py  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from models.imported.workers import keras_archive, limits  # noqa: E402
from models.imported.workers.draft import WantedFiles  # noqa: E402
from models.imported.workers.keras_archive import KerasArchive  # noqa: E402
from models.imported.workers.limits import guarded, refusal  # noqa: E402
from models.imported.workers.onnx_nodes import read_onnx  # noqa: E402

MODELS = {
    "k16_bomb_bz2.keras": "compressed by a method that Keras does not use",
    "k34_deep_json.keras": "nested too deep",
    "k36_bigint.keras": "no JSON",
    "o33_constbomb_2k.onnx": "computes constants of more than 4,194,304 elements",
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, error_line: ErrorLine) -> None:
    line = error_line("estimate", "hls4ml", "--network", CASES / "models" / name)
    assert MODELS[name] in line and name in line


def peak_mib(file: Path, tmp_path: Path) -> tuple[int, str]:
    """What the step that reads `file` takes at most, and what it says."""
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"file": str(file), "name": "own", "external": []}))
    argv = [sys.executable, "-m", "models.imported.workers.load", str(job)]
    child = subprocess.Popen(argv, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(CASES.parent.parent)})
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    assert status == 0
    return used.ru_maxrss >> 10, json.loads((tmp_path / "imported" / "refusal.json").read_text())["fact"]


def many_operators(tmp_path: Path) -> Path:
    """100 MB that protobuf makes some 10 GB of: operators of nothing."""
    count = 50_000_000
    size = bytes((2 * count >> shift) & 127 | (128 if shift < 21 else 0) for shift in (0, 7, 14, 21))
    (tmp_path / "own.onnx").write_bytes(b"\x08\x08\x3a" + size + b"\x0a\x00" * count)
    return tmp_path / "own.onnx"


def inflated_chunk(tmp_path: Path) -> Path:
    """A piece of a tensor that says to hold 384 kB, and unpacks to 4 GiB."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = head + (packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 64
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "l0"
        tensor = group.create_dataset("0", (12, 8192), "f4", chunks=(12, 8192), compression="gzip")
        tensor.id.write_direct_chunk((0, 0), piece)
        group.create_dataset("1", (8192,), "f4")
    rows = [
        {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
        for kind, config in (
            ("InputLayer", {"name": "image", "batch_shape": [None, 2, 2, 3]}),
            ("Flatten", {"name": "flat"}),
            ("Dense", {"name": "l0", "units": 8192, "activation": "linear"}),
        )
    ]
    with zipfile.ZipFile(tmp_path / "own.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": rows}}))
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    return tmp_path / "own.keras"


@pytest.mark.slow
@pytest.mark.parametrize("make", [many_operators, inflated_chunk], ids=lambda make: make.__name__)
def test_no_reader_takes_more_memory_than_it_may(make: Callable[[Path], Path], tmp_path: Path) -> None:
    most, fact = peak_mib(make(tmp_path), tmp_path)
    assert most < 3500
    assert "GB of memory" in fact or "cannot be read" in fact


def graph_of(nodes: list[Any], constants: dict[str, Any], path: Path, output: str = "x") -> Path:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 48])]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


BOMBS: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "ConstantOfShape": ({"s": np.array([1 << 16])}, ["s"], {}),
    "Range": ({"a": np.int64(0), "b": np.int64(1 << 16), "c": np.int64(1)}, ["a", "b", "c"], {}),
    "Concat": ({"a": np.zeros(1 << 15, np.float32)}, ["a", "a"], {"axis": 0}),
    "Add": ({"a": np.zeros((256, 1), np.float32), "b": np.zeros((1, 256), np.float32)}, ["a", "b"], {}),
    "Cast": ({"a": np.zeros(1 << 16, np.float32)}, ["a"], {"to": TensorProto.INT64}),
    "Gather": ({"a": np.zeros((2, 1 << 13), np.float32), "b": np.zeros(8, np.int64)}, ["a", "b"], {}),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_constants_that_are_many_are_refused(kind: str, tmp_path: Path) -> None:
    constants, inputs, settings = BOMBS[kind]
    nodes = [helper.make_node(kind, inputs, [f"o{index}"], **settings) for index in range(200)]
    with pytest.raises(InputError, match=r"layer 65, .*computes constants of more than 4,194,304 elements"):
        read_onnx(graph_of(nodes, constants, tmp_path / "own.onnx"), "own")


@pytest.mark.parametrize(
    ("kind", "constants"),
    [
        ("ConstantOfShape", {"s": np.array([1 << 40])}),
        ("ConstantOfShape", {"s": np.array([1 << 62, 1 << 62])}),
        ("ConstantOfShape", {"s": np.array([-1, -(1 << 40)])}),
        ("Range", {"a": np.int64(0), "b": np.int64(1 << 60), "c": np.int64(1)}),
        ("Range", {"a": np.int64(0), "b": np.int64(9), "c": np.int64(0)}),
        ("Range", {"a": np.float32(0), "b": np.float32(np.inf), "c": np.float32(1)}),
        ("Range", {"a": np.float32(np.nan), "b": np.float32(1), "c": np.float32(1)}),
        ("Add", {"a": np.zeros((1 << 16, 1), np.float32), "b": np.zeros((1, 1 << 16), np.float32)}),
        ("Unsqueeze", {"a": np.zeros(1, np.float32), "b": np.arange(2000)}),
    ],
)
def test_constants_that_cannot_be(kind: str, constants: dict[str, Any], tmp_path: Path) -> None:
    node = helper.make_node(kind, list(constants), ["o"])
    with pytest.raises(InputError, match=r"own\.onnx, layer 1"):
        read_onnx(graph_of([node], constants, tmp_path / "own.onnx"), "own")


def test_weights_that_many_layers_share_count_for_each(tmp_path: Path) -> None:
    """A file of a few MB that would be read into many GB."""
    nodes = [helper.make_node("Flatten", ["x"], ["t0"])]
    nodes += [helper.make_node("Gemm", [f"t{at}", "w"], [f"t{at + 1}"], alpha=0.5) for at in range(2100)]
    path = graph_of(nodes, {"w": np.ones((48, 48), np.float32)}, tmp_path / "own.onnx", "t2100")
    with pytest.raises(InputError, match=r"weights or 2,000 layers"):
        read_onnx(path, "own")


def test_a_graph_of_very_many_operators_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], [f"o{at}"]) for at in range(20_001)]
    with pytest.raises(InputError, match="it has 20,001 operators, where at most 20,000 are read"):
        read_onnx(graph_of(nodes, {}, tmp_path / "own.onnx"), "own")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_that_keras_does_not_write(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "own.keras", "w", method) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(1000))
    with pytest.raises(InputError, match="compressed by a method that Keras does not use"):
        KerasArchive(tmp_path / "own.keras")


@pytest.mark.parametrize("says", [100, 1 << 31])
def test_a_member_unpacks_to_no_more_than_it_says(says: int, tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(1 << 20))
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 1 << 20), struct.pack("<L", says)))
    with pytest.raises(InputError, match=r"no readable zip archive|unpacks to more than 512 MiB"):
        KerasArchive(path)


def test_a_member_that_is_too_large_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(1 << 20))
    monkeypatch.setitem(keras_archive.LIMITS, keras_archive.WEIGHTS, (1 << 20) - 1)
    opened: list[str] = []
    unpack = zipfile.ZipFile.open

    def watched(self: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
        opened.append(member.filename)
        return unpack(self, member)

    monkeypatch.setattr(zipfile.ZipFile, "open", watched)
    with pytest.raises(InputError, match=r"member 'model\.weights\.h5': it unpacks to more than"):
        KerasArchive(path)
    assert opened == ["config.json"]


def test_a_reader_is_held_to_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(limits, "MEMORY", int(Path("/proc/self/statm").read_text().split()[5]) * 4096 + (64 << 20))
    with (
        pytest.raises(InputError, match=r"own: needs more than [\d.e+]+ GB of memory to read\. Take another"),
        guarded("own", "take another"),
    ):
        bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (RecursionError("deep"), "nested too deep"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), "GB of memory"),
        (OverflowError("large"), r"damaged \(OverflowError\('large'\)\)"),
        (InputError("culprit", "error_line as it is", "take another"), "error_line as it is"),
    ],
)
def test_whatever_goes_wrong_in_a_reader_is_reported(error: Exception, fact: str) -> None:
    with pytest.raises(InputError, match=fact), guarded("own", "take another"):
        raise error


def test_files_that_are_wanted_pass() -> None:
    with pytest.raises(WantedFiles), guarded("own", ""):
        raise WantedFiles(["a"])


def test_a_refusal_is_short_however_long_a_name_is() -> None:
    content = json.loads(refusal(InputError("n" * 10_000, "f" * 10_000, "take another")))
    assert max(map(len, content.values())) < 400 and content["next_step"] == "take another"
