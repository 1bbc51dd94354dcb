"""Whether a model file that was made elsewhere can go through a flow, as that flow's own step judges it.

The step is kept in the store under the content of the file, so that a repeated check reads no file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows import registry
from flows.core.errors import InputError, StepFailed, UsageError
from flows.core.plan import Asset, Output, Plan, Step
from flows.core.readiness import Readiness, readiness_from_json
from flows.executor import Executor
from flows.imports import asset, beside
from flows.jobs import find_network
from flows.results import anything, read_result
from models.network import Network

Judge = Callable[[Asset, Network | None, Mapping[str, Asset]], Step]
"""`backends.protocol.Backend.readiness_step`."""


def judge_of(flow: str) -> Judge:
    """Raises `UsageError` where the flow judges no files."""
    judge = registry.load(flow).readiness_step
    if judge is None:
        raise UsageError(f"flow {flow}", "judges no files", "`python -m flows check finn MODEL.onnx` does")
    return judge


def assess(judge: Judge, path: Path, name: str | None, executor: Executor) -> Readiness:
    """The verdicts on the file at `path`, also on whether it is the network called `name`; raises `InputError` where it
    is damaged."""
    network = find_network(name) if name else None
    model = asset(path, "give an .onnx file")
    answer = _answer(judge, model, network, {}, executor)
    if "wanted" in answer:
        answer = _answer(judge, model, network, {name: beside(path, name) for name in answer["wanted"]}, executor)
    if "refusal" in answer:
        raise InputError(**answer["refusal"])
    return readiness_from_json(answer)


def _answer(
    judge: Judge, model: Asset, network: Network | None, external: Mapping[str, Asset], executor: Executor
) -> dict[str, Any]:
    step = judge(model, network, external)
    try:
        result = executor.execute(Plan((step,))).path(Output(step.name, *step.makes))
    except StepFailed as error:
        raise InputError(str(model.path), f"damaged: reading it failed ({error.fact})", error.next_step) from None
    assert result, "the interpreter is never absent"
    return read_result(result, anything)
