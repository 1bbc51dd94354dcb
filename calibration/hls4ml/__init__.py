"""hls4ml: rows of csynth reports, the fit of backends/hls4ml/resources.py to them, and its error on held-out rows."""
