"""Rows of csynth reports, as a truth file holds them: a JSON list of objects, one a module.

Fields of a row: `repo`, `path` (one report), `tool` (version), `part`, `layer` (hls4ml's function), `module`, `config`
and `measured` (lat_max in cycles, BRAM_18K, DSP, LUT, FF, ...); `clk_ns` and `io_type` may be left out. Further fields
are ignored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from backends.hls4ml.counts import haste
from flows.core.errors import InputError, RefusedError

METRICS = {"cycles": "lat_max", "bram18": "BRAM_18K", "dsp": "DSP", "lut": "LUT", "ff": "FF"}
"""What is predicted, and how a row calls it."""

MEASURED = {*METRICS.values(), "lat_min", "ii_min", "ii_max", "URAM"}

USUAL_CLOCK_NS = {True: 10.0, False: 5.0}
"""Of 7-series parts, and of others."""

FORMS = {"hls4ml": ("layer", "module", "measured"), "finn": ("id", "scope", "stage")}
"""The fields that a form of row is known by."""

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
class Row:
    """One module. `design` is its report, `project` what is kept out together: two prototypes of one model are one."""

    place: str
    tool: str
    version: str
    device: str
    project: str
    design: str
    layer: str
    module: str
    config: Mapping[str, Any]
    measured: Mapping[str, float]
    stream: bool = True
    clock_ns: float | None = None

    @property
    def haste(self) -> float:
        """See `counts.haste`; a row that names no clock has the one usual for its part."""
        return haste(self.device, self.clock_ns or USUAL_CLOCK_NS[self.device.startswith("xc7")])

    @property
    def repository(self) -> str:
        return "/".join(self.project.split("/")[:2])

    @property
    def number(self) -> int | None:
        """hls4ml's number of the layer, None where the module's name does not tell."""
        found = re.search(r"config(\d+)", self.module)
        return int(found[1]) if found else None


def read(path: Path) -> tuple[list[Row], list[InputError]]:
    """The rows of a truth file, and what is wrong with those that cannot be read."""
    table = table_of(path)
    if (form := form_of(path)) != "hls4ml":
        raise RefusedError(str(path), f"rows of {form}, of which no law is known here", "give rows of hls4ml's reports")
    rows: list[Row] = []
    wrong: list[InputError] = []
    for index, record in enumerate(table):
        try:
            rows.append(parse_row(f"{path.name}, row {index}", record))
        except InputError as error:
            wrong.append(error)
    return rows, wrong


def table_of(path: Path) -> list[Any]:
    """The records of a truth file; raises `InputError` where it holds no list of any."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read", "give a file of rows") from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"not JSON: {error}", "give a JSON list of rows") from None
    if not isinstance(table, list) or not table:
        fact = "an empty list" if table == [] else f"a JSON {type(table).__name__}, not a list"
        raise InputError(str(path), fact, "give a JSON list with a row for each module")
    return table


def form_of(path: Path) -> str:
    """``hls4ml`` or ``finn``: the form that most rows have fields of. Raises `InputError` where none has."""
    table = table_of(path)
    counts = {
        form: sum(isinstance(one, dict) and any(key in one for key in keys) for one in table)
        for form, keys in FORMS.items()
    }
    form = max(counts, key=lambda one: counts[one])
    if not counts[form]:
        known = " or ".join(", ".join(keys) for keys in FORMS.values())
        raise InputError(str(path), "rows of no known form", f"rows have the fields {known}")
    return form


def parse_row(place: str, record: Any) -> Row:
    """One row; `place` names it in errors. Raises `InputError` where a field is missing or wrong."""
    if not isinstance(record, dict):
        raise InputError(place, f"a JSON {type(record).__name__}, not an object", "give an object a row")
    repo, path, tool, part, layer, module = (
        _field(place, record, key, str) for key in ("repo", "path", "tool", "part", "layer", "module")
    )
    config, measured = (_field(place, record, key, dict) for key in ("config", "measured"))
    if layer not in LAYERS:
        near = get_close_matches(layer, LAYERS, n=3)
        guess = f"the nearest are {', '.join(near)}" if near else "layers are named by hls4ml's functions"
        raise InputError(f"{place}, field layer", f"{layer!r} is no layer of hls4ml", guess)
    version = re.search(r"(20\d\d)\.\d(\.\d)?", tool)
    if not version:
        raise InputError(f"{place}, field tool", f"{tool!r} names no version", "give one such as 2020.1")
    vitis = "vitis" in tool.lower() or ("vivado" not in tool.lower() and version[0] >= "2020.2")
    counted = {key: _amount(f"{place}, field measured.{key}", key, value) for key, value in measured.items()}
    return Row(
        place,
        "vitis" if vitis else "vivado",
        version[0],
        part,
        f"{repo}/{(re.findall(r'model[0-9]+', path) or path.split('/'))[0]}",
        f"{repo}/{path}",
        layer,
        module,
        config,
        {metric: value for metric, key in METRICS.items() if (value := counted.get(key)) is not None},
        record.get("io_type", "io_stream") == "io_stream",
        _clock(f"{place}, field clk_ns", record.get("clk_ns")),
    )


def _clock(place: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.1 <= value <= 1e4:
        raise InputError(place, f"{value!r} is no clock period", "give nanoseconds, or leave it out")
    return float(value)


def _field(place: str, record: Mapping[str, Any], key: str, kind: type) -> Any:
    if key not in record:
        raise InputError(f"{place}, field {key}", "missing", "every row needs it")
    if not isinstance(record[key], kind):
        what = "a text" if kind is str else "an object"
        raise InputError(f"{place}, field {key}", f"{record[key]!r} is not {what}", f"give {what}")
    return record[key]


def _amount(place: str, key: str, value: Any) -> float | None:
    """None where the report has no number."""
    if key not in MEASURED:
        raise InputError(place, "no metric that csynth counts", f"known are {', '.join(sorted(MEASURED))}")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(place, f"{value!r} is no amount", "give a number, or null where the report has none")
    return float(value)
