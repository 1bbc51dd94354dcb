"""Writes the RTL project: ``python -m backends.rtl.workers.generate JOB.json``, in the step's directory.

JOB.json: a `backends.dataflow.layers.blueprint.Blueprint`, with ``sums``, the bits of each accumulator, ``sharing``,
how many results share a DSP48E1, ``interval``, the cycles of a frame, ``weights`` and ``reference`` beside it. The
weights become integers of their types in memory files; the project's vectors and the exact reference's results for them
become the test bench's. Writes ``project``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from backends.amd import tcl
from backends.dataflow.layers.arithmetic import codes
from backends.dataflow.layers.blueprint import Blueprint, from_json
from backends.dataflow.layers.names import layer_names, top_name
from backends.dataflow.layers.nodes import MATRIX_VECTOR, Node
from backends.dataflow.layers.packing import borrowed
from backends.dataflow.layers.searches import ladders
from backends.dataflow.layers.stream import sent
from backends.dataflow.layers.weights import by_groups, by_turns
from backends.dataflow.workers import project
from backends.rtl.design.thresholds import threshold_bits
from backends.rtl.generate.instances import APART, instances
from flows.core.worker import JOB, run_worker
from models.integers import HostScale, Threshold
from models.vectors import vectors

FLOW = Path(__file__).parent.parent
TEMPLATES, LIBRARY = FLOW / "generate" / "templates", FLOW / "library"


def texts(
    blueprint: Blueprint,
    sums: Mapping[str, int],
    interval: int,
    frames: int,
    sharing: Mapping[str, int] = APART,
    scale: Sequence[Sequence[float]] = (),
) -> Iterator[tuple[str, str]]:
    """(path, text) of every file but those with numbers: weights, and the `frames` vectors. `scale` is (gains, offsets)
    of the results, where the host has to multiply them."""
    environment = project.templates(TEMPLATES, tcl.TEMPLATES)
    environment.filters["parameters"] = lambda line: ", ".join(f".{name}({_literal(line[name])})" for name in line)
    network, contract = blueprint.quantised.network, blueprint.quantised.input
    top = top_name(network, verilog=True)
    image, results = prod(network.input_shape), prod(network.shapes[blueprint.quantised.output])
    part, clock_ns = blueprint.part, f"{blueprint.clock_ns:g}"
    facts = {
        "top": top,
        "struct": f"p_{top.replace('_', '__')}",  # as CXXRTL calls it
        "network": network.name,
        "part": part,
        "clock_ns": clock_ns,
        "mhz": f"{1000 / blueprint.clock_ns:.6g}",
        "about": f"{network.name} for {part} at {clock_ns} ns: {network.macs:,} products a frame.",
        "instances": list(instances(blueprint, sums, layer_names(network, verilog=True), sharing)),
        "board": tcl.BOARDS.get(blueprint.part, "pynq-z2"),
        "image": network.input_shape,
        "tables": [list(table) for table in contract.tables] if contract.applied_by == "host" else None,
        "pixels": str(contract.pixels),
        "bytes": image,
        "beats": -(-image // 4),
        "stride": -(-image // 4) * 4,
        "results": results,
        "design": blueprint.quantised.digest,
        "frames": frames,
        "interval": interval,
        "scale": scale,
        "fraction": blueprint.quantised.layers[blueprint.quantised.output].output.fraction,
    }
    for path in sorted(LIBRARY.glob("*.sv")):
        yield f"rtl/library/{path.name}", path.read_text()
    for path in sorted(TEMPLATES.rglob("*.j2")):
        name = str(path.relative_to(TEMPLATES))
        yield name.removesuffix(".j2").replace("TOP", top), environment.get_template(name).render(facts)


def _literal(value: int | str) -> int | str:
    """A parameter's value: a number, sized or not, or a string."""
    return value if isinstance(value, int) or "'" in value else f'"{value}"'


def words(values: np.ndarray, bits: int) -> str:
    """A word a line, for $readmemh: of each row the first value in the lowest `bits` bits."""
    digits = -(-values.shape[1] * bits // 4)
    masked = values.astype(object) & ((1 << bits) - 1)
    rows = (sum(value << place * bits for place, value in enumerate(row)) for row in masked.tolist())
    return "".join(f"{row:0{digits}x}\n" for row in rows)


def weight_texts(
    blueprint: Blueprint, sums: int, sharing: int, node: Node, tensors: Mapping[str, np.ndarray]
) -> tuple[str, str]:
    """The words of the weights and of the biases of a layer, as `matrix_vector.sv` and `packed_array.sv` read them."""
    types, fold = blueprint.quantised.layers[node.name], blueprint.folds[node.name]
    assert types.kernel is not None and types.bias is not None
    turns = by_turns(node, fold, codes(tensors[f"{node.name}/kernel"], types.kernel)).transpose(3, 2, 0, 1)
    if sharing > 1 and not fold.in_luts:
        turns = borrowed(turns, sharing)
    lines = turns.transpose(1, 2, 0, 3).reshape(-1, fold.multipliers)  # group by group, and in each part by part
    bias = by_groups(node, fold, codes(tensors[f"{node.name}/bias"], types.bias))
    return words(lines, types.kernel.width), words(bias, sums)


def threshold_texts(
    blueprint: Blueprint, sums: Mapping[str, int], node: Node, tensors: Mapping[str, np.ndarray]
) -> Iterator[str]:
    """The words of each step of the thresholds of a stage, as `threshold_search.sv` reads them."""
    layer, search = blueprint.quantised.network[node.tensor], blueprint.searches[node.tensor]
    assert isinstance(layer, Threshold)
    taken = blueprint.quantised.type_of(node.layer.inputs[0])
    is_unit = node.kind == MATRIX_VECTOR
    bits = threshold_bits(sums[node.name]) if is_unit else threshold_bits(taken.width, taken.signed)
    lanes = blueprint.folds[node.name].pe if is_unit else blueprint.lanes[node.name].puts
    spare = (1 << (search.searched - 1).bit_length()) - search.searched
    for step, rows in enumerate(ladders(layer, tensors).words(bits, search.searched, lanes)):
        padded = np.pad(rows, ((0, 0), (0, spare)))
        yield words(padded.reshape(-1, 1), bits + (search.falls and step == 0))


def files(
    blueprint: Blueprint,
    sums: Mapping[str, int],
    interval: int,
    tensors: Mapping[str, np.ndarray],
    results: list[list[int]],
    sharing: Mapping[str, int] = APART,
) -> Iterator[tuple[str, str]]:
    """(path, text) of every file; `results` are the exact reference's for as many of the project's vectors."""
    network = blueprint.quantised.network
    names = layer_names(network, verilog=True)
    last = network.layers[-1]
    roles = ("gain", "offset") if isinstance(last, HostScale) else ()
    scale = [tensors[f"{last.name}/{role}"].tolist() for role in roles]
    yield from texts(blueprint, sums, interval, len(results), sharing, scale)
    for node in blueprint.nodes:
        if node.kind == MATRIX_VECTOR:
            weights, biases = weight_texts(blueprint, sums[node.name], sharing.get(node.name, 1), node, tensors)
            yield f"mem/{names[node.name]}_weights.mem", weights
            if node.tensor not in blueprint.searches:
                yield f"mem/{names[node.name]}_biases.mem", biases
        if node.kind in (MATRIX_VECTOR, Threshold.kind) and node.tensor in blueprint.searches:
            for step, text in enumerate(threshold_texts(blueprint, sums, node, tensors)):
                yield f"mem/{names[node.layer.name]}_thresholds_{step}.mem", text
    images = sent(vectors(network.input_shape, len(results)), blueprint.quantised.input.tables).reshape(
        len(results), -1
    )
    beats = np.pad(images, ((0, 0), (0, -images.shape[1] % 4))).reshape(-1, 4)
    yield "mem/images.mem", words(beats, 8)
    yield "mem/expected.mem", words(np.array(results).reshape(-1, 1), 32)


def main(ask: Mapping[str, Any]) -> None:
    results = json.loads(Path(ask["reference"]).read_text())["codes"]
    blueprint = from_json(ask, JOB)
    tensors = load_file(ask["weights"])
    project.write(files(blueprint, ask["sums"], ask["interval"], tensors, results, ask["sharing"]))


if __name__ == "__main__":
    run_worker(main)
