"""Describes each row of a csynth report: the resource models of backends/hls4ml that predict it, by metric.

A row's own configuration is completed by that of the rows of the same report with the same layer number, and the
pixels that an activation takes by the convolution before it. Nothing measured is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.hls4ml import counts
from calibration.hls4ml import pipelined, weighted
from calibration.hls4ml.configs import CONVOLUTIONS, NotModelled, count
from calibration.hls4ml.description import NONE, Description, Module, lut_and_ff
from calibration.hls4ml.rows import METRICS, CsynthRow


def modules(rows: Sequence[CsynthRow]) -> list[Module]:
    designs: dict[str, list[CsynthRow]] = {}
    for row in rows:
        designs.setdefault(row.design, []).append(row)
    return [Module(row, _description(row, designs[row.design])) for row in rows]


def _description(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    try:
        return _described(row, design)
    except NotModelled as reason:
        return Description(missing=dict.fromkeys(METRICS, str(reason)))


def _described(row: CsynthRow, design: Sequence[CsynthRow]) -> Description:
    if row.layer in (*CONVOLUTIONS, *weighted.BUFFERS):
        if not row.stream:
            raise NotModelled("a convolution with io_parallel")
        return weighted.convolution(row, design)
    match row.layer:
        case "TOP":
            raise NotModelled("a whole design, whose network is not in the row")
        case layer if layer in weighted.PRODUCTS:
            return weighted.dense(row, design)
        case "shift_line_buffer":
            sizes = counts.line_buffer(*(count(row.config, key) for key in ("filt_height", "filt_width", "n_chan")))
            return Description(lut_and_ff("line_buffer", sizes), {"cycles": NONE, "bram18": NONE, "dsp": NONE})
        case "Block_proc":
            return Description(lut_and_ff("block", {"one": 1.0}), {"cycles": NONE, "bram18": NONE, "dsp": NONE})
        case "fifo":
            return pipelined.fifo(row)
        case layer if layer in pipelined.PADDINGS and row.stream:
            return pipelined.padding(row)
        case layer if layer in pipelined.PIPELINES and row.stream:
            return pipelined.pipeline(row, design)
        case "relu":
            return pipelined.parallel_relu(row, design)
    raise NotModelled(f"no resource model for {row.layer}")
