"""The array of shared multipliers against integers: every corner and random numbers, in the code that is simulated and
in the one that is synthesised, of which Yosys' model of the DSP48E1 is the judge."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy import int64
from numpy.typing import NDArray

from backends import rtl
from backends.dataflow.layers import packing

HERE = Path(__file__).parent
LIBRARY = Path(rtl.__file__).parent / "library"
SOURCES = ("dsp_multiply_add.sv", "packed_array.sv", "adder_tree.sv")
Integers = NDArray[int64]

needs_simulator = pytest.mark.skipif(
    shutil.which("g++") is None or find_spec("pyosys") is None,
    reason="pyosys (extra rtl) or g++ is absent",
)


def corners(bits: int, is_signed: bool, is_narrow: bool = False) -> list[int]:
    """The ends of a range and what stands beside them."""
    low = (-(1 << bits - 1) + is_narrow) if is_signed else 0
    high = low + (1 << bits) - 1 - is_narrow
    return sorted({low, low + 1, -1 if is_signed else 0, 0, 1, high - 1, high})


def cases(pe: int, simd: int, act: tuple[int, bool], weight_bits: int) -> tuple[Integers, Integers]:
    """Values (n, simd) and weights (n, pe, simd): every corner in a neighbourhood of four weights and two values, the
    rest at random; then all at random."""
    random = numpy.random.default_rng(11)
    low, values_at, weights_at = -(1 << weight_bits - 1) + 1, corners(*act), corners(weight_bits, True, is_narrow=True)
    grid = numpy.array(list(product(*(weights_at,) * 4, values_at, values_at)), int64)
    n = len(grid) + 20_000
    begin = -(1 << act[0] - 1) if act[1] else 0
    values = random.integers(begin, begin + (1 << act[0]), (n, simd))
    weights = random.integers(low, 1 << weight_bits - 1, (n, pe, simd))
    pair = min(2, simd)
    weights[: len(grid), 0, :pair] = grid[:, [0, 2]][:, :pair]
    weights[: len(grid), 1, :pair] = grid[:, [1, 3]][:, :pair]
    values[: len(grid), :pair] = grid[:, 4 : 4 + pair]
    return values, weights


def words(numbers: Integers, bits: int) -> bytes:
    """Rows of numbers, `bits` each, as rows of 32-bit words, lowest first."""
    there = numbers.reshape(len(numbers), -1)
    each = (there[:, :, None] >> numpy.arange(bits) & 1).astype(numpy.uint8).reshape(len(there), -1)
    padded = numpy.pad(each, ((0, 0), (0, -each.shape[1] % 32)))
    return numpy.packbits(padded, axis=1, bitorder="little").tobytes()


def simulated(folder: Path, parameters: dict[str, int], is_primitive: bool, values: Integers, factors: Integers) -> Any:
    """The sums (cycles, pe) that the array leaves, a cycle after another."""
    import pyosys
    from pyosys import libyosys

    pe, simd = parameters["PE"], parameters["SIMD"]
    bits = parameters["ACT_BITS"] + parameters["WEIGHT_BITS"] + 1 - parameters["ACT_SIGNED"] + (simd - 1).bit_length()
    named = ", ".join(f".{name}({value})" for name, value in parameters.items())
    (folder / "top.sv").write_text(
        f"module top(input logic clk, input logic [{simd * parameters['ACT_BITS'] - 1}:0] values,\n"
        f"input logic [{pe * simd * parameters['WEIGHT_BITS'] - 1}:0] factors,\n"
        f"output logic [{pe * bits - 1}:0] sums);\n"
        f"packed_array #({named}) array(.clk(clk), .values(values), .factors(factors), .sums(sums));\nendmodule\n"
    )
    design = libyosys.Design()
    sources = " ".join(str(LIBRARY / name) for name in SOURCES)
    commands = [
        f"read_verilog -sv {'' if is_primitive else '-nosynthesis'} {sources} {folder}/top.sv",
        *(["read_verilog -sv +/xilinx/cells_sim.v"] if is_primitive else []),
        "hierarchy -top top",
        f"write_cxxrtl {folder}/top.cc",
    ]
    for command in commands:
        libyosys.run_pass(f"tee -q {command}", design)
    runtime = Path(pyosys.__path__[0]) / "share/include/backends/cxxrtl/runtime"
    compile_it = ["g++", "-std=c++17", "-O1", f"-I{runtime}", f"-I{folder}", str(HERE / "array_driver.cc"), "-o", "sim"]
    subprocess.run(compile_it, check=True, cwd=folder)
    rows = zip(
        chunked(words(values, parameters["ACT_BITS"]), len(values)),
        chunked(words(factors, parameters["WEIGHT_BITS"]), len(values)),
        strict=True,
    )
    ended = subprocess.run([folder / "sim"], input=b"".join(a + b for a, b in rows), check=True, capture_output=True)
    bits_out = numpy.unpackbits(
        numpy.frombuffer(ended.stdout, numpy.uint8).reshape(len(values), -1), axis=1, bitorder="little"
    )
    fields = bits_out[:, : pe * bits].reshape(len(values), pe, bits).astype(int64)
    return (fields << numpy.arange(bits)).sum(2) - (fields[:, :, -1] << bits)


def chunked(content: bytes, count: int) -> list[bytes]:
    size = len(content) // count
    return [content[at : at + size] for at in range(0, len(content), size)]


@needs_simulator
@pytest.mark.parametrize("is_primitive", [False, True], ids=["plain", "primitive"])
@pytest.mark.parametrize(
    ("pe", "simd", "act", "weight_bits"),
    [
        pytest.param(2, 3, (8, False), 8, id="W8A8"),
        pytest.param(4, 2, (8, True), 8, id="W8A8-signed", marks=pytest.mark.slow),
        pytest.param(4, 2, (4, False), 4, id="W4A4-three-lanes-and-one"),
        pytest.param(3, 2, (6, True), 4, id="W4A6-signed-three-lanes"),
        pytest.param(2, 1, (8, False), 4, id="W4A8-one-value", marks=pytest.mark.slow),
        pytest.param(6, 5, (2, False), 2, id="W2A2-six-lanes", marks=pytest.mark.slow),
        pytest.param(4, 4, (3, False), 3, id="W3A3-four-lanes", marks=pytest.mark.slow),
        pytest.param(3, 2, (8, False), 7, id="W7A8", marks=pytest.mark.slow),
    ],
)
def test_sums_are_those_of_integers(
    tmp_path: Path, pe: int, simd: int, act: tuple[int, bool], weight_bits: int, is_primitive: bool
) -> None:
    sharing = packing.lanes(weight_bits, *act)
    values, weights = cases(pe, simd, act, weight_bits)
    factors = numpy.stack([packing.borrowed(each, sharing) for each in weights.transpose(1, 0, 2)[None]])[0].transpose(
        1, 0, 2
    )
    parameters = {"PE": pe, "SIMD": simd, "ACT_BITS": act[0], "ACT_SIGNED": int(act[1]), "WEIGHT_BITS": weight_bits}
    sums = simulated(tmp_path, {**parameters, "SHARING": sharing}, is_primitive, values, factors)
    late = 3 + (simd - 1).bit_length()  # of the 4 and more cycles, the first is the one in which they came
    expected = (weights * values[:, None, :]).sum(2)
    assert numpy.array_equal(sums[late:], expected[: len(sums) - late])
