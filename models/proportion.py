"""What a share of right answers on n images says."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(right: int, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927), for `right` of `n`; the proportion is never outside.

    >>> [round(bound, 4) for bound in wilson(8045, 10_000, 0.95)]
    [0.7966, 0.8122]
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"{right} right of {n}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(right * (n - right) / n + z * z / 4)
    share = right / n  # where all are right, the upper end is 1, which rounding may miss
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
