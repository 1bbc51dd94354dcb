"""How much of a part a design leaves free before it is said to fit: a share for each resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.core.evidence import RESOURCES, Metric


@dataclass(frozen=True)
class Margins:
    """Shares of the part, 0.2 for a fifth.

    LUTs and FFs are what placement and routing need room for: a fifth to a quarter is practice. DSP slices and block
    RAMs are counted exactly, and public designs route and run with 98 % of them (fpgaConvNet on the xc7z010: 78 of 80
    DSP48E1) and all of them (BNN-PYNQ cnvW2A2 on the xc7z020: 280 of 280 RAMB18).
    """

    lut: float = 0.20
    ff: float = 0.25
    bram18: float = 0.02
    dsp: float = 0.02

    def of(self, metric: Metric) -> float:
        """The share of one of `RESOURCES` that stays free."""
        share: float = getattr(self, metric.key)
        return share

    def mapping(self) -> Mapping[str, float]:
        """By the key of each metric, as records and policies have it."""
        return {metric.key: self.of(metric) for metric in RESOURCES}

    def __str__(self) -> str:
        """In words, resources of one share together.

        >>> print(Margins())
        20 % of LUT, 25 % of FF, 2 % of BRAM18 and DSP kept free
        """
        shares: dict[float, list[str]] = {}
        for metric in RESOURCES:
            shares.setdefault(self.of(metric), []).append(metric.key.upper())
        parts = (f"{100 * share:.4g} % of {' and '.join(names)}" for share, names in shares.items())
        return f"{', '.join(parts)} kept free"


MARGINS = Margins()
KEPT = 1.0
"""The share of the margins that a budget keeps free where it keeps all of them; 0 where it may spend them."""
MOST_MARGIN = 0.9
"""No margin is larger."""
