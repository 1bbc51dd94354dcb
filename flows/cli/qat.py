"""The part of `flows train` that trains with quantisers: a float network's Brevitas form, or the user's own module."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from flows.cli import session
from flows.cli.argument_types import bits
from flows.cli.parser import Parser
from flows.core.errors import FlowsError, InputError, SetupError, StepFailed, UsageError
from flows.core.files import write_atomic

TOLD = {each.exit_code for each in FlowsError.__subclasses__()}
"""Exit codes with which a worker ends once it has said why."""
JOB = "job.json"
PACKAGES = ("torch", "brevitas", "qonnx", "onnx", "onnxoptimizer")
KINDS = ("weight_bits", "outer_weight_bits", "activation_bits", "per_channel", "power_of_two")
"""Which quantisers a network gets; the user's own module brings them."""
CHOSEN = {**{name: name for name in KINDS}, "half_precision": "bf16", "epochs": "epochs", "peak_rate": "rate"}
"""Fields of the recipe that the user may set, and the options that set them; the seed as well."""
BITS = {
    "--weight-bits": "every weight (2 to 8; default 4)",
    "--outer-weight-bits": "the weights of the first layers and the last (default: as all)",
    "--activation-bits": "what stands behind a ReLU (default 4)",
}


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--qat", action="store_true",
        help="with Brevitas' quantisers, from the float weights; leaves the QONNX file that the FINN flow takes. "
        "NETWORK may be a .keras or float .onnx file of yours",
    )  # fmt: skip
    for option, what in BITS.items():
        parser.add_argument(option, metavar="BITS", type=bits, help=f"with --qat: bits of {what}")
    parser.add_argument(
        "--per-channel", action="store_true", default=None,
        help="with --qat: a scale for each output channel of a kernel, which costs nothing in FINN",
    )  # fmt: skip
    parser.add_argument(
        "--power-of-two", action="store_true", default=None,
        help="with --qat: every scale a power of two (default: floats, which cost nothing in FINN)",
    )  # fmt: skip
    parser.add_argument(
        "--bf16", action="store_true", default=None,
        help="with --qat: train in bfloat16, faster where the processor has AMX; evaluation is in float32",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", type=Path, help="with --qat: the float weights (default: shipped)")
    parser.add_argument(
        "--module", metavar="FILE.py:CLASS",
        help="in place of NETWORK: a Brevitas module of yours, called without arguments. This executes FILE.py",
    )  # fmt: skip
    parser.add_argument(
        "--state", metavar="FILE", type=Path,
        help="with --module: its state_dict, read as tensors only (weights_only=True)",
    )  # fmt: skip


def check(args: Namespace) -> None:
    """Raises `UsageError` for options that belong to another kind of training."""
    if (args.network is None) == (args.module is None):
        fact = "given with a NETWORK as well" if args.module else "neither it nor a network is given"
        raise UsageError("--module", fact, "name a NETWORK, or --module FILE.py:CLASS")
    own = bool(args.module)
    if own and (alone := [name for name in (*KINDS, "weights") if getattr(args, name) is not None]):
        raise UsageError(_option(alone[0]), "given with --module, which brings its own", "leave it out")
    if not own and args.state:
        raise UsageError("--state", "given without --module", "add --module FILE.py:CLASS")
    if not (own or args.qat):
        for name in (*KINDS, "bf16", "weights"):
            if getattr(args, name) is not None:
                raise UsageError(_option(name), "belongs to quantisation-aware training", "add --qat")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def train(args: Namespace) -> int:
    """The Brevitas form of a network; goes on from its last whole epoch."""
    from flows.jobs import is_file
    from models.qat_recipe import QatRecipe
    from models.serial import network_to_json

    _check_packages()
    named = not is_file(args.network)
    network, weights = _shipped(args) if named else _imported(args)
    fields = _fields(args)
    if not _is_cifar(args):
        fields["shift"] = 0
    name = args.network if named else Path(args.network).name
    job = {
        "network": network_to_json(network),
        "named": named,
        "weights": str(weights.absolute()),
        "recipe": fields,
        "command": f"python -m flows train {name} --qat --data DIR --out OUT{QatRecipe(**fields).options}",
    }
    return _start("models.training.qat", job, args)


def train_module(args: Namespace) -> int:
    """The user's own module, in a process of its own."""
    from models.pixels import UNIT
    from models.serial import pixels_to_json

    file, _, name = args.module.rpartition(":")
    if not file or not name.isidentifier():
        raise UsageError(f"--module {args.module}", "is no FILE.py:CLASS", "as in net.py:MyNetwork")
    for path in filter(None, (Path(file), args.state)):
        if not path.is_file():
            raise InputError(str(path), "no such file", "name your module as FILE.py:CLASS, and its state as a file")
    _check_packages()
    print(f"note: --module executes {file} and {name}(), with all that you may do yourself", file=sys.stderr)
    fields = _fields(args)
    if not _is_cifar(args):
        fields["shift"] = 0
    job = {
        "file": str(Path(file).absolute()),
        "class": name,
        "state": str(args.state.absolute()) if args.state else None,
        "pixels": pixels_to_json(args.pixels or UNIT),
        "recipe": fields,
    }
    code = _start("models.training.own_module", job, args)
    card = args.out / f"{name}.card.json"
    if not code and not (card.exists() and card.stat().st_mtime_ns >= (args.out / JOB).stat().st_mtime_ns):
        raise InputError(file, "ends the process before it is trained", "import it with python yourself to see where")
    return code


def _shipped(args: Namespace) -> tuple[Any, Path]:
    """A network of the project's, folded, as its float weights ship."""
    from flows.jobs import find_network, shipped_weights
    from models.folding import folded

    if args.pixels:
        raise UsageError("--pixels", f"{args.network} was trained here, on x / 255", "leave it out")
    network = find_network(args.network)
    weights = args.weights or shipped_weights(network)
    if weights is None:
        fact = "no float weights of it ship"
        raise InputError(f"network {network.name}", fact, "train it first, then give --weights")
    return folded(network), weights


def _imported(args: Namespace) -> tuple[Any, Path]:
    """A float network in a file of the user's; raises `InputError` where it is quantised already."""
    from flows import imports

    if args.weights:
        raise UsageError("--weights", f"{args.network} brings its own", "leave it out")
    path, executor = Path(args.network), session.executor(args)
    if (imports.read_file(path, executor, args.pixels) / "ranges.json").exists():
        fact = "has quantisers already, and a float network is what gets them"
        advice = f"`python -m flows run finn --network {path.name}` takes it as it is; or give the float network"
        raise InputError(str(path), fact, advice)
    network, weights = imports.read_network(path, executor, args.pixels)
    return network, weights.path


def _is_cifar(args: Namespace) -> bool:
    return bool(args.data.suffix != ".npz")


def _fields(args: Namespace) -> dict[str, Any]:
    """What of the recipe the user set."""
    chosen = {field: getattr(args, name) for field, name in CHOSEN.items()} | {"seed": args.seed}
    return {field: value for field, value in chosen.items() if value is not None}


def _check_packages() -> None:
    from flows.packages import package_version

    for package in PACKAGES:
        if package_version(package) == "absent":
            fact = "not installed, and training with quantisers needs it"
            raise SetupError(f"package {package}", fact, "install the extra: pip install -e '.[finn]'")


def _start(module: str, job: dict[str, Any], args: Namespace) -> int:
    job |= {
        "data": str(args.data.absolute()),
        "out": str(args.out.absolute()),
        "threads": args.threads,
        "compile": args.compile,
    }
    return attached(module, job, args.out)


def attached(worker: str, job: dict[str, Any], out: Path) -> int:
    """Runs a training worker on `job` in the user's terminal; returns its exit code. Raises `StepFailed` where it died
    without a word."""
    from flows.executor import run_attached

    place = out / JOB
    write_atomic(place, json.dumps(job, indent=1))
    code = run_attached(worker, str(place.absolute()))
    if code and code not in TOLD:
        advice = "the same command goes on from the last whole epoch"
        raise StepFailed("training", f"ended with exit code {code}", advice)
    return code
