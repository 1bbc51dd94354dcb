"""What finn-plus' own code says of its nodes: the figures that tests hold our copies of FINN's formulas to."""
