"""Recomputes the golden figures of FINN's nodes with finn-plus' own classes.

    python -m calibration.finn_plus.nodes tests/backends/finn/finn_plus_1.6.1_nodes.json [--write]

Each row holds a node's type and attributes. Needs finn-plus 1.6.1 and onnx; their environment is not the project's.
Prints the rows that differ, and exits with 1 where there are any; ``--write`` puts the new figures into the file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

PART = "xc7z020clg400-1"
MODULES = {
    "ConvolutionInputGenerator_rtl": "rtl.convolutioninputgenerator_rtl",
    "DuplicateStreams_hls": "hls.duplicatestreams_hls",
    "ElementwiseAdd_hls": "hls.elementwise_binary_hls",
    "FMPadding_rtl": "rtl.fmpadding_rtl",
    "GlobalAccPool_hls": "hls.globalaccpool_hls",
    "MVAU_hls": "hls.matrixvectoractivation_hls",
    "MVAU_rtl": "rtl.matrixvectoractivation_rtl",
    "Pool_hls": "hls.pool_hls",
    "StreamingDataWidthConverter_rtl": "rtl.streamingdatawidthconverter_rtl",
    "Thresholding_rtl": "rtl.thresholding_rtl",
}
WITH_PARAMETERS = ("MVAU", "Elementwise", "Thresholding")
"""Nodes of two inputs."""


def figures(op: str, attributes: dict[str, Any]) -> dict[str, int]:
    """Cycles, LUTs, RAMB18 and DSP slices by the methods of FINN's class for `op`."""
    from onnx import helper

    os.environ.setdefault("XILINX_VIVADO", "none")  # which importing FINN looks for
    kind = getattr(import_module(f"finn.custom_op.fpgadataflow.{MODULES[op]}"), op)
    inputs = [f"in{place}" for place in range(1 + op.startswith(WITH_PARAMETERS))]
    outputs = [f"out{place}" for place in range(attributes.get("NumOutputStreams", 1))]
    domain = "finn.custom_op.fpgadataflow"
    node = kind(helper.make_node(op, inputs, outputs, name=f"{op}_0", domain=domain, **attributes))
    return {
        "cycles": int(node.get_exp_cycles()),
        "lut": int(node.lut_estimation(PART)),
        "bram18": int(node.bram_estimation(PART)),
        "dsp": int(node.dsp_estimation(PART)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows = json.loads(arguments.rows.read_text())
    computed = [row | figures(row["op"], row["attributes"]) for row in rows]
    changed = [new for old, new in zip(rows, computed, strict=True) if old != new]
    for row in changed:
        print(json.dumps(row))
    if arguments.write:
        arguments.rows.write_text("[\n" + ",\n".join(map(json.dumps, computed)) + "\n]\n")
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
