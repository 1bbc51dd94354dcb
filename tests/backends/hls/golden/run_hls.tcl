# GOAL=csynth vitis_hls -f run_hls.tcl; newer releases say vitis-run --mode hls --tcl in place of vitis_hls -f.
# For Vitis HLS 2020.2 and later: earlier ones know no BIND_OP, BIND_STORAGE and style=flp, on which the design rests.
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
    # Of the clock the tool leaves 27 % to routing, unless it is told; an eighth was the share of Vivado HLS. The longest
    # loop of one turn, that of a window, is some 5.6 ns: it fits into 10 ns either way, and into 7 ns with an eighth.
    # Where routing fails at a slow clock, 27 % buys shorter stages for more registers.
    set_clock_uncertainty 12.5% default
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
