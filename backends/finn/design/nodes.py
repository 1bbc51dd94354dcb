"""The hardware nodes that finn-plus 1.6.1 makes of a quantised network, and how each may be folded.

A convolution becomes padding, a sliding window, a matrix-vector unit and thresholds; a depthwise one has a depthwise
window and a vector-vector unit; a pooling a depthwise window and
the pooling itself; a tensor that is read twice is copied. Cycles are those of the nodes' ``get_exp_cycles``
(``finn/custom_op/fpgadataflow``). PE elements of the result and SIMD elements of the operand are computed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd, prod
from typing import ClassVar

from backends.dataflow.divisors import divisors
from models.layers import Shape


@dataclass(frozen=True, slots=True)
class Integer:
    """FINN's data type of a stream's elements."""

    width: int
    signed: bool

    @property
    def name(self) -> str:
        return f"{'' if self.signed else 'U'}INT{self.width}"


@dataclass(frozen=True, slots=True)
class NodeFold:
    """Parallelism of a node; what it does not have is 1. `parallel` windows leave all at once."""

    pe: int = 1
    simd: int = 1
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class HardwareNode:
    """`taken` and `shape` are the tensors in and out, `data` and `result` their elements; `layer` is the network's.

    `sources` are nodes by name, or the network's input.
    """

    name: str
    layer: str
    sources: tuple[str, ...]
    taken: Shape
    shape: Shape
    data: Integer
    result: Integer

    op: ClassVar[str]
    attributes: ClassVar[tuple[str, ...]] = ("PE",)
    """What FINN's folding file may set of it."""

    @property
    def channels(self) -> int:
        return self.shape[-1]

    @property
    def pixels(self) -> int:
        """Tokens out of one frame."""
        return prod(self.shape[:-1])

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        """Every legal fold, from the least parallel on."""
        return tuple(NodeFold(pe=pe) for pe in divisors(self.channels))

    def cycles(self, fold: NodeFold) -> int:
        return self.pixels * self.channels // fold.pe

    def takes(self, fold: NodeFold) -> int:
        """Elements of a word of its input stream."""
        return fold.pe

    def puts(self, fold: NodeFold) -> int:
        """Elements of a word of its output stream."""
        return fold.pe

    @property
    def token(self) -> int:
        """Elements that it puts for each token of the stream simulation."""
        return self.channels


@dataclass(frozen=True, slots=True)
class SimdNode(HardwareNode):
    """A node that passes SIMD channels on in a cycle."""

    attributes: ClassVar[tuple[str, ...]] = ("SIMD",)

    def cycles(self, fold: NodeFold) -> int:
        return self.pixels * self.channels // fold.simd

    def takes(self, fold: NodeFold) -> int:
        return fold.simd

    def puts(self, fold: NodeFold) -> int:
        return fold.simd


@dataclass(frozen=True, slots=True)
class Padding(SimdNode):
    pads: tuple[int, int, int, int]
    """Rows and columns: top, bottom, left, right."""

    op: ClassVar[str] = "FMPadding_rtl"

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        return tuple(NodeFold(simd=simd) for simd in divisors(self.channels))


@dataclass(frozen=True, slots=True)
class Window(HardwareNode):
    """A sliding window; `shape` is (rows, columns, channels) of its positions, each a whole window."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    depthwise: bool

    op: ClassVar[str] = "ConvolutionInputGenerator_rtl"
    attributes: ClassVar[tuple[str, ...]] = ("SIMD", "parallel_window")

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        serial = tuple(NodeFold(simd=simd) for simd in divisors(self.channels))
        parallel = () if self.depthwise or self.kernel == (1, 1) else (NodeFold(simd=self.channels, parallel=True),)
        return serial + parallel

    def is_parallel(self, fold: NodeFold) -> bool:
        """Which of FINN's two implementations it takes."""
        return fold.parallel or self.kernel == (1, 1)

    def buffered(self, fold: NodeFold) -> int:
        """Words of its buffer before the first window is whole."""
        rows, columns = self.kernel
        folds = self.channels // fold.simd
        whole = (rows - 1) * self.taken[1] + columns - 1
        return whole * folds + 1 if self.is_parallel(fold) else (whole + 1) * folds

    def depth(self, fold: NodeFold) -> int:
        """Words of its buffer."""
        if self.is_parallel(fold):
            return self.buffered(fold) + 1
        folds, (row, column), window = self.channels // fold.simd, self.strides, prod(self.kernel)
        ahead = max(0, column - 1 - window) + max(0, (row - 1) * self.taken[1] - window)
        return self.buffered(fold) + ahead * folds

    def row(self, fold: NodeFold) -> int:
        """Cycles of a row of windows: of writing them, or of reading their pixels."""
        folds, columns = self.channels // fold.simd, self.shape[1]
        writing, reading = columns * prod(self.kernel) * folds, self.strides[1] * self.taken[1] * folds
        return max(writing, reading) + self.depthwise * columns * (self.strides[1] - 1) * (folds - 1)

    def cycles(self, fold: NodeFold) -> int:
        folds = self.channels // fold.simd
        if self.is_parallel(fold):
            return prod(self.taken[:-1]) * folds + 2
        last = self.depthwise * (self.strides[0] - 1) * self.taken[1] * folds
        return self.buffered(fold) + self.shape[0] * self.row(fold) + last

    def takes(self, fold: NodeFold) -> int:
        return fold.simd

    def puts(self, fold: NodeFold) -> int:
        return fold.simd * (prod(self.kernel) if fold.parallel else 1)

    @property
    def token(self) -> int:
        return prod(self.kernel) * self.channels


@dataclass(frozen=True, slots=True)
class MatrixVector(HardwareNode):
    """A product with `inputs` x `channels` weights of `weight` bits. `rtl` is FINN's unit on DSP slices.

    The last five describe units that finn-plus 1.6.1 does not build of our graphs: one that applies `steps` thresholds
    of `sums` bits to each result, the RTL unit of FINN up to 0.10, products that were asked to be of LUTs, and an HLS
    unit that Vitis HLS 2022 made, or an older one.
    """

    inputs: int
    weight: int
    rtl: bool
    steps: int = 0
    sums: int = 0
    former: bool = False
    of_luts: bool = False
    of_2022: bool = False

    attributes: ClassVar[tuple[str, ...]] = ("PE", "SIMD")

    @property
    def op(self) -> str:  # type: ignore[override]
        return "MVAU_rtl" if self.rtl else "MVAU_hls"

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        return _unit_folds(self.channels, self.inputs)

    def cycles(self, fold: NodeFold) -> int:
        return self.turns(fold) * self.pixels

    def turns(self, fold: NodeFold) -> int:
        """Cycles of one matrix-vector product, and words of the weight memory."""
        return self.channels // fold.pe * (self.inputs // fold.simd)

    @property
    def multiplies(self) -> bool:
        """Whether the HLS unit's products take DSP slices: of data of one bit they are gates."""
        return self.data.width > 1 and not self.of_luts

    def takes(self, fold: NodeFold) -> int:
        return fold.simd


@dataclass(frozen=True, slots=True)
class VectorVector(MatrixVector):
    """A depthwise convolution: `inputs` weights a channel. On a Zynq-7000, FINN has no unit of it in RTL.

    FINN could multiply several pixels of a window at once, where all channels are; that is not searched here.
    """

    @property
    def op(self) -> str:  # type: ignore[override]
        return "VVAU_hls"

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        return tuple(NodeFold(pe=pe) for pe in divisors(self.channels))

    def takes(self, fold: NodeFold) -> int:
        return fold.pe


@dataclass(frozen=True, slots=True)
class Thresholds(HardwareNode):
    """Requantisation by comparison with thresholds, which absorb bias, scales and ReLU.

    The last two describe nodes that finn-plus 1.6.1 does not build of our graphs: `uniform` thresholds are the same for
    all channels, as those of a network's input are, and `kept` ones are not optimised (DONT_TOUCH).
    """

    uniform: bool = False
    kept: bool = False

    op: ClassVar[str] = "Thresholding_rtl"


@dataclass(frozen=True, slots=True)
class Pool(HardwareNode):
    kernel: tuple[int, int]

    op: ClassVar[str] = "Pool_hls"

    def cycles(self, fold: NodeFold) -> int:
        return self.channels * prod(self.kernel) // fold.pe * self.pixels


@dataclass(frozen=True, slots=True)
class Copy(HardwareNode):
    """The same stream for two readers or more."""

    op: ClassVar[str] = "DuplicateStreams_hls"


@dataclass(frozen=True, slots=True)
class Sum(HardwareNode):
    """Two streams added."""

    op: ClassVar[str] = "ElementwiseAdd_hls"


@dataclass(frozen=True, slots=True)
class Join(SimdNode):
    """Streams side by side, of `parts` channels each."""

    parts: tuple[int, ...]

    op: ClassVar[str] = "StreamingConcat_hls"

    @property
    def folds(self) -> tuple[NodeFold, ...]:
        return tuple(NodeFold(simd=simd) for simd in divisors(gcd(*self.parts)))


@dataclass(frozen=True, slots=True)
class GlobalSum(HardwareNode):
    """The sum over the image; its division is a scale."""

    op: ClassVar[str] = "GlobalAccPool_hls"

    def cycles(self, fold: NodeFold) -> int:
        return (prod(self.taken[:-1]) + 1) * self.channels // fold.pe


@lru_cache(maxsize=1024)
def _unit_folds(channels: int, inputs: int) -> tuple[NodeFold, ...]:
    folds = [NodeFold(pe, simd) for pe in divisors(channels) for simd in divisors(inputs)]
    return tuple(sorted(folds, key=lambda fold: (fold.pe * fold.simd, fold.pe)))


def words(elements: int, of: int) -> int:
    """Words of `of` elements that hold `elements`."""
    return ceil(elements / of)
