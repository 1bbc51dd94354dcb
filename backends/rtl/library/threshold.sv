// Thresholds that stand alone, LANES values a cycle: integers of one tensor become codes of another (`threshold_search`).
module threshold #(
    parameter LANES = 1,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter STEPS = 4,
    parameter THRESHOLD_GROUPS = 1,
    parameter BELOW = 0,
    parameter FALLS = 0,
    parameter OUT_BITS = 8,
    parameter THRESHOLDS = "thresholds",
    parameter BLOCK_FROM = STEPS,
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [LANES*ACT_BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [LANES*OUT_BITS-1:0] out_data
);
    localparam LATENCY = 2 * STEPS;
    logic room, has_codes;
    logic [LANES*OUT_BITS-1:0] codes;
    assign in_ready = room;
    threshold_search #(
        .LANES(LANES),
        .GROUPS(THRESHOLD_GROUPS),
        .IN_BITS(ACT_BITS),
        .IN_SIGNED(ACT_SIGNED),
        .STEPS(STEPS),
        .BELOW(BELOW),
        .FALLS(FALLS),
        .OUT_BITS(OUT_BITS),
        .THRESHOLDS(THRESHOLDS),
        .BLOCK_FROM(BLOCK_FROM)
    ) search (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid && room && !reset),
        .in_data(in_data),
        .out_valid(has_codes),
        .out_data(codes)
    );
    fifo #(
        .WIDTH(LANES * OUT_BITS),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY + 1),
        .STORAGE(FIFO_IN)
    ) words (
        .clk(clk),
        .reset(reset),
        .in_valid(has_codes),
        .in_ready(room),
        .in_data(codes),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
