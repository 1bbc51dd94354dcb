"""What is handed over to FINN's dataflow builder, and finn-plus where it is at hand."""
