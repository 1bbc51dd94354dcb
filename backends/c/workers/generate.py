"""Writes the C project: ``python -m backends.c.workers.generate JOB.json``, in the step's directory.

JOB.json: ``quantised``, the arithmetic; ``weights`` and ``reference``, files beside it. The
weights become integers of their types; the project's vectors and the exact reference's results for them become the
test's data. Writes ``project``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from backends.c.generate.facts import facts_of
from backends.c.generate.names import layer_names
from backends.c.generate.text import included
from backends.c.program import program_of
from backends.dataflow.layers.arithmetic import codes
from backends.dataflow.workers import project
from flows.core.worker import JOB, run_worker
from models.layers import Conv2D, Dense
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json
from models.vectors import vectors

TEMPLATES = Path(__file__).parent.parent / "generate" / "templates"
COLUMNS = 20
"""Numbers a line."""


def texts(quantised: QuantisedNetwork, frames: int) -> Iterator[tuple[str, str]]:
    """(path, text) of every file but those with numbers: weights, and the `frames` vectors."""
    environment = project.templates(TEMPLATES)
    program = program_of(quantised)
    facts = facts_of(quantised, program, frames)
    for header in included(program):
        path = f"src/{header}.h"
        if (TEMPLATES / path).exists():
            yield path, (TEMPLATES / path).read_text()
    yield "test/count_instructions.c", (TEMPLATES / "test" / "count_instructions.c").read_text()
    for template in sorted(TEMPLATES.rglob("*.j2")):
        name = template.relative_to(TEMPLATES).as_posix()
        path = f"{facts['top']}.h" if name == "top.h.j2" else name.removesuffix(".j2")
        yield path, environment.get_template(name).render(facts)


def weights_text(quantised: QuantisedNetwork, tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """Weights and biases of all layers as arrays of integers, a row for each result."""
    names = layer_names(quantised.network)
    parts = [
        "/* Weights, a row for each result, and what its sum starts at. */\n#ifndef WEIGHTS_H\n#define WEIGHTS_H\n"
    ]
    parts.append('\n#include "types.h"\n')
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        if not isinstance(layer, Conv2D | Dense):
            continue
        assert types.kernel and types.bias
        kernel = codes(tensors[f"{layer.name}/kernel"], types.kernel)
        rows = kernel.reshape(-1, kernel.shape[-1]).T
        bias = codes(tensors[f"{layer.name}/bias"], types.bias)
        name = names[layer.name]
        parts.append(f"\n/* {layer.name}, {types.kernel.name} */\n")
        parts.append(f"static const weight_t {name}_weights[{rows.size}] = {{\n")
        parts += [f"{_listed(row.tolist())}\n" for row in rows]
        parts.append(f"}};\n\nstatic const sum_t {name}_biases[{bias.size}] = {{\n{_listed(bias.tolist())}\n}};\n")
    return "".join([*parts, "\n#endif\n"])


def _listed(numbers: Sequence[int]) -> str:
    starts = range(0, len(numbers), COLUMNS)
    return "\n".join(f"    {', '.join(map(str, numbers[start : start + COLUMNS]))}," for start in starts)


def vectors_text(quantised: QuantisedNetwork, results: list[list[int]]) -> str:
    """Images and expected results."""
    images = vectors(quantised.network.input_shape, len(results)).reshape(len(results), -1)
    rows = "\n".join(f"    {{{','.join(map(str, image))}}}," for image in images.tolist())
    expected = "\n".join(f"    {{{', '.join(map(str, row))}}}," for row in results)
    return f"""\
/* The project's check images, and the exact reference's results for each. */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdint.h>

#define FRAMES {len(results)}

static const uint8_t images[FRAMES][{images.shape[1]}] = {{
{rows}
}};

#ifdef WITH_RESULTS
static const int32_t expected[FRAMES][{len(results[0])}] = {{
{expected}
}};
#endif

#endif
"""


def files(
    quantised: QuantisedNetwork, tensors: Mapping[str, NDArray[np.float32]], results: list[list[int]]
) -> Iterator[tuple[str, str]]:
    """(path, text) of every file; `results` are the exact reference's for as many of the project's vectors."""
    yield from texts(quantised, len(results))
    yield "src/weights.h", weights_text(quantised, tensors)
    yield "test/vectors.h", vectors_text(quantised, results)


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    results = json.loads(Path(ask["reference"]).read_text())["codes"]
    project.write(files(quantised, load_file(ask["weights"]), results))


if __name__ == "__main__":
    run_worker(main)
