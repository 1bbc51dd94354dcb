"""What a layer takes at each of its folds, in a design: its own stages, and what its words make of those behind it.

PE sets how many values a word behind a layer holds, and so the width of every stage and FIFO up to the next layer with
weights. Of these, a fold costs what they take more, or less, than in the design at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

from backends.cost.amounts import Amounts, by_model, joined, scaled, totals
from backends.dataflow.budget import Way
from backends.dataflow.buffers import SHALLOWEST
from backends.dataflow.layers.design import LayerDesign
from backends.dataflow.layers.nodes import CONCAT, MULTIPLYING, RECEIVE, Lanes, Node, part_width, slides
from backends.dataflow.layers.schedule import FOLDED
from backends.dataflow.layers.words import ONE, alike, choose_lanes, least, together
from backends.dataflow.pe_simd import Fold
from flows.core.evidence import RESOURCES, Metric
from models.layers import CONVOLUTIONS

DSP = RESOURCES.index(Metric.DSP)


class LayerCosts:
    """Of every design in the arithmetic of `design`. What was computed is kept, since a search asks many times."""

    def __init__(self, design: LayerDesign[Any]) -> None:
        self.design = design
        self.nodes = {node.name: node for node in design.nodes}
        self._streams = alike(design.nodes)
        self.stage, self._way = cache(self._of_stage), cache(self._of_way)
        self._cycles, self._shares = cache(self._cycles_of_layer), cache(self._shares_of_stage)
        self._behind, self._wider = cache(self._behind_layer), cache(self._widened)

    def ways(self, design: LayerDesign[Any], name: str, folds: Sequence[Fold]) -> Iterator[Way]:
        """What the layer `name` takes at each of `folds`, where the other layers stay as in `design`."""
        *windows, unit = self._folded(name)
        before, present = design.lanes[unit.name], design.folds[name]
        words = together(unit.shape[-1], present.pe)
        reads_parts = isinstance(unit.layer, CONVOLUTIONS) and slides(unit.layer)
        for place, fold in enumerate(folds):
            width, values = part_width(unit.layer, fold), together(unit.shape[-1], fold.pe)
            takes = width if reads_parts else together(unit.taken[-1], width)
            wide = Lanes(fold, before.takes if fold == present else takes, before.puts if values == words else values)
            lanes = [(node.name, Lanes(fold, design.lanes[node.name].takes, width)) for node in windows]
            yield self._way(place, (*lanes, (unit.name, wide)), (words, values))

    def _of_way(self, place: int, lanes: tuple[tuple[str, Lanes], ...], words: tuple[int, int]) -> Way:
        """A fold with the lanes of the stages of its layer; it needs words of so many values in the design at hand, and
        at this fold."""
        cycles = max(least(self.nodes[stage], wide.fold) for stage, wide in lanes)
        return Way(place, cycles, joined(*(self.stage(*stage) for stage in lanes), self._wider(lanes[-1][0], *words)))

    def _widened(self, unit: str, before: int, values: int) -> Amounts:
        """What words of `values` values behind a stage with weights take more than words of `before`."""
        if values == before:
            return {}
        return by_model(joined(self._behind(unit, values), scaled(self._behind(unit, before), -1)))

    def _behind_layer(self, unit: str, values: int) -> Amounts:
        """The FIFOs behind a stage with weights at words of `values` values, and the stages up to the next layer. Where
        words of several such stages are equally wide, as before an addition, these belong to the largest layer."""
        group = [node for node in self.nodes.values() if self._streams.get(node.name) == self._streams[unit]]
        largest = max((node for node in group if node.kind in MULTIPLYING), key=lambda node: prod(node.size))
        if unit != largest.name:
            return self._fifos(unit, values)
        passing = [node.name for node in group if node.kind not in (*FOLDED, RECEIVE, CONCAT)]
        stages = (self._with_fifos(name, Lanes(ONE, values, values)) for name in passing)
        return joined(self._fifos(unit, values), *stages)

    def lightened(self, solved: Mapping[str, Fold], tried: Mapping[str, Sequence[Fold]]) -> Mapping[str, Fold]:
        """`solved`, with other folds of those `tried` where they make the stages lighter together and no slower.

        The words of a design depend on several folds at once, which the costs of single layers do not show. No fold
        takes more DSP slices.
        """
        folds = dict(solved)
        slowest = max(self._cycles(name, fold) for name, fold in solved.items())
        for name, fold in solved.items():
            ways = {fold: self.shares(folds)}
            for other in tried[name]:
                is_alike = other.multipliers <= fold.multipliers and other.in_luts == fold.in_luts
                if is_alike and other != fold and self._cycles(name, other) <= slowest:
                    ways[other] = self.shares({**folds, name: other})
            allowed = [way for way, shares in ways.items() if shares[DSP] <= ways[fold][DSP]]
            folds[name] = min(allowed, key=lambda way: sum(ways[way]))
        return folds

    def shares(self, folds: Mapping[str, Fold]) -> tuple[float, ...]:
        """What all stages and the shallowest FIFOs behind them take at these folds, as shares of the part."""
        each = (self._shares(*stage) for stage in choose_lanes(self.design.nodes, folds).items())
        return tuple(map(sum, zip(*each, strict=True)))

    def _shares_of_stage(self, stage: str, wide: Lanes) -> tuple[float, ...]:
        device = self.design.job.target.part.device
        taken = totals(self._with_fifos(stage, wide), False)
        return tuple(value / device.available(metric) for metric, value in zip(RESOURCES, taken, strict=True))

    def _with_fifos(self, stage: str, wide: Lanes) -> Amounts:
        return joined(self.stage(stage, wide), self._fifos(stage, wide.puts))

    def _fifos(self, stage: str, values: int) -> Amounts:
        """The shallowest FIFOs behind a stage."""
        fifos = (fifo for fifo in self.design.pixel_bits if fifo[0] == stage)
        return joined(*(self.design.fifo_cost(self.design.buffer(fifo, SHALLOWEST, values)) for fifo in fifos))

    def _cycles_of_layer(self, name: str, fold: Fold) -> int:
        """The busy cycles a frame."""
        return max(least(node, fold) for node in self._folded(name))

    def _folded(self, name: str) -> list[Node]:
        """The stages that are folded with the weights of the layer `name`, in order."""
        return [node for node in self.nodes.values() if node.layer.name == name and node.kind in FOLDED]

    def _of_stage(self, stage: str, wide: Lanes) -> Amounts:
        """What a stage takes at a width, its memories included."""
        logic, memories = self.design.node_cost(self.nodes[stage], wide)
        return joined(logic, *memories.values())
