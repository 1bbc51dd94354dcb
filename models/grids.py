"""The grids on which trained weights lie: what one code of a kernel is worth, or of each of its output channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.fixed import coarsest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNIFICANT = 8
"""Bits of a scale, as in bfloat16: few enough that sums of its multiples stay exact in single precision."""
EXACT = 2.0**53


@dataclass(frozen=True)
class Grid:
    """`units` are of shape () or, one for each output channel, (channels,); the codes are signed, of `bits`."""

    units: NDArray[np.float64]
    bits: int

    @property
    def words(self) -> str:
        import numpy as np

        binary = np.all(np.frexp(self.units)[0] == 0.5)
        kind = "scale" if binary else "float scale"
        return f"{kind}s by channel" if self.units.ndim else f"one {kind}"


def grid(kernel: NDArray[np.floating]) -> Grid:
    """The coarsest grid that holds `kernel`, whose last axis counts output channels.

    It has the fewest bits. Of several such it is the plainest: powers of two before other units of `SIGNIFICANT` bits,
    one unit for all before one a channel.

    >>> import numpy as np
    >>> grid(np.array([[0.5, 3.0], [-1.5, 2.5]])).words, grid(np.array([[0.25, 80.0], [0.75, 112.0]])).words
    ('one scale', 'scales by channel')
    >>> grid(np.array([[0.75, 1.5], [-2.25, 5.25]]))
    Grid(units=array(0.75), bits=4)
    """
    channels = kernel.reshape(-1, kernel.shape[-1]).T
    found = (_grid(rows, binary) for binary in (True, False) for rows in (kernel.reshape(1, -1), channels))
    return min(found, key=lambda one: one.bits)


def _grid(rows: NDArray[np.floating], binary: bool) -> Grid:
    import numpy as np

    units = np.array([_unit(row, binary) for row in rows.astype(np.float64)])
    highest = max(int(most) for most in abs(rows).max(1) / units)
    return Grid(units.reshape(()) if len(units) == 1 else units, highest.bit_length() + 1)


def _unit(values: NDArray[np.float64], binary: bool) -> float:
    """The largest number of `SIGNIFICANT` bits, or power of two where `binary`, that divides `values`; 1 of zeros."""
    import numpy as np

    unit = 2.0 ** -coarsest(values)
    codes = abs(values / unit)
    if binary or codes.max() >= EXACT:
        return unit
    common = int(np.gcd.reduce(codes.astype(np.int64)))
    return unit * next(part for part in range(min(common, (1 << SIGNIFICANT) - 1) or 1, 0, -1) if common % part == 0)
