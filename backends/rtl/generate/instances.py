"""The stages of a design as ``top.sv`` instantiates them, and the streams between them.

Streams bear the names of tensors of the network, so that who reads ``top.sv`` sees it. Each is three signals,
NAME_valid, NAME_ready and NAME_data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log2, prod

from backends.dataflow.buffers import BRAM
from backends.dataflow.layers.blueprint import Blueprint
from backends.dataflow.layers.names import title
from backends.dataflow.layers.nodes import CLONE, MATRIX_VECTOR, RECEIVE, SEND, WINDOW, Node, parts, pixels
from backends.dataflow.layers.schedule import QUICKEST, busy
from backends.dataflow.stages import Fifo
from models.fixed import FixedType, Overflow, Rounding
from models.integers import GlobalSum, Threshold
from models.layers import Add, Conv2D, GlobalAveragePool, MaxPool2D, ReLU
from models.network import INPUT

APART: Mapping[str, int] = {}
"""No layer whose results share a DSP48E1."""
Line = Mapping[str, int | str]
"""Parameters that stand in one line."""


@dataclass(frozen=True)
class Words:
    name: str
    bits: int


@dataclass(frozen=True)
class Instance:
    """`ports` gives (prefix of the module's ports, stream); the streams that it writes are declared before it."""

    module: str
    name: str
    comment: str
    lines: tuple[Line, ...]
    ports: tuple[tuple[str, Words], ...]
    writes: tuple[Words, ...]


def instances(
    blueprint: Blueprint, sums: Mapping[str, int], names: Mapping[str, str], sharing: Mapping[str, int] = APART
) -> Iterator[Instance]:
    """In the order of the network. `sums` are the bits of each accumulator, `sharing` says how many results share a
    DSP48E1 (1 where it does not), `names` the identifiers of layers."""
    streams = _streams(blueprint, names)
    nodes = {node.name: node for node in blueprint.nodes}
    for node in blueprint.nodes:
        if node.kind == WINDOW:
            continue  # it is part of the convolution
        name, first = names.get(node.layer.name, ""), nodes.get(node.sources[0], node)
        begins = first if first.kind == WINDOW and first.layer == node.layer else node
        inputs = [streams[source, begins.name] for source in begins.sources if source != INPUT]
        writes = tuple(stream for (writer, _), stream in streams.items() if writer == node.name)
        sides = ("left", "right")
        ports = list(zip(sides if len(inputs) > 1 else ("in",), inputs, strict=True)) if inputs else []
        ports += zip(sides if len(writes) > 1 else ("out",), writes, strict=True) if writes else []
        module, lines = _module(blueprint, node, begins, sums, name)
        if node.kind == MATRIX_VECTOR and blueprint.folds[node.name].in_luts:
            lines.append({"IN_LUTS": 1})
        elif node.kind == MATRIX_VECTOR and sharing.get(node.name, 1) > 1:
            lines.append({"SHARING": sharing[node.name]})
        instance = instance_name(node, names)
        yield Instance(
            module, instance, _comment(blueprint, node), (*lines, *_fifos(blueprint, node, begins)), (*ports,), writes
        )


def instance_name(node: Node, names: Mapping[str, str]) -> str:
    match node.kind:
        case "receive":
            return "receive_image"
        case "send":
            return "send_results"
        case "clone":
            return f"clone_{'image' if node.tensor == INPUT else names.get(node.tensor, '')}"
    return names[node.layer.name]


def _comment(blueprint: Blueprint, node: Node) -> str:
    wide = blueprint.lanes[node.name]
    if node.kind == CLONE:
        first, second = [each.layer.name for each in blueprint.nodes if node.name in each.sources]
        return f"{first} and {second} both read it."
    if node.kind in (RECEIVE, SEND):
        return ""
    text = title(blueprint.quantised, node.layer)
    if node.kind == MATRIX_VECTOR:
        cycles = busy(node, wide, QUICKEST)
        number = f"{wide.fold.multipliers} product{'s' * (wide.fold.multipliers > 1)} a cycle"
        return f"{text}; {number} (PE x SIMD {wide.fold}), {cycles:,} cycles a frame."
    return f"{text}; {wide.takes} channel{'s' * (wide.takes > 1)} a cycle."


def _module(
    blueprint: Blueprint, node: Node, begins: Node, sums: Mapping[str, int], name: str
) -> tuple[str, list[Line]]:
    """(the module of a stage, its parameters without those of FIFOs)."""
    quantised, wide, layer = blueprint.quantised, blueprint.lanes[node.name], node.layer
    source, result = quantised.type_of(layer.inputs[0]), quantised.type_of(node.tensor)
    taken: Line = {"ACT_BITS": source.width, "ACT_SIGNED": int(source.signed)}
    put: Line = {"OUT_BITS": result.width, "OUT_SIGNED": int(result.signed)}
    match node.kind, layer:
        case "receive", _:
            return "axis_receive", [{"BYTES": prod(node.shape), "LANES": wide.puts}]
        case "send", _:
            kind = quantised.type_of(node.tensor)
            lanes = {"LANES": wide.takes, "BITS": kind.width, "SIGNED": int(kind.signed)}
            return "axis_send", [{"RESULTS": node.taken[-1], **lanes}]
        case "clone", _:
            return "clone", [{"WIDTH": wide.takes * quantised.type_of(node.tensor).width}]
        case "matrix_vector", _:
            types = quantised.layers[layer.name]
            assert types.kernel and types.accumulator
            fold = {"PE": wide.fold.pe, "SIMD": wide.fold.simd}
            searched = _search(blueprint, node.tensor, name)
            shift = 0 if searched else shift_into(types.accumulator.fraction, result)
            widths: Line = {"WEIGHT_BITS": types.kernel.width, "ACC_BITS": sums[layer.name], "SHIFT": shift}
            files = {"WEIGHTS": f"{name}_weights.mem", "BIASES": "" if searched else f"{name}_biases.mem"}
            held = {"WEIGHTS_IN": ram(blueprint.roms[layer.name]), "KEPT_IN": ram(blueprint.kept[layer.name])}
            lanes = {"TAKES": blueprint.lanes[begins.name].takes, "PUTS": wide.fold.groups(wide.puts) * wide.fold.pe}
            results = wide.fold.groups(node.size[1]) * wide.fold.pe
            if spare := lanes["PUTS"] - wide.puts:  # the last group is short
                lanes["SPARE"] = spare
            rest: list[Line] = [{**taken, **widths, **put}, files, held, *searched]
            if begins == node:
                return "dense", [{"INPUTS": node.size[0], "OUTPUTS": results}, {**fold, **lanes}, *rest]
            assert isinstance(layer, Conv2D)
            cut = {"STORED": parts(begins, blueprint.lanes[begins.name]).stored}
            rows: Line = {"ROWS_IN": ram(blueprint.rows[layer.name])}
            images = _image(begins, layer)
            return "convolution", [*images, {"OUTPUTS": results}, {**fold, **cut, **lanes}, *rest, rows]
        case "maxpool2d", MaxPool2D():
            lanes = {"BITS": source.width, "SIGNED": int(source.signed), "LANES": wide.takes}
            return "max_pool", [*_image(node, layer), lanes, {"ROWS_IN": ram(blueprint.rows[layer.name])}]
        case "add", Add():
            right = quantised.type_of(layer.inputs[1])
            point = max(source.fraction, right.fraction)
            return "add", [
                {"LANES": wide.takes},
                *(
                    {
                        f"{side}_BITS": one.width,
                        f"{side}_SIGNED": int(one.signed),
                        f"{side}_SHIFT": point - one.fraction,
                    }
                    for side, one in (("LEFT", source), ("RIGHT", right))
                ),
                {"SHIFT": shift_into(point, result), **put},
            ]
        case "threshold", Threshold():
            return "threshold", [
                {"LANES": wide.takes, **taken, "OUT_BITS": result.width},
                *({k: v for k, v in line.items() if k != "SEARCHED"} for line in _search(blueprint, layer.name, name)),
            ]
        case "relu", ReLU():
            return "relu", [{"LANES": wide.takes}, {**taken, "SHIFT": shift_into(source.fraction, result), **put}]
        case "global_sum", GlobalSum():
            size = {"PIXELS": pixels(node.taken), "CHANNELS": node.taken[-1], "LANES": wide.takes}
            return "global_average", [size, {**taken, **put}]
        case "global_average_pool", GlobalAveragePool():
            accumulator = quantised.layers[layer.name].accumulator
            assert accumulator
            more = accumulator.fraction - source.fraction
            area = pixels(node.taken)
            factor, down = reciprocal(area, area * max(source.high, -source.low) << more)
            divided: list[Line] = [{"MORE": more, "FACTOR": f"64'd{factor}", "DOWN": down}] if area & (area - 1) else []
            size = {"PIXELS": area, "CHANNELS": node.taken[-1], "LANES": wide.takes}
            return "global_average", [
                size,
                *divided,
                {**taken, "SHIFT": shift_into(accumulator.fraction, result), **put},
            ]
    raise ValueError(f"{node.name}: there is no module for {node.kind}")


def _search(blueprint: Blueprint, tensor: str, name: str) -> list[Line]:
    """How thresholds make the codes of a tensor; empty where none do."""
    search = blueprint.searches.get(tensor)
    if search is None:
        return []
    sizes = {"STEPS": search.steps, "SEARCHED": search.searched, "THRESHOLD_GROUPS": search.groups}
    kinds = {"BELOW": int(search.below), "FALLS": int(search.falls)}
    return [{**sizes, **kinds, "THRESHOLDS": f"{name}_thresholds", "BLOCK_FROM": search.block_from}]


def _image(node: Node, layer: Conv2D | MaxPool2D) -> list[Line]:
    """The image and what slides over it; strides and padding only where there are some."""
    height, width, channels = node.taken
    top, bottom, left, right = layer.pads(node.taken)
    strides = {"STRIDE_HEIGHT": layer.strides[0], "STRIDE_WIDTH": layer.strides[1]} if layer.strides != (1, 1) else {}
    pads = {"PAD_TOP": top, "PAD_BOTTOM": bottom, "PAD_LEFT": left, "PAD_RIGHT": right}
    return [
        {"HEIGHT": height, "WIDTH": width, "CHANNELS": channels},
        {"KERNEL_HEIGHT": layer.kernel[0], "KERNEL_WIDTH": layer.kernel[1], **strides},
        *([pads] if any(pads.values()) else []),
    ]


def _fifos(blueprint: Blueprint, node: Node, begins: Node) -> Iterator[Line]:
    """Those that a module holds: between its window and its multipliers, and the ones that it ends in."""
    if begins != node:
        yield _fifo(blueprint, (begins.name, node.name), "WINDOW_FIFO")
    outputs = [fifo for fifo in blueprint.fifos if fifo[0] == node.name]
    for fifo, prefix in zip(outputs, ("LEFT_FIFO", "RIGHT_FIFO") if len(outputs) > 1 else ("FIFO",), strict=False):
        yield _fifo(blueprint, fifo, prefix)


def _fifo(blueprint: Blueprint, fifo: Fifo, prefix: str) -> Line:
    depth, storage = blueprint.fifos[fifo]
    return {f"{prefix}_DEPTH": depth, f"{prefix}_IN": ram(storage)}


def ram(storage: str) -> str:
    """What holds a memory, as the library says it."""
    return "block" if storage == BRAM else "distributed"


def shift_into(fraction: int, type: FixedType) -> int:
    """The bits that are dropped where an integer of so many behind the point enters `type`, which rounds halves up and
    saturates, or holds it as it is. Raises `ValueError` for other types."""
    drop = fraction - type.fraction
    if type.overflow is Overflow.WRAP and drop:
        raise ValueError(f"{type.name} neither rounds nor saturates")
    if type.overflow not in (Overflow.SAT, Overflow.WRAP) or (drop > 0 and type.rounding is not Rounding.RND):
        raise ValueError(f"there is no module that enters {type.name}")
    return drop


def reciprocal(area: int, most: int) -> tuple[int, int]:
    """(factor, shift): n * factor >> shift is n // area for every n up to `most`.

    >>> factor, shift = reciprocal(9, 5000)
    >>> all(n * factor >> shift == n // 9 for n in range(5001))
    True
    """
    shift = ceil(log2(area))
    while True:
        factor = -(-(1 << shift) // area)
        if (factor * area - (1 << shift)) * most < 1 << shift:
            return factor, shift
        shift += 1


def _streams(blueprint: Blueprint, names: Mapping[str, str]) -> Mapping[Fifo, Words]:
    """Every stream between two instances."""
    writers = {node.name: node for node in blueprint.nodes}
    streams = {}
    for writer, reader in blueprint.fifos:
        node, layer = writers[writer], names.get(writers[reader].layer.name, "")
        if node.kind == WINDOW:
            continue
        tensor = "image" if node.tensor == INPUT else names.get(node.tensor, "")
        name = f"{tensor}_to_{layer}" if node.kind == CLONE else tensor
        streams[writer, reader] = Words(
            name, blueprint.lanes[writer].puts * blueprint.quantised.type_of(node.tensor).width
        )
    return streams
