"""The numeric profile of a design: what every tensor reaches against what its type holds.

Results come from the ranges, measured in single precision on training images; kernels and biases are counted.
Accumulators have no measured range and no row.
"""

from __future__ import annotations

from fractions import Fraction
from math import log10
from typing import TYPE_CHECKING

from flows.core.profile import QUANTILES, Profile, Role, Rounded, Row
from models.fixed import FixedType, Overflow, Rounding, rounded
from models.layers import Clip, ReLU
from models.network import INPUT
from models.quantised import QuantisedNetwork
from models.ranges import Ranges
from models.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def profile(flow: str, quantised: QuantisedNetwork, ranges: Ranges, weights: Weights) -> Profile:
    """The profile of `quantised`, reading the weights now."""
    import numpy as np

    tensors, rows = weights.tensors(), []
    low, high = _image(quantised, ranges)
    rows.append(profile_tensor("image", Role.IMAGE, quantised.input.type, low, high))
    for layer in quantised.computed:
        types = quantised.layers[layer.name]
        for role, type in ((Role.KERNEL, types.kernel), (Role.BIAS, types.bias)):
            if type:
                tensor = tensors[name := f"{layer.name}/{role}"].astype(np.float64)
                ends = Fraction(float(tensor.min())), Fraction(float(tensor.max()))
                rows.append(profile_tensor(name, role, type, *ends, weights=round_weights(tensor, type)))
        readers = quantised.network.consumers(layer.name)
        cut = bool(readers) and all(
            isinstance(reader, ReLU) or (isinstance(reader, Clip) and reader.low == 0) for reader in readers
        )
        cut = cut and types.output.overflow is not Overflow.WRAP  # what wraps may come out above zero
        low, high = map(Fraction, ranges.reach[layer.name])
        rows.append(profile_tensor(layer.name, Role.RESULT, types.output, low, high, cut))
    network = quantised.network
    return Profile(
        network.name,
        flow,
        weights.digest,
        quantised.digest,
        ranges.images,
        ranges.n,
        tuple(rows),
        pixels=str(network.pixels),
    )


def _image(quantised: QuantisedNetwork, ranges: Ranges) -> tuple[Fraction, Fraction]:
    """What the image reaches in the design, which may read p / 256 where training read p / 255."""
    low, high = map(Fraction, ranges.reach[INPUT])
    built, trained = quantised.input.pixels, quantised.network.pixels
    scale = built.gain[0] / trained.gain[0] if built.plain and trained.plain else Fraction(1)
    return low * scale, high * scale


def profile_tensor(
    tensor: str,
    role: Role,
    type: FixedType,
    low: Fraction,
    high: Fraction,
    cut: bool = False,
    weights: Rounded | None = None,
) -> Row:
    """What reaches from `low` to `high`, in `type`; exact, since rounding keeps the order of numbers.

    >>> one = profile_tensor("x", Role.RESULT, FixedType(8, 4), Fraction(-9), Fraction(3))
    >>> one.needed, one.headroom, one.beyond
    (5, -1, 16)
    """
    codes = [rounded(end * Fraction(2) ** type.fraction, type.rounding) for end in (low, high)]
    below, above = (max(code, 0) for code in codes) if cut else codes
    lowest = lowest_code(type)
    return Row(
        tensor,
        role,
        type.name,
        float(low),
        float(high),
        float(type.value(lowest)),
        float(type.value(type.high)),
        float(type.value(1)),
        integer_bits(below, above, type),
        type.integer,
        max(lowest - below, above - type.high, 0),
        cut,
        weights,
    )


def lowest_code(type: FixedType) -> int:
    """The lowest code that a number can enter as."""
    return -type.high if type.signed and type.overflow is Overflow.SAT_SYM else type.low


def integer_bits(low: int, high: int, type: FixedType) -> int | None:
    """Integer bits, the sign among them, with which a type that is otherwise `type` holds codes `low` to `high`.

    None where it has no sign and `low` is negative.

    >>> integer_bits(-8, 7, FixedType(4, 4)), integer_bits(-8, 8, FixedType(4, 4)), integer_bits(0, 15, FixedType(8, 6))
    (4, 5, 3)
    """
    if low < 0 and not type.signed:
        return None
    symmetric = type.overflow is Overflow.SAT_SYM
    magnitudes = (high if high > 0 else 0, (-low if symmetric else -low - 1) if low < 0 else 0)
    return max(magnitude.bit_length() for magnitude in magnitudes) + type.signed - type.fraction


def round_weights(tensor: Floats, type: FixedType) -> Rounded:
    """Counts of single-precision numbers, at least one, that enter `type`; exact as long as codes fit 52 bits."""
    import numpy as np

    codes = nearest_codes(tensor * 2.0**type.fraction, type.rounding)
    outside = (codes < lowest_code(type)) | (codes >= type.high + 1.0)  # high + 1 is a power of two, exact
    error = confined(codes, type) * 2.0**-type.fraction - tensor
    signal, noise = float(np.sum(tensor**2)), float(np.sum(error**2))
    return Rounded(
        tensor.size,
        int(outside.sum()),
        int(((codes == 0) & (tensor != 0)).sum()),
        10 * log10(signal / noise) if noise else None,
        tuple(float(quantile) for quantile in np.quantile(np.abs(tensor), QUANTILES)),
    )


def nearest_codes(numbers: Floats, mode: Rounding) -> Floats:
    """`models.fixed.rounded` of each, exact for what was a single-precision number times a power of two."""
    import numpy as np

    upper, lower = np.floor(numbers + 0.5), np.ceil(numbers - 0.5)  # they differ at halves
    match mode:
        case Rounding.TRN:
            return np.floor(numbers)
        case Rounding.TRN_ZERO:
            return np.trunc(numbers)
        case Rounding.RND:
            return upper
        case Rounding.RND_MIN_INF:
            return lower
        case Rounding.RND_ZERO:
            return np.where(numbers > 0, lower, upper)
        case Rounding.RND_INF:
            return np.where(numbers > 0, upper, lower)
        case Rounding.RND_CONV:
            return np.rint(numbers)


def confined(codes: Floats, type: FixedType) -> Floats:
    """The codes as which `codes` stay, by the type's overflow."""
    import numpy as np

    match type.overflow:
        case Overflow.WRAP:
            return np.mod(codes - type.low, 2.0**type.width) + type.low
        case Overflow.SAT_ZERO:
            return np.where((codes < type.low) | (codes >= type.high + 1.0), 0.0, codes)
        case Overflow.SAT | Overflow.SAT_SYM:
            return np.clip(codes, float(lowest_code(type)), float(type.high))
