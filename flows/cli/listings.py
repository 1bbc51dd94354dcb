"""What is known here (`flows list`) and what is installed (`flows doctor`), as text."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import groupby

from flows import registry
from flows.core import part
from flows.core.errors import FlowsError
from flows.core.evidence import on_processor
from flows.core.record import Document, Run
from flows.jobs import find_trained, shipped_weights
from flows.ledger import hardware
from flows.packages import package_version
from flows.processes import tool_version
from models.folding import folded
from models.layers import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, GlobalAveragePool, Layer, MaxPool2D
from models.network import Network
from models.proportion import wilson
from models.zoo import NETWORKS
from reports.terminal.layout import table

ABSENT = "absent"
AMD = "AMD's installer; docs/reference/vendor-tools.md"
PIP = "pip install -c constraints.txt -e '.[{}]'"
TOOLS = {
    "g++": ("compiles C simulations, the proofs; estimates take half the time with it", "apt-get install g++"),
    "vitis_hls": ("AMD's HLS compiler: csynth of every run, co-simulation with --vendor cosim", AMD),
    "vivado_hls": ("the same with --backend vivado: Vivado HLS 2019.2 or 2020.1", AMD),
    "vivado": ("AMD's logic synthesis, with --vendor vsynth", AMD),
    "finn-plus-1.6.1": ("FINN's own estimates beside ours", "docs/finn.md"),
    "verilator": ("simulates RTL designs faster", "apt-get install verilator"),
    "yosys": ("synthesises RTL designs in place of pyosys, with --synthesiser yosys", "docs/rtl.md"),
    "nextpnr-himbaechel-xilinx": ("places and routes the stages of RTL designs, with --route stages", "docs/rtl.md"),
    "xc7frames2bit": ("their bitstreams, with --bitstream", "docs/rtl.md"),
    "arm-linux-gnueabihf-gcc": (
        "compiles the C flow for the Zynq's processor",
        "apt-get install gcc-arm-linux-gnueabihf",
    ),
    "keras2c-2.0": ("float C of the same network beside the C flow's, counted by qemu-arm", "docs/c.md"),
    "qemu-arm": ("runs what it compiled, and counts instructions", "apt-get install qemu-user"),
}
"""Programs on PATH: what each adds, and what brings it."""
PACKAGES = {
    "numpy": ("arrays: weights, images", ""),
    "safetensors": ("weights files", ""),
    "torch": ("the fast exact reference, accuracy, training", PIP.format("train")),
    "keras": ("hls4ml's front end, on torch", PIP.format("hls4ml")),
    "hls4ml": ("the hls4ml flow", PIP.format("hls4ml")),
    "brevitas": ("quantisation-aware training for FINN", PIP.format("finn")),
    "qonnx": ("the FINN flow: executes its graph", PIP.format("finn")),
    "onnxruntime": ("executes the float parts of QONNX graphs", PIP.format("finn")),
    "pyosys": ("simulates and synthesises RTL designs: Yosys", PIP.format("rtl")),
    "tensorflow-cpu": ("training with Keras on TensorFlow", PIP.format("tensorflow")),
    "matplotlib": ("pictures: curves, confusions, accuracy by format", PIP.format("pictures")),
    "h5py": ("networks of your own in Keras archives", PIP.format("import")),
    "onnx": ("networks of your own in ONNX files", PIP.format("import")),
    "optuna": ("`flows search`: the cheapest bits of each layer", PIP.format("search")),
    "argcomplete": ("shells complete command lines", PIP.format("completion")),
    "pandas": ("`to_pandas()` of the Python API", "pip install pandas"),
    "distributed": ("sweeps on a Dask cluster", "pip install distributed"),
    "jsonschema": ("checks of the JSON schema in the tests", PIP.format("dev")),
}
"""Packages: what each adds, and the command that installs it; those without come with the program."""


def flows() -> str:
    rows = [["flow", "package", "what it is"]]
    rows += [
        [listing.name, listing.distribution, listing.about or f"unusable: {listing.trouble}"]
        for listing in registry.listings()
    ]
    return table(rows, frozenset({0, 1, 2}))


def parts() -> str:
    rows = [["device", "LUT", "FF", "BRAM18", "DSP48E1", "packages", "speed grades", "source"]]
    for device in part.devices().values():
        figures = [f"{value:,}" for value in (device.lut, device.ff, device.bram18, device.dsp)]
        rows.append([device.name, *figures, " ".join(device.packages), " ".join(device.speed_grades), device.source])
    return table(rows, frozenset({0, 5, 6, 7}))


def runs(documents: Sequence[Document]) -> str:
    """The runs in a store: what they are of, and the options that are not the defaults."""
    rows = [["run", "network", "part", "clock", "verified", "options other than the defaults"]]
    for document in documents:
        for run in document.runs:
            proof = run.verification
            verified = f"{proof.equal}/{proof.vectors}" if proof and proof.equal is not None else "no"
            options = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in _chosen(run).items())
            clock = "the processor's" if on_processor(run.readings) else f"{run.clock_ns:g} ns"
            rows.append([run.name, document.network.name, run.part, clock, verified, options])
    return table(rows, frozenset({0, 1, 2, 5}))


def _chosen(run: Run) -> dict[str, str]:
    """Options that are not the flow's defaults; all of them where the flow is not here."""
    defaults: dict[str, str] = {}
    with suppress(FlowsError):
        options = registry.load(run.flow).options()
        defaults = {field.name: str(getattr(options, field.name)) for field in fields(options)}
    return {name: value for name, value in run.options.items() if defaults.get(name) != value}


def boards() -> str:
    rows = [["board", "part", "what it is", "source"]]
    rows += [[board.name, board.part, board.title, board.source] for board in part.boards().values()]
    return table(rows, frozenset({0, 1, 2, 3}))


WEIGHT_BITS = (32, 16, 8, 4)


def networks() -> str:
    """Three tables of at most 80 columns: what a network is, what it costs, how it was trained."""
    layers = [["network", "structure"], *([entry.name, structure(entry)] for entry in NETWORKS.values())]
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
    """What is installed here, what it adds, and what brings what is absent."""
    rows = [["", "here", "what it adds", "how to add it"], ["python", platform.python_version(), "everything", ""]]
    for name, (adds, how) in TOOLS.items():
        path = shutil.which(name)
        rows.append([name, tool_version(path) if path else ABSENT, adds, how])
    about = "Project X-Ray's database: `flows import` decodes bitstreams with it"
    rows.append(["prjxray", hardware.database(), about, "docs/reference/ledger.md"])
    rows += [[name, package_version(name), adds, how] for name, (adds, how) in PACKAGES.items()]
    rows += [
        [f"flow {listing.name}", listing.distribution, listing.about or f"unusable: {listing.trouble}", ""]
        for listing in registry.listings()
    ]
    return table(
        [[*row[:3], row[3] if row[1] == ABSENT or row == rows[0] else ""] for row in rows], frozenset(range(4))
    )
