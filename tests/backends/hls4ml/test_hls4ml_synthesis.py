"""The project as AMD's tools take it, and whose number an instance of their report is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from backends.amd.steps import COSIM, steps
from backends.hls4ml import BACKEND
from backends.hls4ml.amd import CPP, TOP, hls_project, kind_of, scopes
from backends.hls4ml.amd import uncertainty as spared
from backends.hls4ml.options import Hls4mlOptions
from backends.protocol import Job, Note, NoteKind
from flows.core.errors import InputError
from flows.core.evidence import DESIGN, Metric
from flows.core.part import Target, find_part
from flows.core.plan import Products, State, StepResult
from flows.prepared import prepare
from models.network import Network
from tests.backends.amd.conftest import CYCLES, csynth_report

BODY = """
    nnet::clone_stream<input_t, input_t, 3072>(image, layer18_cpy1, layer18_cpy2); // clone_image
    nnet::zeropad2d_cl<input_t, layer20_t, config20>(layer18_cpy1, layer20_out); // zp2d_conv1
    nnet::conv_2d_cl<layer20_t, layer2_t, config2>(layer20_out, layer2_out, w2, b2); // conv1
    nnet::relu<layer2_t, layer3_t, relu_config3>(layer2_out, layer3_out); // relu1
"""


def products(folder: Path | None) -> Products:
    return Products({"convert": StepResult("convert", State.DONE, folder, 0.0, {})})


@pytest.mark.parametrize(
    ("instance", "scope"),
    [
        ("conv_2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_28u_config2_U0", "conv1"),
        ("relu_array_ap_fixed_28u_array_ap_fixed_16_8_4_0_0_28u_relu_config3_U0", "relu1"),
        ("zeropad2d_cl_array_array_ap_fixed_16_6_5_3_0_3u_config20_U0", "padding"),
        ("clone_stream_array_array_ap_fixed_16_6_5_3_0_3u_3072_U0", "clone"),
        ("FIFO", "fifo"),
        ("conv_2d_cl_of_no_such_config99_U0", "conv_2d_cl_of_no_such_config99_U0"),
        ("Block_entry_proc_U0", "Block_entry_proc_U0"),
    ],
)
def test_an_instance_belongs_to_the_layer_of_its_configuration(tmp_path: Path, instance: str, scope: str) -> None:
    source = tmp_path / "project" / "firmware" / f"{TOP}.cpp"
    source.parent.mkdir(parents=True)
    source.write_text(BODY)
    assert scopes(products(tmp_path))(instance) == scope
    assert scopes(products(None))(instance) in (instance, "clone", "fifo")


@pytest.mark.parametrize(("tool", "uncertainty"), [("vitis", "27%"), ("vivado", "12.5%")])
def test_the_script_has_the_settings_of_hls4ml(tool: str, uncertainty: str) -> None:
    """What hls4ml's own ``build_prj.tcl`` sets, so that a design is the one that it would build."""
    (step,) = steps(tool, hls_project(CPP, spared(tool, "default")), Target(find_part("xc7z010"), 8.0), COSIM, 1.0)
    script = str(step.files["cosim.tcl"])
    for line in (
        "set_top myproject",
        'add_files {project/firmware/myproject.cpp} -cflags "-std=c++0x"',
        'add_files -tb {project/myproject_test.cpp} -cflags "-std=c++0x"',
        "add_files -tb {project/firmware/weights}",
        "config_compile -name_max_length 80",
        "config_schedule -enable_dsp_full_reg=false",
        "create_clock -period 8 -name default",
        f"set_clock_uncertainty {uncertainty} default",
        "set_part {xc7z010clg400-1}",
    ):
        assert f"    {line}\n" in script, line


SPEED = {"Latency (cycles)/min": 110, "Latency (cycles)/max": 500}
AMOUNTS = {"BRAM_18K": 0, "DSP": 1, "FF": 20, "LUT": 50}
ARRAYS = "array_ap_fixed_4u_array_ap_fixed_16_6_5_3_0_4u"
INSTANCES = (
    "clone_stream_array_array_ap_fixed_16_6_5_3_0_3u_192_U0",
    "zeropad2d_cl_array_array_ap_fixed_16_6_5_3_0_3u_config13_U0",
    "conv_2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_4u_config2_U0",
    f"relu_{ARRAYS}_relu_config3_U0",
    f"zeropad2d_cl_{ARRAYS}_config14_U0",
    f"conv_2d_cl_{ARRAYS}_config4_U0",
    f"relu_{ARRAYS}_relu_config5_U0",
    "pointwise_conv_2d_cl_array_ap_fixed_3u_array_ap_fixed_16_6_5_3_0_4u_config6_U0",
    f"add_{ARRAYS}_config7_U0",
    f"pooling2d_cl_{ARRAYS}_config8_U0",
    f"global_pooling2d_cl_{ARRAYS}_config9_U0",
    "dense_array_ap_fixed_4u_array_ap_fixed_16_6_5_3_0_5u_config10_U0",
    "Block_entry_proc_U0",
)
"""Of the tiny network, as Vitis HLS calls what hls4ml writes."""


def reported(place: Path, instances: Mapping[str, Any] | tuple[str, ...] = INSTANCES, **each: Any) -> Path:
    area = {name: 20 * value for name, value in AMOUNTS.items()}
    modules = dict.fromkeys(instances, (AMOUNTS, SPEED))
    place.write_text(csynth_report(**{"area": area, "modules": modules, "top": TOP, **each}))
    return place


def test_a_report_of_the_network_is_compared_by_its_instances(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    prepared = prepare(BACKEND, job_of(tiny, reuse_factor="1"), [reported(tmp_path / "mine.rpt")])
    assert [each.value for each in prepared.imported if (each.metric, each.scope) == (Metric.LUT, DESIGN)] == [1_000]
    (note,) = (note for note in prepared.notes if "mine.rpt" in note.text)
    compared = "top, part, clock, 12 of 12 instances of layers and an interval of at least 100 cycles"
    assert note.kind is NoteKind.WARNING and "is your word" in note.text and compared in note.text


def read_report(job: Job[Hls4mlOptions], report: Path) -> Sequence[Note]:
    """What is said of `report`."""
    assert BACKEND.read_report
    return BACKEND.read_report(BACKEND.resolve(job), report).notes


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (
            {"instances": ("dense_array_ap_fixed_5u_array_ap_fixed_16_6_5_3_0_3u_config2_U0",)},
            "no conv2d of 4 channels",
        ),
        ({"instances": INSTANCES[:-2]}, "no dense of 5 channels in it, 1 in the design"),
        ({"instances": (*INSTANCES, "leaky_relu_array_ap_fixed_4u_config9_U0")}, "1 layer of another kind"),
        (
            {"instances": tuple(name.replace("4u_config4_", "9u_config4_") for name in INSTANCES)},
            "2 conv2d of 4 channels in it, 3 in the design; 1 conv2d of 9 channels in it, none in the design",
        ),
        (
            {"instances": (), "cycles": dict(zip(CYCLES, (7, 8, 7, 8), strict=True))},
            "interval 7 cycles, where a stage takes 100 pixels a frame",
        ),
    ],
)
def test_a_report_of_another_network_is_refused(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path, content: dict[str, Any], fact: str
) -> None:
    """All of them are called `myproject`: what differs is named."""
    with pytest.raises(InputError, match="not of this design: ") as caught:
        read_report(job_of(tiny), reported(tmp_path / "other.rpt", **content))
    assert fact in caught.value.fact


def test_names_that_are_cut_off_are_compared_by_kind_alone(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    short = tuple(name[:30] + str(place) for place, name in enumerate(INSTANCES))
    assert kind_of(short[2]) == ("conv2d", None)
    note, *_ = read_report(job_of(tiny, reuse_factor="1"), reported(tmp_path / "mine.rpt", short))
    assert "12 of 12 instances of layers" in note.text


def test_a_report_of_the_other_tool_or_of_other_options_is_doubted_loudly(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    """Case 16. Reports of the tool and options asked for are not doubted."""
    place = reported(tmp_path / "theirs.rpt", tool="Vivado")
    job = job_of(tiny, reuse_factor="1")
    _, doubt = read_report(job, place)
    assert doubt.kind is NoteKind.WARNING
    assert doubt.text.startswith("theirs.rpt is a report of Vivado HLS 2023.1, and this design is for Vitis HLS")
    assert len(read_report(job_of(tiny, reuse_factor="1", backend="vivado"), place)) == 1
    _, doubt = read_report(job_of(tiny, reuse_factor="144"), reported(tmp_path / "ours.rpt"))
    assert doubt.kind is NoteKind.WARNING
    assert doubt.text.startswith("ours.rpt has an interval of 5,200 cycles, where the options asked for need at ")


def test_nothing_of_io_parallel_is_known_beforehand(
    tiny: Network, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    job = job_of(tiny, io_type="io_parallel", reuse_factor="1")
    (note,) = read_report(job, reported(tmp_path / "mine.rpt", ()))
    assert "compared were top, part and clock, and no report" in note.text
    (fmax,) = BACKEND.estimate(BACKEND.resolve(job))
    assert fmax.metric is Metric.FMAX_MHZ, "but how fast HLS designs are"


@pytest.mark.parametrize(
    ("instance", "kind"),
    [
        ("conv_2d_large_cl2_ap_fixed_ap_fixed_config11_U0", ("conv2d", None)),
        ("dense_large_stream_ap_fixed_ap_fixed_config16_U0", ("dense", None)),
        ("pooling2d_cl_array_array_ap_fixed_16u_config11_U0", ("maxpool2d", 16)),
        ("softmax_array_array_ap_fixed_10u_softmax_config27_U0", ("softmax", 10)),
        ("clone_stream_array_array_ap_fixed_16_6_5_3_0_3u_3072_U0", ("clone", 3)),
        ("leaky_relu_stream_ap_fixed_ap_fixed_LeakyReLU_config10_273_U0", ("layer of another kind", None)),
        ("add_10ns_10ns_10_2_1_U5", None),
        ("linear_array_ap_uint_1u_array_ap_fixed_8_1_4_0_0_1u_linear_config2_U0", None),
        ("Block_proc_U0", None),
    ],
)
def test_the_kind_of_an_instance(instance: str, kind: tuple[str, int | None] | None) -> None:
    assert kind_of(instance) == kind
