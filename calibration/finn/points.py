"""What the resource models are fitted to: nodes of routed builds, and open synthesis of FINN's RTL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.cost.synthesis import OPEN_SYNTHESIS
from backends.finn.resources.resource_model import ResourceModel
from backends.finn.resources.structure import model_of_node
from calibration.finn.parts import part_of
from calibration.finn.rows import BY_KEY, Sample
from flows.core.evidence import Metric

SYNTHESISED = Path(__file__).with_name("open_synthesis.json")
SYNTHESIS = "Yosys 0.70 of finn-plus 1.6.1 RTL"
UNBUILT = "matrix"
"""The model without any routed build: it is fitted to open synthesis alone."""


@dataclass(frozen=True, eq=False)
class Point:
    """One row of a build as one model sees it. Rows of one repository may resemble each other. `is_design` where the
    rows of the build are a whole design."""

    model: ResourceModel
    metric: str
    measured: float
    build: str
    repository: str
    is_design: bool = False


def routed(samples: Iterable[Sample]) -> list[Point]:
    """Of routed rows."""
    return [
        Point(model, metric, measured, sample.row.project, sample.row.repository, sample.is_placed)
        for sample in samples
        for metric, measured in sample.row.measured.items()
        if (model := sample.model(metric))
    ]


def synthesised() -> list[Point]:
    """Of open synthesis: its LUTs of logic overstate, those of memory do not."""
    points = []
    for row in json.loads(SYNTHESISED.read_text())["rows"]:
        part = part_of(row["op"], attributes(row["op"], row["config"]), version="finn-plus")
        assert isinstance(part, tuple)
        node, fold, _ = part
        counts = row["measured"]
        amounts = {"lut": counts["lut"] / OPEN_SYNTHESIS[Metric.LUT].value + counts["ram_lut"], "ff": counts["ff"]}
        for metric, measured in amounts.items():
            model = model_of_node(node, fold, BY_KEY[metric])
            build = str(row["config"]) if model.name == UNBUILT else SYNTHESIS
            points.append(Point(model, metric, measured, build, build))
    return points


def attributes(op: str, config: Mapping[str, int]) -> dict[str, Any]:
    """FINN's attributes of a row of open synthesis."""
    if op == "MVAU_rtl":
        return dict(config) | {
            "numInputVectors": [1],
            "inputDataType": f"UINT{config['input_bits']}",
            "weightDataType": f"INT{config['weight_bits']}",
            "outputDataType": f"INT{config['accumulator_bits']}",
            "noActivation": 1,
        }
    data = {"inputDataType": f"UINT{config['bits']}", "SIMD": config["SIMD"]}
    if op == "FMPadding_rtl":
        size = [config["columns"] - 2] * 2
        return data | {"ImgDim": size, "NumChannels": config["SIMD"], "Padding": [1, 1, 1, 1]}
    windows = (config["columns"] - config["kernel"]) // config["stride"] + 1
    return data | {
        "ConvKernelDim": [config["kernel"]] * 2,
        "IFMChannels": config["channels"],
        "IFMDim": [config["columns"]] * 2,
        "OFMDim": [windows] * 2,
        "Stride": [config["stride"]] * 2,
        "depthwise": config["depthwise"],
        "parallel_window": config["parallel"],
    }
