# The one clock of the design, at the period that was asked for. It is for synthesis out of context: in the block design
# the processor's clock has a constraint of its own.
create_clock -period 10 -name clk [get_ports clk]
