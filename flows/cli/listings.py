"""What is known here (`flows list`) and what is installed (`flows doctor`), as text."""

from __future__ import annotations

import platform
import shutil

from flows import registry
from flows.core import part
from flows.executor import package_version, tool_version
from flows.jobs import PRETRAINED, find_trained
from models.zoo import NETWORKS
from reports.terminal import table

TOOLS = {
    "g++": ("--version", "compiles C simulations: the proof that a design is the trained network"),
    "vitis_hls": ("-version", "AMD's HLS compiler: csynth reports (not used by any flow yet)"),
    "vivado": ("-version", "AMD's synthesis and routing (not used by any flow yet)"),
}
PACKAGES = {
    "numpy": "arrays: weights, images",
    "safetensors": "weights files",
    "torch": "the fast exact reference, accuracy, training",
    "keras": "hls4ml's front end, on torch",
    "hls4ml": "the hls4ml flow",
    "jsonschema": "checks of the JSON schema in the tests",
}


def flows() -> str:
    rows = [["flow", "package", "what it is"]]
    rows += [[one.name, one.distribution, one.about or f"unusable: {one.trouble}"] for one in registry.listings()]
    return table(rows, frozenset({0, 1, 2}))


def parts() -> str:
    rows = [["device", "LUT", "FF", "BRAM18", "DSP48E1", "packages", "speed grades", "source"]]
    for one in part.devices().values():
        figures = [f"{value:,}" for value in (one.lut, one.ff, one.bram18, one.dsp)]
        rows.append([one.name, *figures, " ".join(one.packages), " ".join(one.speed_grades), one.source])
    return table(rows, frozenset({0, 5, 6, 7}))


def boards() -> str:
    rows = [["board", "part", "what it is", "source"]]
    rows += [[one.name, one.part, one.title, one.source] for one in part.boards().values()]
    return table(rows, frozenset({0, 1, 2, 3}))


def networks() -> str:
    rows = [["network", "parameters", "MACs", "architecture", "shipped weights", "accuracy recorded"]]
    for network in NETWORKS.values():
        weights, accuracy = "none", ""
        if (PRETRAINED / f"{network.name}.safetensors").exists():
            trained = find_trained(network.name, None)
            weights = trained.weights.digest
            if trained.card:
                score = trained.card.floating
                accuracy = f"{100 * score.right / score.n:.2f} % of {score.n:,} test images"
        rows.append([network.name, f"{network.parameters:,}", f"{network.macs:,}", network.digest, weights, accuracy])
    return table(rows, frozenset({0, 3, 4, 5}))


def doctor() -> str:
    rows = [["", "here", "what it adds"], ["python", platform.python_version(), "everything"]]
    for name, (option, adds) in TOOLS.items():
        path = shutil.which(name)
        rows.append([name, tool_version(path, option) if path else "absent", adds])
    rows += [[name, package_version(name), adds] for name, adds in PACKAGES.items()]
    rows += [
        [f"flow {one.name}", one.distribution, one.about or f"unusable: {one.trouble}"] for one in registry.listings()
    ]
    return table(rows, frozenset({0, 1, 2}))
