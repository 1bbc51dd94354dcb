"""When each stage fires: the loops of the generated code, which do not depend on data.

A token is a word. A stage without weights takes a cycle for each word. A window stage takes a cycle for each word of a
pixel that it stores, and for each that it reads again to put a column of a window. A matrix-vector stage computes
PE x SIMD products a cycle. It reads the new parts of a window with its first group of results, and keeps them for the
others. A depthwise stage reads the new parts of a window when it needs them, and ends PE channels in each of its last
turns. Every loop is static, so the number of turns is exact. What an HLS compiler adds is known from one csynth report
of such a stage (a FINN matrix-vector unit, Vitis HLS 2022.2, xc7z010): 338,688 turns in a pipeline of depth 7, a new
frame every 338,699 cycles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, pairwise
from math import ceil, log2

from backends.dataflow.layers.nodes import (
    DEPTHWISE,
    MATRIX_VECTOR,
    MULTIPLYING,
    WINDOW,
    Convolution,
    Lanes,
    Node,
    columns_a_part,
    part_width,
    parts,
    parts_read,
    pixels,
    slides,
    turns,
)
from backends.dataflow.stages import Run, Stage
from models.layers import CONVOLUTIONS, AveragePool2D, Conv2D, GroupedConv2D, MaxPool2D

FOLDED = (*MULTIPLYING, WINDOW)
"""Stages that are folded with the weights of their layer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Cycles in addition to the turns of the loops: `depth` of a pipeline, `restart` from one frame to the next."""

    depth: int
    restart: int


EXPECTED = Pace(depth=7, restart=11)
QUICKEST = Pace(depth=1, restart=0)
"""The lower bound: only the turns of the loops."""
SLOWEST = Pace(depth=21, restart=33)
"""Three times the one known stage; no row shows how far other stages may differ from it."""


def stages(design: Sequence[Node], lanes: Mapping[str, Lanes], pace: Pace = EXPECTED) -> tuple[Stage, ...]:
    """The stream stages of `design`, each with its frame and its pipeline."""
    return tuple(stage(node, lanes[node.name], pace) for node in design)


@lru_cache(maxsize=512)
def stage(node: Node, wide: Lanes, pace: Pace) -> Stage:
    """The stage of `node`, cached: designs for several parts have many stages in common, and frames are slow to
    make."""
    return Stage(node.name, node.sources, *stage_timing(node, wide, pace))


@lru_cache(maxsize=4096)
def stage_timing(node: Node, wide: Lanes, pace: Pace = EXPECTED) -> tuple[tuple[Run, ...], int]:
    """(one frame, the depth of the pipeline) of a stage."""
    restart = [Run(1, pace.restart, takes=False, puts=False)] * (pace.restart > 0)
    adders = ceil(log2(wide.fold.simd)) if node.kind == MATRIX_VECTOR else 0
    return (*frame(node, wide), *restart), pace.depth + adders


@lru_cache(maxsize=1 << 16)  # of a network it is the same on every part, and at every width of its numbers
def busy(node: Node, wide: Lanes, pace: Pace = EXPECTED) -> int:
    """Cycles of one frame, if its words are always available and its FIFOs never full."""
    if node.kind in MULTIPLYING:
        return turns(node, wide.fold) * pixels(node.shape) + pace.restart
    if node.kind == WINDOW and isinstance(node.layer, CONVOLUTIONS):
        return _window_turns(node, node.layer, wide) + pace.restart
    return sum(run.repeats * run.cycles for run in stage_timing(node, wide, pace)[0])


def fresh(node: Node, wide: Lanes) -> int:
    """New parts of a window that a stage with weights reads: the columns that the window before did not have.

    The first window of a row is entirely new, and so is any input that is not a window.
    """
    whole = parts_read(node, wide.fold)
    if not (isinstance(node.layer, CONVOLUTIONS) and slides(node.layer)):
        return whole
    across = columns_a_part(node.layer, node.taken[-1], part_width(node.layer, wide.fold))
    return min(node.layer.strides[1] * across * whole // node.layer.kernel[1], whole)


def frame(node: Node, wide: Lanes) -> Iterable[Run]:
    """The firings of a stage in one frame."""
    words = node.shape[-1] // wide.puts
    match node.kind, node.layer:
        case "receive", _:  # a byte a turn
            return [Run(pixels(node.shape) * words, wide.puts)]
        case "send", _:  # a result a turn
            return [Run(node.shape[-1] // wide.takes, wide.takes)]
        case "window", (Conv2D() | GroupedConv2D()) as layer:
            return _window(node, layer, wide)
        case (("matrix_vector" | "depthwise"), _):
            return _multiplying(node, wide)
        case (("maxpool2d" | "averagepool2d"), (MaxPool2D() | AveragePool2D()) as layer):
            return _pool(node, layer, words)
        case "concat", _:  # reads two pixels, then puts the rest of them
            return [Run(1, 1), Run(words - 1, 1, takes=False)] * pixels(node.shape)
        case (("global_average_pool" | "global_sum"), _):
            return [Run((pixels(node.taken) - 1) * words, 1, puts=False), Run(words, 1)]
    return [Run(pixels(node.taken) * words, 1)]


def _multiplying(node: Node, wide: Lanes) -> Iterator[Run]:
    """Row by row: every window of a row but the first shares columns with the one before."""
    fold, width = wide.fold, part_width(node.layer, wide.fold)
    whole, cycles, together = parts_read(node, fold), turns(node, fold), fold.groups(wide.puts)
    if node.kind == DEPTHWISE:  # groups of channels end one after another, in the last turns
        ends = range(cycles - fold.groups(node.size[1]), cycles + 1, together)
    else:
        ends = range(0, cycles + 1, whole * together)
    columns = node.shape[-2] if len(node.shape) > 1 else 1
    in_a_word = ceil(wide.takes / width)
    first = _cut(cycles, range(0, whole, in_a_word), ends[1:])
    later = _cut(cycles, range(whole - fresh(node, wide), whole, in_a_word), ends[1:])
    for _ in range(pixels(node.shape) // columns):
        yield from first
        for _ in range(columns - 1):
            yield from later


def _cut(cycles: int, takes: Collection[int], puts: Collection[int]) -> list[Run]:
    """`cycles` as firings that begin where a word is taken and end where one is put."""
    cuts = pairwise(sorted({0, cycles, *takes, *puts}))
    alike = groupby((end - start, start in takes, end in puts) for start, end in cuts)
    return [Run(len(list(group)), *firing) for firing, group in alike]


def _window(node: Node, layer: Convolution, wide: Lanes) -> Iterator[Run]:
    """The firings over the padded image: each pixel is stored, and in rows that complete windows its column is put."""
    cut, channels = parts(node, wide), node.taken[-1]
    store = Run(channels // wide.takes, wide.takes // cut.stored, puts=False)
    used = (node.shape[1] - 1) * layer.strides[1] + layer.kernel[1]  # columns up to the last window's end
    rows, columns = _scan(node, layer)

    @cache
    def over(has_row: bool, ends_row: bool) -> Sequence[Run]:
        runs = []
        for column, (has_column, ends) in enumerate(columns):
            runs.append(store if has_row and has_column else Run(1, 1, takes=False, puts=False))
            if ends_row and column < used and column % layer.strides[1] < layer.kernel[1]:
                puts = cut.across == 1 or ends
                runs.append(Run(cut.column - 1, cut.lanes // cut.stored, takes=False, puts=puts))
                runs.append(Run(1, cut.last // cut.stored, takes=False, puts=puts))
        return runs

    for row in rows:
        yield from over(*row)


def _window_turns(node: Node, layer: Convolution, wide: Lanes) -> int:
    """The sum of the cycles of `_window`: stored pixels, padding, and columns that are put."""
    cut, stored = parts(node, wide), pixels(node.taken)
    top, bottom, left, right = layer.pads(node.taken)
    scanned = (top + node.taken[0] + bottom) * (left + node.taken[1] + right)
    stride, size = layer.strides[1], layer.kernel[1]
    used = (node.shape[1] - 1) * min(stride, size) + size  # the columns between windows are not read
    words = node.taken[-1] // cut.stored  # of a pixel
    return stored * words + scanned - stored + node.shape[0] * used * layer.kernel[0] * words


def _pool(node: Node, layer: MaxPool2D | AveragePool2D, words: int) -> Iterator[Run]:
    """The firings over the padded image, a turn for each word; pixels that complete a window put words."""
    rows, columns = _scan(node, layer)
    for has_row, ends_row in rows:
        for has_column, ends in columns:
            yield Run(words, 1, has_row and has_column, ends_row and ends)


_Places = Sequence[tuple[bool, bool]]


def _scan(node: Node, layer: Convolution | MaxPool2D | AveragePool2D) -> tuple[_Places, _Places]:
    """(rows, columns) of the padded image: whether each is one of the image, and whether it ends windows."""
    top, bottom, left, right = layer.pads(node.taken)
    height, width = node.taken[:2]

    def places(before: int, size: int, after: int, kernel: int, stride: int) -> _Places:
        ends = range(kernel - 1, before + size + after, stride)
        return [(before <= place < before + size, place in ends) for place in range(before + size + after)]

    rows = places(top, height, bottom, layer.kernel[0], layer.strides[0])
    return rows, places(left, width, right, layer.kernel[1], layer.strides[1])
