# vivado -mode batch -source vivado/synthesise.tcl: the core out of context, synthesised, placed and routed, with reports.
# Written for Vivado 2020.1 and later. It has not been run: no AMD tool was at hand.
cd [file dirname [file dirname [file normalize [info script]]]]

if {[catch {
    read_verilog -sv [concat [glob rtl/library/*.sv] rtl/top.sv]
    read_mem [glob mem/*_weights.mem mem/*_biases.mem]
    read_xdc -mode out_of_context vivado/clock.xdc
    # The words of $readmemh are looked up by name among the files that were read.
    synth_design -top layer_small -part {xc7z020clg400-1} -mode out_of_context
    report_utilization -hierarchical -file vivado/utilization_synth.rpt
    opt_design
    place_design
    phys_opt_design
    route_design
    report_utilization -file vivado/utilization.rpt
    report_timing_summary -file vivado/timing.rpt
    write_checkpoint -force vivado/layer_small.dcp
} reason]} {
    puts "ERROR: $reason"
    exit 1
}
exit 0
