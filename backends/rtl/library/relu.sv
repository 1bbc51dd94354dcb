// A ReLU that stands alone, LANES values a cycle: codes of one tensor become codes of another, none below zero.
module relu #(
    parameter LANES = 1,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 1,
    parameter SHIFT = 0,
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
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
    localparam LATENCY = 2;
    localparam VALUE_BITS = ACT_BITS + 1;
    logic room, has_codes;
    logic [LANES*VALUE_BITS-1:0] values;
    logic [LANES*OUT_BITS-1:0] codes;
    assign in_ready = room;
    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            assign values[lane*VALUE_BITS+:VALUE_BITS] = {
                ACT_SIGNED != 0 && in_data[lane*ACT_BITS+ACT_BITS-1], in_data[lane*ACT_BITS+:ACT_BITS]
            };
        end
    endgenerate
    requantise #(
        .LANES(LANES),
        .IN_BITS(VALUE_BITS),
        .SHIFT(SHIFT),
        .OUT_BITS(OUT_BITS),
        .OUT_SIGNED(OUT_SIGNED),
        .RELU(1)
    ) codes_of_values (
        .clk(clk),
        .in_valid(in_valid && room && !reset),
        .in_data(values),
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
