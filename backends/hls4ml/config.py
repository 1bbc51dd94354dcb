"""An ``hls4ml_config.yml``, hls4ml's own or a hand-written one, as the options that say the same.

Read as hls4ml 1.3.0 does (``hls4ml/model/graph.py``, `HLSConfig`), with these differences: Model's default precision is
widened where ranges and weights need it, which hls4ml leaves to overflow; where no strategy is said it is this flow's,
Resource, and not Latency; and what this flow does not build is refused, or said in the notes to be left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backends.hls4ml.config_file import load, wrong
from flows.core.text import printable
from models.fixed import parse_type
from models.network import layer_name

ROLES = ("result", "weight", "bias", "accum")
DEFAULT = "default"
"""The role of all that a layer's Precision does not name."""
SECTIONS = ("Model", "LayerType", "LayerName")
FIXED: Mapping[str, tuple[object, ...]] = {
    "ConvImplementation": ("LineBuffer",),
    "ParallelizationFactor": (1,),
    "Compression": (False, None),
    "Implementation": ("stable", None),
}
"""What this flow always builds, by the key that could say otherwise."""
READ = {"Precision", "ReuseFactor", "Strategy", "Skip", *FIXED}
WITHOUT_EFFECT: Mapping[str, tuple[object, ...]] = {
    "Trace": (True, False),
    "TraceOutput": (True, False),
    "TableSize": (1024,),
    "PipelineStyle": ("auto",),
    "PipelineInterval": (None,),
    "TargetCycles": (None,),
    "BramFactor": (1_000_000_000,),
}
"""Settings that a design does not depend on, as long as they are these: hls4ml writes them."""
TABLES = {"table": "fixed<18,8>"} | dict.fromkeys(("exp_table", "inv_table", "inv_inp"), "fixed<18,8,RND,SAT>")
"""Types of lookup tables, which are always these."""
STRATEGIES = {"resource": "resource"} | dict.fromkeys(("latency", "stable", "legacy", "argmax"), "latency")
"""What hls4ml makes of a Strategy: those of a softmax, where another layer has them, are Latency to it."""
UNSAID = (None, "", DEFAULT)


def read_config(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """(options by name, as text, as far as `path` says anything of them; settings that no option says, by name).

    Takes a whole file or its part ``HLSConfig``. Raises `InputError` where it is none, or asks for what this flow does
    not build, and `SetupError` where PyYAML is not installed.
    """
    whole = load(path)
    try:
        reader = _ConfigReader(path)
        reader.read(whole)
    except (AttributeError, TypeError, KeyError, ValueError) as reason:
        raise wrong(path, printable(str(reason)), "compare it with one that hls4ml writes") from None
    return reader.options, reader.left


class _ConfigReader:
    """`options` as text, and what is `left`; `types`, `reuse` and `strategies` are parts of three options."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self.types: list[str] = []
        self.reuse: list[str] = []
        self.strategies: list[str] = []

    def read(self, whole: Mapping[str, Any]) -> None:
        config = whole.get("HLSConfig", whole)
        model, classes, layers = (config.get(key) or {} for key in SECTIONS)
        if not (model or classes or layers):
            fact = f"it has neither {', '.join(SECTIONS[:-1])} nor {SECTIONS[-1]}"
            raise wrong(self.path, fact, "give an hls4ml_config.yml, or its HLSConfig")
        base = self._model(model)
        sections = [(f"@{_word(name)}", settings or {}) for name, settings in classes.items()]
        sections += [(_word(name), settings or {}) for name, settings in layers.items()]
        seen = Counter(place.lower() for place, _ in sections)
        if twice := [place for place, _ in sections if seen[place.lower()] > 1]:
            fact = f"{' and '.join(twice[:2])} are one and the same: hls4ml takes no notice of upper case"
            raise wrong(self.path, fact, "write one section")
        for place, settings in sections:
            self._section(place, settings)
        if base or self.types:
            self.options["precision"] = ",".join([base or "ap_fixed<16,6>", *self.types])
        factor, strategy = model.get("ReuseFactor"), model.get("Strategy")
        if factor is not None or self.reuse:
            self.options["reuse_factor"] = _joined("auto" if factor is None else str(factor), self.reuse)
        if strategy is not None or self.strategies:
            self.options["strategy"] = _joined("resource" if strategy is None else _strategy(strategy), self.strategies)
        else:
            self.left["Strategy"] = "not said"
        if config is not whole:
            self._project({key: value for key, value in whole.items() if key != "HLSConfig"})
        self._project({key: value for key, value in config.items() if key not in SECTIONS})

    def _model(self, model: Mapping[str, Any]) -> str:
        """The type that all others follow from, "" where none is said."""
        self._check("Model", model)
        precision = model.get("Precision")
        roles = dict(precision) if isinstance(precision, Mapping) else {DEFAULT: precision}
        text = roles.pop(DEFAULT, None)
        self.types += self._types("*", roles)
        if text in UNSAID:
            return ""
        type = parse_type(str(text))
        base = f"ap_fixed<{type.width},{type.integer}>"
        if type.name != base:  # its modes, or that it has no sign: both are this flow's to choose
            self.left["Model.Precision.default"] = type.name
        return base

    def _section(self, place: str, settings: Mapping[str, Any]) -> None:
        """One layer, or one class of layers."""
        self._check(place, settings)
        precision = settings.get("Precision")
        self.types += self._types(place, precision if isinstance(precision, Mapping) else {DEFAULT: precision})
        if settings.get("ReuseFactor") is not None:
            self.reuse.append(f"{place}={settings['ReuseFactor']}")
        if settings.get("Strategy") is not None:
            self.strategies.append(f"{place}={_strategy(settings['Strategy'])}")
        if "Skip" in settings:  # of a softmax
            self.options["softmax"] = "skip" if settings["Skip"] else "keep"

    def _types(self, place: str, roles: Mapping[str, Any]) -> Iterator[str]:
        for role, text in roles.items():
            table = TABLES.get(role)
            if role in (*ROLES, DEFAULT) and text not in UNSAID:
                yield f"{place}.{role}={text if text == 'auto' else parse_type(str(text)).name}"
            elif role not in (*ROLES, DEFAULT) and (not table or parse_type(str(text)) != parse_type(table)):
                self.left[f"{place}.Precision.{_shown(role)}"] = _shown(text)

    def _check(self, place: str, settings: Mapping[str, Any]) -> None:
        """Refuses what is not built, and keeps what is not read."""
        for key, value in settings.items():
            if key in FIXED and value not in FIXED[key]:
                fact = f"{place} asks for {key} {_shown(value)}"
                raise wrong(self.path, fact, f"this flow builds {key} {FIXED[key][0]}")
            if key not in READ and value not in WITHOUT_EFFECT.get(key, ()):
                self.left[f"{place}.{_shown(key)}"] = _shown(value)

    def _project(self, settings: Mapping[str, Any]) -> None:
        """What stands beside Model: the options that say the same, and what none says."""
        for key, value in settings.items():
            text = _shown(value)
            if key == "Backend" and text.lower() in ("vitis", "vivado"):
                self.options["backend"] = text.lower()
            elif key == "IOType" and text in ("io_stream", "io_parallel"):
                self.options["io_type"] = text
            elif key == "ClockUncertainty" and re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text):
                self.options["clock_uncertainty"] = text
            elif value is not None:
                self.left[_shown(key)] = text


def _joined(first: str, others: list[str]) -> str:
    """An option of these parts; those that only repeat the first are left out, where no class of layers is named."""
    own = [part for part in others if not part.endswith(f"={first}")]
    return ",".join([first, *(others if any(part.startswith("@") for part in others) else own)])


def _strategy(value: object) -> str:
    """hls4ml's ``Resource`` or ``resource`` and the like; raises `ValueError` for one that is not built.

    hls4ml puts an underscore before each capital, and takes Latency for all that it then does not know: ``RESOURCE``.
    """
    word = re.sub("(?<!^)(?<!_)(?=[A-Z])", "_", str(value)).lower()
    if word not in STRATEGIES:
        raise ValueError(f"{str(value).lower()!r} is no strategy that this flow builds: write Resource or Latency")
    return STRATEGIES[word]


def _word(name: object) -> str:
    """The name of a layer or a class, as networks have it."""
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no name of a layer")
    return layer_name(name)


def _shown(value: object) -> str:
    """On one line, and not at length."""
    text = printable(str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
