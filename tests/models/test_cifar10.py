"""CIFAR-10 from its official binary layout, and the folders that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows.core.errors import InputError
from models import cifar10
from models.cifar10 import FOLDER, RECORD_BYTES, RECORDS, TEST, TRAIN, Images


def batch(seed: int) -> np.ndarray:
    """Random records of one batch, labels in 0..9."""
    records = np.random.default_rng(seed).integers(0, 256, (RECORDS, RECORD_BYTES), np.uint8)
    records[:, 0] %= 10
    return records


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("data") / FOLDER
    home.mkdir()
    batch(0).tofile(home / TEST[0])
    batch(1).tofile(home / TRAIN[0])
    return home


def test_pixels_come_from_planes_to_channels(folder: Path) -> None:
    images, records = cifar10.read(folder, TEST), batch(0)
    assert len(images) == RECORDS and images.pixels.shape == (RECORDS, 32, 32, 3)
    assert np.array_equal(images.labels, records[:, 0])
    for channel, row, column in ((0, 0, 0), (1, 3, 7), (2, 31, 31)):
        place = 1 + channel * 1024 + row * 32 + column
        assert np.array_equal(images.pixels[:, row, column, channel], records[:, place])


def test_the_parent_folder_does(folder: Path) -> None:
    assert cifar10.find(folder.parent, TEST) == cifar10.find(folder, TEST)
    assert cifar10.read(folder.parent, TEST).digest == cifar10.read(folder, TEST).digest


def test_batches_follow_each_other(folder: Path) -> None:
    images = cifar10.read(folder, (*TEST, TRAIN[0]))
    assert np.array_equal(images.labels, np.concatenate([batch(0)[:, 0], batch(1)[:, 0]]))


def test_a_folder_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        cifar10.find(folder, TEST)


def test_a_missing_folder_and_a_missing_batch(folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        cifar10.find(folder / "nowhere", TEST)
    with pytest.raises(InputError, match=r"data_batch_2\.bin is missing"):
        cifar10.read(folder, TRAIN)


@pytest.mark.parametrize(("change", "fact"), [(-1, "truncated"), (-RECORD_BYTES, "truncated"), (1, "too long")])
def test_a_batch_of_another_size(tmp_path: Path, change: int, fact: str) -> None:
    (tmp_path / TEST[0]).write_bytes(bytes(RECORDS * RECORD_BYTES + change))
    with pytest.raises(InputError, match=fact) as refusal:
        cifar10.find(tmp_path, TEST)
    assert TEST[0] in refusal.value.culprit


def test_a_label_that_is_no_class(tmp_path: Path) -> None:
    records = batch(2)
    records[1234, 0] = 10
    records.tofile(tmp_path / TEST[0])
    with pytest.raises(InputError, match="record 1234 has label 10"):
        cifar10.check(tmp_path / TEST[0])
    with pytest.raises(InputError, match="label 10"):
        cifar10.read(tmp_path, TEST)


def test_a_split_loses_and_shares_nothing() -> None:
    pixels = np.zeros((50, 32, 32, 3), np.uint8)
    images = Images(pixels, np.arange(50, dtype=np.uint8))
    rest, held_out = cifar10.split(images, 12, seed=3)
    assert len(rest) == 38 and len(held_out) == 12
    assert sorted([*rest.labels, *held_out.labels]) == list(range(50))
    assert cifar10.split(images, 12, seed=3)[1].digest == held_out.digest
    assert cifar10.split(images, 12, seed=4)[1].digest != held_out.digest
