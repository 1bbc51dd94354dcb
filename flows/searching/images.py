"""The images that a search chooses by, apart from those that its result is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows import designs, imports
from flows.core.errors import UsageError
from flows.core.files import digest
from flows.core.plan import Asset, Output, Plan
from flows.core.worker import worker
from flows.designs import Source
from flows.executor import Executor
from flows.jobs import Trained
from models import cifar10
from models.card import HeldOut, held_out
from models.reference import CHOOSER

DRAWN = HeldOut(5_000, 1, "")
"""Training images to choose by where no card says which were held out."""


@dataclass(frozen=True)
class SearchImages:
    """`choosing` images compare designs, `test` images evaluate the chosen one. `about` and `about_test` say in words
    what each are."""

    choosing: Asset
    about: str
    test: Asset
    about_test: str


def search_images(source: Source, trained: Trained, most: int, executor: Executor) -> SearchImages:
    """At most so many images to choose by, of those that ``--data`` names: of CIFAR-10 training images, those that were
    held out from training where the card says which; of the user's own every second one. Raises `UsageError`, and
    `InputError` where there are none."""
    batch = designs.test_images([source], [trained], lambda: executor)
    if batch is None or source.data is None:
        fact = "accuracy is what a precision costs, and there are no images to measure it on"
        raise UsageError("--data", fact, "give CIFAR-10 in a folder, or FILE.npz of yours")
    if imports.is_own(source.data):
        images, test = _chosen({"files": [batch.path.name]}, {batch.path.name: batch}, most, executor)
        return SearchImages(images, "images of yours, every second one", test, "the others of your images")
    files = {path.name: Asset(path, cifar10.check(path)) for path in cifar10.find(source.data, cifar10.TRAIN)}
    known = held_out(trained.card.path) if trained.card else None
    drawn = known or DRAWN
    ask = {"files": list(files), "held_out": drawn.count, "seed": drawn.seed, "digest": drawn.digest}
    about = "held out from training" if known else "on which the network may have been trained"
    return SearchImages(
        _chosen(ask, files, most, executor)[0], f"CIFAR-10 training images, {about}", batch, "CIFAR-10 test images"
    )


def _chosen(ask: Mapping[str, Any], files: Mapping[str, Asset], most: int, executor: Executor) -> tuple[Asset, Asset]:
    step = worker(
        name="chooser",
        about="images to choose a precision by",
        module="models.evaluation.chooser",
        ask={**ask, "most": most},
        files=files,
        makes=(CHOOSER, "test.npz"),
        packages=("numpy",),
    )
    products = executor.execute(Plan((step,)))
    places = [products.path(Output("chooser", name)) for name in step.makes]
    images, test = (Asset(place, digest(place, imports.IMAGES_LIMIT, "search again")) for place in places if place)
    return images, test
