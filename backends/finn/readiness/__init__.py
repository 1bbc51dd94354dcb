"""Whether a QONNX file is FINN-ready, judged on a small graph value that a worker fills: see docs/finn-readiness.md."""
