"""The values of a project's templates, by name."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from backends.c.generate.names import layer_names, top_name
from backends.c.generate.text import buffer_name, call_texts, headers, layer_texts
from backends.c.program import Program
from models.layers import Conv2D, Dense
from models.quantised import QuantisedNetwork

LEVEL = "-O3"
"""It takes the fewest instructions; docs/c.md has the others."""
ARM_FLAGS = ("-mcpu=cortex-a9", "-mfpu=neon", "-mfloat-abi=hard")
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror")


def facts_of(quantised: QuantisedNetwork, program: Program, frames: int) -> dict[str, Any]:
    network, contract = quantised.network, quantised.input
    names, top = layer_names(network), top_name(network)
    macro = top.upper()
    channels = network.input_shape[-1]
    offset, last_type = program.offset(contract.type), quantised.type_of(quantised.output)
    tables = None
    pixel = f"(value_t)(image[i] - {offset})" if offset else "image[i]"
    if contract.applied_by == "host":
        tables = [[code - offset for code in table] for table in contract.tables]
        place = f"i % {channels}" if len(tables) > 1 else "0"
        pixel = f"pixel_values[{place}][image[i]]"
    last = program.calls[-1].target
    return {
        "top": top,
        "macro": macro,
        "image_macro": f"{macro}_IMAGE_BYTES",
        "results_macro": f"{macro}_RESULTS",
        "network": network.name,
        "about": f"{network.name}: {network.macs:,} multiplications an image, {program.weight_bits}-bit weights.",
        "design": quantised.digest,
        "headers": headers(program),
        "weighted": any(isinstance(call.layer, Conv2D | Dense) for call in program.calls),
        "layers": list(layer_texts(quantised, program, names)),
        "calls": list(call_texts(quantised, program, names)),
        "first": buffer_name(program.first),
        "last": None if last is None else buffer_name(last),
        "buffers": [
            {"name": buffer_name(place), "size": buffer.size, "tensors": ", ".join(buffer.tensors)}
            for place, buffer in enumerate(program.buffers)
        ],
        "bytes": program.activation_bytes,
        "window": program.window,
        "sums": program.sums,
        "tables": tables,
        "pixel": pixel,
        "pixel_offset": offset,
        "last_offset": program.offset(last_type) if last is not None else 0,
        "pixels": str(contract.pixels),
        "fraction": contract.type.fraction,
        "image": " x ".join(map(str, network.input_shape)),
        "image_bytes": prod(network.input_shape),
        "channels": f" ({contract.channels})" if len(network.input_shape) == 3 else "",
        "results": prod(network.shapes[quantised.output]),
        "result_fraction": last_type.fraction,
        "frames": frames,
        "level": LEVEL,
        "arm_flags": " ".join((LEVEL, *ARM_FLAGS)),
        **_widths(quantised, program),
    }


def _widths(quantised: QuantisedNetwork, program: Program) -> Mapping[str, object]:
    widths = [quantised.type_of(call.tensor).width for call in program.calls if call.target is not None]
    weights = [types.kernel.width for types in quantised.layers.values() if types.kernel]
    return {
        "value_bits": program.value_bits,
        "factor_bits": program.factor_bits,
        "weight_bits": program.weight_bits,
        "sum_bits": program.sum_bits,
        "values_said": f"tensors have {_range([*widths, quantised.input.type.width])} bits, signed or not",
        "weights_said": f"weights have {_range(weights)} bits" if weights else "there are no weights",
        "sums_said": f"sums have {program.widest_sum} bits, which none of any image exceeds",
    }


def _range(widths: list[int]) -> str:
    low, high = min(widths), max(widths)
    return str(low) if low == high else f"{low} to {high}"
