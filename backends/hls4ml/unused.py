"""Settings of an option or a config that this design does not take: each gets a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.hls4ml.option_texts import parse_precision, parse_reuse, parse_strategy
from backends.hls4ml.options import SKIP, Hls4mlOptions, NotTaken
from backends.hls4ml.places import CLASSES, ROLES, absorbed_by, place_of
from backends.hls4ml.reuse import sizes
from backends.protocol import Job, Note
from flows.core.text import printable
from models.layers import Softmax
from models.network import INPUT

INSTEAD = {
    "ClockPeriod": "--clock says it",
    "ClockUncertainty": "--clock-uncertainty says it, in percent",
    "Backend": "--backend says it, vitis or vivado",
    "IOType": "--io-type says it",
    "Model.Precision.default": "its modes and its sign are this flow's to choose",
    "OutputDir": "--out says it",
    "Part": "--part says it",
    "ProjectName": "the project is myproject",
    "XilinxPart": "--part says it",
}
"""What stands in the place of a setting of a config, by its name."""
DEPTHS = ("StreamDepth", "FIFO_opt")
QUIET = ("OutputDir", "ProjectName", "Version", "Stamp", "WriterConfig", "KerasModel", "InputData", "OutputPredictions")
"""What does not change a design: named, and no more."""


def unused(job: Job[Hls4mlOptions]) -> Iterator[Note]:
    """A line for each kind of setting that is left out."""
    _, factors = parse_reuse(job.options.reuse_factor)
    _, strategies = parse_strategy(job.options.strategy)
    _, types = parse_precision(job.options.precision)
    named = list(dict.fromkeys((*factors, *strategies, *types)))
    for name in named:
        by = "" if place_of(job.network, name) else absorbed_by(job.network, name)
        if by and not name.endswith("_linear"):
            yield Note(f"what is said of {name} is left out: it is folded into {by}")
    weightless = [name for name, factor in factors.items() if factor > 1 and _is_weightless(job, name)]
    if weightless:
        yield Note(f"the reuse factors of {_list(weightless)} are left out: only layers with weights have one")
    yield from _classes(named, job)
    yield from _types(job)
    yield from _left(job)


def _is_weightless(job: Job[Hls4mlOptions], name: str) -> bool:
    place = place_of(job.network, name)
    return place in job.network.shapes and place not in sizes(job.network)


def _classes(named: Iterable[str], job: Job[Hls4mlOptions]) -> Iterator[Note]:
    """hls4ml takes no notice of a class that no layer has, under the name that it gives the class."""
    present = {CLASSES[kind] for kind in (INPUT, *(layer.kind for layer in job.network.layers))}
    known = {name for names in present for name in names}
    if odd := [name for name in named if name.startswith("@") and name.lower() not in known]:
        have = ", ".join(sorted(name.removeprefix("@") for name in known))
        yield Note(f"what is said of {_list(odd)} is left out, as by hls4ml: the classes of these layers are {have}")


def _types(job: Job[Hls4mlOptions]) -> Iterator[Note]:
    """Types of a role that the layer does not have."""
    _, named_types = parse_precision(job.options.precision)
    odd = []
    for name, roles in named_types.items():
        place = place_of(job.network, name)
        if place not in job.network.shapes:
            continue
        layer = None if place == INPUT else job.network[place]
        if isinstance(layer, Softmax) and job.options.softmax == SKIP:
            continue
        own = ROLES.get(layer.kind if layer else INPUT, ("result",))
        odd += [f"{name}.{role}" for role, type in roles.items() if type and role != "default" and role not in own]
    if odd:
        yield Note(f"the types {_list(odd)} are left out: these layers are built without")


def _left(job: Job[Hls4mlOptions]) -> Iterator[Note]:
    """What a config says that no option does."""
    if not isinstance(job.options.config, NotTaken):
        return
    quiet = []
    for name, value in job.options.config.settings:
        place, _, key = name.rpartition(".")
        if name == "Strategy":
            yield Note("the config says no Strategy: hls4ml then takes Latency, this flow Resource (--strategy)")
        elif absorbed_by(job.network, place.partition(".")[0]):
            continue  # said above
        elif name in QUIET:
            quiet.append(name)
        elif not _is_so(job, name, value):
            instead = "--fifo-depth says it" if key in DEPTHS else INSTEAD.get(name, "this flow has no such setting")
            yield Note(f"of the config, {name} {value} is not taken: {instead}")
    if quiet:
        yield Note(f"of the config, {', '.join(quiet)} are not taken: no design depends on them")


def _is_so(job: Job[Hls4mlOptions], name: str, value: str) -> bool:
    """Whether the design has this setting all the same."""
    if name in ("Part", "XilinxPart"):
        return value.lower() in (job.target.part.full_name.lower(), job.target.part.device.name.lower())
    if name == "ClockPeriod":
        return value in (f"{job.target.clock_ns:g}", str(job.target.clock_ns))
    return False


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names))
