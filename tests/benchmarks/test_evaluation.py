"""The speed measurement computes what it times."""

from __future__ import annotations

import pytest

from backends.hls4ml import BACKEND
from backends.hls4ml.options import Hls4mlOptions
from flows.core.part import Target, find_part
from flows.jobs import find_trained
from models.vectors import vectors


def test_the_timed_codes_are_a_row_for_each_image() -> None:
    pytest.importorskip("torch")
    from benchmarks.evaluation import exact

    trained = find_trained("arch8", None)
    solved = BACKEND.resolve(trained.job(Target(find_part("xc7z020")), Hls4mlOptions(reuse_factor="64")))
    images = vectors(trained.network.input_shape, 3)
    rate, codes = exact(BACKEND.lower(solved), trained.weights.tensors(), images)
    assert rate > 0
    assert [len(row) for row in codes] == [10, 10, 10]
    assert codes[0] != codes[1]
