"""CIFAR-10 in its official binary layout, read from a folder that the user names.

Each record is one label byte and 3,072 pixels as R, G and B planes of 32x32; a batch has 10,000 records.
Source: https://www.cs.toronto.edu/~kriz/cifar.html ("Binary version").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.digest import digest_bytes
from flows.core.errors import InputError
from flows.core.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
RECORDS = 10_000
RECORD_BYTES = 1 + 3 * 32 * 32
ADVICE = "give the folder that holds data_batch_1..5.bin and test_batch.bin (CIFAR-10, binary version), or its parent"


@dataclass(frozen=True)
class Images:
    """`pixels` uint8 (n, height, width, channels), or (n, features), `labels` (n,), both of CIFAR-10 or the user's own.
    The digest names exactly these images in this order."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8 | np.uint16]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | NDArray[np.int64]) -> Images:
        return Images(self.pixels[index], self.labels[index])

    @property
    def digest(self) -> str:
        return digest_bytes(self.labels.tobytes() + self.pixels.tobytes())


def find(folder: Path, files: tuple[str, ...]) -> tuple[Path, ...]:
    """The paths of these batches in `folder` or in its ``cifar-10-batches-bin``, sizes checked, contents not read.

    Raises `InputError` naming the batch that is missing or truncated, or the folder where it cannot be read.
    """
    try:
        return _find(folder, files)
    except OSError as reason:
        raise InputError(str(folder), f"cannot be read ({reason.strerror or reason})", ADVICE) from None


def _find(folder: Path, files: tuple[str, ...]) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise InputError(str(folder), "no such folder", ADVICE)
    home = folder if (folder / files[0]).exists() else folder / FOLDER
    paths = tuple(home / name for name in files)
    for path in paths:
        if not path.is_file():
            raise InputError(str(folder), f"{path.name} is missing", ADVICE)
        size, whole = path.stat().st_size, RECORDS * RECORD_BYTES
        if size != whole:
            state = "truncated" if size < whole else "too long"
            fact = f"{state}: {size:,} bytes where a batch of {RECORDS:,} records has {whole:,}"
            raise InputError(str(path), fact, "fetch or unpack CIFAR-10 again")
    return paths


def check(path: Path) -> str:
    """The digest of one batch, its labels checked without numpy. Raises `InputError` where one is above 9."""
    return digest_bytes(_content(path))


def _content(path: Path) -> bytes:
    """Whole records, whose labels are checked."""
    content = read_bytes(path, RECORDS * RECORD_BYTES, "fetch or unpack CIFAR-10 again")
    labels = content[::RECORD_BYTES]
    if len(content) % RECORD_BYTES or not labels:
        fact = f"{len(content):,} bytes, where a record of one image has {RECORD_BYTES:,}"
        raise InputError(str(path), fact, "fetch or unpack CIFAR-10 again")
    if max(labels) >= len(CLASSES):
        record = next(index for index, label in enumerate(labels) if label >= len(CLASSES))
        fact = f"record {record} has label {labels[record]}, outside 0..9"
        raise InputError(str(path), fact, "fetch or unpack CIFAR-10 again")
    return content


def read(folder: Path, files: tuple[str, ...]) -> Images:
    """Reads these batches. Raises `InputError` where one is missing, truncated or has a label above 9."""
    import numpy as np

    batches = [read_batch(path) for path in find(folder, files)]
    pixels = np.concatenate([batch.pixels for batch in batches])
    return Images(pixels, np.concatenate([batch.labels for batch in batches]))


def read_batch(path: Path) -> Images:
    """Reads one file of whole records."""
    import numpy as np

    records = np.frombuffer(_content(path), np.uint8).reshape(-1, RECORD_BYTES)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Images(np.ascontiguousarray(pixels), records[:, 0].copy())


def read_test(path: Path) -> Images:
    """Test images with labels: a CIFAR-10 batch (.bin), or what was read of the user's own (.npz, see
    `models.imported.workers.dataset`)."""
    if path.suffix == ".bin":
        return read_batch(path)
    import numpy as np

    with np.load(path) as arrays:
        return Images(arrays["images"], arrays["labels"])


def split(images: Images, held_out: int, seed: int) -> tuple[Images, Images]:
    """(the rest, `held_out` images to choose by), drawn without replacement by `seed`."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(images))
    return images[np.sort(order[held_out:])], images[np.sort(order[:held_out])]
