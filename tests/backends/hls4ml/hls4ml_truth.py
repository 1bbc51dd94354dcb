"""What hls4ml itself makes of configs: ``python hls4ml_truth.py ASK.json ...``; a script that a test starts.

ASK.json: ``quantised`` and ``weights`` (of the network), ``configs`` (contents of hls4ml_config.yml files). Prints
JSON: for every file a list, in it for every config its layers by name, each with ``reuse``, ``strategy``, ``types``
(by role, of the converted graph) and ``said`` (what the config says of a role; None where it leaves it to inference).
"""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import backends.hls4ml.workers.convert as worker  # first: it chooses Keras' backend

# isort: split
import hls4ml
from hls4ml.model.types import UnspecifiedPrecisionType
from safetensors.numpy import load_file

from models.fixed import parse_type
from models.serial import quantised_from_json

ROLES = ("weight", "bias", "accum", "result")


def layers_of(model: Any, config: dict[str, Any], folder: str) -> dict[str, Any]:
    graph = hls4ml.converters.convert_from_keras_model(
        model,
        hls_config=copy.deepcopy(config["HLSConfig"]),
        output_dir=folder,
        backend=config.get("Backend", "Vitis"),
        io_type=config.get("IOType", "io_stream"),
        part="xc7z020clg400-1",
    )
    content = {}
    for node in graph.get_layers():
        # A 1x1 convolution has its types as a Conv2D, and is made a PointwiseConv2D afterwards.
        asked = SimpleNamespace(name=node.name, class_name=node.class_name.removeprefix("Pointwise"))
        said = {role: graph.config.get_precision(asked, role)[0] for role in ROLES}
        content[node.name] = {
            "reuse": node.get_attr("reuse_factor"),
            "strategy": str(node.get_attr("strategy")).lower(),
            "types": {
                role: parse_type(str(node.types[f"{role}_t"].precision)).name
                for role in ROLES
                if f"{role}_t" in node.types
            },
            "said": {
                role: None if isinstance(type, UnspecifiedPrecisionType) else parse_type(str(type)).name
                for role, type in said.items()
            },
        }
    return content


def answered(path: Path) -> list[dict[str, Any]]:
    """What hls4ml makes of each config that is asked in this file."""
    ask = json.loads(path.read_text())
    quantised = quantised_from_json(ask["quantised"])
    model = worker.keras_model(quantised, load_file(ask["weights"]))
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [layers_of(model, config, folder) for config in ask["configs"]]


if __name__ == "__main__":
    print(json.dumps([answered(Path(path)) for path in sys.argv[1:]]))
