"""The page of docs/reference/designs.md around the tables."""

PAGE = """# Whole designs that others built

Each design below was built and published by somebody else. It is predicted from its configuration alone, by the models
that `flows estimate` uses, and held against its bitstream or its utilisation report. This page is what the following
prints. The rows are not part of this repository: facts read off public bitstreams and reports, each with its source.

```sh
{command}
```

- {how}
- hls4ml's designs are predicted from network, types and reuse factors, FINN's from the attributes of their nodes. What
  has a csynth report is predicted with that as well, as `flows estimate --report` does: of each resource the narrower
  of both intervals stands ([0014](../adr/0014-one-stage.md)). Of designs that others wrote by hand there is no other
  way than csynth's report, or what the HLS tool routed of the core alone.
- **Of code written by hand, a csynth report gives LUTs within a fifth in half of the cores**, and no fit to its totals
  makes it more ([0014](../adr/0014-one-stage.md)). It is the core that is off, not the shell: of the five designs here
  whose core was also built alone, the cores are -50, -35, -30, +15 and +87 % off. csynth counts half of an AXI master
  and the whole of a division by a constant, of which Vivado leaves little; why the two cores of xmihol take what it
  counts is not known. A core that was routed alone (`--report TOP_export.rpt`) settles it: 14 %.
- A csynth report of another revision than was built is no report of the design. It is shown apart, and is no part of
  the aims: `hls-xmihol-cnn-a`.
- Each design is charged the shell of its own block design where its IPs are recorded, else the usual one of its flow,
  and the converters of hls4ml's VivadoAccelerator where its core is inside `myproject_axi` ([shells](shells.md)).
  Designs written by hand may have streams of up to 512 bits, which a list of IPs does not tell: those of one project
  have shells of 4,690 to 9,177 LUT and 18 to 37 RAMB18, so that is how far their intervals reach.
  Of `hls-yinnis-conv` and the SmartConnects of `hls-a3d2-bincnn-reports` the shell's figures come in part.
- Weights are not published with a bitstream: they are random here, of the recorded types. Accumulators that round are
  taken as wide as they need be. `hls4ml-rn06-v8` has 8 RAMB18 more than predicted: it was written by an hls4ml that
  puts a padding layer and its FIFO (3 and 1) before a convolution that pads nothing, which today's does not, and its
  AXI DMA has 10, where those of three other hls4ml designs have 6.
- DSP slices are exact but in three designs. Two have fewer than their csynth report counts: products by constants
  (75 of 89) and of 4 by 4 bits (10 of 12), which its totals do not tell apart. `hls4ml-ad08-pynq` has 205 of 216
  multipliers in slices; Vivado builds those with few weights of few bits in LUTs, and its weights are not published.
- Block RAM is within every interval here. FINN's seven are exact, and one or two blocks wide; of the larger groups, 89
  and 96 % of cores hold by their csynth report. What is wide is the shell where its streams are not recorded, and
  hls4ml's weights, which Vivado puts into block RAM or LUTs.
- Bitstreams tell no FFs, and their LUTs are -6.9 to +0.3 % of published totals.
- Designs are few, and those of one repository resemble each other: intervals that hold 75 % in truth
  hold 7 of 7 once in seven times, and ones that hold 90 % hold 5 of 5 three times in five. Whether an interval is too
  wide only the larger groups tell: cores by their csynth report here, units and nodes on the pages of
  [hls4ml](truth-hls4ml-routed.md) and [FINN](truth-finn.md). Its ends are the median of both over what is predicted.
- Cores alone are csynth's report beside logic synthesis or routing (`calibration/csynth_pairs.json`, 102 designs); they
  are in the errors, but are no whole designs: no verdict, no line of their own.
- The verdict is that of the resources on the part that the design was built for: each ran there, so "over" is wrong.
  The words and the margins are those of [evidence and fit](evidence.md).
- Whether a clock was predicted rightly is on the page of [clocks](clocks.md) for 27 timing reports, FINN's seven builds
  of this page among them; below are the rows that record a slack.
- A row without a number of images a call has its rate on a board at 1,000. A design on an Artix-7, whose fabric is the
  Zynq-7020's, is predicted as on that; there is no verdict on it.

"""
