"""The project as AMD's tools take it, and whose number an instance of their report is."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.hls4ml.synthesis import TOP, hls_project, scopes
from backends.hls4ml.synthesis import uncertainty as spared
from backends.vendor.steps import COSIM, steps
from flows.core.part import Target, find_part
from flows.core.plan import Output, Products, State, StepResult

CPP = Output("convert", "project")
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
    assert scopes(CPP, products(tmp_path))(instance) == scope
    assert scopes(CPP, products(None))(instance) in (instance, "clone", "fifo")


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
