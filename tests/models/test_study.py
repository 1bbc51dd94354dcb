"""Studies: formats by name, numbers that enter them, paired tests, sizes, and the arithmetic of one width."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.core.errors import InputError, UsageError
from flows.core.study import Scope
from models.cifar10 import RECORD_BYTES, read_batch
from models.fixed import FixedType, Overflow, Rounding
from models.folding import folded
from models.formats import FLOAT, parse_format, parse_formats, stored_type
from models.layers import Add, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.published import PUBLISHED_ACCURACY, PUBLISHED_FORMATS
from models.ranges import Ranges
from models.serial import network_to_json, quantised_to_json
from models.study import accuracy, classified, disagreements, mcnemar, pair, size_bytes
from models.study_arithmetic import at_one_width, weight_types
from models.weights import save_weights
from models.zoo import ARCH8, NETWORKS

torch = pytest.importorskip("torch")
from models.evaluation import classes, oracle  # noqa: E402
from models.training.torch_network import TorchNetwork, as_input, reach  # noqa: E402

NETWORK = Network(
    "small",
    (32, 32, 3),
    (
        Conv2D("conv", (INPUT,), (3, 3), (2, 2), "same", 4),
        ReLU("relu", ("conv",)),
        Conv2D("shortcut", (INPUT,), (1, 1), (2, 2), "same", 4),
        Add("add", ("relu", "shortcut")),
        MaxPool2D("pool", ("add",), (4, 4), (4, 4), "valid"),
        Flatten("flatten", ("pool",)),
        Dense("dense", ("flatten",), 10),
        Softmax("softmax", ("dense",)),
    ),
)


@given(integer=st.integers(1, 20), fraction=st.integers(0, 28))
def test_q_counts_the_sign_and_saturates(integer: int, fraction: int) -> None:
    report = parse_format(f"q{integer}.{fraction}")
    assert report.name == f"Q{integer}.{fraction}" and report.type
    assert (report.type.width, report.type.fraction, report.type.signed) == (integer + fraction, fraction, True)
    top = Fraction(2) ** (integer - 1)
    assert report.type.value(report.type.enter(Fraction(10**9))) == top - Fraction(2) ** -fraction
    assert report.type.value(report.type.enter(Fraction(-(10**9)))) == -top


def test_formats_are_split_at_commas_outside_brackets() -> None:
    names = [parse_format.name for parse_format in parse_formats("ap_fixed<8,3,AP_RND,AP_SAT>, int8,Q1.7,int8")]
    assert names == [FLOAT, "ap_fixed<8,3,AP_RND,AP_SAT>", "int8", "Q1.7"]


@pytest.mark.parametrize(
    "text", ["Q0.7", "Q1", "int", "int0", "int99", "Q30.30", "float64", "ap_fixed<8>", "", "Q-1.3"]
)
def test_what_is_no_format_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_formats(f"float32,{text}")
    assert repr(text) in str(caught.value) and "int8" in str(caught.value)


@given(bits=st.integers(2, 24), ends=st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2))
def test_a_stored_type_is_the_finest_that_reaches(bits: int, ends: tuple[float, float]) -> None:
    low, high = min(ends), max(ends)
    magnitude = Fraction(max(abs(low), abs(high)))
    stored = stored_type(bits, low, high)
    assert stored.signed == (low < 0) and stored.width == bits
    limit = Fraction(2) ** (stored.integer - stored.signed)
    assert magnitude <= limit and (magnitude == 0 or magnitude * 2 > limit)


singles = st.floats(-64, 64, width=32) | st.floats(-(2.0**-20), 2.0**-20, width=32)


@given(
    values=st.lists(singles | st.integers(-256, 256).map(lambda n: n / 16), min_size=1, max_size=30),
    type=st.builds(
        FixedType, st.integers(2, 24), st.integers(-2, 9), st.booleans(), st.sampled_from(Rounding),
        st.sampled_from(Overflow),
    ),
)  # fmt: skip
@settings(max_examples=300)
def test_weights_enter_formats_as_single_numbers_do(values: list[float], type: FixedType) -> None:
    tensor = np.array(values, np.float32)
    numbers, outside = classes.quantised_tensor(tensor, type)
    exact = [Fraction(float(value)) for value in tensor]
    assert [Fraction(float(number)) for number in numbers] == [type.value(type.enter(value)) for value in exact]
    wide = FixedType(64, 64 - type.fraction, rounding=type.rounding)
    low = -type.high if type.signed and type.overflow is Overflow.SAT_SYM else type.low
    assert outside == sum(not low <= wide.enter(value) <= type.high for value in exact)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(first: int, second: int) -> None:
    n = first + second
    as_uneven = [k for k in range(n + 1) if abs(2 * k - n) >= abs(first - second)]
    exact = Fraction(sum(comb(n, k) for k in as_uneven), 2**n)
    assert mcnemar(first, second) == mcnemar(second, first) == pytest.approx(float(exact))


def test_mcnemar_never_says_never() -> None:
    assert 0 < mcnemar(8000, 300) < 1e-300


def test_pairs_classes_and_differences() -> None:
    labels = [*range(10), 3, 3]
    floating = [*range(10), 5, 3]
    other = [*range(9), 1, 3, 5]
    paired = pair(labels, floating, other)
    assert (paired.float_only, paired.other_only, paired.differ) == (2, 1, 3)
    assert accuracy(labels, floating).right == 11
    report = classified("x", labels, other)
    assert report.confusion[9][1] == 1 and report.confusion[3][5] == 1 and report.confusion[3][3] == 2
    assert report.by_class[3].n == 3 and sum(share.right for share in report.by_class) == report.accuracy.right == 10
    assert [(each.image, each.label, each.quantised) for each in disagreements(labels, floating, other)] == [
        (9, "truck", "automobile"), (10, "cat", "cat"), (11, "cat", "dog"),
    ]  # fmt: skip


def test_sizes_are_the_published_ones() -> None:
    sizes = {name: size_bytes(ARCH8, parse_format(name).type, Scope.BIASES) for name in PUBLISHED_FORMATS["arch8"]}
    assert sizes == {"float32": 210_488, "Q1.31": 210_488, "Q1.15": 105_244, "Q1.7": 52_622, "Q1.3": 26_311}
    biases = 28 * 3 + 56 * 3 + 10
    assert size_bytes(ARCH8, parse_format("Q1.7").type, Scope.WEIGHTS) == 52_622 + 3 * biases
    assert set(PUBLISHED_ACCURACY) == set(NETWORKS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of `NETWORK` and a batch of 60 images of noise."""
    home, random = tmp_path_factory.mktemp("study"), np.random.default_rng(5)
    shapes = dict(NETWORK.weight_shapes())
    tensors = {name: (random.standard_normal(shape) / 2).astype(np.float32) for name, shape in shapes.items()}
    save_weights(home / "weights.safetensors", tensors, NETWORK)
    records = random.integers(0, 256, (60, RECORD_BYTES), np.uint8)
    records[:, 0] %= 10
    records.tofile(home / "test_batch.bin")
    return home


def evaluated(home: Path, monkeypatch: pytest.MonkeyPatch, **variants: object) -> dict[str, Any]:
    place = {"network": network_to_json(NETWORK), "weights": "weights.safetensors", "data": "test_batch.bin"}
    monkeypatch.chdir(home)
    with torch.no_grad():  # and back again, after main has turned gradients off
        classes.main({**place, "variants": variants})
    return json.loads((home / "classes.json").read_text())


def test_variants_are_what_they_say(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.numpy import load_file

    tensors, images = load_file(home / "weights.safetensors"), read_batch(home / "test_batch.bin")
    q = FixedType(4, 1, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
    kernels = {name: q.name for name in tensors if name.endswith("/kernel")}
    model = TorchNetwork(NETWORK).load(tensors)
    ranges = Ranges(NETWORK.digest, "", images.digest, len(images), reach(model, images.pixels))
    wide = at_one_width(NETWORK, "", ranges, 20, weight_types(parse_format("int16"), tensors))
    beyond = at_one_width(NETWORK, "", ranges, 32, weight_types(parse_format("Q1.31"), tensors))
    content = evaluated(
        home, monkeypatch, floating={}, rounded={"types": kernels},
        exact={"quantised": quantised_to_json(wide)}, beyond={"quantised": quantised_to_json(beyond)},
    )  # fmt: skip
    assert content["labels"] == images.labels.tolist() and content["images"] == images.digest
    variants = content["variants"]
    with torch.no_grad():
        scores = model.eval()(as_input(images.pixels)).numpy()
        assert variants["floating"] == {"classes": scores.argmax(1).tolist(), "out_of_range": 0}
        by_hand = {
            name: oracle.quantise(tensor, q).astype(np.float32) / 8 if name in kernels else tensor
            for name, tensor in tensors.items()
        }
        rounded = TorchNetwork(NETWORK).load(by_hand).eval()(as_input(images.pixels)).numpy()
    assert variants["rounded"]["classes"] == rounded.argmax(1).tolist()
    assert variants["rounded"]["out_of_range"] == sum(
        int(((np.round(tensors[name] * 8) > 7) | (np.round(tensors[name] * 8) < -8)).sum()) for name in kernels
    )
    first, second = np.sort(scores)[:, -1], np.sort(scores)[:, -2]
    clear = first - second > 0.01
    assert clear.sum() > 50
    assert np.array_equal(np.array(variants["exact"]["classes"])[clear], scores.argmax(1)[clear])
    assert variants["exact"]["out_of_range"] == 0
    assert set(variants["beyond"]) == {"refused"} and "2**53" in variants["beyond"]["refused"]


def test_sums_that_are_not_stored_keep_their_width(home: Path) -> None:
    from safetensors.numpy import load_file

    tensors = load_file(home / "weights.safetensors")
    names = (INPUT, *(layer.name for layer in NETWORK.layers))
    ranges = Ranges(NETWORK.digest, "", "", 1, {name: (-3.0 * (name == "add"), 3.0) for name in names})
    quantised = at_one_width(NETWORK, "", ranges, 8, weight_types(parse_format("Q1.7"), tensors))
    layers = quantised.layers
    assert layers["conv"].output == layers["conv"].accumulator and layers["dense"].output == layers["dense"].accumulator
    assert layers["shortcut"].output == stored_type(8, 0, 3) and layers["add"].output == stored_type(8, -3, 3)
    assert layers["pool"].output == layers["flatten"].output == layers["add"].output
    assert "softmax" not in layers


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_an_arithmetic_of_one_width(name: str) -> None:
    network = folded(NETWORKS[name])
    tensors = dict.fromkeys(network.shapes, (-2.0, 3.0)) | {INPUT: (0.0, 1.0)}
    q = FixedType(8, 1, rounding=Rounding.RND_CONV, overflow=Overflow.SAT)
    types = {tensor: q for tensor, _ in network.weight_shapes()}
    quantised = at_one_width(network, "", Ranges(network.digest, "", "", 1, tensors), 8, types)
    stored = [quantised.type_of(layer.name) for layer in quantised.computed if not isinstance(layer, Conv2D | Dense)]
    assert {each.width for each in stored} == {8} and quantised.network.logits == quantised.output


def test_weights_that_are_not_finite_are_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {name: np.full(shape, np.nan, np.float32) for name, shape in NETWORK.weight_shapes()}
    save_weights(tmp_path / "weights.safetensors", tensors, NETWORK)
    (tmp_path / "test_batch.bin").symlink_to(home / "test_batch.bin")
    with pytest.raises(InputError, match="not finite"):
        evaluated(tmp_path, monkeypatch, floating={})
