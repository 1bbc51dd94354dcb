"""The project file of a design review, ``zynqflows.toml``: one network, the designs of it, and the boards.

`START` is an example with every key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import registry, values
from flows.core.errors import FlowsError, InputError, UsageError
from flows.core.margins import MARGINS, Margins
from flows.core.part import find_part
from flows.core.toml import tables
from flows.designs import CLOCK_NS, NETWORK, Request, Source, command
from flows.jobs import is_file
from flows.searching.goal import Goal, goal
from models.pixels import parse_pixels

if TYPE_CHECKING:
    from backends.protocol import Backend

SCHEMA = "zynqflows-project/1"
START = f"""\
# A design review of one network: `python -m flows review` runs what is missing and writes the report.
# Paths are relative to this file.
schema = "{SCHEMA}"

network = "arch8"                    # of `flows list networks`, or a file: "model.onnx", "model.keras"
boards = ["pynq-z2", "zybo-z7-10"]   # of `flows list boards`, or parts: "xc7z020clg400-1"
clock = 10                           # clock period in ns
out = "review"                       # folder of the report

# data = "cifar-10-batches-bin"      # test images (a folder, or an .npz file): evaluates the accuracy of each design
# weights = "arch8.safetensors"      # in place of the shipped ones; "w4a4" are the shipped four-bit ones
# calibration = "images.npy"         # for a file of yours: images to measure its ranges on
# pixels = "unit"                    # for a file of yours: what its input is given for a byte (raw, unit, centred)
# policy = "policy.toml"             # what is to stay free of a part, and the rules that `flows gate` keeps

# What is built and verified, one table a design. Options are those of `flows run FLOW --help`; a design may have a
# clock, weights and boards of its own.
[[design]]
flow = "hls4ml"
precision = 8

[[design]]
flow = "finn"

[[design]]
flow = "hls"

# What is estimated beside it: every combination, with the Pareto front, in sweep.html. It may have boards of its own.
[sweep]
flow = ["hls", "hls4ml"]
clock = [10, 8]
activation_bits = [4, 6, 8]
precision = "8..12..2"

# The cheapest bits of each layer that keep an accuracy, in search.html. It needs `data`, and the extra "search".
# [search]
# flow = "hls4ml"
# part = "pynq-z2"                   # the first board, where it is left out
# keep_accuracy = 0.5                # points that may be lost against the float network
# bits = [4, 5, 6, 7, 8]             # that each layer's weights and activations may have
"""
KEYS = (
    "schema", "network", "weights", "calibration", "data", "pixels", "boards", "clock", "policy", "out", "design",
    "sweep", "search",
)  # fmt: skip
OF_DESIGN = ("flow", "clock", "weights", "boards")
"""Keys of a design that are no options of its flow."""
OF_SWEEP = ("flow", "clock", "boards")
"""Keys of a sweep that are no options of its flows."""
GOAL = ("keep_accuracy", "bits", "cost", "trials", "images")
"""Keys of a search that are no options of its flow."""
ADVICE = "`python -m flows init` writes one with every key explained"


@dataclass(frozen=True)
class Project:
    """What a review is held over. `axes` are those of its sweep, empty where there is none."""

    designs: tuple[Request, ...]
    source: Source
    sweep: Request | None = None
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    search: Request | None = None
    goal: Goal | None = None
    """What its search is to find, where it has one."""
    policy: Path | None = None
    out: Path = Path("review")


def read_project(text: str, place: Path, overrides: Mapping[str, Any], margins: Margins = MARGINS) -> Project:
    """The project in `text`, of the file `place`. `overrides` from the command line take precedence over the
    file: "network", "boards", "clock", "data", "out". Raises `InputError` with the key that is wrong."""
    try:
        content = _overridden(tables(text), {name: value for name, value in overrides.items() if value is not None})
        _only(content, KEYS, "key")
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema is {content.get('schema')!r}, where {SCHEMA!r} belongs")
        return _project(content, place.parent, margins)
    except FlowsError as error:
        raise InputError(f"project {place}", f"{error.culprit}: {error.fact}", error.next_step) from None
    except ValueError as reason:
        raise InputError(f"project {place}", str(reason), ADVICE) from None


def _overridden(content: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with what is given on the command line, which also takes the place of a table's own boards or clock."""
    own = {"clock": ("clock",), "boards": ("boards", "part")}
    replaced = [key for name, keys in own.items() if name in given for key in keys]

    def without(table: Any) -> Any:
        return {key: value for key, value in table.items() if key not in replaced} if isinstance(table, dict) else table

    kept = {
        key: [without(row) for row in value] if isinstance(value, list) else without(value)
        for key, value in content.items()
    }
    return {**kept, **given}


def policy_of(text: str, place: Path) -> Path | None:
    """The policy that a project names, which says what margins its designs keep; None where it names none."""
    try:
        policy = _text(tables(text), "policy")
    except ValueError as reason:
        raise InputError(f"project {place}", str(reason), ADVICE) from None
    return place.parent / policy if policy else None


def _project(content: Mapping[str, Any], folder: Path, margins: Margins) -> Project:
    rows = content.get("design", [])
    if isinstance(rows, dict):
        raise ValueError("[design] is written [[design]]: there may be several")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it has no [[design]], each with a flow")
    boards = _boards(content.get("boards", ["xc7z020"]))
    source, clock_ns = _source(content, folder), _clock(content.get("clock", CLOCK_NS))
    named, out = _text(content, "policy"), _text(content, "out") or "review"
    policy = folder / named if named else None
    start = Request((), {}, source, boards, clock_ns, margins, policy=policy)
    designs = tuple(_design(start, row, folder, f"design {place}") for place, row in enumerate(rows, 1))
    sweep, axes = _sweep(start, content["sweep"]) if "sweep" in content else (None, {})
    search, goal = _search(start, content["search"], folder) if "search" in content else (None, None)
    return Project(designs, source, sweep, axes, search, goal, policy, folder / out)


def _source(content: Mapping[str, Any], folder: Path) -> Source:
    network = _text(content, "network") or NETWORK
    calibration, data = (folder / text if (text := _text(content, name)) else None for name in ("calibration", "data"))
    pixels = _text(content, "pixels")
    name = str(folder / network) if is_file(network) else network
    return Source(name, _weights(content, folder), calibration, data, parse_pixels(pixels) if pixels else None)


def _boards(value: Any) -> tuple[str, ...]:
    names = [name.strip() for text in _texts(value, "boards") for name in text.split(",")]
    return tuple(dict.fromkeys(find_part(name).asked for name in names))


def _weights(content: Mapping[str, Any], folder: Path) -> Path | None:
    """A file, or the name of shipped ones."""
    text = _text(content, "weights")
    return (folder / text if is_file(text) else Path(text)) if text else None


def _design(start: Request, row: Mapping[str, Any], folder: Path, where: str) -> Request:
    flow = _flow(row, where)
    chosen = _options(row, OF_DESIGN, [registry.load(flow)], where)
    clock_ns = _clock(row["clock"]) if "clock" in row else start.clock_ns
    source = replace(start.source, weights=_weights(row, folder) or start.source.weights)
    options = values.by_flow({flow: registry.load(flow)}, chosen)
    parts = _boards(row["boards"]) if "boards" in row else start.parts
    asked = replace(start, flows=(flow,), source=source, parts=parts, options=options, clock_ns=clock_ns)
    return replace(asked, command=command("run", asked))


def _sweep(start: Request, row: Any) -> tuple[Request, Mapping[str, Sequence[Any]]]:
    from flows.sweeping import CLOCK, PART

    if not isinstance(row, dict):
        raise ValueError("[sweep] is no single table")
    _names_flow(row, "[sweep]")
    flows = _texts(row["flow"], "flow of [sweep]")
    backends = {name: registry.load(name) for name in flows}
    boards = _boards(row["boards"]) if "boards" in row else start.parts
    settings = _options(row, OF_SWEEP, list(backends.values()), "[sweep]")
    axes: dict[str, Sequence[Any]] = {
        name: values.axis(list(backends.values()), name, value if isinstance(value, list | str) else [value])
        for name, value in settings.items()
    }
    axes |= {PART: boards, CLOCK: _clocks(row.get("clock", start.clock_ns))}
    options = {name: backend.options() for name, backend in backends.items()}
    return replace(start, flows=flows, options=options), axes


def _search(start: Request, row: Any, folder: Path) -> tuple[Request, Goal]:
    if not isinstance(row, dict):
        raise ValueError("[search] is no single table")
    if start.source.data is None:
        raise ValueError("[search] needs images to choose by, and no data is named")
    if "boards" in row:
        raise ValueError("[search] is of one board: name it as part")
    row = _underscored(row)
    flow = _flow(row, "[search]")
    _options(row, (*OF_DESIGN, *GOAL, "part"), [registry.load(flow)], "[search]")
    wanted = {name: value for name, value in row.items() if name in GOAL}
    chosen = {name: value for name, value in row.items() if name not in (*GOAL, "part")}
    part = _text(row, "part")
    board = find_part(part).asked if part else start.parts[0]
    return _design(replace(start, parts=(board,)), chosen, folder, "[search]"), goal(**wanted)


def _names_flow(row: Mapping[str, Any], where: str) -> None:
    if "flow" not in row:
        near = get_close_matches("flow", row, n=1, cutoff=0.6)
        raise ValueError(f"{where} names no flow{f': is {near[0]!r} meant to be flow?' if near else ''}")


def _flow(row: Mapping[str, Any], where: str) -> str:
    _names_flow(row, where)
    if not isinstance(row["flow"], str):
        raise ValueError(f"flow of {where} is {row['flow']!r}, where the name of one belongs")
    return row["flow"]


def _options(
    row: Mapping[str, Any], own: Sequence[str], backends: Sequence[Backend[Any, Any]], where: str
) -> dict[str, Any]:
    """What a table says besides its `own` keys; raises `UsageError` for what is no option of these flows either."""
    names = {field.name for backend in backends for field in fields(backend.options)}
    chosen = {name: value for name, value in _underscored(row).items() if name not in own}
    try:
        _only(chosen, (*own, *sorted(names)), "key")
    except ValueError as reason:
        flows = " ".join(backend.name for backend in backends)
        raise UsageError(where, str(reason), f"`python -m flows run {flows} --help` shows the options") from None
    return chosen


def _underscored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Options may be written as on the command line."""
    return {name.replace("-", "_"): value for name, value in row.items()}


def _clock(value: Any) -> float:
    try:
        return values.clock_period(value)
    except ValueError as reason:
        raise ValueError(f"clock: {reason}") from None


def _clocks(value: Any) -> list[float]:
    if isinstance(value, list):
        if not value:
            raise ValueError("clock of [sweep] has no value")
        return [_clock(period) for period in value]
    try:
        return values.several(values.clock_period, str(value))
    except ValueError as reason:
        raise ValueError(f"clock of [sweep]: {reason}") from None


def _text(content: Mapping[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise ValueError(f"{key} is {value!r}, where a name or a path belongs")
    return value


def _texts(value: Any, key: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(item, str) for item in texts):
        raise ValueError(f"{key} is {value!r}, where a list of names belongs")
    return tuple(dict.fromkeys(texts))


def _only(content: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    for name in content:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            guess = "; it belongs above all tables" if name in KEYS else f": did you mean {near[0]}?" if near else ""
            raise ValueError(f"{what} {name!r} is not known here{guess}")
