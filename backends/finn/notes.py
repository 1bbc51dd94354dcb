"""What a user should know of a FINN design: its folding, its FIFOs, what may be hard to build, its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import floor

from backends.cost.clock import clock_note
from backends.cost.shell import DMA, find_shell
from backends.dataflow.budget import usable
from backends.dataflow.notes import Wording, folding_notes
from backends.dataflow.options import AUTO, NO_TARGET, cycles_at
from backends.dataflow.space import Solved
from backends.finn.design import folding_file
from backends.finn.design.design import FinnDesign
from backends.finn.design.fifos import StreamingFifo, WidthConverter
from backends.finn.design.nodes import MatrixVector
from backends.finn.design.search import WIDEST_WEIGHTS
from backends.finn.estimate import finn_totals
from backends.finn.handover.finn_plus import ESTIMATES, TOOL
from backends.finn.options import FINN
from backends.finn.resolve import fastest, taken
from backends.protocol import Note, warning
from flows.core.evidence import Metric
from flows.core.margins import KEPT

PIXELS = {1: "bytes, which the network itself divides by 255", 255: "x / 255", 256: "x / 256"}
WORDING = Wording("folding", "it is", "the design takes")


def notes(solved: Solved[FinnDesign]) -> Sequence[Note]:
    return (*_folding(solved), *_fifos(solved.design), *_shell(solved), *_arithmetic(solved.design))


def _folding(solved: Solved[FinnDesign]) -> Iterator[Note]:
    design, options = solved.design, solved.design.job.options
    target, clock_ns = design.job.target, design.job.target.clock_ns
    units = [node for node in design.nodes if isinstance(node, MatrixVector)]
    folds = {node.layer: design.folding[node.name] for node in units}
    yield Note(f"PE x SIMD: {', '.join(f'{layer} {fold.pe} x {fold.simd}' for layer, fold in folds.items())}")
    if faster_clock := clock_note(clock_ns):
        yield Note(faster_clock)
    faster = (solved.bolder.interval, taken(solved.bolder, False)) if solved.bolder else None
    if solved.answer:
        most = usable(target, False, KEPT)
        yield from folding_notes(solved.answer, WORDING, options.target_fps, target, most, faster)
    elif options.folding == FINN:
        yield Note(f"FINN's own search for {options.target_fps} images/s")
    elif options.folding != AUTO:
        aside = ", ".join(folding_file.left_aside(options.folding))
        left = f"; left aside in it: {aside}; FIFOs are simulated"
        yield Note(f"the folding is the file's{left if aside else ''}")
    limit = cycles_at(options.target_fps, clock_ns)
    if limit is not None and design.interval > limit:
        reached = floor(1e9 / (design.interval * clock_ns))
        yield warning(f"with its FIFOs the design reaches {reached:,} of the {options.target_fps} images/s")
    wide = [node.layer for node in units if design.folding[node.name].simd * node.weight > WIDEST_WEIGHTS]
    if wide:
        yield Note(
            f"weights of a PE are wider than the {WIDEST_WEIGHTS} bits of FINN's own search in {', '.join(wide)}: "
            "FINN builds that too, but it may be harder to route"
        )


def _fifos(design: FinnDesign) -> Iterator[Note]:
    buffers = [link for link in design.links if isinstance(link, StreamingFifo)]
    deepest = max(buffers, key=lambda link: link.depth)
    converters = sum(isinstance(link, WidthConverter) for link in design.links)
    blocks = sum(link.bram18 for link in buffers)
    yield Note(
        f"{len(buffers)} FIFOs in {blocks} RAMB18, the deepest {deepest.depth:,} words of {deepest.bits} bits before "
        f"{deepest.reader}; {converters} width converters"
    )


def _shell(solved: Solved[FinnDesign]) -> Iterator[Note]:
    """What FINN's own shell takes, and what another would leave to the design."""
    design = solved.design
    if not design.brings_dma:
        yield Note(
            f"{design.shell.title}, in place of FINN's own DMA engines and shell: FINN's Zynq build makes those, so "
            "the stitched IP of its build goes into a block design of yours"
        )
        return
    own = sum(amount.value for part in design.shell_costs().values() for amount in part[Metric.LUT] if amount)
    lean = find_shell(DMA).range(Metric.LUT)
    yield Note(
        f"FINN's own shell and DMA engines take about {own:,.0f} LUT. The stitched IP of its build in a block design "
        f"of yours with one AXI DMA (--shell {DMA}: {lean.low:,.0f} to {lean.high:,.0f} LUT) leaves some "
        f"{own - lean.value:,.0f} more to the design{_faster_with(DMA, solved)}"
    )


def _faster_with(shell: str, solved: Solved[FinnDesign]) -> str:
    """The rate that the folding solver finds with another shell, where fabric is what stops it with this one."""
    design, answer = solved.design, solved.answer
    if answer is None or design.job.options.target_fps != NO_TARGET:
        return ""
    if not {Metric.LUT, Metric.FF} & {*answer.stops, *answer.lacking}:
        return ""
    job = replace(design.job, options=replace(design.job.options, shell=shell))
    other = fastest(job, design.quantised)
    rates = (floor(1e9 / (solution.interval * job.target.clock_ns)) for solution in (other, design))
    return ": {:,} images/s in place of {:,}".format(*rates) if other.interval < design.interval else ""


def _arithmetic(design: FinnDesign) -> Iterator[Note]:
    kernels = [f"{name} {bits} bits" for name, bits in design.quantised.weight_bits.items()]
    own = ", ".join(f"{value:,} {metric.unit}" for metric, value in finn_totals(design).items())
    yield Note("what FINN's dataflow builder needs, with steps for residual graphs, is in handover/finn")
    yield Note(f"by FINN's own formulas, which leave FIFOs, DMA and shell out: {own}")
    yield Note(f"weights by layer: {', '.join(kernels)}")
    yield Note(
        "computed on integers alone, as FINN builds it: thresholds are exact, from the file's scales, biases and batch "
        f"normalisations; the last scale is the host's. Pixels are read as {PIXELS[design.integer.divisor]}"
    )
    yield Note(
        "an estimate reads the file's arithmetic alone. Whether FINN's own steps take its graph is what "
        "`python -m flows check finn MODEL.onnx` says, and `run` before it hands anything over"
    )
    yield Note("FINN's build was not run: it needs Vivado")
    yield Note(
        f"FINN's own figures of each node (`flows show` sets them beside ours), and its proof that its graphs are this "
        f"network, come with step {ESTIMATES.step}; they are lost where {TOOL} is not on PATH (nox -s finn makes it)"
    )
