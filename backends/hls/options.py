"""The options of the manual HLS flow."""

from __future__ import annotations

from dataclasses import dataclass

from backends.amd.options import VendorOptions
from backends.dataflow.layers.options import LayerOptions


@dataclass(frozen=True)
class HlsOptions(VendorOptions, LayerOptions):
    """The options of every flow of such stages, and those of AMD's tools."""
