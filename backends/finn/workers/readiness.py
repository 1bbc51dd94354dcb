"""Judges a QONNX file as a step: ``python -m backends.finn.workers.readiness JOB.json``. Nothing imports it.

JOB.json: ``file``, ``external`` (files beside it that may be read), ``network`` (what it should be, in the form of
`models.serial`; null for none) and ``required`` (whether a broken condition fails the step). Writes ``verdicts.json``,
which holds one of

``verdicts``  one a condition, in the form of `flows.core.readiness`
``refusal``   why the file cannot be read at all: ``culprit``, ``fact``, ``next_step``
``wanted``    files beside it, not given, in which its tensors stand
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import ModelProto

from backends.finn.readiness.architecture import differences
from backends.finn.readiness.conditions import judge
from backends.finn.workers.plain import plain_model
from backends.finn.workers.qonnx_file import ADVICE, read_graph
from flows.core.digest import plain
from flows.core.errors import InputError
from flows.core.readiness import SCHEMA, Finding, Readiness, Verdict, status_of
from flows.core.worker import run_worker
from models.folding import folded
from models.imported.workers.draft import WantedFiles
from models.imported.workers.limits import guarded, refusal
from models.imported.workers.onnx_file import ADVICE as FLOAT_ADVICE
from models.imported.workers.onnx_file import Tensors, load_model
from models.imported.workers.onnx_nodes import read_model
from models.network import Network
from models.serial import network_from_json

OUT = Path("verdicts.json")


def assess(file: Path, external: tuple[str, ...], network: Network | None) -> Readiness:
    """Raises `InputError` where the file is no ONNX graph, `WantedFiles` where tensors stand in files not given."""
    model = load_model(file)
    verdicts = judge(read_graph(model, Tensors(file, external)))
    if network:
        verdicts += (_architecture(model, file, external, network),)
    return Readiness(file.name, verdicts)


def _architecture(model: ModelProto, file: Path, external: tuple[str, ...], network: Network) -> Verdict:
    about = f"the graph is {network.name}: layers, shapes, strides, padding, activations and where they stand"
    try:
        imported, _ = read_model(_without_unread(plain_model(model)), file, network.name, external)
        findings = tuple(differences(folded(imported), folded(network)))
    except InputError as error:
        findings = (Finding(error.culprit, f"no layer of {network.name}: {error.fact}", error.next_step),)
    return Verdict("architecture", about, status_of(findings, applies=True), findings)


def _without_unread(model: ModelProto) -> ModelProto:
    """The quantisers' constants are read no more, and may be of types that no float network has."""
    graph, read = model.graph, {name for node in model.graph.node for name in node.input}
    unread = {tensor.name for tensor in graph.initializer} - read
    for entries in (graph.initializer, graph.input):
        used = [entry for entry in entries if entry.name not in unread]
        del entries[:]
        entries.extend(used)
    return model


def answer(ask: Mapping[str, Any]) -> dict[str, Any]:
    """What becomes of a job."""
    network = network_from_json(ask["network"]) if ask["network"] else None
    file = Path(ask["file"])
    try:
        with guarded(file.name, ADVICE):
            return {"schema": SCHEMA} | plain(assess(file, tuple(ask["external"]), network))
    except WantedFiles as wanted:
        return {"wanted": wanted.names}
    except InputError as error:
        advice = ADVICE if error.next_step == FLOAT_ADVICE else error.next_step
        return {"refusal": json.loads(refusal(InputError(error.culprit, error.fact, advice)))}


def complaint(result: Mapping[str, Any]) -> str:
    """The first reason why what was judged is not ready; empty where it is."""
    if "verdicts" not in result:
        return json.dumps(result)
    findings = (item for verdict in result["verdicts"] for item in verdict["findings"] if not item["taken"])
    return next((f"{finding['where']}: {finding['fact']}" for finding in findings), "")


def main(ask: Mapping[str, Any]) -> None:
    result = answer(ask)
    OUT.write_text(json.dumps(result, indent=1))
    if ask["required"] and (reason := complaint(result)):
        raise SystemExit(f"{ask['file']} is not FINN-ready: {reason}")


if __name__ == "__main__":
    run_worker(main)
