"""Trained weights: float32 tensors in a safetensors file, named by digest, never a pickle.

A file holds ``layer/kernel`` (H, W, in, out) or (in, out) and ``layer/bias`` (out,) for one network, and the digest
of that network's architecture in its header. Weights of another network are refused by name and shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.digest import digest_bytes, digest_of
from flows.core.errors import InputError
from models.network import Network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[np.float32]]

HEADER_LIMIT = 1 << 20
WEIGHTS_ADVICE = "give a file that `flows train` made, or leave --weights out to use the shipped ones"


@dataclass(frozen=True)
class Weights:
    """An asset: where the file is, its digest, and what it was derived from (a weights digest, or None)."""

    path: Path
    digest: str
    derived_from: str | None

    def tensors(self) -> Tensors:
        """Every tensor, float32, by name; read now."""
        from safetensors.numpy import load_file

        return load_file(self.path)


def open_weights(path: Path, network: Network) -> Weights:
    """Checks the header of `path` against `network` (names, shapes, types) and names the file by its digest.

    Needs no numpy. Raises `InputError` where the file is missing, damaged or of another network.
    """
    header = _header(path)
    metadata = header.pop("__metadata__", {})
    expected = dict(network.weight_shapes())
    found = {name: tuple(entry["shape"]) for name, entry in header.items()}
    if found != expected:
        odd = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        fact = (
            f"holds the weights of another network: {odd[0]} is {found.get(odd[0], 'absent')}, "
            f"{network.name} needs {expected.get(odd[0], 'no such tensor')}"
        )
        raise InputError(str(path), fact, WEIGHTS_ADVICE)
    if metadata.get("architecture", network.digest) != network.digest:
        fact = f"made for architecture {metadata['architecture']}, not {network.name} ({network.digest})"
        raise InputError(str(path), fact, WEIGHTS_ADVICE)
    return Weights(path, _digest(path, header), metadata.get("derived_from"))


def save_weights(path: Path, tensors: Tensors, network: Network, derived_from: str | None = None) -> None:
    """Writes float32 `tensors` of `network` with its architecture digest in the header."""
    from safetensors.numpy import save_file

    metadata = {"architecture": network.digest, "network": network.name}
    if derived_from:
        metadata["derived_from"] = derived_from
    save_file(dict(tensors), path, metadata)


def _digest(path: Path, header: Mapping[str, Any]) -> str:
    """Digest of the tensors by name, shape and content: how a writer orders its file does not count."""
    content = path.read_bytes()
    data = 8 + int.from_bytes(content[:8], "little")
    parts = []
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        parts.append([name, header[name]["shape"], digest_bytes(content[data + begin : data + end])])
    return digest_of(parts)


def _header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file, its offsets checked against the file's size."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= HEADER_LIMIT:
                raise ValueError("it does not start with a safetensors header")
            header = json.loads(file.read(size))
        end = 8 + size + max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        if path.stat().st_size != end:
            raise ValueError(f"{path.stat().st_size:,} bytes where its header promises {end:,}")
        if odd := [name for name, entry in header.items() if name != "__metadata__" and entry["dtype"] != "F32"]:
            raise ValueError(f"{odd[0]} is {header[odd[0]]['dtype']}, not F32")
    except FileNotFoundError:
        raise InputError(str(path), "no such file", WEIGHTS_ADVICE) from None
    except OSError as reason:
        raise InputError(str(path), f"cannot be read ({reason.strerror})", WEIGHTS_ADVICE) from None
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise InputError(str(path), f"corrupt weights file: {reason}", WEIGHTS_ADVICE) from None
    return header
