"""An ``hls4ml_config.yml``, hls4ml's own or a hand-written one, as the options that say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backends.hls4ml.config_file import load, wrong
from models.fixed import parse_type
from models.network import INPUT

ROLES = ("result", "weight", "bias", "accum")
FIXED = {"ConvImplementation": ("LineBuffer",), "ParallelizationFactor": (1,), "Compression": (False,)}
"""What this flow always builds, by the key that could say otherwise."""
LEFT = ("auto", "default", "")
"""Types that are left to the flow."""


def read_config(path: Path) -> dict[str, str]:
    """The options `reuse_factor`, `strategy` and `precision`, as text, as far as `path` says anything of them.

    Takes a whole file or its part ``HLSConfig``. Raises `InputError` where it is none, or asks for what this flow does
    not build, and `SetupError` where PyYAML is not installed.
    """
    whole = load(path)
    config = whole.get("HLSConfig", whole)
    model, layers = config.get("Model") or {}, config.get("LayerName") or {}
    if not model and not layers:
        raise wrong(path, "it has neither Model nor LayerName", "give an hls4ml_config.yml, or its HLSConfig")
    if config.get("LayerType"):
        raise wrong(path, "LayerType speaks of no single layer", "write its settings out under LayerName")
    found = {}
    try:
        named = {name: layer or {} for name, layer in layers.items() if not name.endswith("_linear")}
        for name, layer in named.items():
            _check_fixed(path, name, layer)
        weighted = {name: layer for name, layer in named.items() if _has_weights(layer)}
        factors = [str(model["ReuseFactor"])] if "ReuseFactor" in model else []
        own = [f"{name}={layer['ReuseFactor']}" for name, layer in weighted.items() if "ReuseFactor" in layer]
        if factors or own:
            found["reuse_factor"] = ",".join((factors or ["auto"]) + own)
        strategies = [f"{name}={layer['Strategy']}" for name, layer in weighted.items() if "Strategy" in layer]
        if "Strategy" in model or strategies:
            found["strategy"] = ",".join([str(model.get("Strategy", "resource")), *strategies]).lower()
        types = [f"{_ours(name)}.{role}={type}" for name, layer in named.items() for role, type in _types(layer)]
        base = _base(model.get("Precision"))
        if base or types:
            found["precision"] = ",".join([base or "ap_fixed<16,6>", *types])
    except (AttributeError, TypeError, KeyError, ValueError) as reason:
        raise wrong(path, str(reason), "compare it with one that hls4ml writes") from None
    return found


def _check_fixed(path: Path, name: str, layer: Mapping[str, Any]) -> None:
    for key, built in FIXED.items():
        if key in layer and layer[key] not in built:
            raise wrong(path, f"{name} asks for {key} {layer[key]}", f"this flow builds {key} {built[0]}")


def _has_weights(layer: Mapping[str, Any]) -> bool:
    """hls4ml lists the types that a layer has; where a hand-written file lists none, it is taken at its word."""
    precision = layer.get("Precision")
    return not isinstance(precision, dict) or "weight" in precision


def _types(layer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(role, type) of the types that are given; a single one is the result's."""
    given = layer.get("Precision")
    for role, type in (given if isinstance(given, dict) else {"result": given or ""}).items():
        if role in ROLES and str(type) not in LEFT:
            yield role, parse_type(str(type)).name


def _base(precision: Any) -> str:
    """The default type, by itself or under ``default``; its modes are this flow's to choose."""
    text = str((precision.get("default") if isinstance(precision, dict) else precision) or "")
    if text in LEFT:
        return ""
    type = parse_type(text)
    return f"ap_fixed<{type.width},{type.integer}>"


def _ours(name: str) -> str:
    return INPUT if re.fullmatch(r"image|input\w*", name) else name
