"""A network of integers that was read from a user's QONNX file, beside its float twin: what FINN builds of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.core.errors import InputError
from flows.core.files import MODEL_LIMIT, digest, read_text
from flows.core.plan import Asset
from flows.core.shape import Wrong, fields, flag, listing, number, optional, parse, text, whole
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json, quantised_to_json
from models.weights import Weights, open_weights

AGAIN = "let the project read the file again"
_COUNT = whole(0, 1 << 30)


@dataclass(frozen=True, slots=True)
class QuantisedTensor:
    """What a quantiser leaves: `tensor` of the file's graph is `scale` times the integers of `layer`.

    Its elements stand as `channels_last` and `order` say (see `models.imported.workers.onnx_graph.Value`). By channel,
    what it quantises is `gains` times the integers that its thresholds compare, plus `offsets`; `spreads` bound the
    numbers that the file adds up to those. All three are empty where the pixels are its codes.
    """

    tensor: str
    layer: str
    scale: float
    channels_last: bool
    order: tuple[int, ...] | None
    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    spreads: tuple[float, ...]


@dataclass(frozen=True)
class IntegerNetwork:
    """`quantised` stands on `weights`; `graph` is the user's file in one piece, which reads pixels over `divisor`."""

    quantised: QuantisedNetwork
    weights: Weights
    graph: Asset
    divisor: int
    channels_last: bool
    tensors: tuple[QuantisedTensor, ...]

    @property
    def facts(self) -> dict[str, Any]:
        return facts_to_json(self.quantised, self.divisor, self.channels_last, self.tensors)


FACTS, WEIGHTS, GRAPH = "integers.json", "integers.safetensors", "graph.onnx"


def facts_to_json(
    quantised: QuantisedNetwork, divisor: int, channels_last: bool, tensors: tuple[QuantisedTensor, ...]
) -> dict[str, Any]:
    rows = [{name: getattr(tensor, name) for name in QuantisedTensor.__slots__} for tensor in tensors]
    return {
        "quantised": quantised_to_json(quantised),
        "divisor": divisor,
        "channels_last": channels_last,
        "tensors": rows,
    }


def read_facts(facts: Any, place: str = FACTS) -> tuple[QuantisedNetwork, int, bool, tuple[QuantisedTensor, ...]]:
    """(quantised, divisor, channels_last, tensors) as `facts_to_json` wrote them; raises `InputError`."""
    try:
        content, *others = _SHAPE(facts)
    except Wrong as wrong:
        raise InputError(place, f"damaged ({wrong})", AGAIN) from None
    return quantised_from_json(content, place), *others


def beside(graph: Path, name: str) -> Path:
    """Where what was read of a shipped graph stands: `FACTS` or `WEIGHTS`, after the graph's own name."""
    return graph.with_name(f"{graph.stem}.{name}")


def open_beside(graph: Path) -> IntegerNetwork:
    """The network that was read of a shipped graph; raises `InputError` where it is damaged, or of another graph."""
    place = beside(graph, FACTS)
    try:
        facts = parse(read_text(place, AGAIN))
    except Wrong as wrong:
        raise InputError(str(place), f"damaged ({wrong})", AGAIN) from None
    return _opened(facts, place, beside(graph, WEIGHTS), graph)


def open_integers(folder: Path, facts: Any) -> IntegerNetwork:
    """The network in `folder`, of which `facts` are what `FACTS` holds; raises `InputError` where it is damaged."""
    return _opened(facts, folder / FACTS, folder / WEIGHTS, folder / GRAPH)


def _opened(facts: Any, place: Path, weights_path: Path, graph: Path) -> IntegerNetwork:
    quantised, divisor, channels_last, tensors = read_facts(facts, str(place))
    weights = open_weights(weights_path, quantised.network)
    if weights.digest != quantised.weights:
        raise InputError(str(weights_path), "not the weights that its arithmetic stands on", AGAIN)
    return IntegerNetwork(
        quantised, weights, Asset(graph, digest(graph, MODEL_LIMIT, AGAIN)), divisor, channels_last, tensors
    )


def _facts(quantised: Any, divisor: int, channels_last: bool, tensors: tuple[QuantisedTensor, ...]) -> tuple[Any, ...]:
    return quantised, divisor, channels_last, tensors


_TENSOR: Mapping[str, Any] = {
    "tensor": text(),
    "layer": text(),
    "scale": number(0, 1e39),
    "channels_last": flag,
    "order": optional(listing(_COUNT, 1 << 24)),
    **dict.fromkeys(("gains", "offsets", "spreads"), listing(number(-1e300, 1e300), 1 << 24)),
}
_SHAPE = fields(
    {
        "quantised": lambda value: value,
        "divisor": whole(1, 256),
        "channels_last": flag,
        "tensors": listing(fields(_TENSOR, QuantisedTensor)),
    },
    _facts,
)
