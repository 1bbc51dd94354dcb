"""A whole generated project whose products share DSP48E1 slices: it computes the integers of the exact reference."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from math import prod
from pathlib import Path

import pytest

from backends.dataflow.layers.blueprint import blueprint
from backends.dataflow.layers.options import OFF
from backends.protocol import Job
from backends.rtl import BACKEND
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import RtlOptions
from backends.rtl.stages import predicted, stages
from flows.core.evidence import Metric
from flows.core.plan import Output, Plan
from flows.executor import Executor
from flows.store import Store
from models.layers import Conv2D, Dense, GlobalAveragePool, ReLU
from models.network import INPUT, Network
from models.reference import REFERENCE
from tests.backends import jobs

NETWORK = Network(
    "packed",
    (6, 6, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 6),
        ReLU("relu1", ("conv1",)),
        Conv2D("conv2", ("relu1",), (1, 1), (1, 1), "same", 4),
        GlobalAveragePool("gap", ("conv2",)),
        Dense("dense", ("gap",), 5),
    ),
)
FOLDING = "conv1=3x3,conv2=4x3,dense=5x1"
"""Of three results, two share a multiplier and one has its own; of three values, one is in no cascade."""

REACH = {tensor: (0.0 if tensor in (INPUT, "relu1") else -4.0, 4.0) for tensor in NETWORK.shapes}


def job(folder: Path, **options: object) -> Job[RtlOptions]:
    asked = RtlOptions(**{"folding": FOLDING, "synthesiser": "none", **options})  # type: ignore[arg-type]
    return jobs.job_with(NETWORK, jobs.random_weights(NETWORK, 0.5), REACH, folder, asked)


def design(folder: Path, **options: object) -> RtlDesign:
    return BACKEND.resolve(job(folder, **options)).design


def dsps(result: RtlDesign, layer: str) -> float:
    return sum(each.value for each in predicted(result)[layer][Metric.DSP] if each)


def test_products_share_slices_where_they_can(tmp_path: Path) -> None:
    shared, apart = design(tmp_path), design(tmp_path, packing=OFF)
    assert set(shared.sharing.values()) == {2} and apart.sharing == {}
    for layer, slices, products in (("conv1", 2 * 3, 3 * 3), ("conv2", 2 * 3, 4 * 3)):
        assert (dsps(shared, layer), dsps(apart, layer)) == (slices, products)


def test_a_layer_with_the_lowest_weight_has_a_slice_a_product(tmp_path: Path) -> None:
    """Nothing can be borrowed from -128; the arithmetic stays as it is, and a note says so."""
    tensors = jobs.random_weights(NETWORK, 0.3)
    tensors["conv2/kernel"][0, 0, 0, 1] = -1.0
    lowest = jobs.job_with(NETWORK, tensors, REACH, tmp_path, RtlOptions(folding=FOLDING, weight_scale="none"))
    solved = BACKEND.resolve(lowest)
    assert solved.design.sharing == {"conv1": 2, "conv2": 1, "dense": 2}
    assert [note.text for note in BACKEND.notes(solved) if note.text.startswith("conv2: a DSP48E1 a product")]


def test_the_stages_are_those_of_the_top_module(tmp_path: Path) -> None:
    result = design(tmp_path)
    rtl_stages = {stage.name: stage for stage in stages(result)}
    assert {"conv1", "conv2", "gap", "dense"} <= set(rtl_stages) and set(rtl_stages) == set(predicted(result))
    assert rtl_stages["conv1"].parameters["SHARING"] == 2
    assert rtl_stages["conv1"].memories["WEIGHTS"].depth == 27 // 3 * 2
    assert blueprint(result).folds["conv1"].pe == 3


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None or find_spec("pyosys") is None, reason="pyosys or g++ is absent")
def test_the_project_computes_the_integers_of_the_reference(tmp_path: Path) -> None:
    solved = BACKEND.resolve(job(tmp_path))
    plan = BACKEND.plan(solved)
    products = Executor(Store(tmp_path / "store"), 2, lambda *_: None).execute(Plan(plan.steps))
    assert plan.artefact
    artefact, expected = products.path(plan.artefact), products.path(Output("expected", REFERENCE))
    assert artefact and expected
    rows, reference = json.loads(artefact.read_text()), json.loads(expected.read_text())["codes"]
    assert len(rows) == plan.vectors and prod(NETWORK.shapes["dense"]) == len(rows[0])
    assert rows == reference
