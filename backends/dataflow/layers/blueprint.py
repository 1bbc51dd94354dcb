"""Everything that determines the generated project except the weights: a plain value, to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import cached_property
from typing import Any

from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.memories import shared
from backends.dataflow.layers.nodes import Lanes, Node, nodes
from backends.dataflow.layers.searches import Search
from backends.dataflow.layers.words import choose_lanes
from backends.dataflow.pe_simd import Fold
from backends.dataflow.stages import Fifo
from models.quantised import QuantisedNetwork
from models.serial import quantised_from_json, quantised_to_json


@dataclass(frozen=True, eq=False)
class Blueprint:
    """`folds` are those of layers with weights. Three fields give the storage of memories: `roms` of weights, `kept` of
    values that are read again, `rows` of the rows of windows. `fifos` gives (depth, storage). `sums` are the bits of
    the accumulators, `sharing` says how many results share a multiplier, and `searches` find the codes of threshold
    layers.
    """

    quantised: QuantisedNetwork
    folds: Mapping[str, Fold]
    roms: Mapping[str, str]
    rows: Mapping[str, str]
    kept: Mapping[str, str]
    fifos: Mapping[Fifo, tuple[int, str]]
    sums: Mapping[str, int]
    sharing: Mapping[str, int]
    part: str
    clock_ns: float
    searches: Mapping[str, Search] = field(default_factory=dict)

    def shared(self, layer: str) -> int:
        """How many results of `layer` share a multiplier: at most PE, and 1 where it multiplies in LUTs."""
        return shared(self.sharing.get(layer, 1), self.folds[layer])

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return nodes(self.quantised)

    @cached_property
    def lanes(self) -> Mapping[str, Lanes]:
        return choose_lanes(self.nodes, self.folds)


def blueprint(design: LayerDesign[Any]) -> Blueprint:
    target = design.job.target
    return Blueprint(
        design.quantised,
        design.folds,
        {name: rom.storage for name, rom in design.roms.items()},
        {name: rows.storage for name, rows in design.rows.items()},
        {name: kept.storage for name, kept in design.kept.items()},
        {buffer.fifo: (buffer.depth, buffer.storage) for buffer in design.buffers},
        design.sums,
        design.sharing,
        target.part.full_name,
        target.clock_ns,
        design.searches,
    )


def to_json(project: Blueprint) -> dict[str, Any]:
    return {
        "quantised": quantised_to_json(project.quantised),
        "folds": {name: [fold.pe, fold.simd, fold.in_luts] for name, fold in project.folds.items()},
        "roms": dict(project.roms),
        "rows": dict(project.rows),
        "kept": dict(project.kept),
        "fifos": [[*fifo, depth, storage] for fifo, (depth, storage) in project.fifos.items()],
        "sums": dict(project.sums),
        "sharing": dict(project.sharing),
        "part": project.part,
        "clock_ns": project.clock_ns,
        "searches": {name: astuple(search) for name, search in project.searches.items()},
    }


def from_json(content: Any, place: str) -> Blueprint:
    return Blueprint(
        quantised_from_json(content["quantised"], place),
        {name: Fold(*fold) for name, fold in content["folds"].items()},
        content["roms"],
        content["rows"],
        content["kept"],
        {(writer, reader): (depth, storage) for writer, reader, depth, storage in content["fifos"]},
        content["sums"],
        content["sharing"],
        content["part"],
        content["clock_ns"],
        {name: Search(*search) for name, search in content["searches"].items()},
    )
