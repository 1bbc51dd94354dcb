"""What becomes of QONNX graphs in finn-plus: which it takes, which it breaks on, and where.

    python -m calibration.finn_plus.cases tests/backends/finn/cases [--write]

Runs in the environment of finn-plus (`nox -s finn` builds it), with no Vivado: every graph of the folder is converted,
streamlined by the steps of the hand-over's ``build.py`` and, where those fail, by FINN's own, mapped to hardware nodes,
executed after each step, partitioned and estimated. Prints where ``index.json`` says otherwise, and exits with 1 then;
``--write`` puts what was found into it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

INDEX = "index.json"
PART = "xc7z020clg400-1"
LIMIT_S = 120
"""Streamlining goes on without end over some graphs."""
EQUAL = 1e-3
"""Of logits: far below what one activation code more changes."""
Model = Any
Step = Callable[[Model, Any], Model]


class Stopped(Exception):
    """A graph that finn-plus does not take: `stage` and why."""


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Turns whatever finn-plus raises into `Stopped`."""
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        message = re.sub(r"\s+", " ", str(error))[:120]
        raise Stopped(f"{name}: {type(error).__name__}: {message}") from error


def merge_transposes() -> Any:
    """Equal transposes of one tensor become one: `MakeMaxPoolNHWC` takes one reader for all."""
    from qonnx.transformation.base import Transformation

    class MergeTransposes(Transformation):  # type: ignore[misc]  # of no known type outside FINN
        def apply(self, model: Model) -> tuple[Model, bool]:
            outputs: dict[tuple[str, str], str] = {}
            for node in model.get_nodes_by_op_type("Transpose"):
                first = outputs.setdefault((node.input[0], str(node.attribute)), node.output[0])
                if first != node.output[0]:
                    for reader in model.find_consumers(node.output[0]):
                        reader.input[:] = [first if name == node.output[0] else name for name in reader.input]
                    model.graph.node.remove(node)
            return model, False

    return MergeTransposes()


def residual(model: Model, _: Any) -> Model:
    """The streamlining of the hand-over's ``build.py`` (backends/finn/handover/templates)."""
    from finn.transformation.fpgadataflow.convert_to_hw.global_acc_pool import InferGlobalAccPoolLayer
    from finn.transformation.streamline.absorb import AbsorbConsecutiveTransposes
    from finn.transformation.streamline.reorder import MakeMaxPoolNHWC, MoveMulPastAdd
    from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
    from finn.transformation.streamline.streamline_plus import StreamlinePlus
    from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
    from qonnx.transformation.general import RemoveUnusedTensors
    from qonnx.transformation.infer_data_layouts import InferDataLayouts
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

    types = [str(node.attribute) for node in model.get_nodes_by_op_type("MultiThreshold")]
    counted = any("BIPOLAR" in text for text in types)
    joined = bool(model.get_nodes_by_op_type("Concat"))
    for transformation in (
        StreamlinePlus(),
        LowerConvsToMatMul(),
        InferDataLayouts(),
        InferGlobalAccPoolLayer(),
        StreamlinePlus(),
        MoveMulPastAdd(),
        merge_transposes(),
        MakeMaxPoolNHWC(),
        AbsorbConsecutiveTransposes(),
        InferDataTypes(),
        *([ConvertBipolarMatMulToXnorPopcount()] if counted else []),
        *([StreamlinePlus(), InferDataTypes()] if counted or joined else []),
        *([RoundAndClipThresholds()] if counted else []),
        InferDataLayouts(),
        RemoveUnusedTensors(),
    ):
        model = model.transform(transformation)
    return model


def taken(path: Path, streamline: Step) -> list[str]:
    """The hardware units that `path` becomes. Raises `Stopped`."""
    import finn.builder.build_dataflow_config as config
    import finn.builder.build_dataflow_steps as steps
    import numpy as np
    import qonnx.core.onnx_exec as executor
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    with tempfile.TemporaryDirectory() as folder:
        settings = config.DataflowBuildConfig(
            output_dir=folder, synth_clk_period_ns=10.0, fpga_part=PART, generate_outputs=[], standalone_thresholds=True
        )
        with stage("read"):
            model = cleanup_model(ModelWrapper(str(path)))
            entry = model.graph.input[0].name
            random, shape = np.random.default_rng(0), model.get_tensor_shape(entry)
            images = [draw.astype(np.float32) for draw in (random.uniform(0, 1, shape), random.normal(0, 1, shape))]

        def outputs() -> Any:
            name = model.graph.output[0].name
            return np.ravel([executor.execute_onnx(model, {entry: image})[name] for image in images])

        with stage("execute the graph"):
            expected = outputs()
        for name, step in (
            ("convert", steps.step_qonnx_to_finn),
            ("tidy up", steps.step_tidy_up),
            ("streamline", streamline),
            ("map", steps.step_convert_to_hw),
        ):
            with stage(name):
                model = step(model, settings)
            with stage(f"execute after {name}"):
                if (difference := float(np.abs(outputs() - expected).max())) > EQUAL:
                    raise Stopped(f"{name}: its outputs differ by {difference:.2g}")
        for name, step in (
            ("partition", steps.step_create_dataflow_partition),
            ("specialise", steps.step_specialize_layers),
            ("minimise", steps.step_minimize_bit_width),
            ("estimate", steps.step_generate_estimate_reports),
        ):
            with stage(name):
                model = step(model, settings)
        return [node.op_type for node in model.graph.node]


def judged(path: Path) -> dict[str, Any]:
    """`taken`, and the units or why not (by the hand-over's steps)."""
    import finn.builder.build_dataflow_steps as steps

    def late(*_: object) -> None:
        raise TimeoutError(f"it does not end in {LIMIT_S} s")

    signal.signal(signal.SIGALRM, late)
    why = ""
    for streamline in (residual, steps.step_streamline):
        signal.alarm(LIMIT_S)
        try:
            return {"taken": True, "units": taken(path, streamline)}
        except (Stopped, TimeoutError) as stopped:
            why = why or str(stopped)
        finally:
            signal.alarm(0)
    return {"taken": False, "why": why}


def prepare() -> None:
    """Importing FINN's builder asks for Vivado's simulator, which nothing here needs."""
    os.environ.setdefault("XILINX_VIVADO", "none")
    os.environ.setdefault("FINN_BUILD_DIR", tempfile.mkdtemp())
    import finn.xsi

    finn.xsi.SimEngine = object
    logging.disable(logging.CRITICAL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    index = json.loads((arguments.folder / INDEX).read_text())
    version = f"finn-plus {metadata.version('finn-plus')}"
    prepare()
    changed = 0
    for name, case in index["cases"].items():
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            verdict = judged(arguments.folder / f"{name}.onnx")
        known = case.get("finn", {})
        if verdict["taken"] != known.get("taken") or verdict.get("units") != known.get("units"):
            changed += 1
            print(f"{name}: {version}: {json.dumps(verdict)}; {index['judged']}: {json.dumps(known)}", flush=True)
        case["finn"] = verdict
    if arguments.write:
        index["judged"] = version
        (arguments.folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
    elif changed:
        sys.exit(f"{changed} of {len(index['cases'])} cases are other than by {index['judged']}")


if __name__ == "__main__":
    main()
