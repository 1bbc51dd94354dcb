// The sum of two tensors, LANES values a cycle: both shifted to the same point, then a code of the result's tensor.
module add #(
    parameter LANES = 1,
    parameter LEFT_BITS = 8,
    parameter LEFT_SIGNED = 0,
    parameter LEFT_SHIFT = 0,     // zeros behind it, to the point that both have
    parameter RIGHT_BITS = 8,
    parameter RIGHT_SIGNED = 0,
    parameter RIGHT_SHIFT = 0,
    parameter SHIFT = 0,          // from that point to the result's
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic left_valid,
    output logic left_ready,
    input logic [LANES*LEFT_BITS-1:0] left_data,
    input logic right_valid,
    output logic right_ready,
    input logic [LANES*RIGHT_BITS-1:0] right_data,
    output logic out_valid,
    input logic out_ready,
    output logic [LANES*OUT_BITS-1:0] out_data
);
    localparam LATENCY = 3;
    localparam LEFT_WIDTH = LEFT_BITS + LEFT_SHIFT + 1;
    localparam RIGHT_WIDTH = RIGHT_BITS + RIGHT_SHIFT + 1;
    localparam SUM_BITS = (LEFT_WIDTH > RIGHT_WIDTH ? LEFT_WIDTH : RIGHT_WIDTH) + 1;

    logic room, turns, has_sums;
    logic [LANES*SUM_BITS-1:0] sums;
    assign turns = left_valid && right_valid && room;
    assign left_ready = right_valid && room;
    assign right_ready = left_valid && room;
    always_ff @(posedge clk) has_sums <= turns && !reset;

    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            logic signed [LEFT_BITS:0] left;
            logic signed [RIGHT_BITS:0] right;
            assign left = {LEFT_SIGNED != 0 && left_data[lane*LEFT_BITS+LEFT_BITS-1], left_data[lane*LEFT_BITS+:LEFT_BITS]};
            assign right = {
                RIGHT_SIGNED != 0 && right_data[lane*RIGHT_BITS+RIGHT_BITS-1], right_data[lane*RIGHT_BITS+:RIGHT_BITS]
            };
            always_ff @(posedge clk)
                sums[lane*SUM_BITS+:SUM_BITS] <= (SUM_BITS'(left) <<< LEFT_SHIFT) + (SUM_BITS'(right) <<< RIGHT_SHIFT);
        end
    endgenerate

    logic has_codes;
    logic [LANES*OUT_BITS-1:0] codes;
    requantise #(
        .LANES(LANES),
        .IN_BITS(SUM_BITS),
        .SHIFT(SHIFT),
        .OUT_BITS(OUT_BITS),
        .OUT_SIGNED(OUT_SIGNED)
    ) codes_of_sums (
        .clk(clk),
        .in_valid(has_sums),
        .in_data(sums),
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
