"""Arguments that several commands take."""

from __future__ import annotations

from argparse import Action, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli.argument_types import clock_ns, count, hours, periods, pixels
from flows.cli.options import add_options, named
from flows.cli.parser import Parser, offer
from flows.core.errors import UsageError
from flows.registry import names
from flows.values import flag
from models.pixels import USAGE


def add_design(parser: Parser, argv: Sequence[str], axes: bool = False) -> None:
    """What every command that makes a design takes, and the options of the flows named in `argv`; where these are
    `axes` of a sweep, they and the clock take several values."""
    offer(parser.add_argument("flows", metavar="FLOW", nargs="+", help="which flows (`flows list flows`)"), names)
    part = parser.add_argument(
        "--part", dest="parts", metavar="PART", action="append",
        help="a device (xc7z020), a full part (xc7z020clg400-1) or a board (pynq-z2), or several with commas; "
        "default xc7z020",
    )  # fmt: skip
    offer(part, _parts)
    clock: dict[str, Any] = {"type": periods, "action": "extend"} if axes else {"type": clock_ns, "default": 10.0}
    parser.add_argument(
        "--clock", metavar="NS", **clock,
        help="clock period in ns (default 10); auto is the fastest that builds of the flow are known to have met on "
        "such a part",
    )  # fmt: skip
    network = parser.add_argument(
        "--network", metavar="NAME", default="arch8",
        help="one of `flows list networks`, or a file of yours: .keras, .h5, .onnx (default arch8)",
    )  # fmt: skip
    offer(network, _networks)
    parser.add_argument(
        "--weights", metavar="FILE", type=Path,
        help="its weights, or w4a4: the shipped four-bit ones (default: the shipped ones)",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", metavar="FILE", type=Path,
        help="for a network of yours: images to measure its ranges on, .npy (N, height, width, channels) of bytes",
    )  # fmt: skip
    add_pixels(parser)
    parser.add_argument(
        "--policy", metavar="FILE", type=Path,
        help="how much of a part stays free: the [margin] of a policy file (default: 20 %% of LUT, 25 %% of FF, 2 %% "
        "of BRAM18 and DSP); foldings keep to it, and so does the verdict",
    )  # fmt: skip
    add_store(parser)
    add_verify(parser)
    add_options(parser, named(argv), axes)


def _parts() -> list[str]:
    from flows.core.part import boards, devices

    return [*devices(), *boards()]


def _networks() -> list[str]:
    from models.zoo import NETWORKS

    return list(NETWORKS)


def add_pixels(parser: Parser) -> None:
    parser.add_argument(
        "--pixels", metavar="SCALING", type=pixels,
        help=f"for a network of yours, what its input is given for a byte x: {USAGE} (default: as its first layer "
        "scales; else unit)",
    )  # fmt: skip


def add_store(parser: Parser) -> None:
    parser.add_argument(
        "--store", metavar="DIR", type=Path, help="where results are kept (default: $ZYNQFLOWS_STORE, or per user)"
    )


def add_verify(parser: Parser) -> None:
    parser.add_argument(
        "--verify", action="store_true",
        help="compute the digest of every stored file before it is used; a step with a changed file is run again",
    )  # fmt: skip


def add_runs(parser: Parser) -> None:
    words = "runs by name, or JSON files of runs (default: all in the store)"
    offer_runs(parser.add_argument("runs", metavar="RUN", nargs="*", help=words))


def offer_runs(action: Action) -> None:
    """Tells a shell which runs the store has; where none begins so, it offers files."""

    def runs(prefix: str, parsed_args: Namespace, **asked: Any) -> Sequence[str]:
        from flows.store import Store, default_root

        return Store(parsed_args.store or default_root()).names()

    vars(action)["completer"] = runs


def add_json(parser: Parser) -> None:
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the result as JSON, schema zynqflows/3")


def add_filter(parser: Parser) -> None:
    parser.add_argument(
        "--network", metavar="NAME", help="only runs of the network of this name, or of this architecture"
    )


def add_csv(parser: Parser) -> None:
    parser.add_argument("--csv", metavar="FILE", type=Path, help="also write every reading as CSV, a line each")


def add_verbose(parser: Parser) -> None:
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also every note, the steps, and where each number comes from"
    )


ASKED = ("cores", "memory_gb", "hours", "licences")
"""What a job asks its batch system for: fields of `flows.submission.Resources`."""


def add_submission(parser: Parser) -> None:
    group = parser.add_argument_group("a batch system, for vendor tools that take hours")
    group.add_argument(
        "--submit", metavar="SYSTEM", choices=("slurm", "lsf"),
        help="hand this run over (slurm, lsf) instead of waiting for it; its node must see the store",
    )  # fmt: skip
    group.add_argument("--cores", metavar="N", type=count, help="with --submit: cores of the job (default 4)")
    group.add_argument("--memory-gb", metavar="N", type=count, help="with --submit: memory of the job (default 16)")
    group.add_argument("--hours", metavar="H", type=hours, help="with --submit: time of the job (default 12)")
    group.add_argument(
        "--licences", metavar="TEXT",
        help="with --submit, as your site calls them: for slurm what --licenses= takes, for lsf what -R takes",
    )  # fmt: skip


def asked_of_submission(args: Namespace) -> dict[str, Any]:
    """What the user gave of `ASKED`. Raises `UsageError` where nothing is submitted."""
    given = {name: value for name in ASKED if (value := getattr(args, name)) is not None}
    if given and not args.submit:
        raise UsageError(flag(next(iter(given))), "nothing is submitted", "give --submit as well, or leave it out")
    return given


def add_reports(parser: Parser) -> None:
    parser.add_argument(
        "--report", dest="reports", metavar="FILE", type=Path, action="append", default=[],
        help="a vendor's report of this very design, made elsewhere (csynth, export, utilization, timing; the "
        "report folder of FINN's build); may be repeated",
    )  # fmt: skip


def add_batch(parser: Parser) -> None:
    parser.add_argument(
        "--batch", metavar="N", type=count, default=1000,
        help="images that a call of the driver hands over: the rate of the system is for it (default 1000)",
    )  # fmt: skip


def add_study(parser: Parser) -> None:
    """What every study on the test images takes."""
    parser.add_argument(
        "--data", metavar="DATA", type=Path, required=True,
        help="the test images: CIFAR-10 in a folder, or FILE.npz of yours with images and labels",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", type=Path, help="the weights (default: the shipped ones)")
    parser.add_argument(
        "--calibration", metavar="FILE", type=Path, help="for a network of yours: images to measure its ranges on, .npy"
    )
    add_pixels(parser)
    add_store(parser)
    add_verify(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write everything that was found as JSON")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also a picture and its data here")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
