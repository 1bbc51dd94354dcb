"""What FINN builds of a network: arithmetic, nodes, folding, schedule, FIFOs."""
