"""Names of layers and of the network as C identifiers; no two are alike, and none is one of C or of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flows.core.text import identifier
from models.network import Network

KEYWORDS = """
    alignas alignof and and_eq asm auto bool break case catch char class compl const constexpr continue decltype default
    delete do double else enum explicit export extern false float for friend goto if inline int long mutable namespace
    new noexcept not nullptr operator or private protected public register restrict return short signed sizeof static
    struct switch template this throw true try typedef typeid typename union unsigned using virtual void volatile while
    xor
"""
"""Of C and, since the header serves both, of C++."""
HEADERS = "alloca dlopen environ errno linux main printf stderr stdin stdout timezone uint ulong unix ushort"
"""What libraries and compilers call something already; a main program is the user's."""
PROJECT = """
    add conv2d dense dense_sums factors four_sums global_average_pool image images expected inside max_pool multiplied
    pixel_values read_codes read_pixels read_window relu results stored sums total weighted_sum weighted_sums i
"""
TAKEN = frozenset((KEYWORDS + HEADERS + PROJECT).split())
ENDINGS = ("_t", "_weights", "_biases")
"""Types and arrays end so."""


def top_name(network: Network) -> str:
    """The one function is called as the network is."""
    return _free(identifier(network.name, "network").lower(), "network", set())


def layer_names(network: Network) -> Mapping[str, str]:
    """The identifier of every layer."""
    return identifiers([layer.name for layer in network.layers], {top_name(network)})


def identifiers(names: Iterable[str], beside: Iterable[str] = ()) -> Mapping[str, str]:
    """An identifier for every name, as near to it as can be; none is `beside`.

    >>> dict(identifiers(["conv1", "/block/Conv", "2d", "add", "conv-1", "buffer_1"]))
    {'conv1': 'conv1', '/block/Conv': 'block_conv', '2d': 'layer_2d', 'add': 'layer_add', 'conv-1': 'conv_1',
     'buffer_1': 'layer_buffer_1'}
    """
    chosen: dict[str, str] = {}
    for name in names:
        chosen[name] = _free(identifier(name, "layer").lower(), "layer", {*beside, *chosen.values()})
    return chosen


def _free(plain: str, otherwise: str, taken: set[str]) -> str:
    """`plain`, with a word before it or a number behind it where it is taken; in small letters, as macros are not."""
    if plain in TAKEN or plain.endswith(ENDINGS) or plain.startswith(("buffer_", "int", "uint", "str", "mem", "v")):
        plain = f"{otherwise}_{plain}"
    if plain.endswith(ENDINGS):
        plain = f"{plain}_{otherwise}"
    number, free = 1, plain
    while free in taken:
        number += 1
        free = f"{plain}_{number}"
    return free
