"""What each type of a design costs: ``python -m models.evaluation.cost JOB.json``. Imports torch; nothing imports it.

JOB.json: ``quantised`` (see `models.serial`), ``weights`` (a file) and ``data``, a CIFAR-10 batch. One tensor at a time
enters its type, all others stay single-precision numbers. Writes ``cost.json``: of ``n`` images how many are right by
the float network (``float_right``) and with each tensor (``right``, by its name in a numeric profile). Accumulators are
left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flows.core.worker import JOB, run_worker
from models import cifar10
from models.evaluation.worker import BATCH, keep_memory, read_weights
from models.fixed import FixedType
from models.layers import Softmax
from models.network import INPUT
from models.profile import confined, nearest_codes
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json
from models.training.torch_network import TorchNetwork, as_input, looked_up


def entered(numbers: np.ndarray, type: FixedType) -> np.ndarray:
    """Numbers as those of `type` that they become, in single precision."""
    codes = confined(nearest_codes(numbers.astype(np.float64) * 2.0**type.fraction, type.rounding), type)
    return (codes * 2.0**-type.fraction).astype(np.float32)


class Changed(TorchNetwork):
    """The float network, with one tensor at a time in its type."""

    def __init__(self, quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__(quantised.network)
        self.quantised = quantised
        self.load(weights).eval().to(memory_format=torch.channels_last)
        image = quantised.input.type
        tables = [[float(image.value(code)) for code in table] for table in quantised.input.tables]
        self.pixels = torch.tensor(tables, dtype=torch.float32)
        self.rounded: dict[str, TorchNetwork] = {}  # by kernel or bias, the network with that alone in its type
        for layer in quantised.computed:
            types = quantised.layers[layer.name]
            for role, type in (("kernel", types.kernel), ("bias", types.bias)):
                if type:
                    name = f"{layer.name}/{role}"
                    changed = {**weights, name: entered(weights[name], type)}
                    self.rounded[name] = TorchNetwork(quantised.network).load(changed).eval()

    def results(self, pixels: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        """The results of the float network under "", then with each tensor in its type, under its name."""
        values: dict[str, Tensor] = {}
        yield "", self(as_input(pixels, self.network.pixels), values.__setitem__)
        yield "image", self._behind(values, INPUT, looked_up(self.pixels, pixels))
        for name, network in self.rounded.items():
            layer = self.network[name.rpartition("/")[0]]
            inputs = (values[source] for source in layer.inputs)
            yield name, self._behind(values, layer.name, network._run(layer, *inputs))
        for layer in self.quantised.computed:
            type = self.quantised.layers[layer.name].output
            value = torch.from_numpy(entered(values[layer.name].numpy(), type))
            yield layer.name, self._behind(values, layer.name, value)

    def _behind(self, values: Mapping[str, Tensor], name: str, value: Tensor) -> Tensor:
        """The results where the tensor `name` is `value`; what it does not reach is not computed again."""
        new = {name: value}
        for layer in self.network.layers:
            if not isinstance(layer, Softmax) and layer.name != name and any(source in new for source in layer.inputs):
                new[layer.name] = self._run(layer, *(new.get(source, values[source]) for source in layer.inputs))
        return list(new.values())[-1]


def costs(quantised: QuantisedNetwork, weights: Mapping[str, np.ndarray], batch: Path) -> dict[str, object]:
    """Of the test images in `batch`: how many are right in float, and with the type of one tensor alone, by tensor."""
    images, network = cifar10.read_test(batch), Changed(quantised, weights)
    right: Counter[str] = Counter()
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        for name, results in network.results(part.pixels):
            right[name] += int((results.argmax(1).numpy() == part.labels).sum())
        if (start + BATCH) % 1000 == 0:
            print(f"{start + BATCH:,} of {len(images):,} images", flush=True)
    return {"n": len(images), "float_right": right.pop(""), "right": right}


def main(ask: Mapping[str, Any]) -> None:
    quantised = quantised_from_json(ask["quantised"], JOB)
    weights = read_weights(Path(ask["weights"]), quantised)
    torch.set_grad_enabled(False)
    keep_memory()
    torch.set_num_threads(2)
    Path("cost.json").write_text(json.dumps(costs(quantised, weights, Path(ask["data"]))))


if __name__ == "__main__":
    run_worker(main)
