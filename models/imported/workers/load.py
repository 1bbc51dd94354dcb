"""Reads somebody's network as a step: ``python -m models.imported.workers.load JOB.json``. Nothing imports it.

JOB.json: ``file`` (.keras, .h5 or .onnx), ``name`` (of the network), ``external`` (files beside it that may be read)
and, where the user says so, ``pixels`` that its input is given.
Writes the folder ``imported``, which holds one of

``network.json`` and ``weights.safetensors``  the network, BatchNorm folded (see `models.serial`, `models.weights`);
                                              beside them ``definition.json``, the layers as they are trained
``refusal.json``                              why it is not: ``culprit``, ``fact``, ``next_step``
``wanted.json``                               a list of files beside it, not given, in which its weights stand

A QONNX file leaves its float twin, and beside it what its quantisers represent, ``ranges.json``, and what FINN builds
of it (see `models.integer_network`), or why that cannot be: ``not_integers.json``, as ``refusal.json`` is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.errors import InputError
from flows.core.worker import run_worker
from models.folding import folded, folded_weights
from models.imported.workers.draft import Tensor, WantedFiles
from models.imported.workers.limits import guarded, refusal
from models.network import Network
from models.pixels import UNIT, Pixels
from models.serial import network_to_json, pixels_from_json
from models.weights import save_weights

OUT = Path("imported")
ADVICE = "save or export the network again; a file of an exporter's that is refused so is a fault: please report it"


def read(
    file: Path, name: str, external: tuple[str, ...], pixels: Pixels | None = None
) -> tuple[Network, Mapping[str, np.ndarray]]:
    """Imports only what this format needs: h5py or onnx. `pixels` are what the file's input is given, if that is known:
    what its first layer scales comes behind that."""
    network, tensors = _read(file, name, external)
    if pixels and pixels != UNIT and file.suffix != ".onnx" and (OUT / "ranges.json").exists():
        fact = f"{file.name} is quantised, and what its quantisers represent is known for x / 255 only"
        raise InputError(pixels.known, fact, "leave it out")
    if pixels:
        try:
            first = network.pixels.first
            network = replace(network, pixels=pixels.then(*first) if first else pixels)
        except ValueError as reason:
            raise InputError(pixels.known, str(reason), "give one mean and deviation, or one of each channel") from None
    return network, tensors


def _read(file: Path, name: str, external: tuple[str, ...]) -> tuple[Network, Mapping[str, np.ndarray]]:
    if file.suffix != ".onnx":
        from models.imported.workers.keras_layers import read_keras
        from models.imported.workers.qkeras import is_quantised, read_twin

        network, tensors = read_keras(file, name)
        return read_twin(network, tensors, file.name, OUT) if is_quantised(network) else (network, tensors)
    return read_onnx(file, name, external)


def in_single(tensors: Mapping[str, np.ndarray], file: str) -> dict[str, Tensor]:
    """In float32; raises `InputError` where folding left a number that it cannot hold."""
    with np.errstate(over="ignore"):
        single = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()}
    if odd := [name for name, tensor in single.items() if not np.isfinite(tensor).all()]:
        fact = f"{odd[0]} is beyond float32 once its batch normalisation is folded into it"
        raise InputError(file, fact, "train the network again")
    return single


def read_onnx(file: Path, name: str, external: tuple[str, ...]) -> tuple[Network, Mapping[str, np.ndarray]]:
    """A float network as it is; of a quantised one the float twin, the rest of what it says written beside it."""
    from models.imported.workers.onnx_file import Tensors, load_model, tensors_of
    from models.imported.workers.onnx_nodes import read_graph
    from models.imported.workers.qcdq import as_qonnx, is_qcdq
    from models.imported.workers.qonnx import read_quantised

    model = load_model(file)
    Tensors(file, external).check_files(tensors_of(model))
    if is_qcdq(model):
        model = as_qonnx(model, Tensors(file, external))
    network, graph = read_graph(model, file, name, external)
    if not graph.exact:
        return network, graph.draft.tensors
    return read_quantised(model, network, graph, file.name, OUT)


def main(ask: Mapping[str, Any]) -> None:
    file = Path(ask["file"])
    pixels = pixels_from_json(ask["pixels"]) if "pixels" in ask else None
    OUT.mkdir()
    try:
        with guarded(file.name, ADVICE):
            network, tensors = read(file, ask["name"], tuple(ask["external"]), pixels)
            hardware = folded(network)
            single = in_single(folded_weights(network, tensors), file.name)
        save_weights(OUT / "weights.safetensors", single, hardware)
        (OUT / "network.json").write_text(json.dumps(network_to_json(hardware), indent=1))
        if not (OUT / "ranges.json").exists():
            (OUT / "definition.json").write_text(json.dumps(network_to_json(network), indent=1))
    except WantedFiles as wanted:
        (OUT / "wanted.json").write_text(json.dumps(wanted.names))
    except InputError as error:
        (OUT / "refusal.json").write_text(refusal(error))


if __name__ == "__main__":
    run_worker(main)
