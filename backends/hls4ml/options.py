"""The options of the hls4ml flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from backends.amd.options import VendorOptions
from backends.cost.shell import DMA
from backends.dataflow.buffers import BRAM, LUTRAM, SRL
from backends.dataflow.options import (
    AUTO,
    OWN_SHELL,
    SHELLS,
    SIMULATED,
    RateOption,
    ShellOption,
    depth_text,
)
from backends.hls4ml.config import read_config
from backends.hls4ml.option_texts import (
    DEFAULT_UNCERTAINTY,
    RESOURCE,
    accelerated_shell_text,
    precision_text,
    reuse_text,
    strategy_text,
    uncertainty_text,
)
from flows.core.errors import InputError

NO_CONFIG = "none"
FRAME, TOOL = "hls4ml", "tool"
SKIP = "skip"


class Unasked(str):
    """A default that the user did not ask for: it compares as text, and a config may say otherwise."""

    __slots__ = ()


class NotTaken(str):
    """What a config says and the options do not: by itself it is the text for people, `settings` are (name, value)."""

    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> NotTaken:
        left = ", ".join(f"{name} {value}" for name, value in settings.items() if name != "Strategy")
        text = cls(f"not taken: {left}" if left else "without a Strategy")
        text.settings = tuple(settings.items())
        return text


@dataclass(frozen=True)
class Hls4mlOptions(VendorOptions, RateOption, ShellOption):
    shell: str = field(
        default=DMA,
        metadata={
            "help": f"what connects the design to the processor: {SHELLS}, accelerator (dma, and the converters of "
            f"hls4ml's VivadoAccelerator), none (the bare core), {OWN_SHELL}",
            "unit": "SHELL",
            "parse": accelerated_shell_text,
        },
    )
    backend: str = field(
        default=Unasked("vitis"),
        metadata={
            "help": "for which HLS compiler hls4ml writes the project",
            "choices": ("vitis", "vivado"),
            "parse": str,
        },
    )
    io_type: str = field(
        default=Unasked("io_stream"),
        metadata={
            "help": "how layers are connected; io_parallel unrolls every layer, which only tiny layers survive",
            "choices": ("io_stream", "io_parallel"),
            "parse": str,
        },
    )
    reuse_factor: str = field(
        default=Unasked(AUTO),
        metadata={
            "help": "products that each multiplier computes in turn: auto (for each layer, so that the interval is the "
            "shortest that fits the part), a number (snapped per layer to the nearest legal one, as hls4ml does), and "
            "factors of single layers or classes of layers: 64,block1_conv1=27,@Dense=8",
            "unit": "RF",
            "parse": reuse_text,
        },
    )
    strategy: str = field(
        default=Unasked(RESOURCE),
        metadata={
            "help": "resource multiplexes multipliers by the reuse factor; latency unrolls, for layers of at most "
            "4,096 products; single layers may differ: resource,dense=latency",
            "unit": "STRATEGY",
            "parse": strategy_text,
        },
    )
    fifo_depth: str = field(
        default=SIMULATED,
        metadata={
            "help": "tokens that each FIFO between layers holds: simulated (from the stream simulation: no deadlock, "
            "full speed), hls4ml (a whole frame), or a number",
            "unit": "DEPTH",
            "parse": depth_text(SIMULATED, FRAME),
        },
    )
    fifo_storage: str = field(
        default=AUTO,
        metadata={
            "help": "what holds them: auto (the smallest share of the part), tool (as the HLS compiler chooses), shift "
            "registers, LUT RAM or block RAM",
            "choices": (AUTO, TOOL, SRL, LUTRAM, BRAM),
        },
    )
    precision: str = field(
        default=Unasked("ap_fixed<16,6>"),
        metadata={
            "help": "default type, its point moved per layer where measured ranges and trained weights need it; "
            "a number of bits alone (8) lets them choose all integer bits; stock shows what hls4ml's own types do; "
            "single types, or their bits, may follow: ap_fixed<16,6>,dense.accum=ap_fixed<40,20>,@Conv2D.weight=6",
            "unit": "TYPE",
            "parse": precision_text,
        },
    )
    softmax: str = field(
        default=Unasked(SKIP),
        metadata={
            "help": "skip leaves it to the host, which takes the largest logit; keep builds hls4ml's tables",
            "choices": (SKIP, "keep"),
            "parse": str,
        },
    )
    clock_uncertainty: str = field(
        default=Unasked(DEFAULT_UNCERTAINTY),
        metadata={
            "help": "share of the clock period that the HLS compiler keeps in hand; default is hls4ml's, 27% for "
            "Vitis HLS and 12.5% for Vivado HLS",
            "unit": "PERCENT",
            "parse": uncertainty_text,
        },
    )
    config: str = field(
        default=NO_CONFIG,
        metadata={
            "help": "an hls4ml_config.yml: its reuse factors, strategies, types, IOType, Backend and ClockUncertainty, "
            "where no option gives another",
            "unit": "FILE",
            "parse": str,
        },
    )

    @property
    def is_parallel(self) -> bool:
        """Whether arrays connect the layers, in place of streams."""
        return self.io_type == "io_parallel"

    def __post_init__(self) -> None:
        """Takes settings of the config into options that the user did not give, checked in the same way.

        Raises `InputError`. The options then say all that is taken, `config` the rest: the file is no longer needed.
        """
        if self.config == NO_CONFIG or isinstance(self.config, NotTaken):
            return
        values, left = read_config(Path(self.config))
        for option in fields(self):
            if option.name in values and isinstance(getattr(self, option.name), Unasked):
                try:
                    object.__setattr__(self, option.name, option.metadata.get("parse", str)(values[option.name]))
                except ValueError as reason:
                    raise InputError(f"config {self.config}", str(reason), "correct it") from None
        object.__setattr__(self, "config", NotTaken.of(left) if left else NO_CONFIG)
