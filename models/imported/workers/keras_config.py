"""Keras' description of a model, plain JSON, as a list of layers with what each reads; unusual graphs are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.core.errors import InputError
from models.imported.workers.draft import Place, image_shape
from models.imported.workers.keras_archive import ADVICE, KerasArchive, group_name
from models.network import INPUT, Shape

MODELS = ("Sequential", "Functional")
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")
"""Those under which Keras keeps its weights in float32."""


@dataclass(frozen=True)
class Entry:
    """A layer of the model: its place, settings, the layers it reads, and its group in the weights file."""

    place: Place
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    group: str

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


def entries_of(archive: KerasArchive) -> tuple[list[Entry], Shape, str]:
    """The layers in order, the shape of the input, and the layer that is the output."""
    model, config = archive.config, archive.config["config"]
    if model["class_name"] not in MODELS or model.get("registered_name") not in (None, *MODELS):
        fact = f"a model of class {model['class_name']} ({model.get('registered_name')}), whose code is not executed"
        raise InputError(archive.file, fact, "build it with keras.Sequential or keras.Model(inputs, outputs)")
    sequential = model["class_name"] == "Sequential"
    entries: list[Entry] = []
    counts: dict[str, int] = {}
    for index, row in enumerate(config["layers"], start=1):
        place = Place(archive.file, index, row["config"]["name"], row["class_name"])
        module, registered = row.get("module", "keras.layers"), row.get("registered_name")
        if not f"{module}.".startswith("keras.") or registered not in (None, place.kind):
            raise place.refusal(f"a custom object ({registered or module}), whose code is not executed")
        if ".ops." in module and place.kind != "Add":  # `x + y` is such an operation
            raise place.refusal(f"an operation of {module}, not supported", "use the layer that does the same")
        before = [entry.place.name for entry in entries[-1:]]
        inputs = tuple(before if sequential else _sources(place, row["inbound_nodes"]))
        group = group_name(place.kind)
        counts[group] = counts.get(group, -1) + 1
        entries.append(Entry(place, row["config"], inputs, f"{group}_{counts[group]}" if counts[group] else group))
    if sequential and entries and entries[0].place.kind != "InputLayer":
        place = Place(archive.file, 0, INPUT, "InputLayer")
        entries[0] = Entry(entries[0].place, entries[0].config, (INPUT,), entries[0].group)
        entries.insert(0, Entry(place, {"batch_shape": config["build_input_shape"]}, (), ""))
    first = [entry for entry in entries if entry.place.kind == "InputLayer"]
    ends = entries[-1].place.name if sequential else _ends(archive.file, config["output_layers"])
    if len(first) != 1:
        raise InputError(archive.file, f"it has {len(first)} inputs", "give the network one input")
    return entries, image_shape(first[0].config["batch_shape"][1:], archive.file), ends


def _sources(place: Place, nodes: list[Any]) -> Iterator[str]:
    """The layers that a layer of a functional model reads."""
    if place.kind == "InputLayer":
        return
    if len(nodes) != 1:
        raise place.refusal(f"it is used in {len(nodes)} places", "give each place a layer of its own")
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


def _ends(file: str, layers: list[Any]) -> str:
    """The name in Keras' list of outputs, ``[name, 0, 0]`` or ``[[name, 0, 0]]``."""
    match layers:
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
