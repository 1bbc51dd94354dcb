"""What is known here (`flows list`) and what is installed (`flows doctor`), as text."""

from __future__ import annotations

import platform
import shutil
from itertools import groupby

from flows import registry
from flows.core import part
from flows.jobs import find_trained, shipped_weights
from flows.ledger import hardware
from flows.packages import package_version
from flows.processes import tool_version
from models.folding import folded
from models.network import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool, Layer, MaxPool2D, Network
from models.proportion import wilson
from models.zoo import NETWORKS
from reports.terminal.layout import table

TOOLS = {
    "g++": "compiles C simulations: the proof that a design is the trained network",
    "vitis_hls": "AMD's HLS compiler: csynth of every run, co-simulation with --vendor cosim",
    "vivado_hls": "the same with --backend vivado: Vivado HLS 2019.2 or 2020.1",
    "vivado": "AMD's logic synthesis, with --vendor vsynth",
    "yosys": "synthesis of the RTL flow, with --synthesiser yosys",
    "nextpnr-himbaechel-xilinx": "places and routes the RTL flow's stages, with --route stages",
    "xc7frames2bit": "their bitstreams, with --bitstream",
}
PACKAGES = {
    "numpy": "arrays: weights, images",
    "safetensors": "weights files",
    "torch": "the fast exact reference, accuracy, training",
    "keras": "hls4ml's front end, on torch",
    "hls4ml": "the hls4ml flow",
    "qonnx": "the FINN flow: executes its graph",
    "pyosys": "the RTL flow: simulation and synthesis",
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
    """Three tables of at most 80 columns: what a network is, what it costs, how it was trained."""
    layers = [["network", "structure"], *([one.name, structure(one)] for one in NETWORKS.values())]
    sizes = [["network", "parameters", "MMACs", "MFLOPs", *(f"{bits} bit" for bits in WEIGHT_BITS)]]
    training = [["network", "accuracy [95 % interval]", "weights", "architecture"]]
    for network in NETWORKS.values():
        hardware = folded(network)
        millions = [f"{count / 1e6:.3f}" for count in (network.macs, 2 * network.macs)]
        bytes_ = [f"{hardware.parameters * bits / 8e3:,.1f}" for bits in WEIGHT_BITS]
        sizes.append([network.name, f"{network.parameters:,}", *millions, *bytes_])
        training.append([network.name, *_training(network), hardware.digest])
    tables = (table(layers, frozenset({0, 1})), table(sizes), table(training, frozenset(range(4))))
    return "\n\n".join((*tables, NETWORKS_LEGEND))


NETWORKS_LEGEND = """\
structure: 2x64 is two 3x3 convolutions of 64 filters, each with its ReLU; pool
  halves the image; 1x1 add: a shortcut, and its sum with the two; gap: global
  average; BN, dropout: with batch normalisation and dropout, in training only
32 bit (float32) to 4 bit: kilobytes (1,000 bytes) of weights and biases, batch
  normalisation folded into them; MFLOPs: twice MMACs
accuracy: of the float network, in % of that many test images
To train one: python -m flows train NETWORK --data DIR --out DIR"""


def _training(network: Network) -> tuple[str, str]:
    """What the card of the weights that ship records, and their digest."""
    if shipped_weights(network) is None:
        return "not trained here", "none"
    trained = find_trained(network.name, None)
    if trained.card is None:
        return "no card", trained.weights.digest
    score = trained.card.trained
    low, high = wilson(score.right, score.n, 0.95)
    accuracy = f"{100 * score.right / score.n:.2f} [{100 * low:.2f}, {100 * high:.2f}] of {score.n:,}"
    return accuracy, trained.weights.digest


def structure(network: Network) -> str:
    """The layers of a network in a line.

    >>> from models.zoo import ARCH2, ARCH3, ARCH8
    >>> structure(ARCH2)
    '2x32 pool 2x64 pool 2x128 pool flatten dense 256 dense 10, BN, dropout'
    >>> structure(ARCH3)
    '2x32 pool 2x64 pool 1x96 pool flatten dense 256 dense 10'
    >>> structure(ARCH8)
    '2x28 1x1 add pool 2x56 1x1 add pool gap dense 10'
    """
    words = (word for layer in network.layers if (word := _word(layer)))
    runs = ((word, len(list(run))) for word, run in groupby(words))
    line = " ".join(f"{count}x{word}" if word.isdigit() else word for word, count in runs)
    kinds = {type(layer) for layer in network.layers}
    return ", ".join([line, *(name for kind, name in ((BatchNorm, "BN"), (Dropout, "dropout")) if kind in kinds)])


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
    rows.append(["prjxray", hardware.database(), "Project X-Ray's database: `flows import` decodes bitstreams with it"])
    rows += [[name, package_version(name), adds] for name, adds in PACKAGES.items()]
    rows += [
        [f"flow {one.name}", one.distribution, one.about or f"unusable: {one.trouble}"] for one in registry.listings()
    ]
    return table(rows, frozenset({0, 1, 2}))
