"""What open tools make of a design: synthesis by Yosys, place and route by nextpnr, bitstreams."""

from __future__ import annotations

from collections.abc import Iterator

from backends.dataflow.layers.names import top_name
from backends.dataflow.options import AUTO
from backends.open_tools import routing, synthesis
from backends.open_tools.stage import Netlist, distinct
from backends.protocol import Note, warning
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import DESIGN, NOTHING, STAGES
from backends.rtl.stages import library, stages
from flows.core.evidence import Reading
from flows.core.plan import Output, Products, Step


def steps(design: RtlDesign, project: Output) -> tuple[Step, ...]:
    """Those that the options ask for. Stages need nothing of the network but its sizes, so runs of other weights find
    their results in the store; the whole design is synthesised from the `project`."""
    options, target = design.job.options, design.job.target
    steps = synthesis.steps(stages(design), library(), options.synthesiser)
    if not steps or options.route == NOTHING or not routing.is_supported(target):
        return steps
    if options.route == DESIGN:
        steps += (synthesis.whole_step(_top(design), project, options.synthesiser),)
    asked = routing.Routing(options.route_timeout * 3600, options.route_seed, options.bitstream)
    return steps + routing.steps(_routed(design), target, asked)


def read(design: RtlDesign, products: Products) -> tuple[Reading, ...]:
    target = design.job.target
    counted = synthesis.read(stages(design), target, products)
    if design.job.options.route == DESIGN:
        return *counted, *routing.read_whole(_whole(design), target, products)
    return *counted, *routing.read(_routed(design), target, products)


def _routed(design: RtlDesign) -> tuple[Netlist, ...]:
    """What the options ask nextpnr for, where they do: the whole design, or every stage."""
    if design.job.options.route == DESIGN:
        return (_whole(design),)
    return tuple(synthesis.netlist(stage) for stage in stages(design))


def _whole(design: RtlDesign) -> Netlist:
    return Netlist("the whole design", synthesis.WHOLE, _top(design))


def _top(design: RtlDesign) -> str:
    return top_name(design.job.network, verilog=True)


def choices(design: RtlDesign) -> Iterator[Note]:
    """Of packing, routing and bitstreams."""
    options = design.job.options
    if options.packing == AUTO:
        apart = [name for name, many in design.sharing.items() if many == 1]
        if apart:
            yield Note(
                f"{', '.join(apart)}: a DSP48E1 a product, since the widths leave no room for a second one or a weight "
                f"is the lowest number of its type, from which nothing can be borrowed"
            )
    if options.route != NOTHING and not routing.is_supported(design.job.target):
        yield warning(
            f"{design.job.target.part.full_name} is not routed: its pins are not known to the shift registers"
        )
    if options.route != NOTHING and options.synthesiser == synthesis.NONE:
        yield warning("nothing is routed without a synthesiser: leave --synthesiser none out")
    if options.bitstream and options.route == NOTHING:
        yield warning("there is no bitstream without --route: it is made of what nextpnr routed")


def observations(design: RtlDesign, products: Products) -> Iterator[Note]:
    """Of what did not route, and of bitstreams."""
    routed = _routed(design)
    for name, reason in routing.unrouted(routed, products):
        yield warning(f"{name} does not route: {reason}")
    decoded = [
        each
        for each in distinct(routed)
        if (step := routing.step_name("read back", each)) in products.results
        and products.path(Output(step, routing.DECODED))
    ]
    if decoded:
        what = "a bitstream of the whole design"
        if design.job.options.route == STAGES:
            what = f"{len(decoded)} bitstreams, one of every kind of stage"
        yield Note(
            f"{what} between shift registers: LUTs, RAMB18 and DSP48E1 are read back as nextpnr placed them; none was "
            "loaded on a board"
        )
