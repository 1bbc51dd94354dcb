"""Names that would do harm if a generator wrote them as they are, and networks that came by them as files do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
from hypothesis import strategies as st

from flows.core.text import title
from models.imported.workers.draft import Draft, Place
from models.network import INPUT, Network

WHOLE = [
    'net\nextern "C" int system(const char*); static int pwned = system("id > CODE_RAN");\n#pragma x',
    'a\n} ; system("id"); //',
    "*/ int x; /*",
    "ends in a backslash \\",
    "a trigraph ??/",
    '"""\nimport os\nos.system("id")\n"""',
    "[exec id] $env(HOME) {; exec id}",
    "$(shell id) `id` $$(id) ; id & id | id",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "<script>alert(1)</script> [x](javascript:1) | # **x**",
    "../../../etc/passwd",
    "..",
    ".",
    "/",
    "",
    " ",
    "-rf",
    "\x1b[31mred\x1b]0;t\x07\r\x00",
    "\u202egnp.txt\u2066",
    "网络",
    "Größe",
    "ﬁ\u3164\u115f",
    "NULL",
    "main",
    "int",
    "class",
    "input",
    "image",
    "clone_a",
    "a_quant",
    "image_quant",
    "a_out",
    "a_to_b",
    "__FILE__",
    "_Pragma",
    "import",
    "2d",
    "!@#$%^&*()",
    "n" * 300,
    "/features/features.0/Conv" * 9,
]
PIECES = [
    "\n",
    "\r",
    '"',
    "'",
    "\\",
    "*/",
    "/*",
    "//",
    "#",
    "$",
    "`",
    "{",
    "}",
    "[",
    "]",
    ";",
    "??/",
    "..",
    "/",
    "a",
    "b",
]
PIECES += ["_", "-", " ", "2", "to", "out", "quant", "layer", "\x1b", "\u202e", "\u2028", "é", "网", "\udcff"]
HOSTILE = st.sampled_from(WHOLE) | st.lists(st.sampled_from(PIECES) | st.characters(), max_size=9).map("".join)


def layers_of(network: Network) -> st.SearchStrategy[list[str]]:
    """A hostile name for each layer; some may be alike."""
    return st.lists(HOSTILE, min_size=len(network.layers), max_size=len(network.layers))


def entered(network: Network, name: str, layers: Sequence[str]) -> Network:
    """`network` as it is read from a file called `name` in which its layers are called `layers`."""
    draft, called = Draft(title(name), network.input_shape), {INPUT: INPUT}
    for layer, item in zip(network.layers, layers, strict=True):
        settings = {
            field.name: getattr(layer, field.name) for field in fields(layer) if field.name not in ("name", "inputs")
        }
        shapes = layer.weight_shapes(*network.input_shapes(layer))
        weights = {role: np.zeros(shape, np.float32) for role, shape in shapes.items()}
        inputs = tuple(called[each] for each in layer.inputs)
        called[layer.name] = draft.add(Place(name, 1, item, layer.kind), type(layer), inputs, weights, **settings)
    return draft.finish(called[network.output], name)


def benign(network: Network) -> Network:
    """Called so that each of its names is found again in what is generated: ``benign``, ``plainA``, ``plainB``, ..."""
    return entered(network, "benign", [f"plain{chr(ord('A') + place)}" for place in range(len(network.layers))])


def with_names(text: str, names: Callable[[str, int], str]) -> str:
    """`text` of the benign network with others in place of its names: `names` gives one for each, by its place (-1 is
    the network's own)."""
    pattern = "[Pp]lain([A-Z])(?![a-z])|benign"
    return re.sub(pattern, lambda name: names(name[0], ord(name[1]) - ord("A") if name[1] else -1), text)
