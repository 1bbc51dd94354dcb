"""From a network to its exact arithmetic, layer by layer: who lowers gives the arithmetic of one layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.fixed import FixedType
from models.layers import Layer, Softmax
from models.network import INPUT, Network
from models.quantised import Arithmetic, InputContract, QuantisedNetwork

LayerArithmetic = Callable[[Layer, Sequence[FixedType]], Arithmetic]
"""The arithmetic of a layer, from the types of the tensors that it takes."""


def lowered(
    network: Network,
    weights: str,
    contract: InputContract,
    arithmetic: LayerArithmetic,
    keeps_softmax: bool = False,
) -> QuantisedNetwork:
    """`network` on the weights of this digest. A softmax at the end is left to the host, which takes the largest logit,
    unless the design `keeps_softmax`."""
    types, layers = {INPUT: contract.type}, dict[str, Arithmetic]()
    for layer in network.layers:
        if isinstance(layer, Softmax) and layer.name == network.output and not keeps_softmax:
            continue
        layers[layer.name] = arithmetic(layer, [types[name] for name in layer.inputs])
        types[layer.name] = layers[layer.name].output
    return QuantisedNetwork(network, weights, contract, layers)
