"""FPGA physics: what a block RAM, a DSP slice or a shift register holds. Pure functions; no backend is named here."""
