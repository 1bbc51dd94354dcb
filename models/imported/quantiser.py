"""What a quantiser of a QONNX file says: of an activation, as a layer while the file is read, and of a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from models.layers import Layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def code_range(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """The lowest and the highest code, as QONNX defines them; of one signed bit those of a BipolarQuant.

    >>> code_range(4, True, True), code_range(4, True, False), code_range(4, False, False), code_range(1, True, True)
    ((-7, 7), (-8, 7), (0, 15), (-1, 1))
    """
    if bits == 1 and signed:
        return -1, 1
    high = (1 << bits - signed) - 1
    return (-high - (not narrow), high) if signed else (0, high - narrow)


@dataclass(frozen=True, slots=True)
class Quantise(Layer):
    """The nearest code of `scale`, ties to even, and its number again: of one signed bit 1 for 0 and above, else -1.
    Leaves the file's network before it is used."""

    scale: float
    bits: int
    signed: bool
    narrow: bool
    kind: ClassVar[str] = "quantise"

    @property
    def unit(self) -> Fraction:
        return Fraction(self.scale)

    @property
    def codes(self) -> tuple[int, int]:
        return code_range(self.bits, self.signed, self.narrow)

    @property
    def bipolar(self) -> bool:
        return self.bits == 1 and self.signed


@dataclass(frozen=True, slots=True)
class Truncate(Layer):
    """Codes of `scale` of `bits` bits: of a sum the integer without its lowest `shift` bits. The sum stands before it
    as an average, scaled so that both are the same number but for those bits. Leaves the network as `Quantise` does."""

    scale: float
    shift: int
    bits: int
    signed: bool | None
    """Whether the result is confined to signed or to unsigned codes; None where the file does not say."""
    kind: ClassVar[str] = "truncate"


@dataclass(frozen=True)
class QuantisedConstant:
    """A constant that a quantiser made: `scales` of its elements, of its shape, and the quantiser's codes."""

    scales: NDArray[np.float32]
    bits: int
    signed: bool
    narrow: bool


@dataclass(frozen=True)
class QuantisedKernel:
    """The quantiser of a kernel: `scales` (outputs,), one each; None where they differ in what makes one output."""

    scales: NDArray[np.float32] | None
    bits: int
    signed: bool
    narrow: bool

    @property
    def bipolar(self) -> bool:
        """Whether its codes are -1 and 1 alone."""
        return self.bits == 1 and self.signed


@dataclass(frozen=True)
class FileTensor:
    """Where the file keeps what a quantiser leaves: a tensor of its graph, and the order of its elements (see
    `models.imported.workers.onnx_graph.Value`)."""

    name: str
    channels_last: bool
    order: tuple[int, ...] | None
