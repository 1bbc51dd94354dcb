"""Bitstreams of Zynq-7000 parts read back: what of the part a routed design takes.

`packets` reads the configuration packets of a ``.bit`` file and checks their `crc`, `archive` finds that file in an
``.xsa`` or ``.hdf``, `handoff` reads the ``.hwh`` beside it, `prjxray` the folder of Project X-Ray, and `count` counts
with it.
"""
