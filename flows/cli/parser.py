"""The parser: commands, their arguments, and the options of the flows that a command names."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from flows import registry
from flows.cli import checks, commands, profile, reporting, store, studies
from flows.cli.options import add_options
from flows.core.errors import UsageError

PROGRAM = "python -m flows"
ABOUT = "One trained network in, every way to put it on a Zynq out: each number with its evidence, each build proven."


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print its usage and leave."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.prog, message, f"`{self.prog} --help` shows what it takes")

    def options(self) -> list[str]:
        return [text for action in self._actions for text in action.option_strings]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; `command` is the function to call. Raises `UsageError`, exits only for --help."""
    parser = Parser(prog=PROGRAM, description=ABOUT)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    parsers = {}
    for name, (about, build) in COMMANDS.items():
        parsers[name] = subparsers.add_parser(name, help=about, description=about)
        build(parsers[name], argv[1:] if argv and argv[0] == name else ())
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise UsageError.unknown("command", argv[0], COMMANDS, f"{PROGRAM} --help")
    arguments, unknown = parser.parse_known_args(list(argv))
    for name in getattr(arguments, "flows", ()):
        registry.load(name)
    if unknown:
        chosen = parsers[argv[0]]
        option = unknown[0].partition("=")[0]
        near = get_close_matches(option, chosen.options(), n=1, cutoff=0.5)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"option {unknown[0]!r}", f"{argv[0]} has none like it", f"{guess}`{chosen.prog} --help` shows all"
        )
    return arguments


LONGEST_NS = 1e6
"""A millisecond: no network is clocked so slowly, and times of it can still be told."""


def _positive_ns(text: str) -> float:
    value = float(text)
    if not (0 < value <= LONGEST_NS):
        raise argparse.ArgumentTypeError(
            f"{text} is no clock period: give nanoseconds above 0, up to {LONGEST_NS:,.0f}"
        )
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is no seed: give a whole number from 0 to {(1 << 32) - 1:,}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _bits(text: str) -> int:
    value = int(text)
    if not 2 <= value <= 8:
        raise argparse.ArgumentTypeError(f"{text} bits: FINN builds 2 to 8")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"{text} is no learning rate: give a number above 0")
    return value


def _design(parser: Parser, argv: Sequence[str]) -> None:
    """What every command that makes a design takes, and the options of the flows named in `argv`."""
    parser.add_argument("flows", metavar="FLOW", nargs="+", help="which flows (`flows list flows`)")
    parser.add_argument(
        "--part", dest="parts", metavar="PART", action="append",
        help="a device (xc7z020), a full part (xc7z020clg400-1) or a board (pynq-z2); may be repeated; default xc7z020",
    )  # fmt: skip
    parser.add_argument(
        "--clock", metavar="NS", type=_positive_ns, default=10.0, help="clock period in ns (default 10)"
    )
    parser.add_argument(
        "--network", metavar="NAME", default="arch8",
        help="one of `flows list networks`, or a file of yours, .keras or .onnx (default arch8)",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", type=Path, help="its weights (default: the shipped ones)")
    parser.add_argument(
        "--calibration", metavar="FILE", type=Path,
        help="for a network of yours: images to measure its ranges on, a .npy array (N, height, width, 3) of uint8",
    )  # fmt: skip
    _store(parser)
    _verify(parser)
    add_options(parser, argv)


def _store(parser: Parser) -> None:
    parser.add_argument(
        "--store", metavar="DIR", type=Path, help="where results are kept (default: $ZYNQFLOWS_STORE, or per user)"
    )


def _verify(parser: Parser) -> None:
    parser.add_argument(
        "--verify", action="store_true",
        help="compute the digest of every stored file before it is used; a step of which one has changed is made again",
    )  # fmt: skip


def _json(parser: Parser) -> None:
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the result as JSON, schema zynqflows/1")


def _reports(parser: Parser) -> None:
    parser.add_argument(
        "--report", dest="reports", metavar="FILE", type=Path, action="append", default=[],
        help="a vendor's report of this very design, made elsewhere (csynth, utilization, timing); may be repeated",
    )  # fmt: skip


def _run(parser: Parser, argv: Sequence[str]) -> None:
    _design(parser, argv)
    _json(parser)
    _reports(parser)
    parser.add_argument("--data", metavar="DIR", type=Path, help="CIFAR-10, binary version: evaluates the test images")
    parser.add_argument("--out", metavar="DIR", type=Path, help="copy the files of every step here, each checked")
    parser.add_argument("--jobs", metavar="N", type=_count, default=2, help="processes at a time (default 2)")
    parser.add_argument(
        "--record",
        action="store_true",
        help="with --data: write accuracy and agreement into the card beside the weights",
    )
    parser.add_argument("--require-fit", action="store_true", help="fail where a design does not fit its part")
    parser.set_defaults(command=commands.run)


def _estimate(parser: Parser, argv: Sequence[str]) -> None:
    _design(parser, argv)
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="CIFAR-10, binary version: to measure the ranges of a network of yours"
    )
    parser.add_argument("--layers", action="store_true", help="also one line a layer and block")
    _reports(parser)
    parser.set_defaults(command=commands.estimate)


def _plan(parser: Parser, argv: Sequence[str]) -> None:
    _design(parser, argv)
    parser.add_argument("--data", metavar="DIR", type=Path, help="CIFAR-10, binary version: adds the accuracy step")
    parser.set_defaults(command=commands.plan)


def _profile(parser: Parser, argv: Sequence[str]) -> None:
    _design(parser, argv)
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="CIFAR-10, binary version: for --cost, and the ranges of a network of yours",
    )
    parser.add_argument(
        "--cost", action="store_true", help="with --data: the accuracy that each tensor's type costs alone; minutes"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the rows as JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also profile.svg and its data here")
    parser.set_defaults(command=profile.profile)


def _list(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("what", choices=("flows", "parts", "boards", "networks"), help="what to list")
    parser.set_defaults(command=commands.listing)


def _doctor(parser: Parser, argv: Sequence[str]) -> None:
    parser.set_defaults(command=commands.doctor)


def _compare(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="*", help="runs by name (default: all in the store)")
    _store(parser)
    _json(parser)
    parser.set_defaults(command=commands.compare)


def _report(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", help="runs by name, or JSON files of runs (default: all in the store)"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=reporting.DEFAULT_OUT, help="where it goes (default %(default)s)"
    )
    parser.add_argument("--run", action="store_true", help="first run every flow that has no run on a part")
    parser.add_argument(
        "--part", dest="parts", metavar="PART", action="append",
        help="with --run: which parts; may be repeated; default xc7z010 and xc7z020",
    )  # fmt: skip
    _store(parser)
    parser.set_defaults(command=reporting.report)


def _tolerance(text: str) -> tuple[str, float]:
    """(metric or "", share), of ``lut=5`` or ``5``."""
    from flows.core.evidence import Metric

    metric, _, percent = text.rpartition("=")
    if metric and metric not in {one.key for one in Metric}:
        raise argparse.ArgumentTypeError(f"{metric} is no metric: one of {', '.join(one.key for one in Metric)}")
    value = float(percent)
    if not (0 <= value < math.inf):
        raise argparse.ArgumentTypeError(f"{percent} is no tolerance: give per cent, 0 or more")
    return metric, value / 100


def _diff(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("before", metavar="A", help="a run by name, or a JSON file of runs")
    parser.add_argument("after", metavar="B", help="another")
    parser.add_argument(
        "--tolerance", dest="tolerances", metavar="[METRIC=]PERCENT", type=_tolerance, action="append", default=[],
        help="what a number may change by without being counted; may be repeated (default 0)",
    )  # fmt: skip
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write a page")
    _store(parser)
    parser.set_defaults(command=reporting.diff)


def _gate(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", help="runs by name, or JSON files of runs (default: all in the store)"
    )
    parser.add_argument(
        "--policy", metavar="FILE", type=Path, required=True, help="budgets, tolerances and waivers, as TOML"
    )
    parser.add_argument("--junit", metavar="FILE", type=Path, help="also write JUnit XML, for a CI system")
    _store(parser)
    parser.set_defaults(command=reporting.gate)


def _show(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("run", metavar="RUN", help="a run by name, or the beginning of one")
    _store(parser)
    _json(parser)
    parser.set_defaults(command=commands.show)


def _days(text: str) -> float:
    value = float(text)
    if not (0 <= value < math.inf):
        raise argparse.ArgumentTypeError(f"{text} is no number of days: give 0 or more")
    return value


def _stored(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("action", choices=("prune",), help="prune: delete what no recorded run refers to")
    parser.add_argument(
        "--older-than", metavar="DAYS", type=_days, default=30.0,
        help="only what was not used for so many days (default 30)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="delete nothing: print what would go, with its size")
    _store(parser)
    parser.set_defaults(command=store.store)


QAT_BITS = {
    "--weight-bits": "every weight (2 to 8; default 4)",
    "--outer-weight-bits": "the weights of the first layers and the last (default: as all)",
    "--activation-bits": "what stands behind a ReLU (default 4)",
}


def _train(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("network", metavar="NETWORK", help="which network (`flows list networks`)")
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True, help="CIFAR-10, binary version, all six batches"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="for weights, ranges, card, curves and checkpoint"
    )
    parser.add_argument(
        "--recipe", choices=("modern", "seed"), default="modern",
        help="modern (the default): SGD, BatchNorm folded, averaged weights; seed: the published one, with Adam",
    )  # fmt: skip
    parser.add_argument(
        "--qat", action="store_true",
        help="quantisation-aware, from the float weights: what the FINN flow starts from",
    )  # fmt: skip
    for option, what in QAT_BITS.items():
        parser.add_argument(option, metavar="BITS", type=_bits, help=f"with --qat: bits of {what}")
    parser.add_argument(
        "--per-channel", action="store_true", default=None,
        help="with --qat: a scale for each output channel of a kernel, which costs nothing in FINN",
    )  # fmt: skip
    parser.add_argument(
        "--float-scales", action="store_true", default=None,
        help="with --qat: scales of kernels in the precision of bfloat16, not powers of two",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", type=Path, help="with --qat: the float weights (default: shipped)")
    parser.add_argument("--rate", metavar="R", type=_rate, help="the highest learning rate (default: the recipe's)")
    parser.add_argument(
        "--epochs", metavar="N", type=_count, help="passes over the training images (default: the recipe's)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=_seed, help="of initialisation, split and augmentation (default: the recipe's)"
    )
    parser.add_argument("--threads", metavar="N", type=_count, default=2, help="processor threads (default 2)")
    parser.add_argument(
        "--compile", action="store_true", help="let torch generate fused C++ (needs g++): a third faster"
    )
    parser.set_defaults(command=commands.train)


def _study(parser: Parser) -> None:
    """What every study on the test images takes."""
    parser.add_argument(
        "--data", metavar="DIR", type=Path, required=True, help="CIFAR-10, binary version: the test images"
    )
    parser.add_argument("--weights", metavar="FILE", type=Path, help="the weights (default: the shipped ones)")
    parser.add_argument(
        "--calibration", metavar="FILE", type=Path, help="for a network of yours: images to measure its ranges on, .npy"
    )
    _store(parser)
    _verify(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write everything that was found as JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also a picture and its data here")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")


def _quantise(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("network", metavar="NETWORK", help="one of `flows list networks`, or a file of yours")
    parser.add_argument(
        "--formats", metavar="LIST", default="float32,Q1.31,Q1.15,Q1.7,Q1.3",
        help="Qm.n (m counts the sign bit), intN (its point moved by tensor), 'ap_fixed<W,I,...>'; default %(default)s",
    )  # fmt: skip
    _study(parser)
    parser.set_defaults(command=studies.quantise)


def _evaluate(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "networks",
        metavar="NETWORK",
        nargs="*",
        help="of `flows list networks`, or files of yours (default: all trained)",
    )
    _study(parser)
    parser.add_argument(
        "--flow", dest="flows", metavar="FLOW", nargs=1, default=(), help="beside it in the exact arithmetic of a flow"
    )
    parser.add_argument(
        "--format", metavar="FORMAT", help="beside it with weights and biases in a format, as in `flows quantise`"
    )
    parser.add_argument("--activations", action="store_true", help="with --format: activations as wide, too")
    add_options(parser, argv)
    parser.set_defaults(command=studies.evaluate)


def _check(parser: Parser, argv: Sequence[str]) -> None:
    parser.add_argument("flows", metavar="FLOW", nargs=1, help="the flow whose conditions are checked: finn")
    parser.add_argument("model", metavar="MODEL", type=Path, help="an .onnx file: QONNX, as Brevitas exports it")
    parser.add_argument("--network", metavar="NAME", help="also whether the graph is this one of `flows list networks`")
    _store(parser)
    _verify(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the verdicts as JSON")
    parser.set_defaults(command=checks.check)


COMMANDS: dict[str, tuple[str, Callable[[Parser, Sequence[str]], None]]] = {
    "run": ("build, verify and estimate designs, and print what they cost", _run),
    "estimate": ("what designs would cost, in seconds, with no tool installed", _estimate),
    "plan": ("what a run would do; runs nothing", _plan),
    "profile": ("what every tensor of a design reaches, against what its fixed-point type holds", _profile),
    "compare": ("one table over the runs in the store", _compare),
    "report": ("the document for a design review: HTML, Markdown, CSV, JSON and JUnit XML", _report),
    "diff": ("what changed between two runs: inputs, options and numbers, layer by layer", _diff),
    "gate": ("whether runs keep to a policy: budgets, tolerances and waivers, for CI", _gate),
    "show": ("one run, in full, block by block", _show),
    "check": ("whether a model file made elsewhere can go through a flow, node by node", _check),
    "store": ("delete what no recorded run refers to: old steps, failures, what killed runs left", _stored),
    "list": ("the flows, parts, boards and networks that are known", _list),
    "doctor": ("which tools and packages are here, and what each adds", _doctor),
    "quantise": ("accuracy, size and saturation of a trained network in fixed-point formats", _quantise),
    "evaluate": ("accuracy by class, confusions, and where float and quantised differ", _evaluate),
    "train": ("train a network on CIFAR-10", _train),
}
