"""Trained weights: float32 tensors in a safetensors file, named by digest, never a pickle.

A file holds ``layer/kernel`` (H, W, in, out) or (in, out) and ``layer/bias`` (out,) for one network, and the digest
of that network's architecture in its header. Weights of another network are refused by name and shape.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
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

    def numbers(self) -> Mapping[str, array[float]]:
        """The same as flat arrays of the standard library: needs no numpy."""
        header, _ = _header(self.path)
        content = self.path.read_bytes()
        data = 8 + int.from_bytes(content[:8], "little")
        found = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            found[name] = array("f", content[data + begin : data + end])
            if sys.byteorder == "big":
                found[name].byteswap()
        return found


def open_weights(path: Path, network: Network) -> Weights:
    """Checks the header of `path` against `network` (names, shapes, types) and names the file by its digest.

    Needs no numpy. Raises `InputError` where the file is missing, damaged or of another network.
    """
    header, metadata = _header(path)
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


def _header(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """(tensors, metadata) of a safetensors header, whose tensors must fill the rest of the file one after another."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= HEADER_LIMIT:
                raise ValueError("it does not start with a safetensors header")
            header = json.loads(file.read(size))
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are not text")
        end = 0
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            if entry["dtype"] != "F32":
                raise ValueError(f"{name} is {entry['dtype']}, not F32")
            begin, end = end, end + 4 * prod(entry["shape"])
            if entry["data_offsets"] != [begin, end]:
                raise ValueError(f"{name} stands at {entry['data_offsets']}, where {[begin, end]} is its place")
        if path.stat().st_size != 8 + size + end:
            raise ValueError(f"{path.stat().st_size:,} bytes where its header promises {8 + size + end:,}")
    except FileNotFoundError:
        raise InputError(str(path), "no such file", WEIGHTS_ADVICE) from None
    except OSError as reason:
        raise InputError(str(path), f"cannot be read ({reason.strerror})", WEIGHTS_ADVICE) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise InputError(str(path), f"corrupt weights file: {reason}", WEIGHTS_ADVICE) from None
    return header, metadata
