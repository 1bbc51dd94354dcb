"""Formats of weights: one for all layers, and others for some."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.dataflow.layers.arithmetic import lower
from backends.dataflow.layers.options import formats_text
from backends.hls import BACKEND
from models.layers import Conv2D, Dense
from tests.backends.hls.networks import SMALL, job_on

WEIGHTED = [layer.name for layer in SMALL.layers if isinstance(layer, Conv2D | Dense)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("Q1.7", "Q1.7"), (" Q1.7 , conv1 = Q1.11", "Q1.7,conv1=Q1.11"), ("Q1.1,a=Q1.15", "Q1.1,a=Q1.15")],
)
def test_a_format_is_written_as_people_do(text: str, kept: str) -> None:
    assert formats_text(text) == kept == formats_text(kept)


@pytest.mark.parametrize("text", ["", "Q1", "int8", "float32", "Q1.0", "Q1.16", "Q1.7,", "Q1.7,conv1", "Q1.7,=Q1.3"])
def test_what_is_no_format_is_named_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"as in (Q1\.7|block1_conv1=Q1\.11)"):
        formats_text(text)


@pytest.mark.parametrize("scale", ["layer", "none"])
def test_a_layer_has_its_own_format(tmp_path: Path, scale: str) -> None:
    plain = lower(job_on(SMALL, tmp_path, weight_scale=scale)).layers
    other = lower(job_on(SMALL, tmp_path, weight_scale=scale, weight_format="Q1.7,conv2=Q1.11")).layers
    for name in WEIGHTED:
        type_, two = plain[name].kernel, other[name].kernel
        assert type_ and two and (type_.width, two.width) == (8, 12 if name == "conv2" else 8)
        assert type_.integer == two.integer, "more bits are bits behind the point"


def test_a_layer_that_is_not_there_is_refused_with_its_namesake(tmp_path: Path) -> None:
    (refusal,) = BACKEND.check(job_on(SMALL, tmp_path, weight_format="Q1.7,conv3=Q1.11"))
    assert refusal.culprit == "--weight-format" and "'conv3'" in refusal.fact and "conv1" in refusal.nearest
