"""Evaluations on test images: plans with one step for each format, and their results as values of `flows.core.study`.

A study with one more format runs one more step. `flows evaluate` shares the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.core.errors import InputError, RefusedError
from flows.core.plan import Asset, Output, Plan, Products, Step
from flows.core.study import Outcome, Report, Row, Scope, Study
from flows.core.worker import worker
from flows.executor import Executor
from flows.jobs import Trained
from flows.results import VARIANTS, read_result
from models.cifar10 import CLASSES
from models.formats import FLOAT, Format
from models.published import PUBLISHED_ACCURACY, PUBLISHED_FORMATS
from models.quantised import QuantisedNetwork
from models.reference import test_file, test_images
from models.serial import network_to_json, quantised_to_json
from models.study import accuracy, classified, disagreements, pair, size_bytes
from models.study_arithmetic import at_one_width, weight_types

RESULT, DESIGN = "classes.json", "design.safetensors"
METHOD = (
    "Trained float weights are rounded once (post-training); nothing is trained again.",
    "Qm.n: m bits before the point, the sign among them, n behind it; to nearest, ties to even, saturated. "
    "ap_fixed as its name says; by default it truncates and wraps.",
    "intN: Q1.(N-1) times a power of two of each tensor's own, the smallest that is at least its largest magnitude.",
    "Weights only: kernels in the format, biases and arithmetic in single precision. Weights and biases: both in the "
    "format, arithmetic in single precision.",
    "Weights, biases and activations: integer arithmetic, bit for bit. Every stored tensor has the format's width and "
    "a power-of-two scale of its own, from its range on training images; to nearest, ties to even, saturated. Sums "
    "that only a ReLU reads, and the logits, keep the accumulator's width.",
    "p: McNemar's exact two-sided test of the two networks on the same images, against float32.",
)


def study(trained: Trained, formats: Sequence[Format], batch: Asset, executor: Executor) -> Study:
    """`trained` in each of `formats`, of which the first is single precision."""
    variants = {format.name: _variants(trained, format) for format in formats}
    steps = [_step(trained, name, asked, batch) for name, (asked, _) in variants.items()]
    products = executor.execute(Plan(tuple(steps)))
    by_name = {name: _read(products, name) for name in variants}
    network, labels, floating = (
        trained.network,
        by_name[FLOAT]["labels"],
        by_name[FLOAT]["variants"][FLOAT]["classes"],
    )
    published, rows = PUBLISHED_FORMATS.get(network.name, {}), []
    for format in formats:
        if format.type:
            results = variants[format.name][1] | by_name[format.name]["variants"]
            outcomes = {
                scope: _outcome(trained, format, scope, labels, floating, results[scope.value]) for scope in Scope
            }
            rows.append(Row(format.name, format.type.name, format.scaled, outcomes, published.get(format.name)))
    return Study(
        network.name,
        network.parameters,
        network.digest,
        trained.weights.digest,
        by_name[FLOAT]["images"],
        accuracy(labels, floating),
        size_bytes(network, None, Scope.BIASES),
        max(float(abs(tensor).max()) for tensor in trained.weights.tensors().values()),
        published.get(FLOAT),
        tuple(rows),
        METHOD,
        str(network.pixels),
    )


def report(
    trained: Trained,
    name: str,
    quantised: QuantisedNetwork | Format | None,
    batch: Asset,
    executor: Executor,
    weights: Asset | None = None,
) -> Report:
    """The float network class by class, and beside it, called `name`, a design or weights and biases in a format.

    `weights` are the design's where they are not those of `trained`: it is a network of integers.
    """
    steps = [_step(trained, FLOAT, {FLOAT: {}}, batch)]
    if isinstance(quantised, QuantisedNetwork):
        variant = {"quantised": quantised_to_json(quantised)} | ({"weights": DESIGN} if weights else {})
        steps.append(_step(trained, name, {name: variant}, batch, weights))
    elif quantised and quantised.type:
        steps.append(_step(trained, name, {name: _rounded(trained, quantised)[Scope.BIASES.value]}, batch))
    products = executor.execute(Plan(tuple(steps)))
    float_result = _read(products, FLOAT)
    labels, floating = float_result["labels"], float_result["variants"][FLOAT]["classes"]
    names, other = _class_names(trained, batch), None
    if absent := sorted(set(range(len(names))) - set(labels)):
        fact = f"no image is of class {names[absent[0]]}, so that nothing can be said of it"
        raise InputError("--data", fact, "give images of every class; `flows run` evaluates without")
    if len(steps) > 1:
        result = _read(products, name)["variants"][name]
        if "refused" in result:
            raise RefusedError(f"{trained.network.name} in {name}", result["refused"], "choose narrower types")
        other = result["classes"]
    network = trained.network
    return Report(
        network.name,
        network.parameters,
        network.macs,
        network.digest,
        trained.weights.digest,
        float_result["images"],
        PUBLISHED_ACCURACY.get(network.name),
        names,
        classified(FLOAT, labels, floating, names),
        classified(name, labels, other, names) if other else None,
        pair(labels, floating, other) if other else None,
        disagreements(labels, floating, other, names) if other else (),
        str(network.pixels),
    )


def _class_names(trained: Trained, batch: Asset) -> tuple[str, ...]:
    """Those of CIFAR-10; of images of the user's own, their numbers."""
    (count,) = trained.network.shapes[trained.network.output]
    return CLASSES if batch.path.suffix == ".bin" else tuple(map(str, range(count)))


def design(trained: Trained, format: Format) -> QuantisedNetwork:
    """Weights, biases and activations at the width of `format`; raises `ValueError` where a layer has no such form."""
    assert format.type
    types = weight_types(format, trained.weights.tensors())
    return at_one_width(trained.network, trained.weights.digest, trained.ranges, format.type.width, types)


def _rounded(trained: Trained, format: Format) -> dict[str, Any]:
    types = {name: type.name for name, type in weight_types(format, trained.weights.tensors()).items()}
    kernels = {name: type for name, type in types.items() if name.endswith("/kernel")}
    return {Scope.WEIGHTS.value: {"types": kernels}, Scope.BIASES.value: {"types": types}}


def _variants(trained: Trained, format: Format) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what to evaluate, the reasons for what cannot be evaluated), each by scope."""
    if format.type is None:
        return {FLOAT: {}}, {}
    rounded = _rounded(trained, format)
    try:
        exact = {"quantised": quantised_to_json(design(trained, format))}
    except ValueError as reason:
        return rounded, {Scope.ACTIVATIONS.value: {"refused": str(reason)}}
    return rounded | {Scope.ACTIVATIONS.value: exact}, {}


def _step(trained: Trained, name: str, variants: Mapping[str, Any], batch: Asset, design: Asset | None = None) -> Step:
    ask = {
        "network": network_to_json(trained.network),
        "weights": "weights.safetensors",
        "data": test_file(batch),
        "variants": variants,
    }
    weights = Asset(trained.weights.path, trained.weights.digest)
    return worker(
        name=name,
        about=f"{trained.network.name} on {test_images(batch)}",
        module="models.evaluation.classes",
        ask=ask,
        files={"weights.safetensors": weights, test_file(batch): batch} | ({DESIGN: design} if design else {}),
        makes=(RESULT,),
        packages=("torch", "numpy", "safetensors"),
    )


def _read(products: Products, step: str) -> dict[str, Any]:
    path = products.path(Output(step, RESULT))
    assert path, "the interpreter is always there"
    return read_result(path, VARIANTS)


def _outcome(
    trained: Trained, format: Format, scope: Scope, labels: list[int], floating: list[int], result: Mapping[str, Any]
) -> Outcome | str:
    if "refused" in result:
        return result["refused"]
    return Outcome(
        accuracy(labels, result["classes"]),
        pair(labels, floating, result["classes"]),
        size_bytes(trained.network, format.type, scope),
        result["out_of_range"],
    )
