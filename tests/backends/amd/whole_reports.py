"""Whole reports in the form of the tools', with all that they say twice, and numbers of our own (xc7z020, 10 ns)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.backends.amd.conftest import CYCLES, cosim_report, csynth_report, grid, timing_report, vivado_report

TOP = "toy"


def _speed(best: int, worst: int, more: int = 0) -> dict[str, object]:
    """Latency in cycles and, at 10 ns, in time; the interval is `more` than the latency."""
    times = {f"Latency (absolute)/{side}": f"{value / 100:.3f} us" for side, value in (("min", best), ("max", worst))}
    cycles = {"Latency (cycles)/min": best, "Latency (cycles)/max": worst}
    return {**cycles, **times, "Interval/min": best + more, "Interval/max": worst + more}


MODULES: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "conv_2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_8u_config2_U0": (
        {"BRAM_18K": 12, "DSP": 36, "FF": 3_310, "LUT": 5_127},
        _speed(1_157, 9_249),
    ),
    "relu_array_ap_fixed_8u_array_ap_ufixed_8_0_4_0_0_8u_relu_config4_U0": (
        {"BRAM_18K": 0, "DSP": 0, "FF": 41, "LUT": 913},
        _speed(1_026, 1_026),
    ),
    "dense_array_ap_ufixed_8u_array_ap_fixed_16_6_5_3_0_10u_config6_U0": (
        {"BRAM_18K": 4, "DSP": 11, "FF": 1_205, "LUT": 1_874},
        _speed(76, 77),
    ),
}


def csynth_text() -> str:
    """With the report of a co-simulation behind it, as ``vivado_hls -l`` has it."""
    top = {**_speed(2_290, 10_380), "Interval/min": 1_158, "Interval/max": 9_250}
    fifos = {"BRAM_18K": 6, "FF": 402, "LUT": 655}
    area = {"BRAM_18K": 22, "DSP": 47, "FF": 4_964, "LUT": 8_611}
    return csynth_report(area, top, MODULES, fifos=fifos) + cosim_report(vitis=True)


def csynth_old() -> str:
    """Of Vivado HLS, of one function without instances."""
    return csynth_report(cycles=_speed(5_431, 5_431, more=1), tool="Vivado", pipeline="none")


def _overall(name: str, best: int, average: int, worst: int, interval: str) -> str:
    cases = {"Best": best, "Average": average, "Worst": worst}
    cycles = [f"<{case}-caseLatency>{value}</{case}-caseLatency>" for case, value in cases.items()]
    times = [
        f"<{case}-caseRealTimeLatency>{value / 100:.3f} us</{case}-caseRealTimeLatency>"
        for case, value in cases.items()
    ]
    return "\n".join(["<SummaryOfOverallLatency>", *cycles, *times, interval, "</SummaryOfOverallLatency>"])


def _area(amounts: Mapping[str, int], shares: bool = False) -> str:
    available = {"BRAM": 280, "DSP": 220, "FF": 106_400, "LUT": 53_200}
    lines = [f"<{name}>{value}</{name}>" for name, value in amounts.items()]
    for name, value in amounts.items() if shares else ():
        there = available[name.removesuffix("_18K")]
        share = 100 * value // there or ("~0" if value else 0)
        short = name.removesuffix("_18K")
        lines += [f"<AVAIL_{short}>{there}</AVAIL_{short}>", f"<UTIL_{short}>{share}</UTIL_{short}>"]
    return "\n".join(["<Resources>", *lines, "</Resources>"])


def _profile(performance: str, area: str, rest: str = "") -> str:
    return f"""<profile>
<ReportVersion>
<Version>2023.1</Version>
</ReportVersion>
<UserAssignments>
<unit>ns</unit>
<ProductFamily>zynq</ProductFamily>
<Part>xc7z020-clg400-1</Part>
<TopModelName>{TOP}</TopModelName>
<TargetClockPeriod>10.00</TargetClockPeriod>
<ClockUncertainty>2.70</ClockUncertainty>
<FlowTarget>vivado</FlowTarget>
</UserAssignments>
<PerformanceEstimates>
<PipelineType>dataflow</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>7.251</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
{performance}
</PerformanceEstimates>
<AreaEstimates>
{area}
<AvailableResources>
<BRAM_18K>280</BRAM_18K>
<DSP>220</DSP>
<FF>106400</FF>
<LUT>53200</LUT>
</AvailableResources>
</AreaEstimates>
{rest}
</profile>
"""


AREA = {"BRAM_18K": 22, "DSP": 47, "FF": 4_964, "LUT": 8_611}
ENDS = """\
<DataflowPipelineThroughput>
<range>
<min>1158</min>
<max>9250</max>
</range>
</DataflowPipelineThroughput>
<Interval-min>1158</Interval-min>
<Interval-max>9250</Interval-max>"""


def totals_xml() -> str:
    """``TOP_csynth.xml``."""
    return _profile(_overall(TOP, 2_290, 2_391, 10_380, ENDS), _area(AREA))


def modules_xml() -> str:
    """``csynth.xml``, in which the top is a module as well."""
    modules, instances = [], []
    parts = {name: (area, speed) for name, (area, speed) in MODULES.items()}
    whole = {
        "Latency (cycles)/min": 2_290,
        "Latency (cycles)/max": 10_380,
        "Interval/min": 1_158,
        "Interval/max": 9_250,
    }
    for name, (area, speed) in {**parts, TOP: (AREA, whole)}.items():
        kind = name.replace("_U0", "_s")
        best, worst, low, high = (int(str(speed[column])) for column in CYCLES)
        interval = f"<PipelineInitiationInterval>{low} ~ {high}</PipelineInitiationInterval>\n"
        interval += f"<PipelineType>{'dataflow' if name == TOP else 'no'}</PipelineType>"
        timing = "<TargetClockPeriod>10.00</TargetClockPeriod>\n<EstimatedClockPeriod>7.251</EstimatedClockPeriod>"
        modules.append(
            f"<Module>\n<Name>{kind}</Name>\n<PerformanceEstimates>\n"
            f"<SummaryOfTimingAnalysis>\n{timing}\n</SummaryOfTimingAnalysis>\n"
            f"{_overall(kind, best, best, worst, interval)}\n</PerformanceEstimates>\n"
            f"<AreaEstimates>\n{_area({key: int(str(value)) for key, value in area.items()}, True)}\n"
            "</AreaEstimates>\n</Module>"
        )
        if name != TOP:
            instances.append(f"<Instance>\n<InstName>{name}</InstName>\n<ModuleName>{kind}</ModuleName>\n</Instance>")
    listed = "\n".join(["<InstancesList>", *instances, "</InstancesList>"])
    hierarchy = f"<TopModule>\n<ModuleName>{TOP}</ModuleName>\n{listed}\n</TopModule>"
    rest = "\n".join(["<ModuleInformation>", *modules, "</ModuleInformation>"])
    rest = f"<RTLDesignHierarchy>\n{hierarchy}\n</RTLDesignHierarchy>\n{rest}"
    return _profile(_overall(TOP, 2_290, 2_391, 10_380, ENDS), _area(AREA), rest)


def _site(name: str, used: float, available: int | str = "") -> dict[str, object]:
    share = f"{100 * used / available:.2f}" if isinstance(available, int) else ""
    return {
        "Site Type": name,
        "Used": f"{used:g}" if used < 1e5 else int(used),
        "Fixed": 0 if isinstance(available, int) else "",
        "Available": available,
        "Util%": "<0.01" if share == "0.00" and used else share,
    }


def utilization() -> str:
    """After synthesis, of a 7 series part, with the table of primitives."""
    logic = [
        _site("Slice LUTs*", 5_214, 53_200),
        _site("  LUT as Logic", 4_911, 53_200),
        _site("  LUT as Memory", 303, 17_400),
        _site("    LUT as Distributed RAM", 48),
        _site("    LUT as Shift Register", 255),
        _site("Slice Registers", 4_377, 106_400),
        _site("  Register as Flip Flop", 4_377, 106_400),
        _site("  Register as Latch", 0, 106_400),
        _site("F7 Muxes", 3, 26_600),
    ]
    memory = [
        _site("Block RAM Tile", 11.5, 140),
        _site("  RAMB36/FIFO*", 2, 140),
        _site("    RAMB36E1 only", 2),
        _site("  RAMB18", 19, 280),
        _site("    RAMB18E1 only", 19),
    ]
    arithmetic = [_site("DSPs", 47, 220), _site("  DSP48E1 only", 47)]
    counts = {"FDRE": 4_300, "LUT6": 2_801, "LUT3": 1_902, "LUT2": 977, "SRL16E": 255, "FDSE": 77, "DSP48E1": 47}
    counts |= {"RAMD32": 48, "RAMB18E1": 19, "RAMB36E1": 2}
    groups = [{"Ref Name": name, "Used": used, "Functional Category": "some"} for name, used in counts.items()]
    sections = {
        name: grid(list(rows[0]), rows)
        for name, rows in {
            "1. Slice Logic": logic,
            "2. Memory": memory,
            "3. DSP": arithmetic,
            "4. Primitives": groups,
        }.items()
    }
    return vivado_report(sections)


def timing() -> str:
    return timing_report(slack="-0.581", nets="routed")


REPORTS = {
    "csynth text": csynth_text,
    "csynth text of Vivado HLS": csynth_old,
    "csynth totals in XML": totals_xml,
    "csynth with modules in XML": modules_xml,
    "utilization": utilization,
    "timing": timing,
}
