"""Rows of csynth reports of hls4ml's designs.

Fields of a row: `repo`, `path` (of the report), `tool` (version), `part`, `layer` (hls4ml's function), `module`,
`config` and `measured` (lat_max in cycles, BRAM_18K, DSP, LUT, FF, ...); `clk_ns` and `io_type` may be left out.
Further fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from backends.hls4ml.counts import haste
from calibration.truth_files import Row, amount_of, as_object, field_of, form_of, parsed
from flows.core.errors import InputError, RefusedError

METRICS = {"cycles": "lat_max", "bram18": "BRAM_18K", "dsp": "DSP", "lut": "LUT", "ff": "FF"}
"""What is predicted, and how a row calls it."""

MEASURED = {*METRICS.values(), "lat_min", "ii_min", "ii_max", "URAM"}

USUAL_CLOCK_NS = {True: 10.0, False: 5.0}
"""Of 7-series parts, and of others."""

LAYERS = frozenset(
    re.findall(
        r"\S+",
        """
        TOP Block_proc fifo conv_1d_cl conv_2d_cl conv_1d_buffer_cl conv_2d_buffer_cl conv_1d_encoded_cl
        conv_2d_encoded_cl conv_1d_latency_cl conv_2d_latency_cl conv_1d_resource_cl conv_2d_resource_cl pointwise_conv
        pointwise_conv_1d_cl pointwise_conv_2d_cl depthwise_conv_1d_cl depthwise_conv_2d_cl separable_conv_1d_cl
        separable_conv_2d_cl depthwise_product compute_output_buffer_1d compute_output_buffer_2d compute_output_encoded
        shift_line_buffer kernel_shift_1d kernel_shift_2d fill_buffer mult_buffer dense dense_compressed dense_latency
        dense_latency_wrapper dense_resource dense_resource_wrapper dense_wrapper data_prepare res_write pooling1d_cl
        pooling2d_cl pooling2d_cf compute_pool_buffer_1d compute_pool_buffer_2d compute_pool_encoded_2d
        global_pooling1d_cl global_pooling2d_cl compute_global_pool reduce_pool linear relu relu1 relu6 relu_max
        leaky_relu thresholded_relu prelu elu selu sigmoid hard_sigmoid tanh hard_tanh softplus softsign softmax
        softmax_stable softmax_latency softmax_legacy softmax_argmax binary_tanh ternary_tanh normalize
        normalize_binary_tanh layernormalize add subtract multiply average maximum minimum dot1d concatenate1d
        concatenate2d concatenate3d clone_stream repack_stream broadcast_stream transpose resize_nearest zeropad1d_cl
        zeropad2d_cl zeropad2d_cf cropping1d_cl cropping2d_cl lstm lstm_stack gru gru_stack embedding einsum
        einsum_dense garnet
        """,
    )
)
"""Functions of hls4ml 1.3.0 (``templates/vivado/nnet_utils``) that csynth may report as modules, and the three kinds of
row that are none: the whole design, csynth's control block, a FIFO."""


@dataclass(frozen=True)
class CsynthRow(Row):
    """One module of a csynth report; `stream` where the design has io_stream."""

    stream: bool = True
    clock_ns: float | None = None

    @property
    def haste(self) -> float:
        """See `counts.haste`; a row that names no clock has the usual one of its part."""
        return haste(self.device, self.clock_ns or USUAL_CLOCK_NS[self.device.startswith("xc7")])

    @property
    def number(self) -> int | None:
        """hls4ml's number of the layer, None where the module's name does not tell."""
        match = re.search(r"config(\d+)", self.module)
        return int(match[1]) if match else None


def read(path: Path) -> tuple[list[CsynthRow], list[InputError]]:
    """The rows of a truth file, and what is wrong with those that cannot be read."""
    if (form := form_of(path)) != "hls4ml":
        raise RefusedError(str(path), f"rows of {form}, not of hls4ml", "give rows of hls4ml's csynth reports")
    return parsed(path, _parse)


def _parse(place: str, record: Any) -> Iterator[CsynthRow]:
    yield parse_row(place, record)


def parse_row(place: str, record: Any) -> CsynthRow:
    """One row; `place` names it in errors. Raises `InputError` where a field is missing or wrong."""
    record = as_object(place, record)
    repo, path, tool, part, layer, module = (
        field_of(place, record, key, str) for key in ("repo", "path", "tool", "part", "layer", "module")
    )
    config, measured = (field_of(place, record, key, dict) for key in ("config", "measured"))
    if layer not in LAYERS:
        near = get_close_matches(layer, LAYERS, n=3)
        guess = f"the nearest are {', '.join(near)}" if near else "layers are named by hls4ml's functions"
        raise InputError(f"{place}, field layer", f"{layer!r} is no layer of hls4ml", guess)
    version = re.search(r"(20\d\d)\.\d(\.\d)?", tool)
    if not version:
        raise InputError(f"{place}, field tool", f"{tool!r} names no version", "give one such as 2020.1")
    vitis = "vitis" in tool.lower() or ("vivado" not in tool.lower() and version[0] >= "2020.2")
    return CsynthRow(
        place,
        "vitis" if vitis else "vivado",
        version[0],
        part,
        f"{repo}/{(re.findall(r'model[0-9]+', path) or path.split('/'))[0]}",
        f"{repo}/{path}",
        layer,
        module,
        config,
        _measured(place, measured),
        record.get("io_type", "io_stream") == "io_stream",
        _clock(f"{place}, field clk_ns", record.get("clk_ns")),
    )


def _measured(place: str, numbers: Mapping[str, Any]) -> dict[str, float]:
    """The counts of `METRICS` that the report has; null stands for a number that it has not."""
    counted: dict[str, float] = {}
    for key, value in numbers.items():
        at = f"{place}, field measured.{key}"
        if key not in MEASURED:
            raise InputError(at, "no metric that csynth counts", f"known are {', '.join(sorted(MEASURED))}")
        if value is not None:
            counted[key] = amount_of(at, value, "give a number, or null where the report has none")
    return {metric: counted[key] for metric, key in METRICS.items() if key in counted}


def _clock(place: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.1 <= value <= 1e4:
        raise InputError(place, f"{value!r} is no clock period", "give nanoseconds, or leave it out")
    return float(value)
