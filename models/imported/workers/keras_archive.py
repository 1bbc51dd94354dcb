"""A Keras archive (.keras), opened without Keras: two members of a zip, JSON and HDF5. Nothing in it is executed.

Keras numbers the layers in the weights file by class, not by name (`keras.src.saving.saving_lib`): the second Conv2D
is ``layers/conv2d_1/vars``, whatever it is called; in Keras 3 the attribute ``name`` of that group says which layer it
is. TensorFlow's Keras 2.12 to 2.14 call the folder ``_layer_checkpoint_dependencies``, and count every layer with
weights twice there, so that the second is ``conv2d_2``.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from flows.core.errors import InputError
from flows.core.files import MODEL_LIMIT
from flows.core.shape import parse
from models.imported.workers.draft import Place, Tensor
from models.layers import Shape

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LIMITS = {CONFIG: 16 << 20, WEIGHTS: MODEL_LIMIT}
"""Bytes that a member may unpack to."""
ADVICE = "save the model again with Keras 3: model.save('model.keras')"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How Keras packs. With others, Python unpacks as much at a time as there is."""
LARGEST_CHUNK = 64 << 20
OLD_ADVICE = "save it there with model.save('model.h5'), load that with Keras 3, and save it as model.keras"
"""For archives of TensorFlow's Keras 2, which Keras 3 does not load."""
HDF5 = b"\x89HDF\r\n\x1a\n"
OLD_FOLDER = "_layer_checkpoint_dependencies"
FILTERS = {1, 2, 3}
"""HDF5's own filters deflate, shuffle and fletcher32; any other is a plug-in, that is, code."""


class StoredWeights:
    """Tensors in an HDF5 file, each checked before it is read. Raises `InputError`."""

    def __init__(self, file: str, member: str, advice: str) -> None:
        self.file, self.member, self.advice = file, member, advice
        self._left = LIMITS[WEIGHTS]
        self._tree: Any = None

    @contextmanager
    def telling(self, place: Place) -> Iterator[None]:
        """What h5py raises on damaged files, as the refusal of the layer at `place`."""
        try:
            yield
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as reason:
            raise place.refusal(f"its weights cannot be read ({str(reason)[:80]})", self.advice) from None

    def counted(self, place: Place, stored: int, needed: int) -> None:
        if stored != needed:
            raise place.refusal(f"{stored} tensors are stored for it, and {needed} are needed", self.advice)

    def _tensor(self, place: Place, path: str, shape: Shape) -> Tensor:
        data = self._follow(place, path)
        if not isinstance(data, h5py.Dataset) or data.dtype != np.float32:
            raise place.refusal(f"{path} is no float32 tensor", self.advice)
        if data.shape != shape:
            raise place.refusal(f"{path} is {data.shape}, and {shape} is needed", self.advice)
        self._left -= data.nbytes
        if self._left < 0:
            raise place.refusal(f"with it, the weights pass {LIMITS[WEIGHTS] >> 20:,} MiB", "take a smaller network")
        if data.chunks and prod(data.chunks) * data.dtype.itemsize > LARGEST_CHUNK:
            raise place.refusal(f"{path} is stored in pieces of more than {LARGEST_CHUNK >> 20} MiB", self.advice)
        settings = data.id.get_create_plist()
        if data.external or data.is_virtual:
            raise place.refusal(f"{path} stands in another file", self.advice)
        if {settings.get_filter(index)[0] for index in range(settings.get_nfilters())} - FILTERS:
            raise place.refusal(f"{path} needs an HDF5 plug-in to be read", self.advice)
        return np.array(data)

    def _follow(self, place: Place, path: str) -> Any:
        """What stands at `path`; a link out of the file, or to another path, is not followed."""
        node: Any = self._tree
        for part in path.split("/"):
            if not isinstance(node, h5py.Group) or part not in node.keys():  # noqa: SIM118 (`in node` follows links)
                raise place.refusal(f"no weights at {path} in {self.member}", self.advice)
            if not isinstance(node.get(part, getlink=True), h5py.HardLink):
                raise place.refusal(f"{path} is a link, possibly out of the file", self.advice)
            node = node[part]
        return node


class KerasArchive(StoredWeights):
    """`config` as it stands in the archive; `weights` reads a layer's tensors. Raises `InputError`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name, WEIGHTS, ADVICE)
        members = _members(path)
        try:
            self.config: Any = parse(members[CONFIG].decode())
        except ValueError as reason:  # Wrong, or no text
            raise InputError(f"{self.file}, {CONFIG}", f"no JSON ({str(reason)[:80]})", ADVICE) from None
        try:
            self._tree = h5py.File(io.BytesIO(members[WEIGHTS]), "r")
        except OSError as reason:
            raise InputError(f"{self.file}, {WEIGHTS}", f"no HDF5 file ({str(reason)[:80]})", ADVICE) from None

    @property
    def folder(self) -> str:
        """What the layers of a model stand under in the weights file."""
        return OLD_FOLDER if OLD_FOLDER in self._tree.keys() else "layers"  # noqa: SIM118 (`in tree` follows links)

    def inside(self, group: str) -> str:
        """The same of a model inside the model, which stands in `group`."""
        return f"{group}/{self.folder}"

    def group(self, folder: str, place: Place, index: int) -> str:
        """The group in `folder` of the layer at `place`, the one of this `index` (from 0) of its class there."""
        name = group_name(place.kind)
        if self.folder == OLD_FOLDER:
            matches = (re.fullmatch(rf"{name}_(\d+)", key) for key in self._keys(folder))
            numbers = sorted(int(match[1]) for match in matches if match)
            index = numbers[index - 1] if 0 < index <= len(numbers) else index
        return f"{folder}/{name}_{index}" if index else f"{folder}/{name}"

    def _keys(self, path: str) -> Iterable[str]:
        """The names in the group at `path`, where it is one; links are not followed."""
        node: Any = self._tree
        for part in path.split("/"):
            if not isinstance(node, h5py.Group) or not isinstance(node.get(part, getlink=True), h5py.HardLink):
                return ()
            node = node[part]
        return node.keys() if isinstance(node, h5py.Group) else ()

    def weights(self, place: Place, group: str, shapes: list[Shape], more: int = 0) -> list[Tensor]:
        """The tensors of the layer in `group`, which must have exactly these shapes; `more` behind them are left."""
        with self.telling(place):
            tree = self._follow(place, f"{group}/vars")
            if (name := tree.attrs.get("name", place.name)) != place.name:
                raise place.refusal(f"{group} holds the weights of {name!r}", ADVICE)
            self.counted(place, len(tree), len(shapes) + more)
            return [self._tensor(place, f"{group}/vars/{index}", shape) for index, shape in enumerate(shapes)]


def group_name(class_name: str) -> str:
    """What Keras calls the first layer of a class, "MaxPooling2D" being ``max_pooling2d``.

    This is `keras.src.utils.naming.to_snake_case`.
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _members(path: Path) -> dict[str, bytes]:
    """The two members that are read, none of them larger than it may be; the others must at least be harmless."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist()]
            for member in archive.infolist():
                where = f"{path.name}, member {member.filename!r}"
                pure = PurePosixPath(member.filename.replace("\\", "/"))
                if pure.is_absolute() or ".." in pure.parts or ":" in "".join(pure.parts[:1]):
                    raise InputError(where, "its path leaves the archive", "do not trust this file; " + ADVICE)
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise InputError(where, "it is a symbolic link", "do not trust this file; " + ADVICE)
            members = {}
            for name, limit in LIMITS.items():
                if names.count(name) != 1:
                    fact = f"{names.count(name)} members are called {name}: this is no Keras 3 archive"
                    raise InputError(path.name, fact, ADVICE)
                member, where = archive.getinfo(name), f"{path.name}, member {name!r}"
                if member.compress_type not in METHODS:
                    raise InputError(where, "it is compressed by a method that Keras does not use", ADVICE)
                if member.file_size > limit:
                    fact = f"it unpacks to more than {limit >> 20:,} MiB"
                    raise InputError(where, fact, "do not trust this file; " + ADVICE)
                with archive.open(member) as content:  # reads no more than it says, and checks that this was all
                    members[name] = content.read(limit)
            return members
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, LookupError) as reason:
        raise InputError(path.name, f"no readable zip archive ({str(reason)[:80]})", ADVICE) from None


def is_hdf5(path: Path) -> bool:
    """Whatever it is called: TensorFlow's Keras up to 2.12 writes HDF5 under any name."""
    with path.open("rb") as file:
        return file.read(len(HDF5)) == HDF5
