"""The generated C through gcc: the integers of the exact reference, with nothing for a compiler or sanitizer to say."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

from backends.c.generate.facts import WARNINGS
from models.pixels import parse_pixels
from tests.backends.c.networks import SMALL, job_on, random_network, written

pytestmark = pytest.mark.skipif(not (find_spec("torch") and shutil.which("gcc")), reason="torch or gcc is absent")

SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiled(folder: Path, *flags: str) -> str:
    """What the project's own test prints."""
    sources = ["test/test.c", "src/network.c"]
    subprocess.run(["gcc", *WARNINGS, *flags, *sources, "-o", "program"], cwd=folder, check=True)
    done = subprocess.run(["./program"], cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_compute_the_exact_integers(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    options: dict[str, Any] = {
        "weight_format": random.choice(("Q1.7", "Q1.3", "Q1.11")),
        "activation_bits": random.choice((8, 8, 5, 12, 16)),
        "accumulator_bits": random.choice((40, 48)),
    }
    written(job_on(random_network(random), tmp_path, seed, **options), tmp_path)
    assert "16 of 16 images equal" in compiled(tmp_path, *SANITIZERS)


@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_every_kind_of_layer_at_every_level(level: str, tmp_path: Path) -> None:
    design = written(job_on(SMALL, tmp_path), tmp_path)
    assert (design.program.value_bits, design.program.weight_bits, design.program.sum_bits) == (8, 8, 32)
    assert "16 of 16 images equal" in compiled(tmp_path, level)


def test_pixels_of_other_scalings_are_looked_up(tmp_path: Path) -> None:
    network = replace(SMALL, pixels=parse_pixels("centred"))
    written(job_on(network, tmp_path), tmp_path)
    assert "pixel_values[0][image[i]]" in (tmp_path / "src/network.c").read_text()
    assert "16 of 16 images equal" in compiled(tmp_path, *SANITIZERS)


def test_one_wrong_weight_fails_the_test(tmp_path: Path) -> None:
    written(job_on(SMALL, tmp_path), tmp_path)
    weights = tmp_path / "src/weights.h"
    text = weights.read_text()
    place = text.index("dense_biases")
    changed = re.sub(r"(= \{\n    )(-?\d+)", lambda each: f"{each[1]}{int(each[2]) + 1}", text[place:], count=1)
    weights.write_text(text[:place] + changed)
    assert "0 of 16 images equal" in compiled(tmp_path, "-O2")


def test_the_header_serves_c_and_cpp(tmp_path: Path) -> None:
    written(job_on(SMALL, tmp_path), tmp_path)
    (tmp_path / "user.cpp").write_text(
        '#include "small_net.h"\nint main() { static uint8_t image[SMALL_NET_IMAGE_BYTES];'
        " int32_t results[SMALL_NET_RESULTS]; small_net(image, results); return 0; }\n"
    )
    subprocess.run(["gcc", *WARNINGS, "-c", "src/network.c", "-o", "network.o"], cwd=tmp_path, check=True)
    subprocess.run(["g++", "-Wall", "-Werror", "user.cpp", "network.o", "-o", "user"], cwd=tmp_path, check=True)
    assert subprocess.run(["./user"], cwd=tmp_path).returncode == 0


def test_nothing_is_allocated_and_one_function_is_exported(tmp_path: Path) -> None:
    written(job_on(SMALL, tmp_path), tmp_path)
    subprocess.run(["gcc", *WARNINGS, "-O2", "-c", "src/network.c", "-o", "network.o"], cwd=tmp_path, check=True)
    done = subprocess.run(["nm", "network.o"], cwd=tmp_path, check=True, capture_output=True, text=True)
    symbols = [line.split()[-2:] for line in done.stdout.splitlines()]
    assert [name for kind, name in symbols if kind.isupper() and kind != "U"] == ["small_net"]
    assert {name for kind, name in symbols if kind == "U"} <= {"memcpy", "memset", "memmove"}


def test_the_memory_that_is_stated_is_that_of_the_object(tmp_path: Path) -> None:
    design = written(job_on(SMALL, tmp_path), tmp_path)
    # optimised, biases of few results become numbers in the code
    subprocess.run(["gcc", *WARNINGS, "-O0", "-c", "src/network.c", "-o", "network.o"], cwd=tmp_path, check=True)
    done = subprocess.run(["nm", "-S", "network.o"], cwd=tmp_path, check=True, capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 4]
    assert sum(int(size, 16) for _, size, kind, _ in rows if kind in "bB") == design.program.activation_bytes
    arrays = [int(size, 16) for _, size, kind, name in rows if name.endswith(("_weights", "_biases"))]
    assert sum(arrays) == design.constant_bytes
