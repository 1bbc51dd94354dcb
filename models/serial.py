"""Networks and quantised networks to and from plain JSON objects, for the steps that work on them.

What comes back is equal to what went, digest included. `InputError` names the place where an object is damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from flows.core.errors import InputError
from models import integers
from models import layers as vocabulary
from models.fixed import FixedType, parse_type
from models.layers import Layer
from models.network import Network
from models.pixels import UNIT, Pixels
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables

KINDS: Mapping[str, type[Layer]] = {
    cls.kind: cls
    for cls in (*vars(vocabulary).values(), *vars(integers).values())
    if isinstance(cls, type) and issubclass(cls, Layer) and hasattr(cls, "kind")
}
ADVICE = "let the project write it again"


def network_to_json(network: Network) -> dict[str, Any]:
    layers = []
    for layer in network.layers:
        settings = {field.name: getattr(layer, field.name) for field in fields(layer)}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        layers.append({"kind": layer.kind, **plain})
    whole = {"name": network.name, "input_shape": list(network.input_shape), "layers": layers}
    absorbed = {"absorbed": dict(network.absorbed)} if network.absorbed else {}
    return whole | absorbed | ({"pixels": pixels_to_json(network.pixels)} if network.pixels != UNIT else {})


def network_from_json(content: Any, place: str = "network") -> Network:
    try:
        layers = tuple(_layer_from_json(row) for row in content["layers"])
        absorbed = tuple((name, _text(layer)) for name, layer in content.get("absorbed", {}).items())
        pixels = pixels_from_json(content["pixels"]) if "pixels" in content else UNIT
        return Network(_text(content["name"]), _counts(content["input_shape"]), layers, absorbed, pixels)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as reason:
        raise InputError(place, f"damaged description of a network ({reason!r})", ADVICE) from None


def quantised_to_json(quantised: QuantisedNetwork) -> dict[str, Any]:
    contract = quantised.input
    return {
        "network": network_to_json(quantised.network),
        "weights": quantised.weights,
        "input": {
            "type": contract.type.name,
            **pixels_to_json(contract.pixels),
            "applied_by": contract.applied_by,
            "channels": contract.channels,
        },
        "layers": {layer.name: _types_to_json(quantised.layers[layer.name]) for layer in quantised.computed},
    }


def quantised_from_json(content: Any, place: str = "quantised network") -> QuantisedNetwork:
    try:
        network = network_from_json(content["network"], place)
        source = content["input"]
        contract = InputContract(
            parse_type(_text(source["type"])),
            pixels_from_json(source),
            _text(source["applied_by"]),
            _text(source["channels"]),
        )
        layers = {name: _types_from_json(row) for name, row in content["layers"].items()}
        return QuantisedNetwork(network, _text(content["weights"]), contract, layers)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as reason:
        raise InputError(place, f"damaged description of an arithmetic ({reason!r})", ADVICE) from None


def pixels_to_json(pixels: Pixels) -> dict[str, Any]:
    known = {"known": pixels.known} if pixels.known else {}
    if pixels.plain:
        return {"gain": str(pixels.gain[0])} | known
    return {"gain": [*map(str, pixels.gain)], "offset": [*map(str, pixels.offset)]} | known


def pixels_from_json(content: Any) -> Pixels:
    gains, offsets = content["gain"], content.get("offset", ["0"])
    gains = gains if isinstance(gains, list) else [gains]
    gain, offset = (tuple(Fraction(_text(number)) for number in numbers) for numbers in (gains, offsets))
    return Pixels(gain, offset, _text(content.get("known", "")))


def _types_to_json(types: Arithmetic) -> dict[str, Any]:
    named = {name: getattr(types, name) for name in ("output", "kernel", "bias", "accumulator", "slope")}
    row: dict[str, Any] = {name: value.name for name, value in named.items() if value is not None}
    row |= {"bipolar": True} if types.bipolar else {}
    if types.softmax:
        tables = {field.name: getattr(types.softmax, field.name) for field in fields(types.softmax)}
        row["softmax"] = {name: value.name if isinstance(value, FixedType) else value for name, value in tables.items()}
    return row


def _types_from_json(row: Mapping[str, Any]) -> Arithmetic:
    named = {name: parse_type(_text(text)) for name, text in row.items() if name not in ("softmax", "bipolar")}
    tables = None
    if "softmax" in row:
        types = {name: parse_type(_text(text)) for name, text in row["softmax"].items() if name != "size"}
        tables = SoftmaxTables(_count(row["softmax"]["size"]), **types)
    if type(bipolar := row.get("bipolar", False)) is not bool:
        raise TypeError(f"bipolar is {bipolar!r}")
    return Arithmetic(**named, softmax=tables, bipolar=bipolar)


def _layer_from_json(row: Mapping[str, Any]) -> Layer:
    cls = KINDS[row["kind"]]
    readers = {field.name: _READERS[str(field.type)] for field in fields(cls)}
    return cls(**{name: readers[name](value) for name, value in row.items() if name != "kind"})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is no number of 1 or more")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _list(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return values


def _counts(values: Any) -> tuple[int, ...]:
    return tuple(_count(value) for value in _list(values))


def _pair(values: Any) -> tuple[int, ...]:
    if len(counts := _counts(values)) != 2:
        raise ValueError(f"{values!r} is no pair")
    return counts


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_text(value) for value in _list(values))


def _padding(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 4 and all(type(number) is int for number in value):
        return tuple(value)
    return _text(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": _count,
    "Whole": _whole,
    "float": _number,
    "tuple[str, ...]": _texts,
    "tuple[int, int]": _pair,
    "Padding": _padding,
}
"""How the fields of layers are read, by their annotation."""
