"""Keras' description of a model, plain JSON, as a list of layers with what each reads; unusual graphs are refused.

The layers of a model inside the model stand in the list like its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.core.errors import InputError
from models.imported.workers import qkeras
from models.imported.workers.draft import Place, image_shape
from models.imported.workers.keras_archive import ADVICE, KerasArchive, group_name
from models.imported.workers.keras_hdf5 import KerasHdf5
from models.layers import Shape
from models.network import INPUT

KerasFile = KerasArchive | KerasHdf5
MODELS = ("Sequential", "Functional", "Model")
"""Keras 2 called functional models "Model" before TensorFlow 2.3."""
OPERATIONS = ("Add", "Relu")
"""Of ``keras.ops``: `x + y` is one, too."""
OLD_OPERATION, OLD_OPERATIONS = "TFOpLambda", {"__operators__.add": "Add", "math.add": "Add", "nn.relu": "Relu"}
"""What Keras 2 makes of an operation of TensorFlow's between layers, and those that are read."""
FOREIGN = {
    qkeras.MODULE: f"supported of QKeras are {', '.join(qkeras.KINDS)}; or {qkeras.QONNX}",
    "hgq": "HGQ2's widths are variables that only its code reads: convert it with hls4ml itself, or train a plain copy",
}
"""What to do with layers of other packages, by the package."""
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")
"""Those under which Keras keeps its weights in float32."""


@dataclass(frozen=True)
class Entry:
    """A layer: its place, settings, the keys of the layers it reads, its group in the weights file, its own key.

    The entry of a model inside, and of its input, has one input, which it hands on.
    """

    place: Place
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    group: str
    key: str

    def expect(self, key: str, *legal: Any) -> None:
        """Raises `InputError` unless the setting is absent or one of these; lists count as tuples."""
        value = self.config.get(key, legal[0])
        value = tuple(value) if isinstance(value, list) else value
        if value not in legal:
            shown = " or ".join(map(str, legal))
            raise self.place.refusal(f"{key} is {value}", f"build it with {key} {shown}, which is supported")

    def pair(self, key: str) -> tuple[int, int]:
        match self.config[key]:
            case [int(one), int(other)] | (int(one) as other):
                return one, other
        raise self.place.refusal(f"{key} is {self.config[key]}, not two whole numbers", ADVICE)


def entries_of(archive: KerasFile) -> tuple[list[Entry], Shape, str]:
    """The layers in order, the shape of the input, and the key of the layer that is the output."""
    model = archive.config
    if model["class_name"] not in MODELS or model.get("registered_name") not in (None, *MODELS):
        fact = f"a model of class {model['class_name']} ({model.get('registered_name')}), whose code is not executed"
        raise InputError(archive.file, fact, "build it with keras.Sequential or keras.Model(inputs, outputs)")
    entries: list[Entry] = []
    end = _add_layers(entries, archive, archive.file, model, archive.folder, "", None)
    first = [entry for entry in entries if entry.place.kind == "InputLayer" and not entry.inputs]
    if len(first) != 1:
        raise InputError(archive.file, f"it has {len(first)} inputs", "give the network one input")
    config = first[0].config
    shape = config["batch_shape"] if "batch_shape" in config else config["batch_input_shape"]  # Keras 3, Keras 2
    return entries, image_shape(shape[1:], archive.file), end


def _add_layers(
    entries: list[Entry],
    archive: KerasFile,
    file: str,
    model: Mapping[str, Any],
    folder: str,
    prefix: str,
    source: str | None,
) -> str:
    """Appends the layers of `model`, which reads the key `source` where it stands in another; the key of its output.

    `folder` is its group of layers in the weights file; `prefix` tells its keys from those of other models.
    """
    config, rows = model["config"], model["config"]["layers"]
    sequential = model["class_name"] == "Sequential"
    before, counts = source or INPUT, Counter[str]()
    models = {row["config"]["name"] for row in rows if row["class_name"] in MODELS}
    if sequential and not source and rows and rows[0]["class_name"] != "InputLayer":
        place = Place(file, 0, INPUT, "InputLayer")
        shape = config.get("build_input_shape") or rows[0]["config"]["batch_input_shape"]  # before TensorFlow 2.3
        entries.append(Entry(place, {"batch_shape": shape}, (), "", INPUT))
    for index, row in enumerate(rows, start=1):
        place = _checked_place(file, index, row)
        name = group_name(place.kind)
        group = archive.group(folder, place, counts[name])
        counts[name] += 1
        key = prefix + place.name
        if place.kind == "InputLayer":
            inputs: tuple[str, ...] = (source,) if source else ()
            if source and counts[name] > 1:
                raise place.refusal("the model in which it stands has several inputs", "give it one")
        else:
            inputs = (
                (before,)
                if sequential
                else tuple(prefix + source for source in _sources(place, row["inbound_nodes"], models))
            )
        if place.kind in MODELS:
            if len(inputs) != 1:
                raise place.refusal(f"it reads {len(inputs)} tensors", "give a model inside the model one input")
            inside = f"{file}, {place.name!r}"
            inner = archive.inside(group)
            inputs = (_add_layers(entries, archive, inside, row, inner, f"{key}/", inputs[0]),)
        settings = {name: _number(value) for name, value in row["config"].items()}
        entries.append(Entry(place, settings, inputs, group, key))
        before = key
    return before if sequential else prefix + _end(file, config["output_layers"])


def _checked_place(file: str, index: int, row: Mapping[str, Any]) -> Place:
    """Where a layer stands; raises `InputError` where it is not one of Keras' own."""
    kind, registered = row["class_name"], row.get("registered_name")
    if kind == OLD_OPERATION and registered in (None, kind):
        kind, registered = OLD_OPERATIONS.get(row["config"]["function"], kind), None
    place = Place(file, index, row["config"]["name"], kind)
    module = row.get("module") or "keras.layers"
    known = f"{module}.".startswith("keras.") or (place.kind in qkeras.KINDS and f"{module}.".startswith("qkeras."))
    if not known or registered not in (None, place.kind):
        fact = f"a custom object ({registered or module}), whose code is not executed"
        raise place.refusal(fact, *(FOREIGN[name] for name in FOREIGN if f"{module}.".startswith(f"{name}.")))
    if ".ops." in module and place.kind not in OPERATIONS:
        raise place.refusal(f"an operation of {module}, not supported", "use the layer that does the same")
    return place


def _sources(place: Place, nodes: list[Any], models: Collection[str]) -> Iterator[str]:
    """The layers that a layer of a functional model reads, in which these stand for `models`."""
    if place.kind == "InputLayer":
        return
    if len(nodes) != 1:
        raise place.refusal(f"it is used in {len(nodes)} places", "give each place a layer of its own")
    if isinstance(nodes[0], list):
        yield from _old_sources(place, nodes[0], models)
        return
    if unusual := [key for key, value in nodes[0]["kwargs"].items() if value not in (None, False)]:
        raise place.refusal(f"it is called with {unusual[0]}", "call it with tensors only")
    arguments = nodes[0]["args"]
    for tensor in arguments[0] if isinstance(arguments[0], list) else arguments:
        if not isinstance(tensor, dict):
            raise place.refusal(f"it is called with {str(tensor)[:40]}", "call it with tensors only")
        layer, node, output = tensor["config"]["keras_history"]
        if node or output:
            raise place.refusal(f"it reads output {output} of call {node} of {layer!r}", "use each layer once")
        yield layer


def _old_sources(place: Place, node: list[Any], models: Collection[str]) -> Iterator[str]:
    """The same of Keras 2: ``[name, call, output, arguments]`` for every tensor, or that alone.

    Call 0 of a model is that on its own input, which it has from the beginning, so that call 1 is its first.
    """
    for name, call, output, arguments in [node] if isinstance(node[0], str) else node:
        other = arguments.pop("y", None) if place.kind == "Add" else None  # of an operator, x + y
        if unusual := [key for key, value in arguments.items() if value not in (None, False)]:
            raise place.refusal(f"it is called with {unusual[0]}", "call it with tensors only")
        for layer, number, place_of in [(name, call, output), *([other[:3]] if isinstance(other, list) else [])]:
            if number not in (0, layer in models) or place_of:
                raise place.refusal(f"it reads output {place_of} of call {number} of {layer!r}", "use each layer once")
            yield layer


def _number(value: Any) -> Any:
    """Keras 2.12 writes the numbers of some settings as those of numpy."""
    match value:
        case {"class_name": "__numpy__", "config": {"value": int() | float() as number}}:
            return number
    return value


def _end(file: str, layers: Any) -> str:
    """The name in Keras' list of outputs, ``[name, 0, 0]`` or ``[[name, 0, 0]]``, or a table of those."""
    match list(layers.values()) if isinstance(layers, dict) else layers:
        case [str(name), 0, 0] | [[str(name), 0, 0]]:
            return name
    raise InputError(file, f"it has {len(layers)} outputs", "give the network one output")


def check_dtype(entry: Entry) -> None:
    match entry.config.get("dtype", "float32"):
        case str(policy) | {"config": {"name": str(policy)}}:
            if policy in POLICIES:
                return
        case {"class_name": policy} | policy:
            pass
    raise entry.place.refusal(f"its weights follow {policy}, not float32", "save the network before it is quantised")
