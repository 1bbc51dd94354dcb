"""Networks of integers and thresholds: the oracle and the fast evaluation agree, in every form that thresholds have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.core.errors import InputError
from models.fixed import FixedType, Overflow, Rounding
from models.integers import GlobalSum, HostScale, Threshold
from models.layers import Add, Conv2D, Dense, Flatten, MaxPool2D
from models.network import INPUT, Network
from models.pixels import RAW
from models.quantised import Arithmetic, InputContract, QuantisedNetwork
from models.serial import quantised_from_json, quantised_to_json
from models.weights import open_weights, save_weights

PIXELS = InputContract(FixedType(8, 8, signed=False), RAW, "design")
KERNEL = FixedType(4, 4, rounding=Rounding.RND_CONV, overflow=Overflow.SAT_SYM)
BIAS, SUMS = FixedType(2, 2), FixedType(20, 20)


def weighted() -> Arithmetic:
    return Arithmetic(SUMS, KERNEL, BIAS, SUMS)


def network(steps: int, low: int) -> Network:
    layers = (
        Threshold("image_quant", (INPUT,), 7, -4),
        Conv2D("conv", ("image_quant",), (3, 3), (1, 1), "same", 3),
        Threshold("quant", ("conv",), steps, low),
        Conv2D("side", ("image_quant",), (1, 1), (1, 1), "valid", 3),
        Threshold("side_quant", ("side",), steps, low),
        Add("add", ("quant", "side_quant")),
        MaxPool2D("pool", ("add",), (2, 2), (2, 2), "valid"),
        Flatten("flat", ("pool",)),
        Dense("dense", ("flat",), 4),
        HostScale("scale", ("dense",)),
    )
    return Network("integers", (4, 6, 3), layers)


def quantised(steps: int, low: int) -> QuantisedNetwork:
    code = FixedType(10, 10)
    wide = FixedType(11, 11)
    layers = {
        "image_quant": Arithmetic(FixedType(3, 3)), "conv": weighted(), "quant": Arithmetic(code), "side": weighted(),
        "side_quant": Arithmetic(code), "add": Arithmetic(wide), "pool": Arithmetic(wide), "flat": Arithmetic(wide),
        "dense": weighted(),
    }  # fmt: skip
    return QuantisedNetwork(network(steps, low), "w" * 16, PIXELS, layers)


def random_weights(net: Network, seed: int, spread: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for name, shape in net.weight_shapes():
        role = name.split("/")[1]
        if role == "kernel":
            tensors[name] = random.integers(-7, 8, shape).astype(np.float32)
        elif role == "thresholds":
            tensors[name] = np.sort(random.normal(0, spread, shape).astype(np.int32), 1)
        elif role == "signs":
            tensors[name] = random.choice([-1.0, 1.0], shape).astype(np.float32)
        else:
            tensors[name] = np.zeros(shape, np.float32)
    return tensors


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(-200, 3), st.integers(0, 2**32), st.sampled_from([0.5, 9.0, 300.0, 1e8]))
def test_oracle_and_fast_evaluation_agree(steps: int, low: int, seed: int, spread: float) -> None:
    pytest.importorskip("torch")
    from models.evaluation.fast import FastNetwork
    from models.evaluation.oracle import evaluate

    design = quantised(steps, low)
    weights = random_weights(design.network, seed, spread)
    image = np.random.default_rng(seed).integers(0, 256, (1, 4, 6, 3)).astype(np.uint8)
    fast = FastNetwork(design, weights)(image)
    for name, codes in evaluate(design, weights, image[0]).items():
        assert np.array_equal(fast[name][0].movedim(0, -1).long().numpy(), codes), name


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 255),
    st.floats(1e-3, 1e6),
    st.floats(-1e6, 1e6),
    st.sampled_from([1, 100, 2**15, 2**20, 2**25]),
    st.integers(0, 2**32),
)
def test_thresholds_on_a_line_are_counted_by_one(
    steps: int, distance: float, start: float, reach: int, seed: int
) -> None:
    """What a quantiser leaves; the line is proved, so that counts are right whether there is one or not."""
    torch = pytest.importorskip("torch")
    from models.evaluation.reached import Reached

    ladder = np.ceil(start + distance * np.arange(steps)).clip(-(2**30), 2**30).astype(np.int32)[None]
    near = np.concatenate([ladder[0], ladder[0] - 1, np.random.default_rng(seed).integers(-reach, reach + 1, 50)])
    values = np.unique(np.concatenate([near, [-reach, reach]]).clip(-reach, reach))
    for sign in (1, -1):
        reached = Reached(-3, ladder, np.array([sign], np.float32), reach)
        tensor = reached(torch.from_numpy(values)[:, None].to(reached.kind))
        assert np.array_equal(tensor[:, 0].numpy(), np.searchsorted(ladder[0], sign * values, side="right") - 3)


def test_a_quantisers_thresholds_need_no_search() -> None:
    pytest.importorskip("torch")
    from models.evaluation.reached import Reached

    random = np.random.default_rng(1)
    for steps in (15, 30, 255):
        distances, starts = random.uniform(3, 900, (56, 1)), random.normal(0, 900, (56, 1))
        ladder = np.ceil(starts + distances * np.arange(steps)).astype(np.int32)
        assert Reached(0, ladder, np.ones(56, np.float32), 60_000).line is not None


def test_a_global_sum_is_exact() -> None:
    pytest.importorskip("torch")
    from models.evaluation.fast import FastNetwork
    from models.evaluation.oracle import evaluate

    net = Network("sum", (4, 6, 3), (GlobalSum("sum", (INPUT,)), HostScale("scale", ("sum",))))
    design = QuantisedNetwork(net, "w" * 16, PIXELS, {"sum": Arithmetic(FixedType(13, 13, signed=False))})
    image = np.full((1, 4, 6, 3), 255, np.uint8)
    assert FastNetwork(design, {})(image)["sum"].tolist() == [[24 * 255] * 3]
    assert evaluate(design, {}, image[0])["sum"].tolist() == [24 * 255] * 3
    assert net.logits == design.output == "sum"


def test_thresholds_that_the_type_does_not_hold_are_refused() -> None:
    layers = {"t": Arithmetic(FixedType(3, 3, signed=False))}
    net = Network("t", (1, 1, 3), (Threshold("t", (INPUT,), 8, 0), HostScale("scale", ("t",))))
    with pytest.raises(ValueError, match="does not hold its codes"):
        QuantisedNetwork(net, "w" * 16, PIXELS, layers)


def test_it_is_written_and_read_back(tmp_path: Path) -> None:
    design = quantised(5, -2)
    assert quantised_from_json(quantised_to_json(design)).digest == design.digest
    weights = random_weights(design.network, 3, 1e9)
    save_weights(tmp_path / "w.safetensors", weights, design.network)
    read = open_weights(tmp_path / "w.safetensors", design.network).tensors()
    assert read["quant/thresholds"].dtype == np.int32
    assert all(np.array_equal(read[name], tensor) for name, tensor in weights.items())
    save_weights(
        tmp_path / "w.safetensors", weights | {"quant/thresholds": np.zeros((3, 5), np.float32)}, design.network
    )
    with pytest.raises(InputError, match="not I32"):
        open_weights(tmp_path / "w.safetensors", design.network)
