"""What open tools make of a design, stage by stage: synthesis by Yosys, place and route by nextpnr, bitstreams."""

from __future__ import annotations

from collections.abc import Iterator

from backends.dataflow.options import AUTO
from backends.open_tools import routing, synthesis
from backends.protocol import Note, warning
from backends.rtl.design.design import RtlDesign
from backends.rtl.options import NOTHING
from backends.rtl.stages import library, stages
from flows.core.evidence import Reading
from flows.core.plan import Output, Products, Step


def steps(design: RtlDesign) -> tuple[Step, ...]:
    """Those that the options ask for. They need nothing of the network but its sizes, so runs of other weights find
    their results in the store."""
    options, all_stages = design.job.options, stages(design)
    found = synthesis.steps(all_stages, library(), options.synthesiser)
    if found and options.route != NOTHING and routing.is_supported(design.job.target):
        limit_s = options.route_timeout * 3600
        found += routing.steps(all_stages, design.job.target, limit_s, options.bitstream)
    return found


def read(design: RtlDesign, products: Products) -> tuple[Reading, ...]:
    all_stages, target = stages(design), design.job.target
    return *synthesis.read(all_stages, target, products), *routing.read(all_stages, target, products)


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
    if options.bitstream and options.route == NOTHING:
        yield warning("there is no bitstream without --route: it is made of what nextpnr routed")


def observations(design: RtlDesign, products: Products) -> Iterator[Note]:
    """Of stages that did not route, and of bitstreams."""
    all_stages = stages(design)
    for name, reason in routing.unrouted(all_stages, products):
        yield warning(f"{name} does not route: {reason}")
    decoded = [
        one
        for one in synthesis.distinct(all_stages)
        if (step := routing.step_name("read back", one)) in products.results
        and products.path(Output(step, routing.DECODED))
    ]
    if decoded:
        yield Note(
            f"{len(decoded)} bitstreams, one of every kind of stage between shift registers: LUTs, RAMB18 and DSP48E1 "
            "are read back as nextpnr placed them; none was loaded on a board"
        )
