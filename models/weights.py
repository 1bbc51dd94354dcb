"""Trained weights: float32 tensors in a safetensors file, named by digest, never a pickle.

A file holds ``layer/kernel`` (H, W, in, out) or (in, out) and ``layer/bias`` (out,) for one network, and the digest
of that network's architecture in its header. Weights of another network are refused by name and shape. Thresholds, of
networks of integers, are int32: they may be larger than what float32 holds exactly.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.core.digest import digest_bytes, digest_of
from flows.core.errors import InputError
from flows.core.files import read_bytes
from flows.core.shape import Wrong, fields, listing, mapping, parse, text, whole
from flows.core.text import printable
from models.network import Network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[np.float32]]

HEADER_LIMIT, SLACK = 1 << 20, 64 << 20
"""Bytes of a header, and by how many a file may be larger than the weights and still be read, to say what it holds."""
INTEGERS = "thresholds"
"""The role of the tensors that are int32."""
NOT_FINITE = 0x7F800000
"""The bits of a float32 that are all set where it is NaN or infinity."""
WEIGHTS_ADVICE = "give a file that `flows train` made, or leave --weights out to use the shipped ones"


@dataclass(frozen=True)
class Weights:
    """An asset: where the file is, its digest, and what it was derived from (a weights digest, or None)."""

    path: Path
    digest: str
    derived_from: str | None

    def tensors(self) -> Tensors:
        """Every tensor by name; read now."""
        from safetensors.numpy import load_file

        return load_file(self.path)

    def numbers(self) -> Mapping[str, array[float]]:
        """The same as flat arrays of the standard library: needs no numpy."""
        tensors, _ = _header(read_bytes(self.path, self.path.stat().st_size, WEIGHTS_ADVICE))
        by_name = {name: array("f", data) for name, (_, data) in tensors.items()}
        if sys.byteorder == "big":
            for numbers in by_name.values():
                numbers.byteswap()
        return by_name


def open_weights(path: Path, network: Network) -> Weights:
    """Checks the file at `path` against `network` (names, shapes, types, finite numbers) and names it by its digest.

    Needs no numpy. Raises `InputError` where the file is missing, damaged or of another network, and unread where it is
    far larger than the weights of `network`.
    """
    try:
        content = read_bytes(path, SLACK + 4 * network.parameters, WEIGHTS_ADVICE)
        header, metadata = _header(content)
    except Wrong as wrong:
        raise InputError(str(path), f"corrupt weights file: {wrong}", WEIGHTS_ADVICE) from None
    expected = dict(network.weight_shapes())
    shapes = {name: shape for name, (shape, _) in header.items()}
    if shapes != expected:
        odd = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
        fact = (
            f"holds the weights of another network: {odd[0]} is {shapes.get(odd[0], 'absent')}, "
            f"{network.name} needs {expected.get(odd[0], 'no such tensor')}"
        )
        raise InputError(str(path), fact, WEIGHTS_ADVICE)
    if metadata.get("architecture", network.digest) != network.digest:
        fact = f"made for architecture {metadata['architecture']}, not {network.name} ({network.digest})"
        raise InputError(str(path), fact, WEIGHTS_ADVICE)
    for name, (_, data) in header.items():
        if not _holds_integers(name) and (count := _not_finite(data)):
            fact = f"{name} holds {count:,} number{'s' * (count > 1)} not finite (NaN or infinity)"
            raise InputError(str(path), fact, "train the network again")
    return Weights(path, _digest(header), metadata.get("derived_from"))


def save_weights(path: Path, tensors: Tensors, network: Network, derived_from: str | None = None) -> None:
    """Writes `tensors` of `network`, float32 but for thresholds, with its architecture digest in the header."""
    import numpy as np
    from safetensors.numpy import save_file

    metadata = {"architecture": network.digest, "network": network.name}
    if derived_from:
        metadata["derived_from"] = derived_from
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path, metadata)


Header = Mapping[str, tuple[tuple[int, ...], bytes]]
"""Shape and content of each tensor, by name."""


def _digest(header: Header) -> str:
    """Digest of the tensors by name, shape and content: how a writer orders its file does not count."""
    return digest_of([[name, list(header[name][0]), digest_bytes(header[name][1])] for name in sorted(header)])


def _not_finite(data: bytes) -> int:
    """How many of these float32 are NaN or infinite."""
    tops = data[3::4]
    if 0x7F not in tops and 0xFF not in tops:  # none is near: as in all weights but damaged ones
        return 0
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return sum(1 for number in numbers if number & NOT_FINITE == NOT_FINITE)


def _header(content: bytes) -> tuple[Header, dict[str, str]]:
    """(tensors, metadata) of a safetensors file, whose tensors fill it behind its header one after another.

    Raises `Wrong`.
    """
    size = int.from_bytes(content[:8], "little")
    if not 0 < size <= min(HEADER_LIMIT, len(content) - 8):
        raise Wrong("it does not start with a safetensors header")
    try:
        header = parse(content[8 : 8 + size].decode())
    except UnicodeDecodeError:
        raise Wrong("its header is no text") from None
    if not isinstance(header, dict):
        raise Wrong("its header is no object")
    metadata = _METADATA({"__metadata__": header.pop("__metadata__", {})})
    tensors = mapping(_TENSOR)(header)
    places, end = {}, 0
    for name, (dtype, shape, offsets) in sorted(tensors.items(), key=lambda item: item[1][2]):
        wanted = "I32" if _holds_integers(name) else "F32"
        if dtype != wanted:
            raise Wrong(f"is {printable(dtype)[:20]}, not {wanted}").within(name)
        begin, end = end, end + 4 * prod(shape)
        if offsets != (begin, end):
            raise Wrong(f"{name} stands at {list(offsets)}, where {[begin, end]} is its place")
        places[name] = shape, content[8 + size + begin : 8 + size + end]
    if len(content) != 8 + size + end:
        raise Wrong(f"{len(content):,} bytes where its header promises {8 + size + end:,}")
    return places, metadata


def _holds_integers(name: str) -> bool:
    return name.endswith(f"/{INTEGERS}")


def _tensor(dtype: str, shape: tuple[int, ...], data_offsets: tuple[int, ...]) -> tuple[str, tuple[int, ...], Any]:
    if len(data_offsets) != 2:
        raise Wrong("is no begin and end").within("data_offsets")
    return dtype, shape, data_offsets


_SIZE = whole(0, 1 << 40)
_TENSOR = fields({"dtype": text(), "shape": listing(_SIZE, 8), "data_offsets": listing(_SIZE, 2)}, _tensor)
_METADATA = fields({"__metadata__": mapping(text())}, lambda __metadata__: __metadata__)
