"""Networks of integers and thresholds, as QONNX files bring them, in RTL: equal to the integers, cycle by cycle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.layers.searches import ladders
from backends.protocol import Job, Refusal
from backends.rtl import BACKEND
from backends.rtl.options import RtlOptions
from flows.core.part import Target, find_part
from flows.jobs import find_trained
from models.integers import Threshold

needs_simulator = pytest.mark.skipif(
    not (find_spec("pyosys") and find_spec("torch") and shutil.which("g++")), reason="pyosys, torch or g++ is absent"
)


def searched_bit_by_bit(layer: Threshold, words: list[np.ndarray], bits: int, below: bool, integer: int) -> int:
    """As `threshold_search.sv` does it, of a single channel."""
    place, falls = 0, False
    for step, rows in enumerate(words):
        word = int(rows[place, 0])
        if step == 0:
            falls = bool(word >> bits & 1) and word >= 0
        word = (word & (1 << bits) - 1) - ((word >> bits - 1 & 1) << bits)
        place = 2 * place + (integer >= word)
    place ^= (1 << len(words)) - 1 if falls else 0
    return place - (1 << len(words) - 1 if below else 0)


@given(st.data())
def test_a_search_finds_the_code(data: st.DataObject) -> None:
    """For all integers of 6 bits, in rising and in falling channels, with thresholds beyond them and equal ones."""
    low = data.draw(st.integers(-9, 6))
    steps = data.draw(st.integers(max(1, 1 - low), 17))
    rises = data.draw(st.lists(st.integers(-40, 40), min_size=steps, max_size=steps).map(sorted))
    sign = data.draw(st.sampled_from((1, -1)))
    layer = Threshold("codes", ("sums",), steps, low)
    tensors = {"codes/thresholds": np.array([rises]), "codes/signs": np.array([float(sign)])}
    known = ladders(layer, tensors)
    words = list(known.words(7, 1, 1))
    assert [len(rows) for rows in words] == [1 << step for step in range(known.steps)]
    for integer in range(-32, 32):
        code = low + sum(sign * integer >= rise for rise in rises)
        assert searched_bit_by_bit(layer, words, 7, known.below, integer) == code


def of_file(form: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Job[RtlOptions]:
    for module in ("onnx", "qonnx", "torch"):
        pytest.importorskip(module)
    from tests.backends.finn.test_finn_own_graph import job_on
    from tests.models.imported.qonnx_graphs import FORMS

    job = job_on(FORMS[form](), folder, monkeypatch)
    return Job(job.network, job.weights, job.ranges, job.target, RtlOptions(**options), job.integer)


@needs_simulator
@pytest.mark.parametrize(
    ("form", "folding"),
    [
        ("batch normalisation", "c1=2x1,c2=4x12,c3=4x3:lut,y=3x2"),
        pytest.param("signed input", "c1=2x1,c2=4x12,c3=4x3,y=3x2", marks=pytest.mark.slow),
        pytest.param("by channel", "c1=1x3,c2=3x2,c3=2x1,y=1x1", marks=pytest.mark.slow),
        pytest.param("mean and deviation", "auto", marks=pytest.mark.slow),
        pytest.param("flat", "c=3x3,h=4x2,y=2x3", marks=pytest.mark.slow),
    ],
)
def test_a_file_of_brevitas_is_built_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, folding: str
) -> None:
    from tests.backends.rtl.test_rtl_simulation import built, compare

    job = of_file(form, tmp_path, monkeypatch, folding=folding)
    design, results, library = built(job, tmp_path / "built")
    assert job.integer and not isinstance(job.integer, Refusal)
    assert design.quantised.digest == job.integer.quantised.digest and design.searches
    compare(design, results, library)


def test_what_has_no_module_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (refusal,) = BACKEND.check(of_file("depthwise", tmp_path, monkeypatch))
    assert refusal.culprit == "layer c2" and "grouped_conv2d" in refusal.fact


def test_a_format_for_integers_that_have_their_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = of_file("plain", tmp_path, monkeypatch, weight_format="Q1.3", activation_bits=4)
    assert [each.culprit for each in BACKEND.check(job)] == ["--weight-format", "--activation-bits"]
    assert BACKEND.check(replace(job, options=RtlOptions())) == ()


def test_a_file_without_integers_says_what_is_built_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(of_file("plain", tmp_path, monkeypatch), integer=Refusal("layer q", "a scale an input", "one scale"))
    warnings = [note.text for note in BACKEND.notes(BACKEND.resolve(job)) if note.kind == "warning"]
    assert any("quantised anew: layer q: a scale an input" in text for text in warnings)


def test_the_four_bits_that_ship_can_be_built() -> None:
    """Signed codes of narrow range among them, behind the shortcuts."""
    job = find_trained("arch8", None, "w4a4").job(Target(find_part("xc7z020")), RtlOptions())
    solved = BACKEND.resolve(job)
    assert solved.design.searches and BACKEND.check(job) == ()
    assert {"generate", "simulate"} <= {step.name for step in BACKEND.plan(solved).steps}
