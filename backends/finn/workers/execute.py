"""Executes a QONNX graph: ``python -m backends.finn.workers.execute JOB.json``. Imports qonnx.

JOB.json: ``quantised`` and ``vectors``, how many of the project's check images. Reads ``model.onnx`` and writes
``outputs.json``: a row of integer codes an image. Floats of the graph are dyadic and small, so its sums are exact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from flows.core.worker import JOB, run_worker
from models.serial import quantised_from_json
from models.vectors import vectors


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    model = ModelWrapper("model.onnx").transform(InferShapes())
    (source,), (result,) = model.graph.input, model.graph.output
    images = vectors(quantised.network.input_shape, ask["vectors"]).astype(np.float32) * float(
        quantised.input.pixels.gain[0]
    )
    unit = 2.0 ** quantised.type_of(quantised.output).fraction
    rows = []
    for image in np.moveaxis(images, -1, 1):
        found = execute_onnx(model, {source.name: np.ascontiguousarray(image[None])})[result.name]
        codes = found.astype(np.float64).ravel() * unit
        if not np.array_equal(codes, np.rint(codes)):
            raise SystemExit("the graph left logits that are no codes of their type")
        rows.append(codes.astype(np.int64).tolist())
    Path("outputs.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    run_worker(main)
