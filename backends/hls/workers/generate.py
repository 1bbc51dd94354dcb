"""Writes the HLS project: ``python -m backends.hls.workers.generate JOB.json``, in the step's directory.

JOB.json: a `backends.dataflow.layers.blueprint.Blueprint`, with ``weights`` and ``reference`` beside it. The weights
are converted to integers of their types. The project's vectors and the exact reference's results for them are the data
of the test bench. Writes ``project``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from backends.amd import tcl
from backends.dataflow.layers.arithmetic import codes
from backends.dataflow.layers.blueprint import Blueprint, from_json
from backends.dataflow.layers.names import layer_names, top_name
from backends.dataflow.layers.nodes import DEPTHWISE, MULTIPLYING, Node
from backends.dataflow.layers.packing import borrowed
from backends.dataflow.layers.stream import sent
from backends.dataflow.layers.weights import by_groups, by_turns
from backends.dataflow.workers import project
from backends.hls.generate.cpp import listed, stored
from backends.hls.generate.layers import layer_texts
from backends.hls.generate.top import stage_texts
from flows.core.worker import JOB, run_worker
from models.vectors import vectors

TEMPLATES = Path(__file__).parent.parent / "generate" / "templates"
STAND_INS = """
    tb/native/ap_int.h tb/stand_in/ap_axi_sdata.h tb/stand_in/hls_stream.h tb/bounded/dataflow.h tb/bounded/hls_stream.h
"""
PLAIN = f"src/axi_stream.h src/counter.h src/word.h tb/testbench.h tb/testbench.cpp {STAND_INS}"
RENDERED = """
    src/top.h src/top.cpp tb/frames.h tb/simulate.cpp tb/fifos.cpp Makefile run_hls.tcl vivado/zynq.tcl driver.py
    README.md
"""
"""Files of every project, beside a header for each kind of layer and a file for each layer."""


def texts(design: Blueprint, frames: int) -> Iterator[tuple[str, str]]:
    """(path, text) of every file except those of numbers: the weights, and the `frames` vectors."""
    environment = project.templates(TEMPLATES, tcl.TEMPLATES)
    network = design.quantised.network
    names = layer_names(network)
    layers = list(layer_texts(design, names))
    kinds = {header for layer in layers for header in layer.headers}
    kinds |= {"clone"} if any(node.kind == "clone" for node in design.nodes) else set()
    kinds |= {"products"} if any(layer.weights for layer in layers) else set()
    kinds |= {"scan"} if any(layer.rows for layer in layers) else set()
    contract = design.quantised.input
    results, image = prod(network.shapes[design.quantised.output]), prod(network.input_shape)
    facts = {
        "top": top_name(network),
        "network": network.name,
        "part": design.part,
        "clock_ns": f"{design.clock_ns:g}",
        "mhz": f"{1000 / design.clock_ns:.6g}",
        "board": tcl.BOARDS.get(design.part, "pynq-z2"),
        "about": f"{network.name} for {design.part} at {design.clock_ns:g} ns: {network.macs:,} products a frame.",
        "layers": [layer.name for layer in layers],
        "headers": sorted(kinds & {"clone"}),
        "stages": list(stage_texts(design, names)),
        "image": network.input_shape,
        "tables": [list(table) for table in contract.tables] if contract.applied_by == "host" else None,
        "pixels": str(contract.pixels),
        "bytes": image,
        "stride": -(-image // 4) * 4,
        "results": results,
        "design": design.quantised.digest,
        "frames": frames,
        "fraction": design.quantised.layers[design.quantised.output].output.fraction,
    }
    for name in sorted({*PLAIN.split(), *(f"src/{kind}.h" for kind in kinds)}):
        yield name, (TEMPLATES / name).read_text()
    for layer in layers:
        yield f"src/layers/{layer.name}.h", environment.get_template("src/layer.h.j2").render(layer=layer)
    for name in RENDERED.split():
        yield name, environment.get_template(f"{name}.j2").render(facts)


def weight_text(design: Blueprint, node: Node, name: str, tensors: Mapping[str, np.ndarray]) -> str:
    """The weights of one layer as the arrays of its stage."""
    types, fold = design.quantised.layers[node.name], design.folds[node.name]
    assert types.kernel is not None and types.bias is not None
    kernel = by_turns(node, fold, codes(tensors[f"{node.name}/kernel"], types.kernel))
    turns = kernel.transpose(3, *((0, 2) if node.kind == DEPTHWISE else (2, 0)), 1)
    shared = design.shared(node.name)
    weights = packed(turns.reshape(fold.pe, -1, fold.simd), types.kernel.width, shared)
    bias = by_groups(node, fold, codes(tensors[f"{node.name}/bias"], types.bias))
    units, words, bytes_a_word = weights.shape
    of, order = ("PE", "lane") if shared == 1 else (f"{shared} PE", f"lane, {shared} PE of each")
    whole = "" if types.kernel.width == 8 else f"; their {types.kernel.width} bits follow each other in bytes"
    less = (
        ""
        if shared == 1
        else "\n// A weight above a negative one that shares its multiplier is less by one: see products.h."
    )
    return f"""\
// {node.name}: weights as integers of {types.kernel.name}, [{of}][turn of a pixel][{order}]{whole},
// and the biases that initialise its sums, as integers of {types.bias.name}, [PE][group].{less}
#pragma once

static const signed char {name}_weights[{units}][{words}][{bytes_a_word}] = {listed(weights.tolist())};

static const {stored(types.bias.width)} {name}_biases[{fold.pe}][{len(bias)}] = {listed(bias.T.tolist())};
"""


def packed(weights: np.ndarray, bits: int, shared: int) -> np.ndarray:
    """Weights (PE, words, SIMD) as bytes (units, words, bytes of a word): for each lane `bits` bits of the weights
    of all `shared` results that share a multiplier, the lowest first, with borrows from the next field subtracted."""
    pe, words, simd = weights.shape
    units = -(-pe // shared)
    rows = np.zeros((units * shared, words, simd), np.int64)
    rows[:pe] = weights
    lanes = borrowed(rows, shared).reshape(units, shared, words, simd).transpose(0, 2, 3, 1)
    each = (lanes[..., None] >> np.arange(bits) & 1).astype(np.uint8)
    return np.packbits(each.reshape(units, words, -1), axis=-1, bitorder="little").view(np.int8)


def vectors_text(design: Blueprint, results: list[list[int]]) -> str:
    """Images and expected results, a line each."""
    images = sent(vectors(design.quantised.network.input_shape, len(results)), design.quantised.input.tables)
    images = images.reshape(len(results), -1)
    rows = ",\n".join(",".join(map(str, image)) for image in images.tolist())
    expected = ",\n".join(", ".join(map(str, row)) for row in results)
    return f"""\
// The project's check images, as bytes of the input stream, and the exact reference's results for each.
#pragma once

static const int FRAMES = {len(results)};

static const unsigned char images[] = {{
{rows}}};

static const int expected[] = {{
{expected}}};
"""


def files(design: Blueprint, tensors: Mapping[str, np.ndarray], results: list[list[int]]) -> Iterator[tuple[str, str]]:
    """(path, text) of every file; `results` are the exact reference's for as many of the project's vectors."""
    names = layer_names(design.quantised.network)
    yield from texts(design, len(results))
    for node in design.nodes:
        if node.kind in MULTIPLYING:
            yield f"src/weights/{names[node.name]}.h", weight_text(design, node, names[node.name], tensors)
    yield "tb/vectors.h", vectors_text(design, results)


def main(ask: Mapping[str, Any]) -> None:
    results = json.loads(Path(ask["reference"]).read_text())["codes"]
    project.write(files(from_json(ask, JOB), load_file(ask["weights"]), results))


if __name__ == "__main__":
    run_worker(main)
