"""The fast evaluation equals the oracle, code for code, on random networks in random arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from flows.core.errors import RefusedError
from models.evaluation import oracle
from models.fixed import FixedType, Overflow, Rounding
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    GroupedConv2D,
    LeakyReLU,
    MaxPool2D,
    Padding,
    ReLU,
    Softmax,
)
from models.network import INPUT, Network
from models.pixels import scaled
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables

torch = pytest.importorskip("torch")
from models.evaluation.entry import Entry  # noqa: E402
from models.evaluation.fast import FastNetwork, _Products  # noqa: E402


@pytest.fixture(autouse=True)
def two_threads(own_torch: None) -> None:
    """As the workers: with them oneDNN takes other ways through a convolution, and wrong ones (see below)."""
    torch.set_num_threads(2)


@st.composite
def types(draw: st.DrawFn, widest: int = 18) -> FixedType:
    width = draw(st.integers(2, widest))
    integer = draw(st.integers(-2, width + 2))
    modes = draw(st.sampled_from(Rounding)), draw(st.sampled_from(Overflow))
    return FixedType(width, integer, draw(st.booleans()), *modes)


@given(
    entered=types(widest=50),
    fraction=st.integers(-3, 20),
    numbers=st.lists(st.integers(-(2**26), 2**26), min_size=1, max_size=20),
    wide=st.booleans(),
)
@settings(max_examples=400)
def test_tensors_enter_types_as_single_numbers_do(
    entered: FixedType, fraction: int, numbers: list[int], wide: bool
) -> None:
    numbers = numbers if wide else [number % 2**20 - 2**19 for number in numbers]
    entry = Entry(fraction, max(map(abs, numbers)), entered)
    floats = torch.tensor(numbers, dtype=torch.float64 if wide else torch.float32)
    expected = [entered.enter(number / Fraction(2) ** fraction) for number in numbers]
    assert entry(floats).double().tolist() == expected
    assert max(map(abs, expected)) <= entry.result


@st.composite
def windows(draw: st.DrawFn, name: str, source: str, filters: int) -> Conv2D:
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    around = (st.integers(0, kernel[0] - 1),) * 2 + (st.integers(0, kernel[1] - 1),) * 2
    automatic: st.SearchStrategy[Padding] = st.sampled_from(("same", "valid"))
    padding = draw(automatic | st.tuples(*around))
    return Conv2D(name, (source,), kernel, strides, padding, filters)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A branching network of every kind of layer, with odd sizes, strides and paddings."""
    filters = draw(st.integers(1, 3))
    first = draw(windows("first", INPUT, filters))
    second = Conv2D("second", (INPUT,), first.kernel, first.strides, first.padding, filters)
    pool = MaxPool2D("pool", ("add",), (2, 1), draw(st.sampled_from(((1, 1), (2, 2)))), "same")
    tail = draw(st.sampled_from((GlobalAveragePool, Flatten)))("tail", ("pool",))
    layers = (first, ReLU("relu", ("first",)), second, Add("add", ("relu", "second")), pool, tail)
    size = draw(st.tuples(st.integers(3, 6), st.integers(3, 6)))
    end = (Dense("dense", ("tail",), draw(st.integers(1, 5))), Softmax("softmax", ("dense",)))
    return Network("random", (*size, draw(st.integers(1, 2))), (*layers, *end))


@st.composite
def networks_in_groups(draw: st.DrawFn) -> Network:
    """Branches of grouped convolutions, averages of windows and activations with ends and slopes, side by side."""
    groups, each, filters = draw(st.integers(2, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    plain = draw(windows("plain", INPUT, groups * each))
    settings = {name: getattr(plain, name) for name in ("kernel", "strides", "padding")}
    grouped = GroupedConv2D("grouped", (INPUT,), filters=groups * filters, groups=groups, **settings)
    average = AveragePool2D("average", ("grouped",), (2, 2), draw(st.sampled_from(((1, 1), (2, 2)))), "same")
    ends = sorted(draw(st.tuples(st.floats(-4, 4, width=32), st.floats(-4, 4, width=32))))
    clip = Clip("clip", ("average",), ends[0], ends[1] + 0.5)
    leaky = LeakyReLU("leaky", ("average",), draw(st.floats(1 / 64, 0.875, width=32)))
    layers = (grouped, average, clip, leaky, Concat("concat", ("clip", "leaky")), GlobalAveragePool("gap", ("concat",)))
    size = draw(st.tuples(st.integers(3, 6), st.integers(3, 6)))
    return Network("groups", (*size, groups * each), layers)


@st.composite
def accumulators(draw: st.DrawFn, fraction: int) -> FixedType:
    width = draw(st.sampled_from((6, 12, 20, 48)))
    return FixedType(width, width - fraction - draw(st.integers(0, 2)))


@st.composite
def designs(draw: st.DrawFn) -> QuantisedNetwork:
    network = draw(networks() | networks_in_groups())
    arithmetic: dict[str, Arithmetic] = {}
    entry = draw(types())
    type_s = {INPUT: entry}
    for layer in network.layers:
        source, output = type_s[layer.inputs[0]], draw(types())
        match layer:
            case Conv2D() | GroupedConv2D() | Dense():
                kernel, bias = draw(types()), draw(types())
                needed = max(source.fraction + kernel.fraction, bias.fraction)
                arithmetic[layer.name] = Arithmetic(output, kernel, bias, draw(accumulators(needed)))
            case LeakyReLU():
                arithmetic[layer.name] = Arithmetic(output, slope=FixedType(8, draw(st.integers(0, 2)), signed=False))
            case GlobalAveragePool() | AveragePool2D():
                arithmetic[layer.name] = Arithmetic(output, accumulator=draw(accumulators(source.fraction - 1)))
            case Flatten():
                arithmetic[layer.name] = Arithmetic(source)
            case Softmax():
                tables = SoftmaxTables(2 ** draw(st.integers(1, 8)), *(draw(types()) for _ in range(5)))
                arithmetic[layer.name] = Arithmetic(output, softmax=tables)
            case _:
                arithmetic[layer.name] = Arithmetic(output)
        type_s[layer.name] = arithmetic[layer.name].output
    return QuantisedNetwork(network, "none", InputContract(entry), arithmetic)


@given(design=designs(), seed=st.integers(0, 2**32 - 1), scale=st.sampled_from((0.05, 1.0, 20.0)))
@settings(max_examples=75)
def test_fast_equals_oracle(design: QuantisedNetwork, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    shapes = dict(design.network.weight_shapes())
    weights = {name: (scale * random.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    images = random.integers(0, 256, (3, *design.network.input_shape), np.uint8)
    try:
        tensors = FastNetwork(design, weights)(images)
    except RefusedError:  # types so far apart that sums pass 2**53
        reject()
    for index, image in enumerate(images):
        for name, codes in oracle.evaluate(design, weights, image).items():
            assert np.array_equal(tensors[name][index].movedim(0, -1).long().numpy(), codes), name


def one_convolution(kernel: FixedType, output: FixedType, channels: int = 3) -> QuantisedNetwork:
    pixels = FixedType(16, 1, signed=False)
    network = Network("one", (4, 4, channels), (Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 2),))
    types = Arithmetic(output, kernel, kernel, FixedType(60, 60 - pixels.fraction - kernel.fraction))
    return QuantisedNetwork(network, "none", InputContract(pixels), {"conv": types})


@pytest.mark.parametrize(("bits", "single"), [(3, True), (8, True), (16, False), (24, False), (30, False)])
def test_sums_are_exact_in_single_in_halves_and_in_double(bits: int, single: bool) -> None:
    """The largest sums that the types allow, at each precision that the fast evaluation may choose."""
    design = one_convolution(FixedType(bits, 1), FixedType(50, 10))
    highest = np.nextafter(np.float32(1), np.float32(0))
    weights = {"conv/kernel": np.full((3, 3, 3, 2), highest), "conv/bias": np.full(2, -highest)}
    image = np.full((1, 4, 4, 3), 255, np.uint8)
    image[0, 1, 1] = 7
    network = FastNetwork(design, weights)
    (convolution,) = network._layers.values()
    assert isinstance(convolution, _Products)
    assert (convolution.precision is torch.float32) == single
    (codes,) = network(image)["conv"]
    assert np.array_equal(codes.movedim(0, -1).long().numpy(), oracle.evaluate(design, weights, image[0])["conv"])


def test_sums_beyond_double_precision_are_refused_by_layer() -> None:
    weights = {"conv/kernel": np.ones((3, 3, 3, 2), np.float32), "conv/bias": np.ones(2, np.float32)}
    with pytest.raises(RefusedError, match="layer conv") as refusal:
        FastNetwork(one_convolution(FixedType(40, 2), FixedType(16, 6)), weights)
    assert "2**53" in str(refusal.value)


def test_a_convolution_by_hand() -> None:
    """1x1 image, 3x3 'same' kernel: only its centre counts. 0.5 * 1.25 + 0.25 = 0.875 = 14 / 16."""
    network = Network("hand", (1, 1, 1), (Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 1),))
    kernel = np.full((3, 3, 1, 1), 3, np.float32)
    kernel[1, 1] = 1.25
    types = Arithmetic(FixedType(8, 4), FixedType(8, 4), FixedType(8, 4), FixedType(24, 12))
    contract = InputContract(FixedType(8, 4), scaled(Fraction(1, 256)))
    design = QuantisedNetwork(network, "none", contract, {"conv": types})
    weights = {"conv/kernel": kernel, "conv/bias": np.array([0.25], np.float32)}
    assert oracle.evaluate(design, weights, np.array([[[128]]], np.uint8))["conv"].tolist() == [[[14]]]


def test_an_average_is_truncated_towards_zero_before_it_is_rounded() -> None:
    network = Network("hand", (1, 2, 1), (GlobalAveragePool("gap", (INPUT,)),))
    entry = FixedType(8, 8)
    contract = InputContract(entry, scaled(Fraction(-1)))
    design = QuantisedNetwork(network, "none", contract, {"gap": Arithmetic(entry, accumulator=FixedType(12, 12))})
    assert oracle.evaluate(design, {}, np.array([[[2], [5]]], np.uint8))["gap"].tolist() == [-3]


def test_one_channel_to_one_column() -> None:
    """Where oneDNN 3.12 convolves wrongly in single precision, on two threads, channels last."""
    network = Network("thin", (3, 4, 1), (Conv2D("conv", (INPUT,), (2, 3), (1, 2), "valid", 1),))
    small, contract = FixedType(12, 4), InputContract(FixedType(8, 2))
    design = QuantisedNetwork(network, "none", contract, {"conv": Arithmetic(small, small, small, FixedType(40, 26))})
    kernel = np.array([[0, 1.5, 0], [0, 1.5, 0]], np.float32).reshape(2, 3, 1, 1)
    weights = {"conv/kernel": kernel, "conv/bias": np.zeros(1, np.float32)}
    images = np.arange(36, dtype=np.uint8).reshape(3, 3, 4, 1) * 7
    tensors = FastNetwork(design, weights)(images)["conv"]
    for image, codes in zip(images, tensors, strict=True):
        assert np.array_equal(codes.movedim(0, -1).long().numpy(), oracle.evaluate(design, weights, image)["conv"])
