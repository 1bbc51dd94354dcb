"""C++ beside what hls4ml writes: ReLU6 of streams, and the function that the C simulation calls."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from models.quantised import QuantisedNetwork

PROJECT = Path("project")
"""hls4ml's project, in the step's directory."""
RELU6 = """
namespace nnet {
// Of streams: hls4ml's nnet_activation.h has it of arrays. Written by zynqflows.
template <class data_T, class res_T, typename CONFIG_T> void relu6(hls::stream<data_T> &data, hls::stream<res_T> &res) {
ReLU6ActLoop:
    for (int i = 0; i < CONFIG_T::n_in / res_T::size; i++) {
        #pragma HLS PIPELINE

        data_T in_data = data.read();
        res_T out_data;
        PRAGMA_DATA_PACK(out_data)

    ReLU6PackLoop:
        for (int j = 0; j < res_T::size; j++) {
            #pragma HLS UNROLL
            if (in_data[j] < 0)
                out_data[j] = 0;
            else if (in_data[j] > 6)
                out_data[j] = 6;
            else
                out_data[j] = in_data[j];
        }

        res.write(out_data);
    }
}
} // namespace nnet

"""
SIMULATION = """\
// Integers in, integers out: what the project's C simulation computes, with no rounding on the way.
#include "myproject.h"
#include <cmath>

extern "C" void simulate(const double *images, double *results, int frames) {{
    for (int frame = 0; frame < frames; frame++) {{
{body}
    }}
}}
"""
STREAM = """\
        hls::stream<{given}> in("in");
        hls::stream<{made}> out("out");
        for (int pixel = 0; pixel < {pixels}; pixel++) {{
            {given} word;
            for (unsigned c = 0; c < {given}::size; c++)
                word[c] = std::ldexp(*images++, -{given_fraction});
            in.write(word);
        }}
        myproject(in, out);
        for (int read = 0; read < {results}; read += {made}::size) {{
            {made} word = out.read();
            for (unsigned c = 0; c < {made}::size; c++)
                *results++ = std::ldexp(word[c].to_double(), {made_fraction});
        }}"""
PARALLEL = """\
        {given} in[{pixels} * {channels}];
        {made} out[{results}];
        for (int i = 0; i < {pixels} * {channels}; i++)
            in[i] = std::ldexp(*images++, -{given_fraction});
        myproject(in, out);
        for (int i = 0; i < {results}; i++)
            *results++ = std::ldexp(out[i].to_double(), {made_fraction});"""


def write_relu6() -> None:
    """Adds ReLU6 of streams to the header that hls4ml's templates include, which has it for arrays only."""
    path = PROJECT / "firmware" / "nnet_utils" / "nnet_activation_stream.h"
    body, end, tail = path.read_text().rpartition("#endif")
    path.write_text(f"{body.rstrip()}\n{RELU6}{end}{tail}")


def simulation(graph: Any, quantised: QuantisedNetwork, io_type: str) -> str:
    """The C++ through which codes go in and come out. A double holds every code exactly."""
    (source,), (result,) = graph.get_input_variables(), graph.get_output_variables()
    *area, channels = quantised.network.input_shape
    body = (STREAM if io_type == "io_stream" else PARALLEL).format(
        given=source.type.name,
        made=result.type.name,
        pixels=prod(area),
        channels=channels,
        results=prod(result.shape),
        given_fraction=quantised.input.type.fraction,
        made_fraction=quantised.type_of(quantised.output).fraction,
    )
    return SIMULATION.format(body=body)
