"""Reads the user's own images with labels as a step: ``python -m models.imported.workers.dataset JOB.json``.

JOB.json: ``files`` (an .npz file, or two .npy files, images and labels), the network's ``shape`` and number of
``classes``, and ``ranges``: whether images to measure ranges on are wanted as well. Writes the folder ``dataset`` with
``test.npz`` (``images`` and ``labels``) and, where wanted, ``calibration.npy``; or ``refusal.json``, why there is none.

Ranges are measured on the file's training images. Where it has none, its first fifth is measured and not evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.errors import InputError
from flows.core.worker import run_worker
from models.imported.workers.arrays import TEST, TRAINING, Array, images_of, labels_of, load
from models.imported.workers.limits import guarded, refusal

OUT = Path("dataset")
ADVICE = "save it with numpy.savez('data.npz', images=..., labels=...)"
MOST = 10_000
"""Images that ranges are measured on, at most."""
SHARE = 5


def pairs(files: list[Path]) -> tuple[Array, Array, Array | None]:
    """(images, labels, training images) as they stand in the files."""
    if len(files) == 2:
        images, labels = (load(file)[""] for file in files)
        return images, labels, None
    arrays = load(files[0])
    for names in TEST:
        if all(name in arrays for name in names):
            training = next((arrays[name] for name in TRAINING if name in arrays), None)
            return arrays[names[0]], arrays[names[1]], training
    known = " or ".join("/".join(pair) for pair in TEST)
    raise InputError(files[0].name, f"has no arrays called {known}", ADVICE)


def main(ask: Mapping[str, Any]) -> None:
    files, shape = [Path(file) for file in ask["files"]], tuple(ask["shape"])
    OUT.mkdir()
    try:
        with guarded(files[0].name, "give fewer images"):
            pixels, classes, training = pairs(files)
            images = images_of(pixels, shape, files[0].name)
            labels = labels_of(classes, len(images), ask["classes"], files[-1].name)
            if ask["ranges"] and training is not None:
                np.save(OUT / "calibration.npy", images_of(training[:MOST], shape, files[0].name))
            elif ask["ranges"]:
                first = min(MOST, len(images) // SHARE)
                if not first:
                    fact = f"has {len(images)} images, too few to measure ranges on some and judge by others"
                    raise InputError(files[0].name, fact, "give --calibration with others, or more images")
                np.save(OUT / "calibration.npy", images[:first])
                images, labels = images[first:], labels[first:]
            np.savez(OUT / "test.npz", images=images, labels=labels)
    except InputError as error:
        (OUT / "refusal.json").write_text(refusal(error))


if __name__ == "__main__":
    run_worker(main)
