# GOAL=csynth vitis_hls -f run_hls.tcl; newer releases say vitis-run --mode hls --tcl in place of vitis_hls -f.
# Written for Vitis HLS 2020.2 and later. It has not been run: no AMD tool was at hand.
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
