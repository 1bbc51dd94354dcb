"""The instances of ``top.sv``, each as a stage that open tools synthesise and route out of context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from backends.cost.amounts import Amounts, joined
from backends.dataflow.layers.blueprint import Blueprint, blueprint
from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.names import layer_names
from backends.dataflow.layers.nodes import CLONE, RECEIVE, SEND
from backends.open_tools.stage import MemoryFile, RtlStage
from backends.rtl.design.design import RtlDesign
from backends.rtl.generate.instances import instance_name, instances

LIBRARY = Path(__file__).parent / "library"


@cache
def library() -> Mapping[str, str]:
    """The text of every module of the library, by its name."""
    return {path.stem: path.read_text() for path in sorted(LIBRARY.glob("*.sv"))}


def stages(design: RtlDesign) -> tuple[RtlStage, ...]:
    return tuple(of_blueprint(blueprint(design), design.sums, design.sharing))


def of_blueprint(made: Blueprint, sums: Mapping[str, int], sharing: Mapping[str, int]) -> Iterator[RtlStage]:
    """Named after the layers that they compute; what belongs to no layer is called as in ``top.sv``."""
    names = layer_names(made.quantised.network, verilog=True)
    layers = {identifier: layer for layer, identifier in names.items()}
    for one in instances(made, sums, names, sharing):
        parameters = {name: value for line in one.lines for name, value in line.items()}
        files = [name for name in parameters if name in ("WEIGHTS", "BIASES")]
        for name in files:
            del parameters[name]
        memories: dict[str, MemoryFile] = dict(zip(files, _memories(parameters), strict=True)) if files else {}
        yield RtlStage(layers.get(one.name, one.name), one.module, parameters, memories)


def foretold(design: LayerDesign[Any]) -> dict[str, Amounts]:
    """What each stage will take by the models of this flow: its logic, its memories and the FIFOs that it ends in."""
    names = layer_names(design.job.network, verilog=True)
    stage_of = {
        node.name: node.layer.name
        if node.layer.name in names and node.kind not in PLUMBING
        else instance_name(node, names)
        for node in design.nodes
    }
    found: dict[str, list[Amounts]] = {}
    for node in design.nodes:
        logic, memories = design.node_cost(node, design.lanes[node.name])
        found.setdefault(stage_of[node.name], []).extend((logic, *memories.values()))
    for buffer in design.buffers:
        found[stage_of[buffer.writer]].append(design.fifo_cost(buffer))
    return {name: joined(*parts) for name, parts in found.items()}


PLUMBING = (CLONE, RECEIVE, SEND)
"""Kinds of stages that belong to no layer."""


def _memories(parameters: Mapping[str, int | str]) -> tuple[MemoryFile, MemoryFile]:
    """Of the weights and of the biases."""
    number = {name: value for name, value in parameters.items() if isinstance(value, int)}
    if "KERNEL_HEIGHT" in number:
        steps = number["KERNEL_WIDTH"] * ceil(number["KERNEL_HEIGHT"] * number["CHANNELS"] / number["SIMD"])
    else:
        steps = number["INPUTS"] // number["SIMD"]
    groups = -(-number["OUTPUTS"] // number["PE"])
    weights = MemoryFile(number["PE"] * number["SIMD"] * number["WEIGHT_BITS"], steps * groups)
    return weights, MemoryFile(number["PE"] * number["ACC_BITS"], groups)
