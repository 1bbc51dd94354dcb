"""Products of several results in one DSP48E1: exact at every corner, and in generated C++."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.packing import TERMS, ends, lanes, sharing, shift
from backends.hls import BACKEND
from backends.hls.workers.generate import packed
from tests.backends.hls.networks import SMALL, job_on, reweighted
from tests.backends.hls.test_hls_simulation import compare

FOLDING = "conv1=4x3,shortcut=2x1,conv2=6x4,dense=5x2"


@given(st.integers(2, 8), st.integers(2, 8), st.booleans(), st.data())
def test_the_sums_of_two_products_come_apart_again(
    bits: int, values: int, is_signed: bool, data: st.DataObject
) -> None:
    """As the generated code does it, from the bytes that it reads: with few draws beside the corners."""
    shared = lanes(bits, values, is_signed)
    high = (1 << bits - 1) - 1
    low, top = (-(1 << values - 1), (1 << values - 1) - 1) if is_signed else (0, (1 << values) - 1)
    weight = st.sampled_from((-high, -1, 0, 1, high)) | st.integers(-high, high)
    value = st.sampled_from((low, 0, top)) | st.integers(low, top)
    weights = np.array(data.draw(st.lists(weight, min_size=TERMS * shared, max_size=TERMS * shared)))
    given_values = data.draw(st.lists(value, min_size=TERMS, max_size=TERMS))
    rows = weights.reshape(shared, 1, TERMS)
    bytes_of_word = packed(rows, bits, shared)[0, 0].view(np.uint8)
    word = int.from_bytes(bytes_of_word.tobytes(), "little")
    apart = shift(shared, bits)
    pairs = ends(apart, shared)
    for lane, each in enumerate(given_values):
        fields = [word >> bits * (lane * shared + place) & (1 << bits) - 1 for place in range(shared)]
        signed = [field - (field >> bits - 1 << bits) for field in fields]
        lower = sum((field & (1 << apart) - 1) << apart * place for place, field in enumerate(signed[:-1]))
        factor = lower + (signed[-1] << apart * (shared - 1))
        assert -(1 << 24) <= factor < 1 << 24, "25 bits"
        pairs += factor * each
    below = [(pairs >> apart * place & (1 << apart) - 1) - (1 << apart - 1) for place in range(shared - 1)]
    assert [*below, pairs >> apart * (shared - 1)] == (rows[:, 0] @ np.array(given_values)).tolist()


def test_how_many_share_a_multiplier(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path, activation_bits=4, weight_format="Q1.3")
    quantised = sharing(job, lower(job))
    assert quantised["conv1"] == 2 and quantised["conv2"] == 3, "four bits by eight, and by four"
    assert BACKEND.resolve(job_on(SMALL, tmp_path, packing="off")).design.sharing == {}


def test_the_lowest_weight_leaves_its_layer_apart(tmp_path: Path) -> None:
    """Nothing is clamped: what the arithmetic says is what is built."""

    def lowest(name: str, weights: np.ndarray) -> np.ndarray:
        changed = weights.clip(-0.9, 0.9)
        changed.flat[0] = -1.0 if name == "conv2/kernel" else changed.flat[0]
        return changed

    job = reweighted(job_on(SMALL, tmp_path, weight_scale="none", folding=FOLDING), lowest)
    quantised = sharing(job, lower(job))
    assert quantised["conv2"] == 1 and quantised["conv1"] == 2
    (text,) = [note.text for note in BACKEND.notes(BACKEND.resolve(job)) if "share a DSP48E1" in note.text]
    assert "but in conv2 a weight is the lowest number of its format" in text


@pytest.mark.skipif(not (find_spec("torch") and shutil.which("g++")), reason="torch or g++ is absent")
@pytest.mark.parametrize(("weight_format", "bits"), [("Q1.7", 8), ("Q1.3", 4), ("Q1.1", 2), ("Q1.4", 6)])
def test_generated_code_that_shares_multipliers_is_exact(tmp_path: Path, weight_format: str, bits: int) -> None:
    """Words of weights of 8 bits and less, whose lanes begin at any bit of a byte; conv2 has 5 and dense an odd PE."""
    job = job_on(SMALL, tmp_path, folding=FOLDING, weight_format=weight_format, activation_bits=bits)
    design = BACKEND.resolve(job).design
    assert max(design.sharing.values()) == {8: 2, 4: 3, 2: 6, 6: 2}[bits]
    compare(job, tmp_path / "project", bounded=False)


@pytest.mark.skipif(not (find_spec("torch") and shutil.which("g++")), reason="torch or g++ is absent")
def test_generated_code_that_multiplies_in_luts_is_exact(tmp_path: Path) -> None:
    job = job_on(SMALL, tmp_path, folding="conv1=4x3:lut,shortcut=2x1,conv2=6x4:lut,dense=5x2")
    compare(job, tmp_path / "project", bounded=False)
    layer = (tmp_path / "project/src/layers/conv2.h").read_text()
    assert "IN_LUTS = 1" in layer and "24 multipliers of LUTs" in layer and "SHARED = 1" in layer
