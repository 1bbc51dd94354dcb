"""Open tools for 7-series parts: synthesis by Yosys, place and route by nextpnr, bitstreams by Project X-Ray.

Their numbers are of what is built, by tools that are not Vivado: every reading names its tool, and carries how far that
tool is known to be from Vivado.
"""
