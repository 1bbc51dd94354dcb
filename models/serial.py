"""Networks and quantised networks to and from plain JSON objects, for the steps that work on them.

What comes back is equal to what went, digest included. `InputError` names the place where an object is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from flows.core.errors import InputError
from models import network as vocabulary
from models.fixed import FixedType, parse_type
from models.network import Layer, Network
from models.quantised import Arithmetic, InputContract, QuantisedNetwork, SoftmaxTables

KINDS: Mapping[str, type[Layer]] = {
    cls.kind: cls
    for cls in vars(vocabulary).values()
    if isinstance(cls, type) and issubclass(cls, Layer) and hasattr(cls, "kind")
}
ADVICE = "let the project write it again"


def network_to_json(network: Network) -> dict[str, Any]:
    layers = []
    for layer in network.layers:
        settings = {field.name: getattr(layer, field.name) for field in fields(layer)}
        layers.append({"kind": layer.kind, **{name: _listed(value) for name, value in settings.items()}})
    return {"name": network.name, "input_shape": list(network.input_shape), "layers": layers}


def network_from_json(content: Mapping[str, Any], place: str = "network") -> Network:
    try:
        layers = []
        for row in content["layers"]:
            settings = {name: _tupled(value) for name, value in row.items() if name != "kind"}
            layers.append(KINDS[row["kind"]](**settings))
        return Network(content["name"], tuple(content["input_shape"]), tuple(layers))
    except (KeyError, TypeError, AttributeError) as reason:
        raise InputError(place, f"damaged description of a network ({reason!r})", ADVICE) from None


def quantised_to_json(quantised: QuantisedNetwork) -> dict[str, Any]:
    contract = quantised.input
    return {
        "network": network_to_json(quantised.network),
        "weights": quantised.weights,
        "input": {
            "type": contract.type.name,
            "gain": str(contract.gain),
            "applied_by": contract.applied_by,
            "channels": contract.channels,
        },
        "layers": {layer.name: _types_to_json(quantised.layers[layer.name]) for layer in quantised.computed},
    }


def quantised_from_json(content: Mapping[str, Any], place: str = "quantised network") -> QuantisedNetwork:
    network = network_from_json(content.get("network", {}), place)
    try:
        source = content["input"]
        contract = InputContract(
            parse_type(source["type"]), Fraction(source["gain"]), source["applied_by"], source["channels"]
        )
        layers = {name: _types_from_json(row) for name, row in content["layers"].items()}
        return QuantisedNetwork(network, content["weights"], contract, layers)
    except (KeyError, TypeError, AttributeError, ValueError) as reason:
        raise InputError(place, f"damaged description of an arithmetic ({reason})", ADVICE) from None


def _types_to_json(types: Arithmetic) -> dict[str, Any]:
    named = {name: getattr(types, name) for name in ("output", "kernel", "bias", "accumulator")}
    row: dict[str, Any] = {name: value.name for name, value in named.items() if value is not None}
    if types.softmax:
        tables = {field.name: getattr(types.softmax, field.name) for field in fields(types.softmax)}
        row["softmax"] = {
            name: value.name if isinstance(value, FixedType) else value for name, value in tables.items()
        }
    return row


def _types_from_json(row: Mapping[str, Any]) -> Arithmetic:
    named = {name: parse_type(text) for name, text in row.items() if name != "softmax"}
    tables = None
    if "softmax" in row:
        tables = SoftmaxTables(
            **{name: parse_type(value) if isinstance(value, str) else value for name, value in row["softmax"].items()}
        )
    return Arithmetic(**named, softmax=tables)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
