"""FINN's nodes: what a network becomes, cycles and resources as finn-plus 1.6.1's own classes compute them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backends.dataflow.stream import simulate
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import (
    Copy,
    GlobalSum,
    HardwareNode,
    Integer,
    MatrixVector,
    NodeFold,
    Padding,
    Pool,
    Sum,
    Thresholds,
    Window,
)
from backends.finn.design.schedule import stages
from backends.finn.resources import formulas
from backends.finn.resources.formulas import MemoryStyle
from flows.conformance.networks import TINY
from models.fixed import FixedType
from models.integers import Threshold
from models.quantised import Arithmetic
from models.zoo import ARCH8
from tests.backends.finn.w4a4 import quantised

GOLDEN = json.loads(Path(__file__).with_name("finn_plus_1.6.1_nodes.json").read_text())
"""Made by the node classes of the finn-plus 1.6.1 wheel: attributes, ``get_exp_cycles`` and the three estimations."""


def integer(name: str) -> Integer:
    return Integer(int(name.lstrip("UINT")), not name.startswith("U"))


def node_of(op: str, content: dict[str, Any]) -> tuple[HardwareNode, NodeFold, MemoryStyle]:
    data = integer(next(content[key] for key in ("inputDataType", "InputDataType", "lhs_dtype") if key in content))
    result = integer(content.get("outputDataType", content.get("out_dtype", data.name)))
    fold = NodeFold(content.get("PE", 1), content.get("SIMD", 1), bool(content.get("parallel_window")))
    memory = MemoryStyle(
        content.get("mem_mode", "internal_decoupled"),
        content.get("ram_style", "auto"),
        content.get("ram_style", "distributed"),
    )
    named = ("node", "layer", ("input",))
    match op:
        case "ConvolutionInputGenerator_rtl":
            taken, shape = ((*content[key], content["IFMChannels"]) for key in ("IFMDim", "OFMDim"))
            kernel, strides = tuple(content["ConvKernelDim"]), tuple(content["Stride"])
            return Window(*named, taken, shape, data, result, kernel, strides, bool(content["depthwise"])), fold, memory
        case "MVAU_rtl" | "MVAU_hls":
            *_, pixels = content["numInputVectors"]
            weight = integer(content["weightDataType"]).width
            shapes = (pixels, content["MW"]), (pixels, content["MH"])
            return (
                MatrixVector(*named, *shapes, data, result, content["MW"], weight, op == "MVAU_rtl"),
                fold,
                memory,
            )
        case "FMPadding_rtl":
            (rows, columns), channels = content["ImgDim"], content["NumChannels"]
            padded = rows + 2, columns + 2, channels
            return Padding(*named, (rows, columns, channels), padded, data, data, (1, 1, 1, 1)), fold, memory
        case "Pool_hls":
            shape = (*content["OutImgDims"], content["Channels"])
            return Pool(*named, shape, shape, data, data, (2, 2)), fold, memory
        case "ElementwiseAdd_hls":
            shape = tuple(content["out_shape"][1:])
            return Sum(*named, shape, shape, data, result), fold, memory
        case "GlobalAccPool_hls":
            shape = (*content["numInputVectors"][1:], content["NumChannels"])
            return GlobalSum(*named, shape, (1, shape[-1]), data, data), fold, memory
    kind = {"Thresholding_rtl": Thresholds, "DuplicateStreams_hls": Copy}[op]
    shape = (*content["numInputVectors"][1:], content["NumChannels"])
    return kind(*named, shape, shape, data, result), fold, memory


@pytest.mark.parametrize("row", GOLDEN, ids=[f"{row['op']} {place}" for place, row in enumerate(GOLDEN)])
def test_figures_are_those_of_finn_plus(row: dict[str, Any]) -> None:
    if row["op"].startswith("StreamingDataWidth"):
        bits = row["attributes"]["inWidth"], row["attributes"]["outWidth"]
        assert formulas.converter_lut(*bits) == row["lut"]
        return
    node, fold, memory = node_of(row["op"], row["attributes"])
    assert node.op == row["op"]
    counts = {
        "cycles": node.cycles(fold),
        "lut": formulas.lut(node, fold, memory),
        "bram18": formulas.bram18(node, fold, memory),
        "dsp": formulas.dsp(node, fold),
    }
    assert counts == {key: row[key] for key in counts}


def test_the_nodes_of_the_residual_network() -> None:
    design = nodes(quantised(ARCH8))
    assert Counter(node.op for node in design) == {
        "DuplicateStreams_hls": 2,
        "FMPadding_rtl": 4,
        "ConvolutionInputGenerator_rtl": 6,
        "MVAU_rtl": 7,
        "Thresholding_rtl": 6,
        "ElementwiseAdd_hls": 2,
        "Pool_hls": 2,
        "GlobalAccPool_hls": 1,
    }
    adds = [node for node in design if node.op == "ElementwiseAdd_hls"]
    assert [node.sources for node in adds[:1]] == [("Thresholding_rtl_1", "Thresholding_rtl_2")]
    shortcut = [node.result.name for node in design if node.layer.startswith("block1_shortcut")]
    assert shortcut == ["INT14", "INT5"]


def test_weights_that_are_not_narrow_or_too_small_go_to_the_hls_unit() -> None:
    assert {node.op for node in nodes(quantised(TINY, weights=3)) if isinstance(node, MatrixVector)} == {"MVAU_hls"}
    ops = [node.op for node in nodes(quantised(TINY, activations=2)) if isinstance(node, MatrixVector)]
    assert ops == ["MVAU_rtl", "MVAU_hls", "MVAU_rtl", "MVAU_rtl"]  # the input has 8 bits, the average more than 2


TINY_NODES = nodes(quantised(TINY))


@given(some.data())
def test_a_stage_takes_the_cycles_of_its_node(data: some.DataObject) -> None:
    folding = {node.name: data.draw(some.sampled_from(node.folds), node.name) for node in TINY_NODES}
    design = stages(TINY_NODES, folding)
    assert [stage.busy for stage in design] == [node.cycles(folding[node.name]) for node in TINY_NODES]
    run = simulate(design, {})
    assert run.interval >= max(stage.busy for stage in design)
    assert run.deadlock is None


@given(some.data())
def test_more_parallel_takes_no_more_cycles(data: some.DataObject) -> None:
    node = data.draw(some.sampled_from(nodes(quantised(ARCH8))))
    fold, other = data.draw(some.sampled_from(node.folds)), data.draw(some.sampled_from(node.folds))
    if fold.pe <= other.pe and fold.simd <= other.simd and fold.parallel <= other.parallel:
        assert node.cycles(other) <= node.cycles(fold)
        assert formulas.dsp(node, other) >= formulas.dsp(node, fold)


@pytest.mark.parametrize(("signed", "bits"), [(4, 6), (5, 6), (3, 6), (6, 7)])
def test_a_sum_has_the_bits_that_it_needs_whichever_input_is_signed(signed: int, bits: int) -> None:
    """FINN gives INT4 + UINT4 five bits; build.py mends that, and the model counts six."""
    design, high = quantised(TINY), (1 << signed - 1) - 1
    codes = Threshold("shortcut_codes", ("shortcut",), 2 * high, -high)
    layers = tuple(codes if layer.name == codes.name else layer for layer in design.network.layers)
    types = {**design.layers, codes.name: Arithmetic(FixedType(signed, signed))}
    other = replace(design, network=replace(design.network, layers=layers), layers=types)
    (joined,) = [node for node in nodes(other) if isinstance(node, Sum) and node.layer == "add"]
    assert joined.result == Integer(bits, True)
