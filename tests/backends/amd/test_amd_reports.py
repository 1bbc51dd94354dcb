"""Readers of vendor reports: rendered with other numbers, columns moved and missing, and read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.amd import cosim, csynth, tables, timing, utilization
from backends.amd.csynth_checks import Cycles, Module
from backends.amd.csynth_values import FIFOS, Csynth
from backends.amd.readings import check, parse, readings
from flows.core.errors import InputError
from flows.core.evidence import Metric, Tier
from flows.core.part import Target, find_part
from tests.backends.amd.conftest import timing_report

Report = Callable[..., str]
Columns = dict[str, int | str]
BY_COLUMN = {"BRAM_18K": Metric.BRAM18, "DSP": Metric.DSP, "DSP48E": Metric.DSP, "FF": Metric.FF, "LUT": Metric.LUT}
counts = st.integers(0, 10**7)
unknown = st.sampled_from(["-", "?", "undef", "N/A"])
cells = st.one_of(counts, unknown)
AREAS = "BRAM_18K", "DSP", "FF", "LUT"


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """The resource columns of a report, and the groups of its cycles, in any order."""
    dsp = draw(st.sampled_from(["DSP", "DSP48E"]))
    names = draw(st.permutations(["BRAM_18K", dsp, "FF", "LUT", "URAM"]))
    kept = [name for name in names if name != "URAM" or draw(st.booleans())]
    return kept, draw(st.permutations(["Latency (cycles)", "Interval"]))


@st.composite
def speeds(draw: st.DrawFn, groups: list[str]) -> Columns:
    """Cycles from the best case to the worst, or unknown."""
    values: Columns = {}
    for group in groups:
        best, worst = sorted(draw(st.tuples(counts, counts)))
        values[f"{group}/min"] = draw(st.one_of(st.just(best), unknown))
        values[f"{group}/max"] = draw(st.one_of(st.just(worst), unknown))
    return values


def expected_area(area: Columns) -> dict[Metric, float]:
    return {BY_COLUMN[name]: value for name, value in area.items() if name in BY_COLUMN and isinstance(value, int)}


def expected_cycles(speed: Columns, group: str) -> Cycles:
    best, worst = (speed[f"{group}/{side}"] for side in ("min", "max"))
    return Cycles(*(float(value) if isinstance(value, int) else None for value in (best, worst)))


@given(st.data(), st.integers(0, 3), st.integers(0, 2))
def test_a_csynth_report_is_read_by_its_column_names(
    report: Report, data: st.DataObject, others: int, blanks: int
) -> None:
    names, groups = data.draw(columns())
    parts = [
        ({name: data.draw(cells) for name in names}, data.draw(speeds(groups))) for _ in range(others)
    ]  # a stage cannot end before it begins, and has no type that ties interval to latency
    modules: dict[str, tuple[Columns, Columns]] = {
        f"conv_config{place}_U0": (area, dict.fromkeys(speed, "?")) for place, (area, speed) in enumerate(parts)
    }
    area: Columns = {
        name: sum(one for part, _ in parts if isinstance(one := part[name], int)) + data.draw(counts) for name in names
    }
    speed = data.draw(speeds(groups))
    parsed = csynth.parse(report("csynth", area, speed, modules, blanks=blanks, pipeline="yes"), "x.rpt")
    assert (parsed.top.name, parsed.part, parsed.tool) == ("toy", "xc7z020-clg400-1", "Vitis HLS 2023.1")
    assert (parsed.clock_ns, parsed.estimated_ns) == (10.0, 7.25)
    for module, (amounts, cycles) in zip(
        (parsed.top, *parsed.modules), [(area, speed), *modules.values()], strict=True
    ):
        assert module.resources == expected_area(amounts)
        assert module.latency == expected_cycles(cycles, "Latency (cycles)")
        assert module.interval == expected_cycles(cycles, "Interval")
    assert [module.name for module in parsed.modules] == list(modules)


def test_cycles_have_other_headings_before_vivado_hls_2019_2(report: Report) -> None:
    """And the log that holds such a report may hold one of a co-simulation behind it."""
    old = {"Latency/min": 7, "Latency/max": 9, "Interval/min": 7, "Interval/max": 9}
    loops = report("grid", ["Loop Name", "Latency/min", "Latency/max"], [{"Loop Name": "a", **old}])
    text = report("csynth", cycles=old, modules={"conv_U0": ({"LUT": 1}, old)}, tool="Vivado", pipeline="no")
    for each in (parse(text + report("cosim"), "x.rpt"), parse(loops + "\n\n" + text, "x.rpt")):
        assert isinstance(each, Csynth)
        for module in (each.top, *each.modules):
            assert (module.latency, module.interval) == (Cycles(7, 9), Cycles(7, 9))


@given(st.sampled_from(["BRAM_18K", "DSP", "FF", "LUT"]), st.sampled_from(["Total", "Instance"]), st.integers(1, 99))
def test_totals_that_are_not_the_sum_of_their_rows_are_refused(report: Report, name: str, row: str, more: int) -> None:
    whole = {"BRAM_18K": 1_041, "DSP": 2_063, "FF": 12_345, "LUT": 23_456}
    text = report("csynth", whole, fifos={"LUT": 1_000})
    (line,) = re.findall(rf"^\|\s+{row}\b.*$", text.split("== Utilization")[1], re.MULTILINE)
    value = whole[name] - (1_000 if (name, row) == ("LUT", "Instance") else 0)
    with pytest.raises(InputError, match="rows above add up"):
        csynth.parse(text.replace(line, line.replace(str(value), str(value + more))), "x.rpt")


def test_instances_that_do_not_add_up_are_refused(report: Report) -> None:
    modules = {name: ({"LUT": 777}, {"Latency (cycles)/max": 5}) for name in ("conv_U0", "dense_U0")}
    text = report("csynth", modules=modules)
    with pytest.raises(InputError, match="1,554 LUT in all, while the rows above add up to 1,555"):
        csynth.parse(text.replace(" 777 ", " 778 ", 1), "x.rpt")


def test_other_tables_with_totals_are_no_summary(report: Report) -> None:
    fifos = report("grid", ["Name", "LUT"], [{"Name": "layer2_out_U", "LUT": 5}, None, {"Name": "Total", "LUT": 5}])
    with pytest.raises(InputError, match="no line of utilisation totals"):
        csynth.parse(report("csynth").split("== Utilization")[0] + fifos, "x.rpt")


@pytest.mark.parametrize("modules", [None, {"conv_U0": ({"LUT": 777}, {})}])
def test_memories_of_vitis_hls_are_no_instances(report: Report, modules: dict[str, tuple[Columns, Columns]]) -> None:
    """Their table has a column Module, and the resources."""
    memory = {"Memory": "line_U", "Module": "line_RAM_AUTO_1R1W", "BRAM_18K": 8, "FF": 0, "LUT": 0, "Words": 2_704}
    text = report("csynth", modules=modules)
    parsed = csynth.parse(f"{text}\n    * Memory:\n{report('grid', list(memory), [memory])}\n", "x.rpt")
    assert parsed == csynth.parse(text, "x.rpt")


@pytest.mark.parametrize(
    ("cycles", "time", "estimated", "period"),
    [
        (11, "61.096 ns", "5.554 ns", 5.554),  # 5.5542 ns
        (1_352, "13.630 us", "10.081 ns", 10.081),
        (280, "38.331 us", "0.137 us", 137),  # 136.9 ns
    ],
)
def test_a_latency_in_time_is_of_the_period_before_it_was_rounded(
    report: Report, cycles: int, time: str, estimated: str, period: float
) -> None:
    speed: Columns = {"Latency (cycles)/min": cycles, "Latency (cycles)/max": cycles}
    speed |= {"Latency (absolute)/min": time, "Latency (absolute)/max": time}
    text = report("csynth", cycles=speed, clock="5.00 ns", estimated=estimated, pipeline="yes")
    assert csynth.parse(text, "x.rpt").estimated_ns == pytest.approx(period)
    with pytest.raises(InputError, match="a latency of"):
        csynth.parse(text.replace(time, f"9{time[1:]}"), "x.rpt")


def test_a_loop_without_a_bound_has_cycles_of_64_bits(report: Report) -> None:
    worst = 71_252_331_726_766_096
    speed: Columns = {"Latency (cycles)/min": 20, "Latency (cycles)/max": worst}
    speed |= {"Interval/min": 21, "Interval/max": worst + 1}
    parsed = csynth.parse(report("csynth", cycles=speed, pipeline="no"), "x.rpt")
    assert parsed.top.latency == Cycles(20, float(worst))


def test_fifos_are_summed_up_as_a_module_of_their_own(report: Report) -> None:
    parsed = csynth.parse(report("csynth", fifos={"BRAM_18K": 12, "LUT": 340}), "x.rpt")
    assert parsed.modules == (Module(FIFOS, {Metric.BRAM18: 12, Metric.LUT: 340}),)


@given(st.data())
def test_a_csynth_report_that_is_cut_off_is_no_report(report: Report, data: st.DataObject) -> None:
    """Wherever it ends before its last table is whole: totals may be missing, or a table is."""
    text = report("csynth", modules={"conv_U0": ({"LUT": 1}, {"Latency (cycles)/max": 2})})
    end = data.draw(st.integers(0, text.index("== Interface") - 3))
    cut = text[:end]
    if cut.rstrip().endswith("+") and cut.count("Total") == 2:
        return  # after a whole table nothing is missing that is read
    try:
        parsed = csynth.parse(cut, "x.rpt")
    except InputError:
        return
    whole = csynth.parse(text, "x.rpt")
    assert parsed.top.resources == whole.top.resources, "cut between tables: what was read is true"


XML = """<profile><ReportVersion><Version>2024.1</Version></ReportVersion>
<UserAssignments><Part>xc7z010-clg400-1</Part><TopModelName>toy</TopModelName>
<TargetClockPeriod>8.00</TargetClockPeriod><FlowTarget>vivado</FlowTarget></UserAssignments>
<PerformanceEstimates><SummaryOfTimingAnalysis><EstimatedClockPeriod>6.5</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>10</Best-caseLatency><Average-caseLatency>?</Average-caseLatency>
<Worst-caseLatency>undef</Worst-caseLatency><Best-caseRealTimeLatency>80.000 ns</Best-caseRealTimeLatency>
<Interval-min>9</Interval-min><Interval-max>20</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><LUT>700</LUT><DSP>3</DSP><FF>-</FF><BRAM_18K>1</BRAM_18K></Resources>
<AvailableResources><LUT>17600</LUT><FF>35200</FF></AvailableResources></AreaEstimates>
<RTLDesignHierarchy><TopModule><ModuleName>toy</ModuleName><InstancesList>
<Instance><InstName>conv_U0</InstName><ModuleName>conv_s</ModuleName>
<InstancesList><Instance><InstName>inner</InstName><ModuleName>relu_s</ModuleName></Instance></InstancesList></Instance>
</InstancesList></TopModule></RTLDesignHierarchy>
<ModuleInformation>
<Module><Name>relu_s</Name></Module>
<Module><Name>conv_s</Name><PerformanceEstimates><SummaryOfOverallLatency><Best-caseLatency>4</Best-caseLatency>
<Average-caseLatency>5</Average-caseLatency>
<Worst-caseLatency>8</Worst-caseLatency><PipelineInitiationInterval>3 ~ 7</PipelineInitiationInterval>
</SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><FF>500</FF><AVAIL_FF>35200</AVAIL_FF><UTIL_FF>1</UTIL_FF><LUT>-</LUT><DSP>-</DSP>
<BRAM_18K>-</BRAM_18K></Resources></AreaEstimates></Module>
</ModuleInformation></profile>
"""


def test_the_xml_form_has_the_modules_directly_below_the_top() -> None:
    report = parse(XML, "csynth.xml")
    assert isinstance(report, Csynth)
    assert (report.tool, report.part, report.clock_ns) == ("Vitis HLS 2024.1", "xc7z010-clg400-1", 8.0)
    expected = {Metric.LUT: 700, Metric.DSP: 3, Metric.BRAM18: 1}
    assert report.top.resources == expected, "FF is unknown: absent, not 0 and not available"
    assert (report.top.latency, report.top.interval) == (Cycles(10, None), Cycles(9, 20))
    (conv,) = report.modules
    assert (conv.name, conv.resources, conv.latency) == ("conv_U0", {Metric.FF: 500}, Cycles(4, 8))
    assert conv.interval == Cycles(3, 7)


@given(st.integers(1, len(XML) - 3))
def test_xml_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(InputError, match=r"report csynth\.xml"):
        parse(XML[:end], "csynth.xml")


def test_xml_with_entities_is_refused_before_it_is_expanded() -> None:
    with pytest.raises(InputError, match="document type"):
        parse('<!DOCTYPE profile [<!ENTITY a "aaaa">]>' + XML, "csynth.xml")


SITES = {Metric.LUT: "LUTs", Metric.FF: "Registers"}


@given(
    st.permutations([Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP]),
    st.integers(1, 4),
    st.lists(counts, min_size=4, max_size=4),
    st.sampled_from(["Slice", "CLB"]),
    st.booleans(),
    st.permutations(["Fixed", "Prohibited", "Available", "Util%"]),
)
def test_a_utilization_report_is_read_with_stars_and_halves(
    report: Report,
    order: list[Metric],
    kept: int,
    values: list[int],
    fabric: str,
    star: bool,
    columns: list[str],
) -> None:
    amounts = dict(zip(order[:kept], values, strict=False))
    used: dict[str, object] = {}
    for metric, value in amounts.items():
        match metric:
            case Metric.BRAM18:
                used["Block RAM Tile"] = f"{value // 2}.5" if value % 2 else value // 2
            case Metric.DSP:
                used["DSPs"] = value
            case _:
                used[f"{fabric} {SITES[metric]}{'*' * star}"] = value
    parsed = utilization.parse(report("utilization", used, columns, below={}), "x.rpt")
    assert parsed.resources == {**dict.fromkeys(order, 0), **amounts}
    assert (parsed.top, parsed.part, parsed.tool, parsed.tier) == (
        "toy",
        "xc7z020clg400-1",
        "Vivado 2023.1",
        Tier.SYNTHESISED,
    )


def test_half_a_tile_is_one_ramb18(report: Report) -> None:
    parsed = utilization.parse(report("utilization", {"Block RAM Tile": "19.5"}), "x.rpt")
    assert parsed.resources[Metric.BRAM18] == 39
    with pytest.raises(InputError, match="come whole"):
        utilization.parse(report("utilization", {"DSPs": "19.5"}), "x.rpt")


SLICES = {"LUT as Logic": 30, "LUT as Memory": 12}


def test_rows_below_a_site_and_its_share_vouch_for_it(report: Report) -> None:
    """One changed digit is seen: the rows below do not add up, or the share is another."""
    whole = report("utilization", {"Slice LUTs*": 42}, below=SLICES)
    assert utilization.parse(whole, "x.rpt").resources[Metric.LUT] == 42
    with pytest.raises(InputError, match=r"42 Slice LUTs, while the rows below add up to 43 \(lines \d+ and \d+\)"):
        utilization.parse(whole.replace(" 12 ", " 13 "), "x.rpt")
    dsp = report("utilization", {"DSPs": 76}, below={})
    with pytest.raises(InputError, match=re.escape("78 of 220 DSPs, but a share of 34.55 %")):
        utilization.parse(dsp.replace(" 76 ", " 78 "), "x.rpt")
    tiles = report("utilization", {"Block RAM Tile": "7.5"}, below={"RAMB36/FIFO*": 5, "RAMB18": 5})
    assert utilization.parse(tiles, "x.rpt").resources[Metric.BRAM18] == 15


@given(st.data())
def test_a_utilization_report_without_its_last_section_is_cut_off(report: Report, data: st.DataObject) -> None:
    text = report("utilization", {"Slice LUTs": 5, "DSPs": 3})
    cut = text[: data.draw(st.integers(text.index("Utilization"), text.rindex("Section") + 3))]
    with pytest.raises(InputError, match=r"report x\.rpt"):
        parse(cut, "x.rpt")


@given(st.lists(counts, min_size=5, max_size=5), st.booleans(), st.sampled_from(["DSP48 Blocks", "DSP Blocks"]))
def test_the_hierarchical_form_has_the_whole_design_in_its_first_row(
    report: Report, values: list[int], shares: bool, dsp: str
) -> None:
    lut, ff, ramb36, ramb18, slices = values
    cells = {"Total LUTs": lut, "FFs": ff, "RAMB36": ramb36, "RAMB18": ramb18, dsp: slices}
    parsed = parse(report("hierarchy", {n: f"{v}(0.25%)" if shares else v for n, v in cells.items()}), "x.rpt")
    assert isinstance(parsed, utilization.Utilization) and parsed.tier is Tier.ROUTED
    expected = {Metric.LUT: lut, Metric.FF: ff, Metric.BRAM18: 2 * ramb36 + ramb18, Metric.DSP: slices}
    assert parsed.resources == expected


@pytest.mark.parametrize(
    ("state", "tier"), [("Routed", Tier.ROUTED), ("Fully Placed", Tier.SYNTHESISED), ("Synthesized", Tier.SYNTHESISED)]
)
def test_what_is_not_routed_counts_as_synthesised(report: Report, state: str, tier: Tier) -> None:
    assert utilization.parse(report("utilization", {"DSPs": 3}, state=state), "x.rpt").tier is tier


@given(st.integers(-5_000, 9_999), st.integers(1, 50_000))
def test_the_timing_summary_gives_the_clock_of_no_slack(report: Report, slack: int, period: int) -> None:
    text = report("timing", slack=f"{slack / 1000:.3f}", period=f"{period / 1000:.3f}")
    parsed = timing.parse(text, "x.rpt")
    assert (parsed.slack_ns, parsed.period_ns, parsed.part) == (slack / 1000, period / 1000, "7z020-clg400-1")
    if slack < period:
        assert parsed.fmax_mhz == pytest.approx(1e6 / (period - slack))
    else:
        assert parsed.fmax_mhz is None


def test_timing_is_routed_where_every_net_is(report: Report) -> None:
    assert timing.parse(report("timing", nets="routed"), "x.rpt").tier is Tier.ROUTED
    assert timing.parse(report("timing"), "x.rpt").tier is Tier.SYNTHESISED


@pytest.mark.parametrize("kind", ["hold", "pulse width"])
def test_what_was_routed_and_cannot_work_is_refused(kind: str) -> None:
    """Whatever its setup slack; before routing, hold times say nothing."""
    text = (Path(__file__).parents[2] / "flows/cases/clock_missed/missed_timing.rpt").read_text()
    good, bad = {
        "hold": ("0.031        0.000                      0", "-0.104       -0.310                      4"),
        "pulse width": ("3.750        0.000                       0", "-0.155       -0.155                       1"),
    }[kind]
    assert good in text
    for old, new in (
        (good, bad),
        ("     -2.311     -811.190                    900", "      0.512        0.000                      0"),
    ):
        text = text.replace(old, new)
        with pytest.raises(InputError, match=f"worst {kind} slack is {bad.split()[0]} ns"):
            timing.parse(text, "x.rpt")
    assert timing.parse(text.replace(": Routed", ": Synthesized"), "x.rpt").tier is Tier.SYNTHESISED


def test_the_co_simulation_report_gives_cycles_of_what_ran(report: Report) -> None:
    for vitis in (False, True):
        parsed = parse(report("cosim", vitis=vitis), "x.rpt")
        assert parsed == cosim.Cosim("Verilog", Cycles(5_500, 5_900), Cycles(4_600, 4_800))
        single = parse(report("cosim", cycles=[55, 55, 55, "NA", "NA", "NA"], vitis=vitis), "x.rpt")
        assert single == cosim.Cosim("Verilog", Cycles(55, 55), Cycles(None, None))
    undefined = cosim.parse(report("cosim", cycles=[5500, 5700, "undef", 1, 1, 1]), "x.rpt")
    assert undefined.latency == Cycles(5_500, None)


def of_sites(report: Report, **settings: object) -> str:
    return report("utilization", {"Slice LUTs": 5}, **settings)


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda report: " \n", "empty"),
        (lambda report: "nothing of the kind", "no csynth report"),
        (lambda report: "== Synthesis Summary Report of 'toy'", "summary form"),
        (lambda report: "<html></html>", "no csynth report"),
        (
            lambda report: report("csynth") + report("csynth", top="other"),
            "twice, at lines 2 and 50",
        ),
        (lambda report: report("csynth", area={"LUT": "many"}), "'many' where a number should be"),
        (lambda report: report("csynth", area={"LUT": "-5"}), "'-5' where a number should be"),
        (lambda report: report("csynth").split("== Utilization")[0], "no line of utilisation totals"),
        (lambda report: report("csynth")[:-10], "cut off in the middle of a table"),
        (lambda report: re.sub(r"\|(\s+)12345", r" \1 12345", report("csynth")), "does not stand under its columns"),
        (lambda report: of_sites(report, state=""), "design state is not there"),
        (lambda report: of_sites(report, part=""), "does not name its design, device and tool"),
        (lambda report: report("vivado", {}), "no table of used sites"),
        (lambda report: report("utilization", {"DSPs": 3}).split("Utilization D")[0], "cut off before its first"),
        (
            lambda report: report("vivado", {}, command="report_power -file x.rpt", title="Power"),
            "made with report_power",
        ),
        (lambda report: report("timing").split("    WNS")[0], "no timing summary"),
        (lambda report: report("timing", slack="NA"), "no path is timed"),
        (lambda report: report("timing", slack="inf"), "no path is timed"),
        (lambda report: report("timing", clocks=[]), "no clock is constrained"),
        (lambda report: report("timing", clocks=["clk_a", "clk_b"]), "of 2 clocks, clk_a, clk_b"),
        (lambda report: report("timing", slack="fast"), "'fast' where a number should be"),
        (lambda report: report("cosim", status="Fail"), "status Fail"),
        (lambda report: report("cosim", status="NA"), "nothing was co-simulated"),
        (lambda report: report("cosim", cycles=["NA"] * 6, vitis=True), "passed and measured no latency"),
    ],
)
def test_what_is_no_whole_report_is_named_with_its_fact(
    report: Report, make: Callable[[Report], str], fact: str
) -> None:
    with pytest.raises(InputError, match=re.escape(fact)) as caught:
        parse(make(report), "some.rpt")
    assert caught.value.culprit == "report some.rpt" and caught.value.next_step


@given(st.sampled_from(["xc7z020clg400-1", "7z020clg400-1", "xc7z020-clg400-1", "XC7Z020-CLG400-1"]))
def test_parts_are_the_same_however_a_tool_writes_them(text: str) -> None:
    assert tables.same_part(text, "xc7z020clg400-1")
    assert not tables.same_part(text, "xc7z020clg400-2") and not tables.same_part(text, "xc7z010clg400-1")


@given(st.integers(0, 10**15 - 1))
def test_a_number_is_read_as_the_tools_write_it(value: int) -> None:
    assert tables.number(f" {value} ", "x.rpt") == tables.count(str(value), "x.rpt") == value


@pytest.mark.parametrize(
    "text", ["1,234", "12*34", "1234*", "1e3", "+5", "-5", "007", ".5", "5.", "1 234", "~0", "9" * 400, "٣"]
)
def test_what_no_tool_writes_is_no_number(text: str) -> None:
    with pytest.raises(InputError, match="where a number should be"):
        tables.number(text, "x.rpt")
    with pytest.raises(InputError, match="should be"):
        tables.count(text, "x.rpt")


def test_counts_are_whole() -> None:
    """XML has "2344" LUTs; "2.344" were 2.344 of them."""
    assert tables.number("2.344", "x.rpt") == 2.344
    with pytest.raises(InputError, match=re.escape("'2.344' where a whole number should be")):
        tables.count("2.344", "x.rpt")


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("<LUT>700</LUT>", "<LUT>2.344</LUT>", "'2.344' where a whole number should be"),
        ("<LUT>700</LUT>", "<LUT>7*00</LUT>", "'7*00' where a number should be"),
        ("<LUT>700</LUT>", "<LUT>700</LUT><LUT>900</LUT>", "2 LUT, where every report has one"),
        ("<LUT>700</LUT>", "<LOT>700</LOT>", "no LUT, where every report has one"),
        ("<LUT>700</LUT>", "<LUT> </LUT>", "a blank where LUT should be"),
        ("80.000 ns", "90.000 ns", "a latency of 10 cycles, but 90.000 ns at 8 ns a cycle"),
        ("<Interval-min>9<", "<Interval-min>29<", "the least interval, 29, is above 20"),
        ("3 ~ 7", "3 ~ ", "a blank where PipelineInitiationInterval of conv_s should be"),
        ("<Average-caseLatency>5<", "<Average-caseLatency>9<", "an average latency of 9 cycles is not within"),
        ("<UTIL_FF>1<", "<UTIL_FF>3<", "500 FF of 35,200, but a share of 3 %"),
        ("<Name>relu_s<", "<Name>conv_s<", "its module conv_s stands in it twice"),
        ("</profile>", "</profile><profile></profile>", "more than one report"),
    ],
)
def test_xml_that_contradicts_itself_is_refused(old: str, new: str, fact: str) -> None:
    assert XML.count(old) >= 1
    with pytest.raises(InputError) as caught:
        parse(XML.replace(old, new, 1), "csynth.xml")
    assert fact in caught.value.fact


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("      0.500        0.000 ", "      0.400        0.000 ", "a worst slack of 0.4 ns, and one of 0.5 ns"),
        ("0.500ns,", "0.400ns,", "a worst slack of 0.5 ns in its summary, and of 0.4 ns in a group at line"),
        ("0.500ns  (", "0.400ns  (", "a worst slack of 0.5 ns in its summary, and of 0.4 ns in a path at line"),
        ("Slack (MET)", "Slack (VIOLATED)", "contradicts itself"),
        ("All user specified timing constraints are met.", "Timing constraints are not met.", "do not agree with"),
        ("100.000", "110.000", "a period of 10 ns, and a clock of 110.000 MHz"),
        ("{0.000 5.000}", "{0.000 15.000}", "a waveform of {0.000 15.000}"),
        (
            "                  0                      900",
            "                  3                      900",
            "exclude each",
        ),
        ("Waveform(ns)", "Waveform(ps)", "lacks one of Clock, Waveform(ns)"),
        ("  10.000  ", "  10.00  ", "'10.00' where a number should be, of three decimals"),
    ],
)
def test_timing_that_contradicts_itself_is_refused(report: Report, old: str, new: str, fact: str) -> None:
    text = report("timing")
    assert old in text
    with pytest.raises(InputError) as caught:
        timing.parse(text.replace(old, new, 1), "x.rpt")
    assert fact in caught.value.fact


def test_cycles_of_a_co_simulation_are_in_order(report: Report) -> None:
    with pytest.raises(InputError, match=r"a latency of 5,500 to 6,700 to 5,900 cycles \(min, avg, max\) at line"):
        cosim.parse(report("cosim", cycles=[5500, 6700, 5900, 1, 1, 1]), "x.rpt")


def test_timing_of_a_whole_system_is_that_of_a_design_whose_instance_its_paths_pass() -> None:
    target = Target(find_part("xc7z020"))
    path = "  Source: design_1_i/{0}/inst/a_reg/C\n  Destination: design_1_i/{0}/inst/b_reg/D\n"
    whole = timing_report(nets="routed").replace("Design       : toy", "Design       : design_1_wrapper")
    for instance in ("toy_0", "toy_U0", "hier_0/toy"):
        report = parse(whole.replace("                         net", path.format(instance) + " net"), "x.rpt")
        assert isinstance(report, timing.Timing) and report.slowest == f"design_1_i/{instance}/inst/b_reg/D"
        check(report, "x.rpt", "toy", target)
        assert f"on a path to {report.slowest}" in readings(report, target, "a report")[0].source
    for instance in ("other_0", "toy_axi_0"):
        report = parse(whole.replace("                         net", path.format(instance) + " net"), "x.rpt")
        with pytest.raises(InputError, match="of design_1_wrapper, not of toy"):
            check(report, "x.rpt", "toy", target)  # type: ignore[arg-type]


def test_several_clocks_are_reported_before_what_their_tables_lack() -> None:
    text = timing_report(clocks=["clk_a", "clk_b"]).replace("ap_clk  ", "ap_clk  \nclk_b\n", 1)
    with pytest.raises(InputError, match="of 2 clocks, clk_a, clk_b"):
        parse(text, "x.rpt")
