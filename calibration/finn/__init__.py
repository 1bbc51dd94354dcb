"""FINN: rows of routed nodes, the fit of backends/finn/resources to them, and its error on held-out rows."""
