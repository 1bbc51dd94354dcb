"""The divisors of a number: how many of its elements a stage may compute at a time so that none is left over."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt


@lru_cache(maxsize=1024)
def divisors(number: int) -> tuple[int, ...]:
    """In rising order.

    >>> divisors(12), divisors(1)
    ((1, 2, 3, 4, 6, 12), (1,))
    """
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    return (*small, *(number // divisor for divisor in reversed(small) if divisor * divisor != number))
