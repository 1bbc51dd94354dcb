# vitis_hls -f run_hls.tcl vitis-csim|csynth|cosim|export
# Written for Vitis HLS 2020.2 and later. It has not been run: no AMD tool was at hand.
set goal [lindex $argv end]
if {[lsearch {vitis-csim csynth cosim export} $goal] < 0} {
    puts "ERROR: give vitis-csim, csynth, cosim or export"
    exit 1
}
set flags "-std=c++14 -Isrc -Itb"

if {[catch {
    open_project -reset hls
    set_top small
    add_files src/top.cpp -cflags $flags
    add_files -tb {tb/simulate.cpp tb/testbench.cpp} -cflags $flags
    open_solution -reset solution
    set_part {xc7z020clg400-1}
    create_clock -period 10 -name default
    if {$goal eq "vitis-csim"} {
        csim_design
    } else {
        csynth_design
    }
    # RTL simulation is slow: frames enough to show a fault at the border between two, which may need a third.
    if {$goal eq "cosim"} { cosim_design -rtl verilog -argv 4 }
    if {$goal eq "export"} { export_design -format ip_catalog -display_name "small" }
} reason]} {
    puts "ERROR: $reason"
    exit 1
}
exit 0
