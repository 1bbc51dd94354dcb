"""The options of the manual HLS flow."""

from __future__ import annotations

from dataclasses import dataclass

from backends.amd.options import VendorOptions
from backends.dataflow.layers.options import FormatOptions
from backends.dataflow.options import FifoOptions, RateOption, ShellOption
from backends.dataflow.pe_simd import FoldingOption


@dataclass(frozen=True)
class HlsOptions(FormatOptions, VendorOptions, FifoOptions, RateOption, ShellOption, FoldingOption):
    """Nothing of its own: arithmetic, folding, FIFOs, shell and AMD's tools."""
