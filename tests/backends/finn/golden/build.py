#!/usr/bin/env python
"""Builds tiny for xc7z020clg400-1 with the dataflow builder of finn-plus 1.6.1: see README.md.

    finn run build.py            # to the end, with Vivado and Vitis HLS
    python build.py --estimates  # up to FINN's estimates, with neither

FINN's own streamlining strands scales at the forks and joins of residual networks, and its thresholds round as floats
do; the steps below are in its place. Exits with 1 where the build fails or a verification differs.
"""
# ruff: noqa: E402

import json
import os
import sys
from copy import deepcopy
from pathlib import Path

import finn.xsi

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "output"
ESTIMATES_ONLY = "--estimates" in sys.argv[1:]
if ESTIMATES_ONLY:  # importing the builder asks for Vivado's simulator, which no estimate needs
    OUTPUT.mkdir(exist_ok=True)
    os.environ.setdefault("XILINX_VIVADO", "none")
    os.environ.setdefault("FINN_BUILD_DIR", str(OUTPUT))
    finn.xsi.SimEngine = object

import finn.builder.build_dataflow_config as config
import numpy as np
from finn.builder.build_dataflow import build_dataflow_cfg
from finn.builder.build_dataflow_steps import verify_step
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from finn.transformation.fpgadataflow.convert_to_hw.global_acc_pool import InferGlobalAccPoolLayer
from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.streamline.absorb import AbsorbConsecutiveTransposes
from finn.transformation.streamline.reorder import MakeMaxPoolNHWC, MoveMulPastAdd
from finn.transformation.streamline.streamline_plus import StreamlinePlus
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import GiveUniqueNodeNames, RemoveUnusedTensors
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

PART = "xc7z020clg400-1"
BOARD = "Pynq-Z2"  # FINN's name of a board with this part: a bitfile and a driver are made for it
CLOCK_NS = 10
SIZE_FIFOS = True  # by FINN's simulation, which is long; False takes the depths in folding.json, which are modelled


def take_pixels(model, cfg):
    """The input is UINT8 pixels: the first quantiser, which does nothing to them, becomes its scale."""
    (image,) = model.graph.input
    (quantiser,) = model.find_consumers(image.name)
    scale = helper.make_node("Mul", [image.name, quantiser.input[1]], list(quantiser.output), name="pixel_scale")
    place = list(model.graph.node).index(quantiser)
    model.graph.node.remove(quantiser)
    model.graph.node.insert(place, scale)
    model.set_tensor_datatype(image.name, DataType["UINT8"])
    return model


def in_branches(model):
    """Its nodes branch by branch, the first input of a join first: an order that no step of FINN's changes."""
    writers = {name: node for node in model.graph.node for name in node.output}
    ordered = {}

    def visit(node):
        for name in node.input:
            if name in writers and writers[name].output[0] not in ordered:
                visit(writers[name])
        ordered[node.output[0]] = node

    visit(writers[model.graph.output[0].name])
    return list(ordered.values())


def exact_thresholds(model, cfg):
    """FINN divides float thresholds by float scales, and what is next to an integer may round to the other side. In
    thresholds.npz each lies half way between the two integers that it divides, so that no rounding moves it."""
    with np.load(HERE / "thresholds.npz") as exact:
        nodes = [node for node in in_branches(model) if node.op_type == "MultiThreshold"]
        assert len(nodes) == len(exact), f"{len(nodes)} thresholds in the graph, {len(exact)} in the file"
        for index, node in enumerate(nodes):
            rounded, better = model.get_initializer(node.input[1]), exact[f"arr_{index}"]
            assert rounded.shape[1] == better.shape[1], f"{node.name}: {rounded.shape}, and {better.shape} in the file"
            model.set_initializer(node.input[1], better)
    return model


def wide_sum(node, model):
    """The type of a sum. FINN gives INT4 + UINT4 one bit less than UINT4 + INT4, which is one too few."""
    first, second = node.lhs_dtype, node.rhs_dtype
    if first.bitwidth() == second.bitwidth() and first.signed() != second.signed():
        return DataType[f"INT{first.bitwidth() + 2}"]
    return sum_type(node, model)


sum_type, ElementwiseAdd._derive_out_dtype = ElementwiseAdd._derive_out_dtype, wide_sum


class MergeTransposes(Transformation):
    """Equal transposes of one tensor become one."""

    def apply(self, model):
        kept = {}
        for node in model.get_nodes_by_op_type("Transpose"):
            first = kept.setdefault((node.input[0], str(node.attribute)), node.output[0])
            if first != node.output[0]:
                for reader in model.find_consumers(node.output[0]):
                    names = [first if name == node.output[0] else name for name in reader.input]
                    reader.input[:] = names
                model.graph.node.remove(node)
        return model, False


def streamline_residual(model, cfg):
    """Scales move past forks, joins and the average to the end; what is left between is of integers, in NHWC."""
    for transformation in (
        StreamlinePlus(),
        LowerConvsToMatMul(),
        InferDataLayouts(),
        InferGlobalAccPoolLayer(),
        StreamlinePlus(),
        MoveMulPastAdd(),
        MergeTransposes(),  # MakeMaxPoolNHWC takes one reader for all
        MakeMaxPoolNHWC(),
        AbsorbConsecutiveTransposes(),
        InferDataTypes(),
        InferDataLayouts(),
        RemoveUnusedTensors(),
    ):
        model = model.transform(transformation)
    verify_step(model, cfg, "streamlined_python", need_parent=False)
    return model


def scale_on_host(model, cfg):
    """Scale and bias of the logits, the float operations left, go back to software."""
    kinds = "Mul", "Add"
    for kind in kinds:
        for node in model.get_nodes_by_op_type(f"Elementwise{kind}"):
            if model.get_initializer(node.input[1]) is not None:
                place = list(model.graph.node).index(node)
                model.graph.node.remove(node)
                software = helper.make_node(kind, list(node.input), list(node.output), name=node.name)
                model.graph.node.insert(place, software)
    return model


def verify_nodes(model, cfg):
    """The hardware nodes, before FINN chooses HLS or RTL for each, executed in Python."""
    verify_step(model, cfg, "nodes_python", need_parent=False)
    return model


def order_nodes(model, cfg):
    """The order in which folding.json counts them."""
    ordered = [deepcopy(node) for node in in_branches(model)]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    return model


def lay_out_fifos(model, cfg):
    """The depths in folding.json are of words of the writer: as a FIFO configuration of FINN's, by FIFO."""
    sized = deepcopy(model)
    for node in sized.graph.node:
        reader = getCustomOp(node)
        depths = list(reader.get_nodeattr("inFIFODepths"))
        for depth, name in zip(depths, node.input, strict=False):
            if writer := sized.find_producer(name):
                outgoing = list(getCustomOp(writer).get_nodeattr("outFIFODepths"))
                outgoing += [2] * (len(writer.output) - len(outgoing))
                outgoing[list(writer.output).index(name)] = depth
                getCustomOp(writer).set_nodeattr("outFIFODepths", outgoing)
        reader.set_nodeattr("inFIFODepths", [2] * len(depths))
    for transformation in (
        InsertDWC(),
        InsertFIFO(create_shallow_fifos=True),
        SpecializeLayers(PART),
        GiveUniqueNodeNames(),
    ):
        sized = sized.transform(transformation)
    names = {node.name: node for node in sized.get_nodes_by_op_type("StreamingFIFO_rtl")}
    depths = {
        "fifo_depths": {name: getCustomOp(node).get_nodeattr("depth") for name, node in names.items()},
        "impl_style": dict.fromkeys(names, "rtl"),
        "ram_style": dict.fromkeys(names, "auto"),
    }
    cfg.fifo_config_file.write_text(json.dumps(depths, indent=2))
    return model


ESTIMATES = [
    take_pixels,
    "step_qonnx_to_finn",
    exact_thresholds,
    "step_tidy_up",
    streamline_residual,
    "step_convert_to_hw",
    scale_on_host,
    "step_minimize_bit_width_initial",
    verify_nodes,
    "step_create_dataflow_partition",
    "step_specialize_layers",
    order_nodes,
    "step_apply_folding_config",
    "step_minimize_bit_width",
    "step_generate_estimate_reports",
    lay_out_fifos,
]
HARDWARE = [
    "step_generate_hardware",
    "step_create_stitched_ip",
    "step_measure_rtlsim_performance",
    "step_out_of_context_synthesis",
]
BITFILE = ["step_prepare_synthesis", "step_synthesize_bitfile", "step_make_driver", "step_deployment_package"]


def configuration():
    """The builder's: up to the estimates, or to the end."""
    outputs, checks = config.DataflowOutputType, config.VerificationStepType
    steps, wanted = list(ESTIMATES), [outputs.ESTIMATE_REPORTS]
    verified = [checks.TIDY_UP_PYTHON, checks.STREAMLINED_PYTHON]
    if not ESTIMATES_ONLY:
        steps += HARDWARE
        wanted += [outputs.STITCHED_IP, outputs.RTLSIM_PERFORMANCE, outputs.OOC_SYNTH]
        verified += [checks.FOLDED_HLS_CPPSIM, checks.STITCHED_IP_RTLSIM]
        if BOARD:
            steps += BITFILE
            wanted += [outputs.BITFILE, outputs.PYNQ_DRIVER, outputs.DEPLOYMENT_PACKAGE]
    return config.DataflowBuildConfig(
        output_dir=str(OUTPUT),
        synth_clk_period_ns=CLOCK_NS,
        fpga_part=PART,
        board=BOARD,
        shell_flow_type=config.ShellFlowType.VIVADO_ZYNQ if BOARD else None,
        steps=steps,
        generate_outputs=wanted,
        folding_config_file=HERE / "folding.json",
        standalone_thresholds=True,  # FINN's matrix unit on DSP slices has none of its own
        save_intermediate_models=not ESTIMATES_ONLY,
        auto_fifo_depths=SIZE_FIFOS,
        fifo_config_file=OUTPUT / "fifos.json",
        verify_steps=verified,
        verify_input_npy=str(HERE / "input.npy"),
        verify_expected_output_npy=str(HERE / "expected_output.npy"),
        verification_atol=0.001,
        verification_rtol=0.0,
        verification_mean_atol=0.001,
        verification_mean_rtol=1e9,  # of a logit that is 0, what floats leave is beyond every share: the lines above judge
    )


def main():
    if build_dataflow_cfg(HERE / "model.onnx", configuration()):
        sys.exit(1)
    if failed := sorted(OUTPUT.glob("verification_output/*FAIL*")):
        sys.exit(f"{len(failed)} verifications differ, the first: {failed[0]}")


if __name__ == "__main__":
    main()
