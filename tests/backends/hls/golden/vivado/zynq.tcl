# BOARD=pynq-z2 vivado -mode batch -source vivado/zynq.tcl: a complete Zynq design and its bitstream.
#
# The processor's GP0 port configures an AXI DMA; the DMA reads images and writes results through the HP0 port of the
# memory, and streams them through the core. GP0 and HP0 are AXI3 and the DMA is AXI4 and AXI4-Lite: AXI interconnects
# stand between them, no SmartConnect. One clock, FCLK0; one reset block.
# Written for Vivado 2020.1 and later. It has not been run: no AMD tool was at hand.
set boards {pynq-z2 xc7z020clg400-1 zybo-z7-10 xc7z010clg400-1 zedboard xc7z020clg484-1}
set board [expr {[info exists env(BOARD)] ? $env(BOARD) : "pynq-z2"}]
if {![dict exists $boards $board]} {
    puts "ERROR: BOARD is '$board': give [join [dict keys $boards] {, }]"
    exit 1
}
cd [file dirname [file dirname [file normalize [info script]]]]

if {[catch {
    create_project -force small vivado/$board -part [dict get $boards $board]
    # The core is the IP that GOAL=export run_hls.tcl leaves.
    set ip hls/solution/impl/ip
    if {![file isfile $ip/component.xml]} { error "$ip has no IP: run make export first" }
    set_property ip_repo_paths $ip [current_project]
    update_ip_catalog
    create_bd_design system

    # The processor: DDR and fixed I/O are those of its defaults. Where a preset of the board is installed, apply it here
    # before synthesis: the timing of the DDR memory is the board's, and PYNQ boots with it already set up.
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config {make_external "FIXED_IO, DDR"} $ps
    set_property -dict {
        CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ 100 CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_EN_RST0_PORT 1
    } $ps

    create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma dma
    # Without scatter-gather; the length register takes the bytes of many images at once.
    set_property -dict {
        CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_include_mm2s_dre 0 CONFIG.c_include_s2mm_dre 0
        CONFIG.c_m_axi_mm2s_data_width 32 CONFIG.c_m_axis_mm2s_tdata_width 32 CONFIG.c_mm2s_burst_size 16
        CONFIG.c_m_axi_s2mm_data_width 32 CONFIG.c_s_axis_s2mm_tdata_width 32 CONFIG.c_s2mm_burst_size 16
    } [get_bd_cells dma]
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect control
    set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 2} [get_bd_cells control]
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect memory
    set_property -dict {CONFIG.NUM_SI 2 CONFIG.NUM_MI 1} [get_bd_cells memory]
    create_bd_cell -type ip -vlnv [get_property VLNV [get_ipdefs *:hls:small:*]] small_0

    connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins control/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins control/M00_AXI] [get_bd_intf_pins dma/S_AXI_LITE]
    connect_bd_intf_net [get_bd_intf_pins control/M01_AXI] [get_bd_intf_pins small_0/s_axi_control]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXI_MM2S] [get_bd_intf_pins memory/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXI_S2MM] [get_bd_intf_pins memory/S01_AXI]
    connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins small_0/image_beats]
    connect_bd_intf_net [get_bd_intf_pins small_0/result_beats] [get_bd_intf_pins dma/S_AXIS_S2MM]

    connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins {
        ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK reset/slowest_sync_clk small_0/ap_clk
        dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk
        control/ACLK control/S00_ACLK control/M00_ACLK control/M01_ACLK
        memory/ACLK memory/S00_ACLK memory/S01_ACLK memory/M00_ACLK
    }]
    connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
    connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins {control/ARESETN memory/ARESETN}]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins {
        dma/axi_resetn control/S00_ARESETN control/M00_ARESETN control/M01_ARESETN
        memory/S00_ARESETN memory/S01_ARESETN memory/M00_ARESETN
    }]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins small_0/ap_rst_n]
    assign_bd_address
    validate_bd_design
    save_bd_design

    make_wrapper -files [get_files system.bd] -top -import
    set_property top system_wrapper [current_fileset]
    launch_runs impl_1 -to_step write_bitstream -jobs 2
    wait_on_run impl_1
    if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} { error "implementation did not end" }
    open_run impl_1
    report_utilization -file vivado/$board/utilization.rpt
    report_timing_summary -file vivado/$board/timing.rpt
    # PYNQ wants the bitstream and the hardware handoff side by side, under one name.
    file copy -force [glob vivado/$board/small.runs/impl_1/*.bit] vivado/small.bit
    file copy -force [lindex [glob vivado/$board/small.*/sources_1/bd/system/hw_handoff/system.hwh] 0] vivado/small.hwh
} reason]} {
    puts "ERROR: $reason"
    exit 1
}
exit 0
