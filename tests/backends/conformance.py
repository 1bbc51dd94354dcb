"""What the conformance suite gives every backend: small networks, jobs on them, and plans rehearsed without tools."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from backends.protocol import Job
from flows.core.part import Target, find_part
from flows.core.plan import PYTHON, Plan, Products, Step
from flows.executor import Executor
from flows.store import Store
from models.network import (
    INPUT,
    Add,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool2D,
    Network,
    ReLU,
    Shape,
    Softmax,
)
from models.ranges import Ranges
from models.weights import open_weights, save_weights
from tests.backends.finn.w4a4 import TINY as TINY


@dataclass(frozen=True, slots=True)
class Sine(Layer):
    """A layer that no backend has heard of."""

    kind: ClassVar[str] = "sine"


def job_on(network: Network, folder: Path, options: Any, part: str = "xc7z020") -> Job:
    """On seeded weights of four bits, so that backends that take only quantised ones take them; reaches are on grids of
    four bits, too. Some weights are above 1, which formats for fractions do not hold as they are."""
    random = np.random.default_rng(3)
    tensors = {}
    for name, shape in network.weight_shapes():
        if name.endswith("bias"):
            tensors[name] = (random.normal(0, 9, shape) / 8).astype(np.float32)
            continue
        codes = random.integers(-7, 8, shape)
        codes.reshape(-1, shape[-1])[0] = 7
        tensors[name] = (codes / 4).astype(np.float32)
    path = folder / f"{network.name}.safetensors"
    save_weights(path, tensors, network)
    weights = open_weights(path, network)
    rectified = {layer.name for layer in network.layers if isinstance(layer, ReLU)}
    reach = {tensor: (0.0, 3.75) if tensor in rectified else (-3.75, 3.75) for tensor in network.shapes}
    ranges = Ranges(network.digest, weights.digest, "images", 10, reach | {INPUT: (0.0, 1.0)})
    return Job(network, weights, ranges, Target(find_part(part)), options)


def odd_networks() -> Iterator[Network]:
    """Networks that can be described, and that not every backend can build."""
    conv = Conv2D("conv", (INPUT,), (3, 3), (1, 1), "same", 4)
    relu = ReLU("relu", ("conv",))
    image: Shape = (8, 8, 3)

    def network(name: str, *layers: Layer, shape: Shape = image) -> Network:
        return Network(name, shape, layers)

    def head(tensor: str) -> tuple[Layer, Layer]:
        return GlobalAveragePool("gap", (tensor,)), Dense("dense", ("gap",), 5)

    yield network("unknown layer", conv, relu, Sine("odd", ("relu",)), *head("odd"))
    yield network("overlapping pool", conv, relu, MaxPool2D("odd", ("relu",), (3, 3), (2, 2), "same"), *head("odd"))
    yield network("oblong pool", conv, relu, MaxPool2D("odd", ("relu",), (2, 1), (2, 1), "valid"), *head("odd"))
    yield network("oblong convolution", replace(conv, kernel=(1, 3), strides=(2, 1)), relu, *head("relu"))
    yield network("convolutions in a row", conv, replace(conv, name="odd", inputs=("conv",)), *head("odd"))
    yield network("relu first", ReLU("odd", (INPUT,)), replace(conv, inputs=("odd",)), relu, *head("relu"))
    yield network("narrow image", conv, relu, *head("relu"), shape=(8, 2, 3))
    yield network("image out", conv)
    yield network("softmax inside", conv, GlobalAveragePool("gap", ("conv",)), Softmax("odd", ("gap",)),
                  Dense("dense", ("odd",), 5))  # fmt: skip
    yield network("vector in", Dense("dense", (INPUT,), 5), shape=(12,))
    yield network("flattened input", Flatten("odd", (INPUT,)), Dense("dense", ("odd",), 5))
    yield network("relu of a flattened image", conv, Flatten("odd", ("conv",)), ReLU("relu", ("odd",)),
                  Dense("dense", ("relu",), 5))  # fmt: skip
    yield network("tensor added to itself", conv, relu, Add("odd", ("relu", "relu")), *head("odd"))
    yield network("tensor read three times", conv, relu, Add("add", ("relu", "conv")), ReLU("relu2", ("add",)),
                  Add("odd", ("relu2", "relu")), Add("odd2", ("odd", "relu")), *head("odd2"))  # fmt: skip
    yield network("skip over everything", replace(conv, filters=3), relu, Add("odd", ("relu", INPUT)), *head("odd"))
    yield network("no weights", GlobalAveragePool("odd", (INPUT,)))
    yield network("nothing but a relu", ReLU("odd", (INPUT,)))
    yield network("nothing but a flatten", Flatten("odd", (INPUT,)))
    yield network("nothing but a softmax", Softmax("odd", (INPUT,)), shape=(5,))


class Rehearsal(Executor):
    """An executor whose steps do nothing but leave what they promise.

    Steps of this interpreter do, and those named in `acting`; all others look for their tool. `texts` is what stands in
    promised files, by step; otherwise they are empty.
    """

    def __init__(
        self, store: Store, acting: Collection[str] = (), texts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(store, 2, lambda event, step, text: None)
        self.acting, self.texts = acting, texts

    def execute(self, plan: Plan) -> Products:
        return super().execute(replace(plan, steps=tuple(self._act(step) for step in plan.steps)))

    def _act(self, step: Step) -> Step:
        if step.tool != PYTHON and step.name not in self.acting:
            return step
        wanted = json.dumps({name: self.texts.get(step.name, "") for name in step.makes})
        code = (
            "import json, sys, pathlib\n"
            "for name, text in json.loads(sys.argv[1]).items():\n"
            "    place = pathlib.Path(name); place.parent.mkdir(parents=True, exist_ok=True); place.write_text(text)\n"
            f"# {step.name}: steps that leave the same are still not the same"
        )
        return replace(step, tool=PYTHON, argv=(PYTHON, "-c", code, wanted), packages=(), sources=())


def ancestry(plan: Plan, step: str) -> tuple[Step, ...]:
    """A step and all that it needs, directly or not."""
    wanted = {step}
    for one in reversed(plan.steps):
        if one.name in wanted:
            wanted.update(one.needs)
    return tuple(one for one in plan.steps if one.name in wanted)
