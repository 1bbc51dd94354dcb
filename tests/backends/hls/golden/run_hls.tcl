# GOAL=csynth vitis_hls -f run_hls.tcl; newer releases say vitis-run --mode hls --tcl in place of vitis_hls -f.
# For Vitis HLS 2020.2 and later: earlier ones lack BIND_OP, BIND_STORAGE and style=flp, which the design needs.
# Releases up to 2021.2 cannot export an IP from 2022 on, since its revision number is a date: install AMD's y2k22 patch
# (answer record 76960). It has not been run: no AMD tool was at hand.
set goals {vitis-csim csynth cosim export}
set goal [expr {[info exists env(GOAL)] ? $env(GOAL) : ""}]
if {[lsearch -exact $goals $goal] < 0} {
    puts "ERROR: GOAL is '$goal': give [join $goals {, }]"
    exit 1
}
cd [file dirname [file normalize [info script]]]

if {[catch {
    open_project -reset hls
    set_top small
    add_files src/top.cpp -cflags "-std=c++14"
    add_files -tb {tb/simulate.cpp tb/testbench.cpp} -cflags "-std=c++14"
    open_solution -reset solution
    set_part {xc7z020clg400-1}
    create_clock -period 10 -name default
    # By default the tool reserves 27 % of the clock period for routing; Vivado HLS reserved an eighth. The longest path
    # of a loop turn, in a window stage, is about 5.6 ns: it fits 10 ns either way, and 7 ns with an eighth. If routing
    # fails at a slow clock, 27 % gives shorter pipeline stages and more registers.
    set_clock_uncertainty 12.5% default
    if {$goal eq "vitis-csim"} {
        csim_design
    } else {
        csynth_design
    }
    # RTL simulation is slow: just enough frames to show a fault at a frame border, which may need a third frame.
    if {$goal eq "cosim"} { cosim_design -rtl verilog -argv 4 }
    if {$goal eq "export"} { export_design -format ip_catalog -display_name "small" }
} reason]} {
    puts "ERROR: $reason"
    exit 1
}
exit 0
