"""hls4ml_config.yml as hls4ml 1.3.0 itself reads it: types, reuse factors and strategies of every layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from backends.hls4ml import BACKEND
from backends.hls4ml.design import asked, snapped, unrolled
from backends.hls4ml.option_texts import parse_precision
from backends.hls4ml.options import Hls4mlOptions
from backends.hls4ml.places import types_of
from backends.hls4ml.precision import lower
from backends.hls4ml.reuse import legal, nearest, sizes
from backends.protocol import Job
from models.fixed import parse_type
from models.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePool, MaxPool2D, ReLU, Softmax
from models.network import INPUT, Network
from models.serial import quantised_to_json
from tests.backends.hls4ml.answers import design_of, refusals

pytestmark = pytest.mark.skipif(not (find_spec("hls4ml") and find_spec("torch")), reason="hls4ml or torch is absent")

Configs = list[dict[str, Any]]
FLAT = Network(
    "flat",
    (8, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (1, 1), "same", 4),
        ReLU("relu1", ("conv1",)),
        Conv2D("shortcut", (INPUT,), (1, 1), (1, 1), "same", 4),
        Add("add", ("relu1", "shortcut")),
        MaxPool2D("pool", ("add",), (2, 2), (2, 2), "valid"),
        Flatten("flat", ("pool",)),
        Dense("fc", ("flat",), 6),
        Softmax("softmax", ("fc",)),
    ),
)
AVERAGED = Network(
    "averaged",
    (8, 8, 3),
    (
        Conv2D("conv1", (INPUT,), (3, 3), (2, 2), "valid", 5),
        ReLU("relu1", ("conv1",)),
        GlobalAveragePool("gap", ("relu1",)),
        Dense("fc", ("gap",), 7),
        ReLU("relu2", ("fc",)),
        Dense("out", ("relu2",), 4),
    ),
)
TYPES = (
    "ap_fixed<8,3>", "fixed<16,6>", "ap_int<4>", "ufixed<7,2,RND,SAT,0>", "ap_ufixed<9,3>", "uint<3>",
    "ap_fixed<12,4,AP_RND_CONV,AP_SAT_SYM>", "int<6>",
)  # fmt: skip
CLASSES = ("Conv2D", "Dense", "Pooling2D", "GlobalPooling2D", "Merge", "Input", "MaxPooling2D", "Softmax")
STRATEGIES = ("Resource", "resource", "Latency", "latency", "Stable")
FIXED_ONES: tuple[dict[str, Any], ...] = (
    {"HLSConfig": {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1, "Strategy": "Resource"},
                   "LayerName": {"conv1": {"Precision": "ap_fixed<8,3>"}}}},
    {"HLSConfig": {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 64, "Strategy": "Resource"},
                   "LayerName": {"fc": {"Precision": {"default": "ap_fixed<8,3>", "weight": "ap_fixed<6,2>"}}}}},
    {"HLSConfig": {"Model": {"Precision": {"default": "ap_fixed<16,6>", "weight": "ap_fixed<6,2>"}, "ReuseFactor": 7,
                             "Strategy": "Resource"},
                   "LayerType": {"Dense": {"Precision": {"weight": "auto", "default": "fixed<9,3>"}, "ReuseFactor": 5},
                                 "Conv2D": {"Strategy": "Latency"}},
                   "LayerName": {"CONV1": {"ReuseFactor": 30, "Precision": {"bias": "auto"}}}}},
)  # fmt: skip


def config(random: Random, network: Network) -> dict[str, Any]:
    """Some settings of some layers, some classes, and all. hls4ml never ends where the input's type is auto."""

    def precision(types: tuple[str, ...]) -> Any:
        if random.random() < 0.4:
            return random.choice(types)
        roles = [role for role in ("weight", "bias", "accum", "result", "default") if random.random() < 0.4]
        return {role: random.choice(types) for role in roles}

    def section(name: str) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if random.random() < 0.7:
            content["Precision"] = precision(TYPES if name.lower() in ("image", "input") else (*TYPES, "auto"))
        if random.random() < 0.5:
            content["ReuseFactor"] = random.choice([1, 2, 3, 5, 7, 13, 27, 54, 64, 100, 1000])
        if random.random() < 0.3:
            content["Strategy"] = random.choice(STRATEGIES)
        return content

    model = {"ReuseFactor": random.choice([1, 6, 64]), "Strategy": random.choice(STRATEGIES)}
    roles = {role: random.choice(TYPES) for role in ("weight", "result") if random.random() < 0.2}
    model["Precision"] = {"default": "ap_fixed<16,6>", **roles} if random.random() < 0.5 else "fixed<16,6>"
    names = ["image", *(layer.name for layer in network.layers if not isinstance(layer, Softmax))]
    names = [name.upper() if random.random() < 0.1 else name for name in names]
    return {
        "HLSConfig": {
            "Model": model,
            "LayerType": {
                random.choice([name, name.lower()]): section(name) for name in CLASSES if random.random() < 0.25
            },
            "LayerName": {name: section(name) for name in names if random.random() < 0.4},
        }
    }


def truth(asked: list[tuple[Job[Hls4mlOptions], Configs]], folder: Path) -> list[Configs]:
    """What hls4ml makes of the configs for each job, in one process: it takes seconds to load."""
    files: list[Path] = []
    for job, configs in asked:
        ask = {"quantised": quantised_to_json(lower(job)), "weights": str(job.weights.path), "configs": configs}
        files.append(folder / f"ask{len(files)}.json")
        files[-1].write_text(json.dumps(ask))
    answers: list[Configs] = json.loads(script("hls4ml_truth.py", *map(str, files)))
    return answers


def script(name: str, *arguments: str) -> str:
    """What a script beside this file prints."""
    root = {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(name)), *arguments],
        capture_output=True, text=True, check=False, env=os.environ | root, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def compare(job: Job[Hls4mlOptions], theirs: dict[str, Any]) -> None:
    base, by_names = parse_precision(job.options.precision)
    network = job.network
    for layer in (INPUT, *(layer.name for layer in network.layers if not isinstance(layer, Softmax | Flatten))):
        result = theirs["image" if layer == INPUT else layer]
        ours = types_of(network, by_names, layer)
        roles = [role for role in ("weight", "bias", "accum", "result") if role in result["types"]]
        if layer != INPUT and isinstance(network[layer], MaxPool2D):
            roles.remove("accum")  # holds the result here
        for role in roles:
            if role in ours:
                assert ours[role].name == result["types"][role], (layer, role)
            else:
                assert result["said"][role] in (None, parse_type(base).name), (layer, role, "not taken")
        if layer in sizes(network):
            factor, own = result["reuse"], snapped(job)[layer]
            flat = layer in unrolled(job)
            assert result["strategy"] == ("latency" if flat else "resource"), layer
            if not flat:  # hls4ml reads the factor of a 1x1 convolution anew behind its own snapping
                factor = nearest(legal(*sizes(network)[layer]), factor)
            assert own == factor, (layer, asked(job))


def check_all(
    network: Network, configs: Configs, answers: Configs, job_of: Callable[..., Job[Hls4mlOptions]], folder: Path
) -> None:
    for content, theirs in zip(configs, answers, strict=True):
        (folder / "hls4ml_config.yml").write_text(yaml.safe_dump(content, sort_keys=False))
        compare(job_of(network, config=str(folder / "hls4ml_config.yml")), theirs)


def some_configs(network: Network) -> Configs:
    random = Random(7)
    return [*FIXED_ONES, *(config(random, network) for _ in range(15))]


@pytest.fixture(scope="module")
def answers(job_of: Callable[..., Job[Hls4mlOptions]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Configs]:
    """What hls4ml makes of some configs, by network."""
    asked = [(job_of(network), some_configs(network)) for network in (FLAT, AVERAGED)]
    rows = truth(asked, tmp_path_factory.mktemp("truth"))
    return {job.network.name: answer for (job, _), answer in zip(asked, rows, strict=True)}


@pytest.mark.parametrize("network", [FLAT, AVERAGED], ids=lambda network: network.name)
def test_configs_are_read_as_hls4ml_reads_them(
    network: Network, answers: dict[str, Configs], job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    check_all(network, some_configs(network), answers[network.name], job_of, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("network", [FLAT, AVERAGED], ids=lambda network: network.name)
def test_many_configs_are_read_as_hls4ml_reads_them(
    network: Network, seed: int, job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    random = Random(100 + seed)
    configs = [config(random, network) for _ in range(150)]
    (answer,) = truth([(job_of(network), configs)], tmp_path)
    check_all(network, configs, answer, job_of, tmp_path)


def options_of(random: Random, network: Network) -> dict[str, Any]:
    """Options that a written config must say again. A depth of FIFOs is none of them, nor are hls4ml's own types."""
    choice: dict[str, Any] = {"reuse_factor": random.choice(["auto", "1", "7", "64", "auto,conv1=27", "5,@Dense=3"])}
    choice["strategy"] = random.choice(["resource", "latency", "resource,conv1=latency", "latency,fc=resource"])
    types = [
        "ap_fixed<16,6>",
        "8",
        "5",
        "ap_fixed<10,3>",
        "ap_fixed<16,6>,fc.weight=ap_fixed<7,2>,relu1.result=ap_ufixed<9,4>",
    ]
    choice["precision"] = random.choice([*types, "12,@Conv2D.bias=ap_int<5>,input.result=ap_ufixed<8,1>"])
    choice["softmax"] = random.choice(["skip", "keep"])
    choice["backend"] = random.choice(["vitis", "vivado"])
    choice["io_type"] = random.choice(["io_stream", "io_stream", "io_parallel"])
    choice["clock_uncertainty"] = random.choice(["default", "12.5%", "20%"])
    return choice


def asked_of_hls4ml(job: Job[Hls4mlOptions]) -> str:
    """The file that the step "convert" is given."""
    return str(BACKEND.plan(BACKEND.resolve(job)).steps[0].files["job.json"])


def check_round_trips(seed: int, count: int, job_of: Callable[..., Job[Hls4mlOptions]], folder: Path) -> None:
    random, jobs = Random(seed), list[Job[Hls4mlOptions]]()
    while len(jobs) < count:
        network = random.choice([FLAT, AVERAGED])
        job = job_of(network, **options_of(random, network))
        if refusals(job):
            continue
        jobs.append(job)
        place = folder / str(len(jobs))
        place.mkdir()
        (place / "job.json").write_text(asked_of_hls4ml(job))
        (place / "weights.safetensors").write_bytes(job.weights.path.read_bytes())
    script("hls4ml_writes.py", *(str(folder / str(number + 1)) for number in range(count)))
    for number, job in enumerate(jobs, start=1):
        written = folder / str(number) / "project" / "hls4ml_config.yml"
        again = job_of(job.network, config=str(written))
        assert refusals(again) == (), job.options
        design, remade = design_of(job), design_of(again)
        assert remade.quantised.digest == design.quantised.digest, job.options
        assert (remade.reuse, remade.unrolled) == (design.reuse, design.unrolled), job.options
        assert remade.buffers == design.buffers
        assert json.loads(asked_of_hls4ml(job)) == json.loads(asked_of_hls4ml(again)), job.options


def test_a_config_that_was_written_makes_the_same_design(
    job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    check_round_trips(1, 6, job_of, tmp_path)


@pytest.mark.slow
def test_many_configs_that_were_written_make_the_same_designs(
    job_of: Callable[..., Job[Hls4mlOptions]], tmp_path: Path
) -> None:
    check_round_trips(2, 60, job_of, tmp_path)
