"""An ONNX file, parsed as protobuf and checked before anything in it is believed. Nothing in it is executed.

Weights in other files ("external data") are read only where the step was given those files: `WantedFiles` says which,
and the command line lays them beside the model if they stand in its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from flows.core.errors import InputError
from flows.core.files import MODEL_LIMIT, opened, read_bytes
from models.imported.workers.draft import Place, WantedFiles, image_shape
from models.imported.workers.onnx_domains import OWN as OWN_DOMAINS
from models.imported.workers.onnx_domains import is_quantiser
from models.layers import Shape

FIRST_OPSET = 9
MOST_NODES = 20_000
"""Operators of a graph: some hundred times those of networks that a Zynq could hold."""
TO_FIRST = [0, 3, 1, 2]
"""The transposition from channels last to channels first."""
IN_PLACE = ("Add", "Cast", "Div", "Identity", "Mul", "Pad", "Sub")
"""What leaves the axes of an image where they are, as it stands before a first transposition."""
ADVICE = "export the network again: torch.onnx.export, or brevitas.export.export_qonnx where it is quantised"
TYPES: Mapping[int, type] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.INT8: np.int8,
    TensorProto.UINT8: np.uint8,
    TensorProto.BOOL: np.bool_,
    TensorProto.DOUBLE: np.float64,
}


def load_model(path: Path) -> ModelProto:
    """The file as protobuf, weights in other files left there; raises `InputError` where it is none."""
    try:
        model = ModelProto.FromString(read_bytes(path, MODEL_LIMIT, "take a smaller network", path.name))
    except (DecodeError, ValueError) as reason:
        if "alloc failed" in str(reason):  # protobuf's way to say that the memory has run out
            raise MemoryError from None
        raise InputError(path.name, f"no ONNX file ({str(reason)[:80]})", ADVICE) from None
    if not model.graph.node:
        raise InputError(path.name, "no ONNX file, or an empty one: nothing is computed in it", ADVICE)
    if len(model.graph.node) > MOST_NODES:
        fact = f"it has {len(model.graph.node):,} operators, where at most {MOST_NODES:,} are read"
        raise InputError(path.name, fact, "take a smaller network")
    return model


def text_of(name: str | bytes) -> str:
    """A name in the file, for people and for networks: protobuf leaves one that is no UTF-8 as bytes."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name


class Tensors:
    """The tensors of one file, in it or in those of the files beside it that were given, under one limit of memory."""

    def __init__(self, path: Path, external: tuple[str, ...]) -> None:
        self.file, self._folder, self._external = path.name, path.parent, external
        self._left = MODEL_LIMIT

    def want_files(self, tensors: Iterable[TensorProto]) -> None:
        """Raises `WantedFiles` where some stand in files that were not given, `InputError` where outside the folder."""
        outside = [tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL]
        if missing := sorted({self._location(stored) for stored in outside} - set(self._external)):
            raise WantedFiles(missing)

    def check_files(self, tensors: Iterable[TensorProto]) -> None:
        """Raises what `want_files` does, and `InputError` where a file has another length than `tensors`, all of the
        model's, say."""
        every = list(tensors)
        self.want_files(every)
        ends: dict[str, int] = {}
        for tensor in every:
            if tensor.data_location != TensorProto.EXTERNAL:
                continue
            name = self._location(tensor)
            ends[name] = max(ends.get(name, 0), self._end(tensor))
        for name, end in ends.items():
            size = (self._folder / name).stat().st_size
            if size != end > 0:
                fact = f"{name!r} has {size:,} bytes, where the model speaks of {end:,}: they are not of one export"
                raise InputError(self.file, fact, "export it again, and keep both files together")

    def _end(self, tensor: TensorProto) -> int:
        """Where a tensor ends in its file; raises `InputError` where its length is none of its shape's."""
        said, kind = _external(tensor), TYPES.get(tensor.data_type)
        try:
            offset = int(said.get("offset", 0))
            length = int(said["length"]) if "length" in said else None
        except ValueError as reason:
            where = f"{self.file}, tensor {tensor.name!r}"
            raise InputError(where, f"its data are damaged ({str(reason)[:80]})", ADVICE) from None
        needed = max(prod(tensor.dims), 0) * np.dtype(kind).itemsize if kind else length or 0
        if length is not None and kind and length != needed:
            fact = f"{length:,} bytes stand in {self._location(tensor)!r}, where its shape takes {needed:,}"
            raise InputError(f"{self.file}, tensor {tensor.name!r}", fact, ADVICE)
        return offset + needed

    def _location(self, tensor: TensorProto) -> str:
        name = _external(tensor).get("location", "")
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
            fact = f"the weights of {tensor.name!r} stand in {name!r}, outside the model's folder"
            raise InputError(self.file, fact, "do not trust this file; or put all files into one folder")
        return name

    def read(self, tensor: TensorProto) -> NDArray[Any]:
        where = f"{self.file}, tensor {tensor.name!r}"
        kind = TYPES.get(tensor.data_type)
        if kind is None:
            fact = f"its numbers are {type_name(tensor.data_type)}, not float32"
            raise InputError(where, fact, "export it in single precision (float32)")
        shape, count = tuple(tensor.dims), prod(tensor.dims)
        self._left -= count * np.dtype(kind).itemsize
        if min(shape, default=1) < 0 or self._left < 0:
            fact = f"with its shape {shape}, the weights make no sense, or pass {MODEL_LIMIT >> 20:,} MiB"
            raise InputError(where, fact, ADVICE)
        try:
            if tensor.data_location != TensorProto.EXTERNAL:
                return _in_single(numpy_helper.to_array(tensor), where)
            external = _external(tensor)
            with opened(self._folder / self._location(tensor), MODEL_LIMIT, ADVICE, where) as file:
                file.seek(int(external.get("offset", 0)))
                content = file.read(count * np.dtype(kind).itemsize)
            return _in_single(np.frombuffer(content, np.dtype(kind).newbyteorder("<"), count).reshape(shape), where)
        except (ValueError, TypeError, OSError) as reason:
            raise InputError(where, f"its data are damaged ({str(reason)[:80]})", ADVICE) from None


class OnnxFile:
    """The graph of one float network. Raises `InputError`, or `WantedFiles` where `external` lacks a file."""

    def __init__(self, model: ModelProto, path: Path, external: tuple[str, ...]) -> None:
        self.file, self.graph = path.name, model.graph
        _leave_choice(model.graph)
        self.opset = self._check(model)
        self._tensors = Tensors(path, external)
        self._tensors.want_files(tensors_of(model))
        self.constants = {tensor.name: self._tensors.read(tensor) for tensor in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in self.constants]
        if len(inputs) != 1 or len(model.graph.output) != 1:
            fact = f"{len(inputs)} inputs and {len(model.graph.output)} outputs"
            raise InputError(self.file, fact, "give the network one input and one output")
        self.input, self.output = inputs[0].name, model.graph.output[0].name
        self.dimensions = self._dimensions(inputs[0].type.tensor_type)

    @property
    def nodes(self) -> Iterator[tuple[Place, NodeProto]]:
        for index, node in enumerate(self.graph.node, start=1):
            name = node.name or next(iter(node.output), "")
            yield Place(self.file, index, text_of(name), text_of(node.op_type)), node

    @property
    def channels_last(self) -> bool:
        """Whether the input is (N, height, width, channels): it is transposed to channels first, or looks like that."""
        if len(self.dimensions) != 4:
            return False
        same, (_, first, _, last) = {self.input}, self.dimensions
        for _, node in self.nodes:
            if not same & set(node.input):
                continue
            if node.op_type == "Transpose":
                return any(list(attribute.ints) == TO_FIRST for attribute in node.attribute)
            if node.op_type in IN_PLACE:
                same |= set(node.output)
        return first != 3 and (last == 3 or (first is not None and last is not None and last < first))

    def image(self, channels_last: bool) -> Shape:
        """The input as (height, width, channels) or (features,), behind the batch."""
        if len(self.dimensions) not in (2, 4):
            return image_shape([None, *self.dimensions], self.file)  # which it refuses
        _, *axes = self.dimensions
        return image_shape([*axes[1:], axes[0]] if len(axes) == 3 and not channels_last else axes, self.file)

    def add_constant(self, place: Place, settings: Mapping[str, Any], output: str) -> None:
        match settings:
            case {"value": TensorProto() as tensor}:
                self.constants[output] = self._tensors.read(tensor)
            case {"value_float": number} | {"value_floats": number}:
                self.constants[output] = np.array(number, np.float32)
            case {"value_int": number} | {"value_ints": number}:
                self.constants[output] = np.array(number, np.int64)
            case _:
                raise place.refusal("a constant that is no tensor of numbers", ADVICE)

    def _check(self, model: ModelProto) -> int:
        """The version of the operators; raises `InputError` where the file brings operators or functions of its own."""
        versions = {entry.domain: entry.version for entry in model.opset_import}
        if model.functions:
            fact = f"it brings functions of its own ({model.functions[0].name})"
            raise InputError(self.file, fact, "export it without functions: plain operators only")
        for place, node in self.nodes:
            if not is_quantiser(place, node.domain) and node.domain not in OWN_DOMAINS:
                raise place.refusal(f"of domain {node.domain!r}, which is not ONNX's own")
            if [attribute for attribute in node.attribute if attribute.HasField("g") or attribute.graphs]:
                raise place.refusal("control flow: it holds a graph of its own", "export it without loops or branches")
        version = max((versions[domain] for domain in OWN_DOMAINS if domain in versions), default=0)
        if not FIRST_OPSET <= version <= onnx.defs.onnx_opset_version():
            fact = f"operators of version {version}; {FIRST_OPSET} to {onnx.defs.onnx_opset_version()} are understood"
            raise InputError(self.file, fact, "export it with opset_version=17")
        if model.graph.sparse_initializer:
            raise InputError(self.file, "it has sparse weights", ADVICE)
        return version

    def _dimensions(self, kind: Any) -> list[int | None]:
        if kind.elem_type != TensorProto.FLOAT:
            raise InputError(self.file, "its input is not float32", "export the float network, before quantisation")
        return [dimension.dim_value if dimension.HasField("dim_value") else None for dimension in kind.shape.dim]


def _leave_choice(graph: GraphProto) -> None:
    """Ends the graph with the scores of its classes, where it ends by choosing the largest: that is the host's."""
    ends = {output.name for output in graph.output}
    for node in graph.node:
        chooses = node.op_type in ("ArgMax", "TopK") and node.domain in OWN_DOMAINS and node.input
        if any(attribute.name == "largest" and attribute.i == 0 for attribute in node.attribute):
            continue
        if chooses and ends and ends <= set(node.output):
            scores = helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, None)
            graph.node.remove(node)
            del graph.output[:]
            graph.output.append(scores)
            return


def _in_single(numbers: NDArray[Any], where: str) -> NDArray[Any]:
    """Doubles in single precision, where they are such numbers: tf2onnx writes QKeras' scales so."""
    if numbers.dtype != np.float64:
        return numbers
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    if not np.array_equal(single, numbers, equal_nan=True):
        advice = "export it in single precision (float32), as FINN reads it; or take scales that are powers of two"
        raise InputError(where, "its numbers are doubles, and in single precision they are others", advice)
    return single


def type_name(number: int) -> str:
    """What ONNX calls a type of numbers.

    >>> type_name(TensorProto.INT8), type_name(99)
    ('INT8', 'of no known type')
    """
    known = number and number in TensorProto.DataType.values()
    return TensorProto.DataType.Name(number) if known else "of no known type"


def _external(tensor: TensorProto) -> Mapping[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def tensors_of(model: ModelProto) -> list[TensorProto]:
    """Initialisers and the tensors in attributes."""
    return [*model.graph.initializer, *(attribute.t for node in model.graph.node for attribute in node.attribute)]


def attributes(place: Place, node: NodeProto) -> dict[str, Any]:
    """Numbers, text, lists and tensors by name."""
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        match attribute.type:
            case AttributeProto.FLOAT:
                values[attribute.name] = attribute.f
            case AttributeProto.INT:
                values[attribute.name] = attribute.i
            case AttributeProto.STRING:
                values[attribute.name] = attribute.s.decode(errors="replace")
            case AttributeProto.INTS:
                values[attribute.name] = list(attribute.ints)
            case AttributeProto.TENSOR:
                values[attribute.name] = attribute.t
            case AttributeProto.FLOATS:
                values[attribute.name] = list(attribute.floats)
            case _:
                raise place.refusal(f"attribute {attribute.name} is of a kind that is not understood", ADVICE)
    return values
