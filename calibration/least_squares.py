"""The least-squares fit that both flows' calibrations use."""

from __future__ import annotations

import numpy as np


def non_negative(matrix: np.ndarray, target: np.ndarray) -> tuple[list[int], np.ndarray]:
    """(columns, their coefficients) of the least squares fit of `target` by columns of `matrix`, none negative.

    Columns are left out one by one, the most negative first, until no coefficient is below 0.
    """
    columns = list(range(matrix.shape[1]))
    while columns:
        coefficients = np.linalg.lstsq(matrix[:, columns], target, rcond=None)[0]
        if min(coefficients) >= -1e-9:
            return columns, abs(coefficients)
        columns.pop(int(np.argmin(coefficients)))
    return [], np.zeros(0)
