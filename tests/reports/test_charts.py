"""Places of pictures, and blocks of waterfalls."""

from hypothesis import given
from hypothesis import strategies as st

from flows.core.evidence import RESOURCES, TOTAL, Metric, Reading, Tier
from reports.charts import CAP, Axis, Point, axis, bar, front, scatter, tags
from reports.comparison import compare
from reports.waterfall import waterfall
from tests.reports.runs import document_of, readings_of, run_of

values = st.lists(st.just(0.0) | st.floats(1e-6, 1e9), min_size=1, max_size=9)


@given(values)
def test_an_axis_has_room_for_its_values_in_order(found: list[float]) -> None:
    result = axis("x", found, 50, 400)
    places = [result.at(value) for value in sorted(found)]
    assert places == sorted(places) and all(50 <= place <= 400 for place in places)
    ticks = result.ticks()
    assert ticks == sorted(ticks) and all(result.low <= tick <= result.high for tick in ticks) and len(ticks) < 16


def test_an_axis_that_grows_upwards_is_turned() -> None:
    assert Axis("y", 0, 10, 300, 0, False).at(10) == 0


def points_of(scores: list[tuple[int, int]]) -> list[Point]:
    (design,) = compare([document_of(run_of())]).designs

    def reading(value: int) -> Reading:
        return Reading(Metric.LUT, value, Tier.MODELLED, "x", "y")

    return [Point(design, reading(x), reading(y)) for x, y in scores]


def test_points_at_one_place_share_a_number() -> None:
    runs = [run_of(flow, readings=readings_of(0.5, fps=fps)) for flow, fps in (("a", 500), ("b", 500), ("c", 100))]
    (decision,) = compare([document_of(*runs)]).decisions
    plot = scatter(decision.designs, Metric.LUT, (430, 300))
    assert plot and sorted(text for _, _, text in tags(plot, decision.designs)) == ["1, 2", "3"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_a_front_is_what_nothing_dominates(scores: list[tuple[int, int]]) -> None:
    points = points_of(scores)
    kept = {(each.x.value, each.y.value) for each in front(points, (-1, 1))}
    for x, y in scores:
        beaten = any(u <= x and v >= y and (u, v) != (x, y) for u, v in scores)
        assert ((x, y) in kept) is not beaten


def test_a_front_holds_one_kind_of_evidence_and_nothing_over() -> None:
    runs = [
        run_of("board", readings=readings_of(fps=100.0, cycles=Tier.MEASURED)),
        run_of("model", readings=readings_of(fps=900.0)),
        run_of("large", readings=readings_of(3.0, fps=9000.0)),
    ]
    plot = scatter(compare([document_of(*runs)]).designs, Metric.ACCURACY, (440, 300))
    assert plot and len(plot.points) == 3
    assert sorted(point.design.label for line in plot.fronts for point in line) == ["board", "model"]
    assert len(plot.fronts) == 2


def test_bars_are_shares_of_the_part() -> None:
    designs = compare([document_of(run_of("a"), run_of("b", readings=readings_of(7.0)))]).designs
    small, large = (bar(design, Metric.LUT, 300.0) for design in designs)
    assert (small.end, small.cut) == (100.0, False) and CAP == 1.5
    assert (large.end, large.cut) == (300.0, True)
    (nothing,) = compare([document_of(run_of(readings=()))]).designs
    assert bar(nothing, Metric.LUT, 300.0).reading is None


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(-5, 50))
def test_resources_add_up_and_what_is_in_no_block_is_shown(costs: list[int], rest: int) -> None:
    readings = [
        Reading(Metric.LUT, cost, Tier.MODELLED, "x", "y", scope=f"layer{place}") for place, cost in enumerate(costs)
    ]
    whole = Reading(Metric.LUT, sum(costs) + rest, Tier.MODELLED, "x", "y")
    result = waterfall([whole, *readings], Metric.LUT)
    value = rest if abs(rest) > (len(costs) + 1) / 2 else 0
    assert result and result.rest == value and [block.reading.value for block in result.blocks] == costs
    assert [block.start for block in result.blocks[1:]] == [block.end for block in result.blocks[:-1]]


def test_a_waterfall_is_of_one_tier_and_names_what_is_unknown() -> None:
    readings = list(readings_of())
    report = Reading(Metric.LUT, 5, Tier.HLS, "x", "a report")
    dma = Reading(Metric.DSP, 0, Tier.MODELLED, "x", "y", "dma")
    result = waterfall([report, *readings, dma], Metric.LUT)
    assert result and result.total is not None and result.total.tier is Tier.MODELLED and result.unknown == ("dma",)
    cycles = waterfall(readings, Metric.INTERVAL_CYCLES)
    assert cycles and {block.start for block in cycles.blocks} == {0.0} and cycles.rest is None
    assert waterfall([reading for reading in readings if reading.scope == TOTAL], RESOURCES[0]) is None
