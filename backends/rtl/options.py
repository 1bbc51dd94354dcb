"""The options of the RTL flow."""

from __future__ import annotations

from dataclasses import dataclass

from backends.dataflow.layers.options import LayerOptions


@dataclass(frozen=True)
class RtlOptions(LayerOptions):
    """What every flow of such stages is asked."""
