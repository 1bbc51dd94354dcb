"""keras2c's float C of the same network beside ours, where keras2c is at hand: its instructions, and its difference
from Keras.

keras2c is in an environment of its own (``nox -s keras2c`` builds it), and `TOOL` on PATH starts that environment's
interpreter. Where it is absent, or does not take the network, the steps are skipped with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from backends.c.design import CDesign
from backends.c.generate.facts import ARM_FLAGS
from backends.c.tools import ARM_GCC, LIMIT_S, QEMU, count
from backends.protocol import Note
from flows.core.errors import InputError
from flows.core.evidence import Metric, Reading, Tier
from flows.core.files import read_text
from flows.core.plan import Asset, Output, Products, Step
from flows.core.worker import JOB
from models.serial import network_to_json

VERSION = "2.0"
TOOL = f"keras2c-{VERSION}"
NAME = f"keras2c {VERSION}"
LEVEL = "-Ofast"
"""Where gcc uses NEON for floats: the fewest instructions."""
PROJECT = Output("keras2c", "keras2c")
NONE_COUNTED, COUNT = Output("count nothing of keras2c", "count.txt"), Output("count keras2c", "count.txt")
DIFFERENCE = "difference.txt"
IMAGES = 2
STACK = "16777216"
"""Bytes: keras2c puts weights and tensors there."""
AGAIN = "run it again"


def steps(design: CDesign, plugin: Output) -> tuple[Step, ...]:
    """`plugin` is what counts instructions in qemu."""
    job = design.job
    ask = {"network": network_to_json(job.network), "weights": "weights.safetensors", "images": IMAGES}
    write = Step(
        name=PROJECT.step,
        about=f"{NAME} writes float C of the network",
        tool=TOOL,
        argv=(TOOL, "-P", "-m", "backends.c.workers.keras2c", JOB),
        files={JOB: json.dumps(ask), "weights.safetensors": Asset(job.weights.path, job.weights.digest)},
        makes=(PROJECT.file,),
        sources=("flows.core", "models", "backends.c"),
        may_fail=True,
    )
    binary = Output("compile keras2c", "program")
    link = Step(
        name=binary.step,
        about="gcc compiles it for the Cortex-A9",
        tool=ARM_GCC,
        argv=(ARM_GCC, "-w", LEVEL, *ARM_FLAGS, "-static", f"@{PROJECT.file}/sources.txt", "-lm", "-o", binary.file),
        files={PROJECT.file: PROJECT},
        makes=(binary.file,),
        limit_s=LIMIT_S,
        may_fail=True,
    )
    return (write, link, *(_counted(which, binary, plugin, n) for which, n in ((NONE_COUNTED, 0), (COUNT, IMAGES))))


def _counted(which: Output, binary: Output, plugin: Output, images: int) -> Step:
    words = f"./{binary.file}", str(images), DIFFERENCE
    return Step(
        name=which.step,
        about=f"qemu counts the instructions of {images} images of keras2c's",
        tool=QEMU,
        argv=(QEMU, "-s", STACK, "-plugin", f"./{plugin.file},out={which.file}", *words),
        files={binary.file: binary, plugin.file: plugin},
        makes=(which.file, DIFFERENCE),
        limit_s=LIMIT_S,
        may_fail=True,
    )


def read(products: Products) -> Iterator[Reading]:
    """Its instructions, under the name of keras2c; nothing where its steps were skipped."""
    none, some = products.path(NONE_COUNTED), products.path(COUNT)
    if none and some:
        each = (count(some) - count(none)) / IMAGES
        source = f"float C by {NAME} at {LEVEL}, counted by {QEMU}, of {IMAGES} images"
        yield Reading(Metric.INSTRUCTIONS, each, Tier.SIMULATED, "Cortex-A9", source, NAME)


def observations(products: Products, ours: Reading | None) -> Iterator[Note]:
    """Its instructions against `ours`, and how far its results are from Keras's."""
    for theirs in read(products):
        path = products.path(replace(COUNT, file=DIFFERENCE))
        assert path
        times = f", {theirs.value / ours.value:.1f} times as many" if ours else ""
        yield Note(
            f"{NAME}'s float C of this network takes {theirs.value:,.0f} instructions an image at {LEVEL}{times}; on "
            f"{IMAGES} random images its results are at most {_difference(path):.1e} from Keras's"
        )


def _difference(path: Path) -> float:
    text = read_text(path, AGAIN).strip()
    try:
        return float(text)
    except ValueError:
        raise InputError(str(path), "no difference of results", AGAIN) from None
