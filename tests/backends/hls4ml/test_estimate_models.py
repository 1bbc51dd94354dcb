"""The models: what must hold for any layer, and cases worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cost.amounts import Amount, exact
from backends.dataflow.buffers import Buffer
from backends.hls4ml import counts, resources
from backends.hls4ml.design import chosen_by
from backends.hls4ml.schedule import PACES, blocks, slowest, stages
from models.layers import Conv2D, Padding
from models.network import INPUT, Network

TOOLS = ("vitis", "vivado")


def convolution(padding: Padding = "valid", size: int = 6, kernel: int = 3, stride: int = 1) -> Network:
    layer = Conv2D("conv", (INPUT,), (kernel, kernel), (stride, stride), padding, 4)
    return Network("one", (size, size, 2), (layer,))


@pytest.mark.parametrize(
    ("depth", "channels", "bits", "expected"),
    [(16, 4, 15, 0), (16, 4, 16, 4), (1024, 1, 18, 1), (1025, 1, 18, 2), (2, 64, 40, 0), (300, 28, 16, 25)],
)
def test_fifos_of_vitis(depth: int, channels: int, bits: int, expected: int) -> None:
    bits *= channels
    assert Buffer("", "", depth, bits, chosen_by("vitis", depth, bits)).bram18 == expected


def test_fifos_of_vivado_are_one_a_channel() -> None:
    assert Buffer("", "", 33, 16, chosen_by("vivado", 33, 16), 7).bram18 == 7
    assert Buffer("", "", 32, 16, chosen_by("vivado", 32, 16), 7).bram18 == 0


def test_weights_are_stored_side_by_side() -> None:
    assert resources.weight_bram("vitis", (512, 9), 16, 512).value == 4
    assert resources.weight_bram("vitis", (513, 9), 16, 513).value == 8
    assert resources.weight_bram("vivado", (144, 16), 16, 144).value == 7  # 4 of 256 bits in LUTs
    unsure = resources.weight_bram("vivado", (512, 5), 9, 512)
    assert (unsure.low, unsure.value, unsure.high) == (1, 2, 2)
    assert resources.weight_bram("vivado", (8, 1), 3, 8).value == 0  # so few bits stay in LUTs
    assert (
        resources.weight_bram("vitis", (50, 1), 6, 50).low == 0 < resources.weight_bram("vitis", (50, 1), 6, 50).value
    )


@pytest.mark.parametrize(
    ("size", "weight", "factor", "counted"),
    [((27, 32), 8, 864, 2), ((288, 32), 8, 9216, 10), ((2048, 10), 8, 20480, 74), ((32, 16), 16, 512, 1)],
)
def test_one_multiplier_reads_deep_memories_and_a_table(
    size: tuple[int, int], weight: int, factor: int, counted: int
) -> None:
    """csynth's reports of fastmachinelearning/hls4ml-live-demo and Alezander9/ML_FPGAonPixel: the table of result
    numbers beside the weights, which a loop fills beyond a reuse factor of 16,384."""
    assert resources.weight_bram("vivado", size, weight, factor).value == counted


def test_narrow_products_may_leave_the_dsp() -> None:
    assert resources.multiplier_dsp(10, 16, 16) == exact(10, "multipliers", resources.multiplier_dsp(10, 16, 16).source)
    assert resources.multiplier_dsp(10, 8, 6).low == 5
    assert resources.multiplier_dsp(10, 26, 16).value == 20


@pytest.mark.parametrize("tool", TOOLS)
@given(n_in=st.integers(1, 600), n_out=st.integers(1, 64), count=st.integers(1, 300), bits=st.integers(2, 24))
def test_more_multipliers_or_inputs_never_cost_less(tool: str, n_in: int, n_out: int, count: int, bits: int) -> None:
    def amount(metric: str, n_in: int, count: int) -> Amount:
        features = counts.multiply_accumulate((n_in, n_out), count, (bits, 2 * bits), bits, (3, 3, 2))
        return resources.fitted(tool, "mac", metric, features)

    for metric in ("lut", "ff"):
        result = amount(metric, n_in, count)
        assert 0 < result.low < result.value < result.high
        assert result.value <= amount(metric, n_in + 1, count).value
        assert result.value <= amount(metric, n_in, count + 1).value


def test_a_model_without_rows_of_the_tool_names_the_other() -> None:
    assert "Vivado" in resources.fitted("vitis", "block", "lut", {"one": 1.0}).source


def test_a_model_of_one_tool_does_not_serve_the_other() -> None:
    mine = {key: model for key, model in resources.shipped().items() if key[0] == "vivado"}
    with pytest.raises(resources.NoRows, match="mac"):
        resources.fitted("vitis", "mac", "lut", counts.multiply_accumulate((9, 4), 4, (16, 36), 16, None), mine)


def test_the_turns_of_a_loop_are_certain() -> None:
    """Only the cycles beside them have an interval."""
    amount = resources.fitted("vitis", "convolution", "cycles", {"turns": 1e6, "tokens": 10.0, "one": 1.0})
    assert 1e6 < amount.low < amount.value == 1e6 + 51 < amount.high < 1e6 + 4 * 51


@pytest.mark.parametrize("tool", TOOLS)
def test_the_schedule_and_the_model_of_cycles_agree(tool: str) -> None:
    """csynth's worst case of a convolution, by the schedule of the product and by the model fitted to rows."""
    network = convolution(size=20, kernel=3)
    (worst,) = stages(network, blocks(network, network.layers), {"conv": 18}, slowest(tool), unrolled=())
    model = resources.fitted(tool, "convolution", "cycles", {"turns": 400 * 18.0, "tokens": 400.0, "one": 1.0})
    assert worst.busy + worst.delay == pytest.approx(model.value, rel=0.005)


@given(products=st.integers(1, 10**6), data=st.integers(2, 32), weight=st.integers(2, 32))
def test_constants_take_between_no_dsp_and_one_a_product(products: int, data: int, weight: int) -> None:
    amount = resources.constant_dsp(products, data, weight)
    assert 0 <= amount.low <= amount.value < amount.high == products
    assert (amount.value == 0) == (max(data, weight) <= 8)


def test_a_reuse_factor_shares_the_products_of_the_latency_strategy() -> None:
    assert resources.shared_dsp((32, 64), 16, 16, 16).value == 128
    assert resources.shared_dsp((9, 4), 16, 16, 16).value == 3
    assert resources.shared_dsp((9, 4), 16, 8, 8).low == 0


def test_a_7_series_part_is_in_more_haste_at_the_same_clock() -> None:
    assert counts.haste("xczu7ev-ffvc1156-2-e", 5.0) == 1
    assert counts.haste("xc7z020clg400-1", 12.0) == pytest.approx(1)
    held, free = (counts.per_channel(4, 9, haste=haste)["held_channels"] for haste in (1.2, 1.0))
    assert (held, free) == (4, 0)


@pytest.mark.parametrize(("tool", "kernel", "cycles"), [("vitis", 3, 3), ("vitis", 7, 5), ("vivado", 3, 1)])
def test_a_pixel_of_an_unrolled_convolution_calls_its_window(tool: str, kernel: int, cycles: int) -> None:
    network = convolution(size=9, kernel=kernel)
    (stage,) = stages(network, blocks(network, network.layers), {"conv": 1}, PACES[tool], unrolled=("conv",))
    assert stage.busy == 81 * cycles


@pytest.mark.parametrize("kernel,stride", [(3, 1), (5, 2), (1, 1)])
def test_every_pixel_is_stored_and_every_window_put(kernel: int, stride: int) -> None:
    network = convolution(size=9, kernel=kernel, stride=stride)
    design = blocks(network, network.layers)
    (stage,) = stages(network, design, {"conv": 7}, PACES["vitis"], unrolled=())
    puts = ((9 - kernel) // stride + 1) ** 2
    assert stage.tokens == puts
    assert stage.busy == puts * (7 + 5) + (81 - puts) * 4
    (worst,) = stages(network, design, {"conv": 7}, slowest("vitis"), unrolled=())
    assert worst.busy + worst.delay == 81 * (7 + 5) + 1


def test_same_padding_is_a_block_of_its_own() -> None:
    network = convolution("same")
    padding, conv = blocks(network, network.layers)
    assert (padding.shape, conv.taken, conv.readers) == ((8, 8, 2), (8, 8, 2), 0)
    stage = stages(network, (padding, conv), {"conv": 6}, PACES["vivado"], unrolled=())[0]
    assert (stage.tokens, sum(run.repeats for run in stage.pattern if run.takes)) == (64, 36)
