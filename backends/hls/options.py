"""The options of the manual HLS flow."""

from __future__ import annotations

from dataclasses import dataclass

from backends.amd.options import VendorOptions
from backends.dataflow.layers.options import LayerOptions, PackingOption


@dataclass(frozen=True)
class HlsOptions(VendorOptions, PackingOption, LayerOptions):
    """The options of every flow of such stages, and those of AMD's tools."""
