"""A fuzz driver over all that is read from outside: a seed gives a kind of input, damaged, to what reads it.

Whatever it is, it is taken or refused with a `FlowsError` that is one line of printable text; any other exception is a
fault. A seed gives the same input in every process.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

from backends.amd.readings import parse as parse_report
from backends.hls4ml.options import Hls4mlOptions
from flows.cli.parser import parse as parse_arguments
from flows.core.errors import FlowsError
from flows.core.record import document_to_json
from flows.core.record_reader import document_from_json
from flows.core.text import printable
from flows.jobs import find_network
from models.folding import folded, folded_weights
from models.imported.workers.draft import WantedFiles
from models.imported.workers.keras_layers import read_keras
from models.imported.workers.onnx_nodes import read_onnx
from models.weights import open_weights
from reports.policy import read_policy
from tests.backends.amd.whole_reports import REPORTS
from tests.models.imported.test_onnx import from_tensorflow, residual

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
POLICY = """schema = "zynqflows-policy/1"
baseline = "before.json"
[[rule]]
name = "lut"
metric = "lut"
part = "xc7z020"
max_share = 0.9
[[rule]]
name = "rate"
metric = "throughput_fps"
max_worse = 0.05
[[waiver]]
rule = "lut"
until = 2030-01-01
owner = "a. person"
reason = "a larger part comes"
"""
ARGUMENTS = [
    "run",
    "estimate",
    "plan",
    "compare",
    "show",
    "list",
    "doctor",
    "train",
    "evaluate",
    "quantise",
    "profile",
    "report",
    "gate",
    "diff",
    "check",
    "store",
    "finn",
    "hls",
    "hls4ml",
    "parts",
    "flows",
    "networks",
    "prune",
    "--part",
    "xc7z020",
    "xc7z010",
    "pynq-z2",
    "--clock",
    "10",
    "5.5",
    "nan",
    "1e-9",
    "--network",
    "arch8",
    "arch5",
    "model.keras",
    "--weights",
    "w.safetensors",
    "--store",
    "--data",
    "/nowhere",
    "--reuse-factor",
    "auto",
    "64,dense=28",
    "--target-fps",
    "300",
    "--fifo-depth",
    "simulated",
    "--precision",
    "ap_fixed<16,6>",
    "ap_fixed<900,6>",
    "8",
    "--strategy",
    "resource,dense=latency",
    "--folding",
    "finn",
    "--vendor",
    "csynth",
    "--out",
    "--jobs",
    "2",
    "--json",
    "--require-fit",
    "--verify",
    "--report",
    "--run",
    "--tolerance",
    "lut=5",
    "--policy",
    "--config",
    "--seed",
    "--epochs",
    "--",
    "-",
    "=",
    ",",
]
ODD = (
    "",
    "\0",
    "\x1b[31m",
    "\u202e",
    "\n",
    "-",
    "9" * 400,
    "1e999",
    "NaN",
    "null",
    "{",
    "]",
    "\ud800",
    "é",
    "../",
    "%s",
)
TEXTS = tuple(text.encode("utf-8", "surrogatepass") for text in ODD)


def arguments(content: bytes, folder: Path, random: Random) -> None:
    words = [random.choice((*ARGUMENTS, *ODD)) for _ in range(random.randint(0, 9))]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):  # of --help
        parse_arguments([random.choice(ARGUMENTS[:16]), *words] if random.random() < 0.9 else words)


def config(content: bytes, folder: Path, random: Random) -> None:
    place = folder / "config.yml"
    place.write_bytes(content)
    Hls4mlOptions(config=str(place))


def report(content: bytes, folder: Path, random: Random) -> None:
    parse_report(content.decode(errors="replace"), "x.rpt")


def record(content: bytes, folder: Path, random: Random) -> None:
    document_to_json(document_from_json(content.decode(errors="replace"), "x.json"))


def weights(content: bytes, folder: Path, random: Random) -> None:
    place = folder / "x.safetensors"
    place.write_bytes(content)
    open_weights(place, folded(find_network("arch5"))).numbers()


def policy(content: bytes, folder: Path, random: Random) -> None:
    read_policy(content.decode(errors="replace"), "x.toml", date(2026, 1, 1))


def keras(content: bytes, folder: Path, random: Random) -> None:
    _model(content, folder / "x.keras")


def onnx(content: bytes, folder: Path, random: Random) -> None:
    _model(content, folder / "x.onnx")


def _model(content: bytes, place: Path) -> None:
    place.write_bytes(content)
    with contextlib.suppress(WantedFiles):
        network, tensors = read_keras(place, "x") if place.suffix == ".keras" else read_onnx(place, "x", ())
        folded_weights(network, tensors)
        folded(network)


Reader = Callable[[bytes, Path, Random], None]
KINDS: Mapping[str, Reader] = {
    reader.__name__: reader for reader in (arguments, config, report, record, weights, policy, keras, onnx)
}


@cache
def originals(kind: str) -> tuple[bytes, ...]:
    """What is read without a word."""
    cases = ROOT / "tests/models/imported/cases"
    match kind:
        case "config":
            return tuple(path.read_bytes() for path in sorted((ROOT / "tests/backends/hls4ml/cases").glob("*.yml")))
        case "report":
            return tuple(make().encode() for make in REPORTS.values())
        case "record":
            document = json.loads((ROOT / "docs/example-report/report.json").read_bytes())["document"]
            return (json.dumps({**document, "runs": document["runs"][:1]}, indent=1).encode(),)
        case "weights":
            return ((ROOT / "models/pretrained/arch5.safetensors").read_bytes(),)
        case "policy":
            return (POLICY.encode(),)
        case "keras":
            return tuple(path.read_bytes() for path in sorted(cases.glob("*.keras")))
        case "onnx":
            return tuple(model.SerializeToString() for model in (residual(), from_tensorflow(pads=[0, 0, 1, 1])))
    return (b"",)


def damaged(content: bytes, random: Random) -> bytes:
    """`content` after a few edits: bits, cuts, repeats, pieces moved, digits and odd texts put in."""
    result = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5))):
        at, length = random.randrange(len(result) + 1), random.choice((1, 2, 8, 100))
        piece = bytes(result[at : at + length])
        match random.randrange(6):
            case 0 if at < len(result):
                result[at] ^= 1 << random.randrange(8)
            case 1:
                del result[at : at + length]
            case 2:
                result[at:at] = piece * random.choice((1, 1, 2, 300))
            case 3:
                result[at : at + length] = random.choice(TEXTS)
            case 4:
                other = random.randrange(len(result) + 1)
                result[other:other] = piece
            case 5:
                result[at : at + length] = bytes(random.choice(b"0123456789.-e") for _ in range(length))
    return bytes(result)


@dataclass(frozen=True)
class Outcome:
    kind: str
    is_taken: bool


def attempt(kind: str, seed: int, folder: Path) -> Outcome:
    """One input. Raises what a user would get a traceback of; `AssertionError` where a refusal cannot be shown."""
    random = Random(f"{kind} {seed}")
    content = damaged(random.choice(originals(kind)), random)
    try:
        KINDS[kind](content, folder, random)
    except FlowsError as error:
        text = str(error)
        assert printable(text) == text and "\n" not in text, repr(text)
        return Outcome(kind, False)
    return Outcome(kind, True)
