"""Images to choose a design by, as a step: ``python -m models.evaluation.chooser JOB.json``.

JOB.json: ``files``, and ``most``, how many images at most. Of CIFAR-10's training batches: ``held_out`` images drawn by
``seed``, as training draws those that it leaves out; where a ``digest`` is given, they must be these. Of one file of
the user's own: every second image, and the others are left for the number that is told in the end. Writes
``chooser.npz`` and ``test.npz``; the latter is empty of CIFAR-10, which has test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flows.core.errors import InputError
from flows.core.worker import run_worker
from models import cifar10
from models.cifar10 import Images
from models.reference import CHOOSER


def main(ask: Mapping[str, Any]) -> None:
    files = [Path(name) for name in ask["files"]]
    if "held_out" in ask:
        parts = [cifar10.read_batch(path) for path in files]
        every = Images(np.concatenate([part.pixels for part in parts]), np.concatenate([part.labels for part in parts]))
        chooser, test = cifar10.split(every, ask["held_out"], ask["seed"])[1], every[:0]
        if ask["digest"] not in ("", chooser.digest):
            fact = f"those held out would be {chooser.digest}, and training held out {ask['digest']}"
            raise InputError("training images", fact, "give the CIFAR-10 that the network was trained on")
    else:
        own = cifar10.read_test(files[0])
        chooser, test = own[::2], own[1::2]
    save(CHOOSER, chooser[: ask["most"]])
    save("test.npz", test)


def save(name: str, images: Images) -> None:
    np.savez(name, images=images.pixels, labels=images.labels)


if __name__ == "__main__":
    run_worker(main)
