"""Networks of layers as the flows of our own make build them, in C++ or SystemVerilog: stages, folds, arithmetic."""
