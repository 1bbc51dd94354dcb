"""hls4ml_config.yml as options: the same design comes back, and what is not built is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.hls4ml.config import read_config
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.precision import lower
from backends.protocol import Job
from flows.core.errors import InputError
from flows.core.text import printable
from models.network import Network
from tests.backends.hls4ml.answers import design_of, refusals, said

LAYERS = {
    "image": {"Precision": {"result": "fixed<12,4,TRN,WRAP,0>"}, "Trace": False},
    "conv1": {
        "Precision": {"result": "auto", "weight": "fixed<8,2,RND,SAT,0>", "bias": "ap_fixed<9,3>", "accum": "auto"},
        "ReuseFactor": 27,
        "ConvImplementation": "LineBuffer",
        "ParallelizationFactor": 1,
    },
    "relu1": {
        "Precision": {"result": "ap_ufixed<7,3,AP_RND,AP_SAT>", "table": "fixed<18,8,TRN,WRAP,0>"},
        "ReuseFactor": 1,
    },
    "Dense": {"ReuseFactor": 20, "Strategy": "Latency", "Precision": {"default": "ap_fixed<18,8>", "accum": "auto"}},
    "dense_linear": {"Precision": {"result": "auto"}},
}
MODEL = {"Precision": {"default": "fixed<14,5>", "maximum": "fixed<20,8>"}, "ReuseFactor": 6, "Strategy": "Resource"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(content: Any) -> Path:
        path = tmp_path / "hls4ml_config.yml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    return make


@pytest.mark.parametrize("whole", [True, False])
def test_it_says_what_options_say(write: Callable[..., Path], whole: bool) -> None:
    config = {"Model": MODEL, "LayerName": LAYERS}
    path = write({"Backend": "Vitis", "HLSConfig": config} if whole else config)
    options, left = read_config(path)
    assert options == ({"backend": "vitis"} if whole else {}) | {
        "reuse_factor": "6,conv1=27,relu1=1,Dense=20",
        "strategy": "resource,Dense=latency",
        "precision": "ap_fixed<14,5>,image.result=ap_fixed<12,4>,conv1.result=auto,"
        "conv1.weight=ap_fixed<8,2,AP_RND,AP_SAT>,conv1.bias=ap_fixed<9,3>,conv1.accum=auto,"
        "relu1.result=ap_ufixed<7,3,AP_RND,AP_SAT>,Dense.default=ap_fixed<18,8>,Dense.accum=auto,dense_linear.result=auto",
    }
    assert left == {"*.Precision.maximum": "fixed<20,8>"}


def test_the_design_is_as_it_says(
    write: Callable[..., Path], tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]]
) -> None:
    job = job_of(tiny, config=str(write({"Model": MODEL, "LayerName": LAYERS})))
    assert refusals(job) == ()
    design, types = design_of(job), lower(job)
    assert design.reuse == {"conv1": 27, "conv2": 6, "shortcut": 6, "dense": 20} and design.unrolled == {"dense"}
    assert types.input.type.name == "ap_fixed<12,4>"
    assert types.type_of("relu1").name == "ap_ufixed<7,3,AP_RND,AP_SAT>"
    first = types.layers["conv1"]
    assert first.kernel and (first.kernel.width, first.kernel.integer) == (8, 2)
    assert first.accumulator and first.accumulator.fraction >= 8 + 6, "wide enough for the given types"
    assert types.type_of("conv2").width == 14


def test_an_explicit_option_wins(write: Callable[..., Path]) -> None:
    path = str(write({"Model": MODEL, "LayerName": LAYERS}))
    options = Hls4mlOptions(config=path, reuse_factor="64", precision="ap_fixed<16,7>")
    assert (options.reuse_factor, options.precision) == ("64", "ap_fixed<16,7>")
    assert options.strategy == "resource,Dense=latency"
    assert options.config == "not taken: *.Precision.maximum fixed<20,8>", "what no option says is kept"


@pytest.mark.parametrize(
    ("layers", "culprit", "nearest"),
    [
        ({"conv3": {"ReuseFactor": 3}}, "--reuse-factor", "conv1"),
        ({"convX": {"Precision": {"result": "ap_fixed<8,3>"}}}, "--precision", "conv2"),
        (
            {"conv1": {"Precision": {"weight": "ap_fixed<16,6>", "accum": "ap_fixed<16,6>"}}},
            "--precision",
            "conv1.accum=auto",
        ),
    ],
)
def test_a_config_for_other_layers_is_refused(
    write: Callable[..., Path],
    tiny: Network,
    job_of: Callable[..., Job[Hls4mlOptions]],
    layers: dict[str, Any],
    culprit: str,
    nearest: str,
) -> None:
    refusal = refusals(job_of(tiny, config=str(write({"LayerName": layers}))))[0]
    assert refusal.culprit == culprit and nearest in refusal.nearest


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("", "no settings"),
        ("[1, 2", "YAML"),
        ("a: !!python/object/apply:os.system ['true']", "YAML"),
        ({"Backend": "Vitis"}, "neither Model, LayerType nor LayerName"),
        ({"Model": MODEL, "LayerType": {"Dense": {"ReuseFactor": "two"}}}, "two"),
        ({"Model": MODEL, "LayerName": {"dense": {"Implementation": "argmax"}}}, "Implementation argmax"),
        ({"Model": MODEL, "LayerName": {"dense": {"Strategy": "Resource_Unrolled"}}}, "no strategy that this flow"),
        ({"Model": {"Precision": "ap_fixed<0,3>"}}, "of 0 bits"),
        ({"Model": MODEL, "LayerName": {7: {"ReuseFactor": 2}}}, "the name 7 is no text"),
        ({"LayerName": {"conv1": {"ConvImplementation": "Encoded"}}}, "conv1 asks for ConvImplementation Encoded"),
        ({"LayerName": {"conv1": {"Precision": {"result": "float"}}}}, "'float'"),
        ({"Model": {"ReuseFactor": "many"}}, "'many'"),
        ({"Model": {"Strategy": "Unrolled"}}, "unrolled"),
        ({"LayerName": {"conv1": {"ReuseFactor": 3}, "Conv1": {"ReuseFactor": 9}}}, "conv1 and Conv1 are one"),
        ({"Model": {"Strategy": "RESOURCE"}}, "write Resource"),
        ({"LayerName": ["conv1"]}, "LayerName is a list"),
    ],
)
def test_what_is_no_config_is_refused(write: Callable[..., Path], content: Any, fact: str) -> None:
    path = write(content)
    with pytest.raises(InputError, match=fact) as caught:
        Hls4mlOptions(config=str(path))
    assert str(path) in str(caught.value)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["ap_fixed<16,6>", "ap_int<4>", "ap_fixed<900,6>", "ap_fixed<1,900>", "auto", "Resource", "io_parallel"]
    ),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3))
KEYS = ("Precision", "ReuseFactor", "Strategy", "Skip", "Trace", "Implementation", "StreamDepth")
PRECISION = st.dictionaries(st.sampled_from(["default", "weight", "bias", "accum", "result", "table", "x"]), SCALARS)
SECTION = st.dictionaries(st.sampled_from(KEYS), VALUES | PRECISION, max_size=4) | VALUES
PLACES = st.sampled_from(
    ["conv1", "dense", "Dense", "image", "relu1", "softmax", "no such", "a,b=c.d<e>", "conv1_linear"]
)
TABLES = st.dictionaries(PLACES | SCALARS, SECTION, max_size=3) | VALUES
WHOLE = st.fixed_dictionaries(
    {},
    optional={
        "Model": SECTION,
        "LayerName": TABLES,
        "LayerType": TABLES,
        "Backend": SCALARS,
        "IOType": SCALARS,
        "Part": VALUES,
    },
)


@given(content=WHOLE, wrapped=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_a_config_leads_to_anything_but_a_refusal(
    write: Callable[..., Path], tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], content: Any, wrapped: bool
) -> None:
    path = write({"HLSConfig": content, "Backend": "Vitis"} if wrapped else content)
    try:
        job = job_of(tiny, config=str(path))
    except InputError as error:
        assert printable(str(error)) == str(error)
        return
    refused = refusals(job)
    assert all(refusal.fact and refusal.nearest for refusal in refused)
    if not refused:
        assert all(printable(text) == text for text in said(job))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.yml"):
        Hls4mlOptions(config="nowhere.yml")
