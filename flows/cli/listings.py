"""What is known here (`flows list`) and what is installed (`flows doctor`), as text."""

from __future__ import annotations

import platform
import shutil

from flows import registry
from flows.core import part
from flows.executor import package_version, tool_version
from flows.jobs import find_trained, shipped_weights
from models.folding import folded
from models.network import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool, Layer, MaxPool2D, Network
from models.zoo import NETWORKS
from reports.terminal import table

TOOLS = {
    "g++": "compiles C simulations: the proof that a design is the trained network",
    "vitis_hls": "AMD's HLS compiler: csynth of every run, co-simulation with --vendor cosim",
    "vivado_hls": "the same with --backend vivado: Vivado HLS 2019.2 or 2020.1",
    "vivado": "AMD's logic synthesis, with --vendor vsynth",
}
PACKAGES = {
    "numpy": "arrays: weights, images",
    "safetensors": "weights files",
    "torch": "the fast exact reference, accuracy, training",
    "keras": "hls4ml's front end, on torch",
    "hls4ml": "the hls4ml flow",
    "qonnx": "the FINN flow: executes its graph",
    "matplotlib": "pictures: curves, confusions, accuracy by format",
    "h5py": "networks of your own in Keras archives",
    "onnx": "networks of your own in ONNX files",
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


WEIGHT_BITS = (32, 16, 8, 4)


def networks() -> str:
    sizes = [f"KB, {bits} bit" for bits in WEIGHT_BITS]
    rows = [["network", "structure", "parameters", "MMACs", "MFLOPs", *sizes, "weights", "accuracy", "architecture"]]
    for network in NETWORKS.values():
        hardware = folded(network)
        millions = [f"{count / 1e6:.3f}" for count in (network.macs, 2 * network.macs)]
        weights = [f"{hardware.parameters * bits / 8e3:,.1f}" for bits in WEIGHT_BITS]
        row = [network.name, structure(network), f"{network.parameters:,}", *millions, *weights]
        rows.append([*row, *_training(network), hardware.digest])
    text = [len(rows[0]) - 3, len(rows[0]) - 2, len(rows[0]) - 1]
    return f"{table(rows, frozenset({0, 1, *text}))}\n\n{NETWORKS_LEGEND}"


NETWORKS_LEGEND = """\
structure: filters of the 3x3 convolutions, each with its ReLU; 1x1 add: a shortcut and its sum; gap: global average
KB: 1,000 bytes of weights and biases in float32 and in fixed point, without BatchNorm, which is folded for hardware
MFLOPs: twice MMACs; accuracy: of the float network. To train one: python -m flows train NETWORK --data DIR --out DIR"""


def _training(network: Network) -> tuple[str, str]:
    """The digest of the weights that ship, and what their card records."""
    if shipped_weights(network) is None:
        return "not trained here", ""
    trained = find_trained(network.name, None)
    if trained.card is None:
        return trained.weights.digest, ""
    score = trained.card.trained
    return trained.weights.digest, f"{100 * score.right / score.n:.2f} % of {score.n:,} test images"


def structure(network: Network) -> str:
    """The layers of a network in a line.

    >>> from models.zoo import ARCH2, ARCH8
    >>> structure(ARCH2)
    '32 32 pool 64 64 pool 128 128 pool flatten dense 256 dense 10, with BatchNorm and Dropout'
    >>> structure(ARCH8)
    '28 28 1x1 add pool 56 56 1x1 add pool gap dense 10'
    """
    words = " ".join(word for layer in network.layers if (word := _word(layer)))
    kinds = {type(layer) for layer in network.layers}
    trained = [kind.__name__ for kind in (BatchNorm, Dropout) if kind in kinds]
    return f"{words}, with {' and '.join(trained)}" if trained else words


def _word(layer: Layer) -> str:
    match layer:
        case Conv2D():
            return "1x1" if layer.kernel == (1, 1) else str(layer.filters)
        case Dense():
            return f"dense {layer.units}"
        case MaxPool2D():
            return "pool"
        case GlobalAveragePool():
            return "gap"
        case Add() | Flatten():
            return layer.kind
    return ""


def doctor() -> str:
    rows = [["", "here", "what it adds"], ["python", platform.python_version(), "everything"]]
    for name, adds in TOOLS.items():
        path = shutil.which(name)
        rows.append([name, tool_version(path) if path else "absent", adds])
    rows += [[name, package_version(name), adds] for name, adds in PACKAGES.items()]
    rows += [
        [f"flow {one.name}", one.distribution, one.about or f"unusable: {one.trouble}"] for one in registry.listings()
    ]
    return table(rows, frozenset({0, 1, 2}))
