"""The page of docs/reference/designs.md around the tables."""

PAGE = """# Whole designs that others built

Each design below was built and published by somebody else. It is predicted from its configuration alone, by the models
that `flows estimate` uses, and held against its bitstream or its utilisation report. This page is what the following
prints. The rows are not part of this repository: facts read off public bitstreams and reports, each with its source.

```sh
{command}
```

- {how}
- hls4ml's designs are predicted from network, types and reuse factors, FINN's from the attributes of their nodes.
  Whatever has a csynth report is predicted from that as well, as `flows estimate --report` does. Of designs that
  others wrote by hand there is no other way.
- Each design is charged the shell of its own block design where its IPs are recorded, else the usual one of its flow.
- Weights are not published with a bitstream: they are random here, of the recorded types. Accumulators that round are
  taken as wide as they need be. The converters of hls4ml's VivadoAccelerator (378 to 1,408 LUT) are in no model.
- Bitstreams tell no FFs, and their LUTs are -6.9 to +0.3 % of published totals.
- The verdict is that of the resources on the part that the design was built for: each ran there, so "over" is wrong.

"""
