"""What makes an architecture: connections, shapes and settings, and nothing of how they were written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import InputError
from models.layers import Add, Concat, Conv2D, Dense, GlobalAveragePool, Layer, MaxPool2D, Padding, ReLU, Softmax
from models.network import INPUT, Network
from models.zoo import ARCH8, NETWORKS


def conv(name: str, source: str, padding: Padding = "same", size: int = 3) -> Conv2D:
    return Conv2D(name, (source,), (size, size), (1, 1), padding, 4)


def network(*layers: Layer, shape: tuple[int, ...] = (8, 8, 4)) -> Network:
    return Network("some", shape, layers)


def block(first: str = "a", second: str = "b", order: Sequence[int] = (0, 1, 2)) -> Network:
    """A sum of two branches of one depth, of which the first ends in a ReLU; their layers in this order."""
    branches = [conv(first, INPUT), conv(second, INPUT), ReLU("relu", (first,))]
    pooled = GlobalAveragePool("gap", ("add",))
    return network(*(branches[place] for place in order), Add("add", ("relu", second)), pooled)


def test_names_order_and_a_sums_inputs_do_not_count() -> None:
    expected = block().digest
    assert block("x", "y").digest == expected
    assert block(order=(1, 0, 2)).digest == block(order=(0, 2, 1)).digest == expected
    *others, add, gap = block().layers
    assert network(*others, replace(add, inputs=add.inputs[::-1]), gap).digest == expected


def test_a_softmax_at_the_end_does_not_count() -> None:
    *body, softmax = ARCH8.layers
    assert isinstance(softmax, Softmax)
    assert Network("bare", ARCH8.input_shape, tuple(body)).digest == ARCH8.digest
    assert Network("short", ARCH8.input_shape, tuple(body[:-1])).digest != ARCH8.digest


@pytest.mark.parametrize(
    ("layer", "other"),
    [
        (conv("c", INPUT, "same"), conv("c", INPUT, (1, 1, 1, 1))),
        (conv("c", INPUT, "same", 1), conv("c", INPUT, "valid", 1)),
        (conv("c", INPUT, "valid"), conv("c", INPUT, (0, 0, 0, 0))),
        (
            MaxPool2D("p", (INPUT,), (2, 2), (2, 2), "valid"),
            MaxPool2D("p", (INPUT,), (2, 2), (2, 2), "same"),
        ),
    ],
)
def test_the_same_padding_has_one_digest(layer: Layer, other: Layer) -> None:
    assert network(layer).digest == network(other).digest


def test_another_padding_is_another_architecture() -> None:
    """TensorFlow pads below and to the right where torch pads all around."""
    strided = Conv2D("c", (INPUT,), (3, 3), (2, 2), "same", 4)
    assert network(strided).digest != network(replace(strided, padding=(1, 1, 1, 1))).digest


def test_what_is_put_side_by_side_has_an_order() -> None:
    def joined(*inputs: str) -> Network:
        return network(conv("a", INPUT), ReLU("b", (INPUT,)), Concat("both", (inputs[0], inputs[1])))

    assert joined("a", "b").digest != joined("b", "a").digest


def test_two_layers_alike_are_not_one_layer_read_twice() -> None:
    twice = network(conv("a", INPUT), Add("add", ("a", "a")))
    apart = network(conv("a", INPUT), conv("b", INPUT), Add("add", ("a", "b")))
    assert twice.digest != apart.digest


def test_which_of_two_layers_alike_is_read_counts() -> None:
    def shared(reader: str) -> Network:
        first, second = conv("a", INPUT), conv("b", INPUT)
        ends = ReLU("relu", ("a",)), MaxPool2D("pool", (reader,), (1, 1), (1, 1), "valid")
        return network(first, second, *ends, Add("add", ("relu", "pool")), Add("end", ("add", "b")))

    assert shared("a").digest != shared("b").digest


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Network, Network]:
    """A random network of sums, twice: its layers listed and called anew, the inputs of its sums swapped."""
    layers: list[Layer] = []
    for index in range(draw(st.integers(1, 9))):
        before = st.sampled_from([INPUT, *(layer.name for layer in layers)])
        name, first, second = f"l{index}", draw(before), draw(before)
        kind = draw(st.sampled_from(["add", "relu", "conv"]))
        layers.append({"add": Add(name, (first, second)), "relu": ReLU(name, (first,))}.get(kind, conv(name, first)))
    ends = [layer.name for layer in layers if not any(layer.name in each.inputs for each in layers)]
    for index, other in enumerate(ends[1:]):
        layers.append(Add(f"end{index}", (ends[0] if not index else f"end{index - 1}", other)))
    left, listed = list(layers), list[Layer]()
    names = {INPUT: INPUT} | {layer.name: f"n{place}" for place, layer in enumerate(draw(st.permutations(layers)))}
    while left:
        ready = [each for each in left if all(name not in {other.name for other in left} for name in each.inputs)]
        taken = draw(st.sampled_from(ready))
        left.remove(taken)
        inputs = tuple(names[name] for name in taken.inputs)
        swap = isinstance(taken, Add) and draw(st.booleans())
        listed.append(replace(taken, name=names[taken.name], inputs=inputs[::-1] if swap else inputs))
    return network(*layers), network(*listed)


def test_sums_alike_of_layers_alike_are_distinguished_by_what_is_around_them() -> None:
    """One sum reads a layer twice, the other that layer and its like."""
    first, second = conv("a", INPUT), conv("b", INPUT)
    twice, both = Add("twice", ("a", "a")), Add("both", ("a", "b"))
    ends = Add("end", ("twice", "both")), Add("end", ("both", "twice"))
    assert network(first, second, twice, both, ends[0]).digest == network(first, second, twice, both, ends[1]).digest


@given(shuffled())
def test_a_network_listed_anew_is_the_same(pair: tuple[Network, Network]) -> None:
    assert pair[0].digest == pair[1].digest


def test_the_zoos_networks_differ_and_are_what_records_call_them() -> None:
    assert len({each.digest for each in NETWORKS.values()}) == len(NETWORKS)
    assert ARCH8.digest == "28dbebd5157b89bc"


def test_a_network_of_a_softmax_alone_has_an_architecture() -> None:
    assert Network("odd", (4,), (Softmax("s", (INPUT,)),)).digest
    with pytest.raises(InputError):
        Network("none", (4,), ())


def test_a_dense_network_of_its_own() -> None:
    assert network(Dense("d", (INPUT,), 3), shape=(4,)).digest != network(Dense("d", (INPUT,), 4), shape=(4,)).digest
