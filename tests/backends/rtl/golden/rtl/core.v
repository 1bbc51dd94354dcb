// The design as a block design takes it: Vivado refers to modules of Verilog, not of SystemVerilog, and is told here which
// clock and reset belong to the streams.
module layer_small_core (
    (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 clk CLK" *)
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF images:results, ASSOCIATED_RESET reset" *)
    input wire clk,
    (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 reset RST" *)
    (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_HIGH" *)
    input wire reset,
    input wire images_tvalid,
    output wire images_tready,
    input wire [31:0] images_tdata,
    output wire results_tvalid,
    input wire results_tready,
    output wire [31:0] results_tdata,
    output wire [3:0] results_tkeep,
    output wire results_tlast
);
    layer_small network (
        .clk(clk),
        .reset(reset),
        .images_tvalid(images_tvalid),
        .images_tready(images_tready),
        .images_tdata(images_tdata),
        .results_tvalid(results_tvalid),
        .results_tready(results_tready),
        .results_tdata(results_tdata),
        .results_tkeep(results_tkeep),
        .results_tlast(results_tlast)
    );
endmodule
