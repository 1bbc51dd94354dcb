"""Resource models of FINN's nodes: what the RTL fixes, what is fitted, and how amounts move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backends.cost.amounts import Amount, joined, summed
from backends.dataflow.buffers import SRL
from backends.finn.design.fifos import StreamingFifo, WidthConverter, stored
from backends.finn.design.graph import nodes
from backends.finn.design.nodes import HardwareNode, Integer, MatrixVector, NodeFold, Thresholds, Window
from backends.finn.resources import formulas, hls, models
from backends.finn.resources.formulas import AUTO, BLOCK, DISTRIBUTED, MemoryStyle
from backends.finn.resources.resource_model import ResourceModel
from backends.finn.resources.structure import model_of_link, model_of_node
from flows.core.evidence import RESOURCES, Metric
from models.zoo import ARCH8
from tests.backends.finn.w4a4 import quantised

NODES = nodes(quantised(ARCH8))
MEMORY = MemoryStyle()


def unit(inputs: int = 252, outputs: int = 28, bits: int = 4) -> MatrixVector:
    shapes = (1024, inputs), (1024, outputs)
    return MatrixVector("unit", "layer", ("input",), *shapes, Integer(bits, False), Integer(16, True), inputs, 4, True)


def value(amounts: Sequence[Amount | None]) -> float:
    return the_only(amounts).value


def the_only(amounts: Sequence[Amount | None]) -> Amount:
    (amount,) = amounts
    assert amount
    return amount


@given(some.data())
def test_a_unit_with_more_parallelism_takes_no_less_logic(data: some.DataObject) -> None:
    node = data.draw(some.sampled_from([each for each in NODES if isinstance(each, MatrixVector)]))
    result, other = data.draw(some.sampled_from(node.folds)), data.draw(some.sampled_from(node.folds))
    if result.pe <= other.pe < node.channels and result.simd <= other.simd:
        certain = [models.of_node(node, fold, MEMORY) for fold in (result, other)]
        assert value(certain[0][Metric.FF]) <= value(certain[1][Metric.FF])
        assert value(certain[0][Metric.DSP]) <= value(certain[1][Metric.DSP])


@given(some.sampled_from(NODES), some.data())
def test_every_amount_lies_within_its_bounds(node: HardwareNode, data: some.DataObject) -> None:
    fold = data.draw(some.sampled_from(node.folds))
    memory = data.draw(some.builds(MemoryStyle, weight_style=some.sampled_from([AUTO, BLOCK, "distributed"])))
    by_name = models.of_node(node, fold, memory)
    assert by_name.keys() == {*RESOURCES}
    for amounts in by_name.values():
        amount = the_only(amounts)
        assert 0 <= amount.low <= amount.value <= amount.high


def test_a_long_vector_is_read_again_from_block_ram() -> None:
    """15,680 words of weights take 4 RAMB18 by FINN's formula; the routed unit has 5."""
    long = unit(1568, 10)
    assert value(models.of_node(long, NodeFold(1, 1), MEMORY)[Metric.BRAM18]) == 5
    assert formulas.bram18(long, NodeFold(10, 1), MEMORY) == 6
    whole = value(models.of_node(long, NodeFold(10, 1), MEMORY)[Metric.BRAM18])
    assert whole == 5  # nothing is read again: 2,048 words of 40 bits
    assert value(models.of_node(unit(), NodeFold(1, 9), MEMORY)[Metric.BRAM18]) == 2


def test_few_words_of_weights_may_go_to_luts() -> None:
    """Nine words of 28 x 9 weights are in block RAM; asked for, they are in LUTs."""
    node = unit()
    shallow, deep = (
        the_only(models.of_node(node, fold, MEMORY)[Metric.BRAM18]) for fold in (NodeFold(28, 9), NodeFold(1, 9))
    )
    assert shallow.low == shallow.value == 28
    assert deep.low == deep.value == 2
    asked = models.of_node(node, NodeFold(28, 9), MemoryStyle(weight_style="distributed"))
    assert value(asked[Metric.BRAM18]) == 0
    more = value(asked[Metric.LUT]) - value(models.of_node(node, NodeFold(28, 9), MEMORY)[Metric.LUT])
    assert more == pytest.approx(28 * 9 * 4)  # a LUT for a bit of every word


@pytest.mark.parametrize(
    ("pe", "simd", "inputs", "blocks"),
    [(32, 32, 64, 29), (10, 32, 64, 0), (1, 8, 64, 1), (64, 112, 784, 200), (64, 784, 784, 0)],
)
def test_weights_of_few_bits_are_in_luts(pe: int, simd: int, inputs: int, blocks: int) -> None:
    """Of single bits. Built were 29, 0 (of 10 rows: two words), 1 and 200; the last are one word, which is constant."""
    rows = 10 if pe == 10 else 64
    node = replace(of_hls(1, 1), inputs=inputs, shape=(1, rows), taken=(1, inputs))
    amount = the_only(models.of_node(node, NodeFold(pe, simd), MEMORY)[Metric.BRAM18])
    assert (amount.low, amount.value) == (blocks, blocks)
    asked = models.of_node(node, NodeFold(pe, simd), MemoryStyle(weight_style=BLOCK))
    assert value(asked[Metric.BRAM18]) >= max(blocks, 1)


@pytest.mark.parametrize(
    ("link", "certain_lut", "certain_ff"),
    [
        (StreamingFifo("a", "b", 2, 24, SRL), 24, 48),
        (StreamingFifo("a", "b", 32, 128, SRL), 256, 128 + 5),
        (StreamingFifo("a", "b", 323, 24, SRL), 264 + 48, 24 + 9),
        (StreamingFifo("a", "b", 1024, 24, SRL), 768 + 72, 24 + 10),
        (StreamingFifo("a", "b", 1325, 4, BLOCK), 0, 17 + 44),
        (StreamingFifo("a", "b", 1325, 4, DISTRIBUTED), 32 * 2 * 4, 17 + 44 + 4),
        (WidthConverter("a", "b", 64, 4), 32 + 4, 64 + 8 + 4),
        (WidthConverter("a", "b", 312, 3), 312 + 7, 312 + 6 + 7),
        (WidthConverter("a", "b", 3, 312), 1.5 + 7, 312 + 3 + 7),
    ],
)
def test_what_the_rtl_fixes(link: StreamingFifo | WidthConverter, certain_lut: float, certain_ff: float) -> None:
    assert model_of_link(link, Metric.LUT).certain == certain_lut
    assert model_of_link(link, Metric.FF).certain == certain_ff
    for metric in (Metric.LUT, Metric.FF):
        assert value(models.of_link(link)[metric]) >= model_of_link(link, metric).certain


@pytest.mark.parametrize(
    ("data", "former", "rows"), [(4, False, 4), (6, False, 3), (8, False, 2), (4, True, 4), (8, True, 2)]
)
def test_wider_products_share_a_slice_with_fewer_rows(data: int, former: bool, rows: int) -> None:
    """FINN's formula says four always; open synthesis of its RTL and routed units say this."""
    node = replace(unit(bits=data), former=former)
    assert formulas.dsp(node, NodeFold(4, 3)) == 3
    assert value(models.of_node(node, NodeFold(4, 3), MEMORY)[Metric.DSP]) == ceil(4 / rows) * 3


def test_products_of_an_hls_unit_take_slices_unless_they_are_gates() -> None:
    wide, narrow = (replace(unit(bits=bits), rtl=False) for bits in (2, 1))
    assert [value(models.of_node(each, NodeFold(4, 3), MEMORY)[Metric.DSP]) for each in (wide, narrow)] == [12, 0]
    assert value(models.of_node(replace(wide, of_luts=True), NodeFold(4, 3), MEMORY)[Metric.DSP]) == 0


@pytest.mark.parametrize(
    ("channels", "bits", "result", "blocks"), [(128, 22, 8, 47), (64, 20, 8, 23), (64, 13, 4, 3), (16, 13, 2, 0)]
)
def test_deep_thresholds_are_in_block_ram(channels: int, bits: int, result: int, blocks: int) -> None:
    """The first three are of routed builds: 47, 24 and 3."""
    shape = 1, channels
    node = Thresholds("node", "layer", ("input",), shape, shape, Integer(bits, True), Integer(result, False))
    assert value(models.of_node(node, NodeFold(), MEMORY)[Metric.BRAM18]) == blocks


def test_windows_in_block_ram_take_no_luts_for_their_lines() -> None:
    node = next(each for each in NODES if isinstance(each, Window))
    inside, outside = (
        models.of_node(node, node.folds[0], MemoryStyle(window_style=style)) for style in (DISTRIBUTED, BLOCK)
    )
    assert value(inside[Metric.LUT]) > value(outside[Metric.LUT])
    assert value(inside[Metric.BRAM18]) < value(outside[Metric.BRAM18])


def test_block_ram_of_fifos_is_rounded_up_to_powers_of_two() -> None:
    assert StreamingFifo("a", "b", 2700, 8, BLOCK).bram18 == 2
    assert StreamingFifo("a", "b", 1325, 4, BLOCK).bram18 == 1
    assert StreamingFifo("a", "b", 32, 128, SRL).bram18 == 0


def test_deep_fifos_go_to_block_ram_unless_they_are_narrow() -> None:
    assert [stored(depth, 8, AUTO) for depth in (2, 64, 65)] == [SRL, SRL, BLOCK]
    assert [stored(depth, 4, AUTO) for depth in (257, 258)] == [SRL, BLOCK]
    assert [stored(depth, 8, BLOCK) for depth in (2, 3)] == [SRL, BLOCK]


def test_a_model_without_rows_knows_nothing() -> None:
    model = ResourceModel("matrix", 0, {"one": 1})
    assert models.fitted(model, Metric.LUT, {}) is None
    row = {"coefficients": {"one": 7.0}, "interval_90": 0.0, "rows": 1, "from": "somewhere", "own_interval": False}
    amount = models.fitted(model, Metric.LUT, {("matrix", "lut"): row})
    assert amount and (amount.low, amount.value, amount.high) == (7, 7, 7)
    assert "n = 1" in amount.source and "too few for an interval of its own" in amount.source


def test_a_model_that_is_structure_but_for_a_constant_stands_without_rows() -> None:
    known = {("other", "lut"): {"interval_90": 0.3}, ("least", "lut"): {"interval_90": log(2)}}
    amount = models.fitted(ResourceModel("thresholds", 100, {"one": 1}), Metric.LUT, known)
    assert amount and (amount.value, amount.low, amount.high) == pytest.approx((100, 50, 200)), (
        "as the least sure model"
    )
    assert "no built design" in amount.source
    for model in (ResourceModel("matrix", 100, {"one": 1, "bits": 9}), ResourceModel("thresholds", 0, {"one": 1})):
        assert models.fitted(model, Metric.LUT, known) is None


def of_hls(weight: int, data: int) -> MatrixVector:
    shapes = (1, 784), (1, 64)
    types = Integer(data, False), Integer(1, False)
    return MatrixVector("unit", "layer", ("input",), *shapes, *types, 784, weight, False, sums=10)


def certain(node: HardwareNode, fold: NodeFold, metric: Metric, memory: MemoryStyle = MEMORY) -> float:
    return model_of_node(node, fold, metric, memory).certain


@given(some.sampled_from([1, 2, 4]), some.sampled_from([8, 16, 32]), some.sampled_from([7, 28, 112]))
def test_the_stream_of_weights_has_registers_of_its_own(weight: int, pe: int, simd: int) -> None:
    """Four of a bit by Vitis HLS 2023 and later, two by 2022; one more where its memory is of LUTs."""
    fold, bits = NodeFold(pe, simd), pe * simd * weight
    later, earlier = of_hls(weight, 4), replace(of_hls(weight, 4), of_2022=True)
    padded = -(-bits // 8) * 8
    assert certain(later, fold, Metric.FF) - certain(earlier, fold, Metric.FF) == 2 * padded
    in_luts = MemoryStyle(weight_style="distributed")
    assert certain(later, fold, Metric.FF, in_luts) - certain(later, fold, Metric.FF) == bits
    words = ceil(64 // pe * (784 // simd) / 64)
    assert certain(later, fold, Metric.LUT, in_luts) - certain(later, fold, Metric.LUT) == bits * words


def test_a_unit_of_many_single_bit_weights() -> None:
    """36,711 FFs and 20,066 LUTs were built of 64 x 112; before, 23,857 and 22,467 were predicted."""
    node = replace(of_hls(1, 1), steps=1)
    amounts = models.of_node(node, NodeFold(64, 112), MEMORY)
    assert value(amounts[Metric.FF]) == pytest.approx(36711, rel=0.1)
    assert value(amounts[Metric.LUT]) == pytest.approx(20066, rel=0.1)


def test_a_parallel_window_is_kept_in_registers() -> None:
    """316, 438 and 414 FFs were built."""
    for channels, bits, size, built in ((3, 8, 14, 316), (12, 3, 8, 438), (4, 8, 34, 414)):
        taken, shape = (size, size, channels), (size - 2, size - 2, channels)
        node = Window(
            "w", "l", ("input",), taken, shape, Integer(bits, False), Integer(bits, False), (3, 3), (1, 1), False
        )
        parallel, plain = (NodeFold(simd=channels, parallel=parallel) for parallel in (True, False))
        assert certain(node, parallel, Metric.FF) == (9 + 2) * channels * bits
        number = value(models.of_node(node, parallel, MEMORY)[Metric.FF])
        assert number == pytest.approx(built, rel=0.1)
        assert number > value(models.of_node(node, plain, MEMORY)[Metric.FF])


def test_words_that_do_not_divide_are_converted_by_way_of_a_common_one() -> None:
    """1,165 FFs and 461 LUTs were built from 72 to 54 bits, by way of 216."""
    amounts = models.of_link(WidthConverter("a", "b", 72, 54))
    assert value(amounts[Metric.FF]) == pytest.approx(1165)
    assert value(amounts[Metric.LUT]) == pytest.approx(461)
    divides = models.of_link(WidthConverter("a", "b", 72, 36))
    assert value(divides[Metric.FF]) < value(amounts[Metric.FF]) / 4


def test_words_of_weights_are_whole_bytes() -> None:
    """36 bits take two RAMB18 of an HLS unit, as 40 would; whether the RTL unit's padding is kept is not known."""
    node = replace(unit(inputs=36, outputs=16), rtl=False)
    hls_unit, rtl_unit = (
        the_only(models.of_node(replace(node, rtl=rtl), NodeFold(1, 9), MEMORY)[Metric.BRAM18]) for rtl in (False, True)
    )
    assert (hls_unit.low, hls_unit.value, hls_unit.high) == (1, 2, 2)
    assert (rtl_unit.low, rtl_unit.value, rtl_unit.high) == (1, 1, 2)


def test_thresholds_of_all_pes_share_the_channel() -> None:
    """Per PE, the registers of the value, of the threshold and of the result; the channel's address once."""
    shape = 1, 64
    node = Thresholds("t", "l", ("input",), shape, shape, Integer(14, True), Integer(4, False))
    number, eight = (certain(node, NodeFold(pe), Metric.FF) for pe in (1, 8))
    assert number == 4 * (2 * 14 + 4) + 4 + 4 * (6 + 2) and eight == 8 * (4 * (2 * 14 + 4) + 4) + 4 * (3 + 2)
    same = replace(node, uniform=True)
    assert certain(same, NodeFold(8), Metric.FF) == eight - 8 * 14 - 4 * 3


def test_thresholds_that_are_not_optimised_are_chosen_bit_by_bit() -> None:
    """5,435 LUTs were built of three PEs with 255 thresholds of 8 bits."""
    shape = 1, 3
    node = Thresholds("t", "l", ("input",), shape, shape, Integer(8, False), Integer(8, True), uniform=True, kept=True)
    amounts = models.of_node(node, NodeFold(3), MEMORY)
    assert value(amounts[Metric.LUT]) == pytest.approx(5435, rel=0.1)
    assert value(models.of_node(replace(node, kept=False), NodeFold(3), MEMORY)[Metric.LUT]) < 500


def test_a_dma_engine_grows_with_its_stream_and_with_words_that_do_not_divide() -> None:
    byte, wide, odd = (models.fitted(hls.dma(True, bits, 64, False), Metric.FF) for bits in (8, 896, 112))
    assert byte and wide and odd
    assert byte.value == pytest.approx(1738, rel=0.1) and wide.value == pytest.approx(4305, rel=0.1)
    assert odd.value == pytest.approx(3700, rel=0.15)


def test_a_label_of_many_at_once_takes_more() -> None:
    amount, five = (models.fitted(hls.label_select(bits), Metric.FF) for bits in (7, 35))
    assert amount and five
    assert amount.value == pytest.approx(61, rel=0.1) and five.value == pytest.approx(156, rel=0.1)


@given(some.lists(some.tuples(some.sampled_from(NODES), some.integers(0, 9)), min_size=1, max_size=9))
def test_a_sum_is_as_uncertain_as_the_sums_of_designs(chosen: list[tuple[HardwareNode, int]]) -> None:
    """Whatever the intervals of its nodes; what no build tests keeps its own."""
    parts = [models.of_node(node, node.folds[place % len(node.folds)], MEMORY) for node, place in chosen]
    whole = joined(*map(models.of_sum, parts))
    assert [summed(whole[metric]).value for metric in RESOURCES] == [
        pytest.approx(summed(joined(*parts)[metric]).value) for metric in RESOURCES
    ]
    for metric in (Metric.LUT, Metric.FF):
        tested = [amount for amount in whole[metric] if amount and amount.model == models.TOTAL]
        factor = exp(models.shipped()[models.TOTAL, metric.key]["interval_90"])
        total = summed(tested)
        assert total.low == pytest.approx(total.value / factor)
        assert total.high == pytest.approx(total.value * factor)
        assert {amount.model for amount in whole[metric] if amount and amount not in tested} <= {"matrix"}
    assert whole[Metric.BRAM18] == joined(*parts)[Metric.BRAM18]
