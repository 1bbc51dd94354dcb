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
- Each design is charged the shell of its own block design where its IPs are recorded, else the usual one of its flow.
  Designs written by hand may have streams of up to 512 bits, which a list of IPs does not tell: those of one project
  have shells of 4,690 to 9,177 LUT and 18 to 37 RAMB18, so that is how far their intervals reach
  ([shells](shells.md)).
- Weights are not published with a bitstream: they are random here, of the recorded types. Accumulators that round are
  taken as wide as they need be. The converters of hls4ml's VivadoAccelerator (378 to 1,408 LUT, up to 6 RAMB18) are in
  no model.
- Bitstreams tell no FFs, and their LUTs are -6.9 to +0.3 % of published totals.
- Designs are few, and those of one repository resemble each other: intervals that hold 75 % in truth
  hold 7 of 7 once in seven times. Its ends are the median of both over what is predicted.
- The verdict is that of the resources on the part that the design was built for: each ran there, so "over" is wrong.
  The words and the margins are those of [evidence and fit](evidence.md).
- Whether a clock was foretold rightly is on the page of [clocks](clocks.md) for 27 timing reports, FINN's seven builds
  of this page among them; below are the rows that record a slack.
- A row without a number of images a call has its rate on a board at 1,000. A design on an Artix-7, whose fabric is the
  Zynq-7020's, is predicted as on that; there is no verdict on it.

"""
