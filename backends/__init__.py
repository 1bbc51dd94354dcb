"""The flows, and what they share.

What a flow brings is one value of `backends.protocol.Backend`, in its package's ``__init__``. Each flow has its options
in ``options``, the reasons why a job is refused in ``check``, the design in ``design``, predicted numbers in
``estimate``, what is run in ``plan``, and the programs that steps run in ``workers``.

Where a number of a design comes from:

=======================  ================================================================================
folding                  `backends.dataflow.folding` solves it; `backends.dataflow.space` for a part or a rate;
                         each flow states its choices in ``resolve``
cycles                   `backends.dataflow.stream`, of stages that each flow gives in ``schedule`` or ``design``
FIFO depths              `backends.dataflow.fifos`; what holds their words: `backends.dataflow.buffers`
LUT, FF, BRAM, DSP       hls: `backends.hls.design.costs` (stages) of `backends.hls.design.resources` (their parts)
                         rtl: `backends.rtl.design.costs`
                         finn: `backends.finn.resources.models`
                         hls4ml: `backends.hls4ml.routed` (post-route), `backends.hls4ml.resources` (csynth)
DMA, interconnect        `backends.cost.shell`
csynth to post-route     `backends.cost.synthesis`
Fmax                     `backends.cost.clock`; of FINN's nodes: `backends.finn.clock`
primitives of the part   `backends.cost.blockram`, `backends.cost.dsp`, `backends.cost.fabric`
reports of AMD's tools   `backends.amd`
Yosys, nextpnr, prjxray  `backends.open_tools`
=======================  ================================================================================
"""
