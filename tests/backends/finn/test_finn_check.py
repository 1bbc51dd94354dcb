"""Networks that the FINN flow does not build are refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.finn.check import check
from backends.finn.options import FinnOptions
from flows.conformance.networks import job_on, odd_networks

ODD = {network.name: network for network in odd_networks()}
REFUSED = {
    "unknown layer": ("layer odd", "does not build sine"),
    "overlapping pool": ("layer odd", "FINN pads both sides alike"),
    "depthwise convolution": ("layer odd", "grouped_conv2d is built where a quantised graph brings it"),
    "convolution in groups": ("layer odd", "grouped_conv2d is built where a quantised graph brings it"),
    "average of windows": ("layer odd", "does not build averagepool2d: FINN averages windows"),
    "average of padded windows": ("layer odd", "does not build averagepool2d: FINN averages windows"),
    "clip behind a convolution": ("layer odd", "does not build clip: FINN has none"),
    "clip of the input": ("layer odd", "does not build clip: FINN has none"),
    "leaky relu": ("layer odd", "does not build leaky_relu: FINN has none"),
    "softmax inside": ("layer odd", "a softmax is the host's"),
    "tensor added to itself": ("layer odd", "it takes relu twice"),
    "no weights": ("network no weights", "no layer of it has weights"),
    "nothing but a relu": ("network nothing but a relu", "no layer of it has weights"),
    "nothing but a flatten": ("network nothing but a flatten", "no layer of it has weights"),
    "nothing but a softmax": ("network nothing but a softmax", "no layer of it has weights"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_network_is_refused_by_the_layer_that_is_not_built(name: str, tmp_path: Path) -> None:
    refusals = check(job_on(ODD[name], tmp_path, FinnOptions()))
    (refusal,) = refusals
    culprit, said = REFUSED.get(name, ("weights", "they are floats"))
    assert refusal.culprit == culprit and said in refusal.fact and refusal.nearest
