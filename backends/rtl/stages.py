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
from backends.rtl.design.thresholds import threshold_bits
from backends.rtl.generate.instances import instance_name, instances

LIBRARY = Path(__file__).parent / "library"


@cache
def library() -> Mapping[str, str]:
    """The text of every module of the library, by its name."""
    return {path.stem: path.read_text() for path in sorted(LIBRARY.glob("*.sv"))}


def stages(design: RtlDesign) -> tuple[RtlStage, ...]:
    return tuple(of_blueprint(blueprint(design), design.sums, design.sharing))


def of_blueprint(built: Blueprint, sums: Mapping[str, int], sharing: Mapping[str, int]) -> Iterator[RtlStage]:
    """Named after the layers that they compute; what belongs to no layer is called as in ``top.sv``."""
    names = layer_names(built.quantised.network, verilog=True)
    layers = {identifier: layer for layer, identifier in names.items()}
    for instance in instances(built, sums, names, sharing):
        parameters = {name: value for line in instance.lines for name, value in line.items()}
        given = {name for name in ("WEIGHTS", "BIASES", "THRESHOLDS") if parameters.get(name)}
        sizes = {name: value for name, value in parameters.items() if isinstance(value, int)}
        memories = {name: size for file in given for name, size in _memories(file, sizes)}
        rest = {name: value for name, value in parameters.items() if name not in given}
        yield RtlStage(layers.get(instance.name, instance.name), instance.module, rest, memories)


def predicted(design: LayerDesign[Any]) -> dict[str, Amounts]:
    """What each stage will take by the models of this flow: its logic, its memories and the FIFOs that it ends in."""
    names = layer_names(design.job.network, verilog=True)
    stage_of = {
        node.name: node.layer.name
        if node.layer.name in names and node.kind not in PLUMBING
        else instance_name(node, names)
        for node in design.nodes
    }
    amounts: dict[str, list[Amounts]] = {}
    for node in design.nodes:
        logic, memories = design.node_cost(node, design.lanes[node.name])
        amounts.setdefault(stage_of[node.name], []).extend((logic, *memories.values()))
    for buffer in design.buffers:
        amounts[stage_of[buffer.writer]].append(design.fifo_cost(buffer))
    return {name: joined(*parts) for name, parts in amounts.items()}


PLUMBING = (CLONE, RECEIVE, SEND)
"""Kinds of stages that belong to no layer."""


def _memories(file: str, sizes: Mapping[str, int]) -> Iterator[tuple[str, MemoryFile]]:
    """The memories that a parameter names, by what stands for their files: thresholds have one for each step."""
    if file == "THRESHOLDS":
        bits = threshold_bits(
            sizes.get("ACC_BITS", sizes["ACT_BITS"]), "ACC_BITS" in sizes or bool(sizes["ACT_SIGNED"])
        )
        lanes = 1 << (sizes.get("SEARCHED", sizes.get("LANES", 1)) - 1).bit_length()
        for step in range(sizes["STEPS"]):
            width = bits + (step == 0 and sizes["FALLS"])
            yield f"{file}_{step}", MemoryFile(width, sizes["THRESHOLD_GROUPS"] * lanes << step)
        return
    groups = -(-sizes["OUTPUTS"] // sizes["PE"])
    if file == "BIASES":
        yield file, MemoryFile(sizes["PE"] * sizes["ACC_BITS"], groups)
        return
    if "KERNEL_HEIGHT" in sizes:
        steps = sizes["KERNEL_WIDTH"] * ceil(sizes["KERNEL_HEIGHT"] * sizes["CHANNELS"] / sizes["SIMD"])
    else:
        steps = sizes["INPUTS"] // sizes["SIMD"]
    yield file, MemoryFile(sizes["PE"] * sizes["SIMD"] * sizes["WEIGHT_BITS"], steps * groups)
