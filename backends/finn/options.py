"""The options of the FINN flow."""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.finn import folding_options as ways
from backends.finn.folding_options import HELP


@dataclass(frozen=True)
class Options:
    folding: str = field(
        default=ways.AUTO, metadata={"help": HELP["folding"], "unit": "HOW", "parse": ways.folding_text}
    )
    target_fps: str = field(
        default=ways.NO_TARGET, metadata={"help": HELP["target_fps"], "unit": "N", "parse": ways.target_text}
    )
    weight_memory: str = field(
        default=ways.WEIGHT_MEMORIES[0],
        metadata={"help": HELP["weight_memory"], "choices": ways.WEIGHT_MEMORIES},
    )
    weight_style: str = field(
        default=ways.WEIGHT_STYLES[0], metadata={"help": HELP["weight_style"], "choices": ways.WEIGHT_STYLES}
    )
    window_style: str = field(
        default=ways.WINDOW_STYLES[0], metadata={"help": HELP["window_style"], "choices": ways.WINDOW_STYLES}
    )
    fifo_style: str = field(
        default=ways.FIFO_STYLES[0], metadata={"help": HELP["fifo_style"], "choices": ways.FIFO_STYLES}
    )
