// LANES signed integers become codes of a tensor: SHIFT bits are dropped, halves rounded up (or so many zeros added, where
// it is negative), and what the code does not hold is saturated. Two cycles later, and never stalled.
module requantise #(
    parameter LANES = 1,
    parameter IN_BITS = 24,
    parameter SHIFT = 8,
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
    parameter RELU = 0    // nothing below zero; a result without a sign is one anyway
) (
    input logic clk,
    input logic in_valid,
    input logic [LANES*IN_BITS-1:0] in_data,
    output logic out_valid,
    output logic [LANES*OUT_BITS-1:0] out_data
);
    localparam DROPPED = SHIFT > 0 ? SHIFT : 0;
    localparam ADDED = SHIFT < 0 ? -SHIFT : 0;
    localparam ROUNDED_BITS = IN_BITS + 1 + ADDED - DROPPED;
    // Wide enough to compare with what a code holds.
    localparam BITS = ROUNDED_BITS > OUT_BITS + 1 ? ROUNDED_BITS : OUT_BITS + 1;
    localparam signed [BITS-1:0] HIGHEST = (BITS'(1) << (OUT_BITS - OUT_SIGNED)) - 1;
    localparam signed [BITS-1:0] LOWEST = RELU || !OUT_SIGNED ? 0 : -HIGHEST - 1;

    logic was_valid;
    always_ff @(posedge clk) begin
        was_valid <= in_valid;
        out_valid <= was_valid;
    end

    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            logic signed [IN_BITS-1:0] value;
            logic signed [BITS-1:0] rounded;
            assign value = in_data[lane*IN_BITS+:IN_BITS];
            if (DROPPED > 0) begin : drops
                // The bit below the last one that stays is the half: no wider adder is needed.
                always_ff @(posedge clk) rounded <= BITS'(value >>> DROPPED) + BITS'($signed({1'b0, value[DROPPED-1]}));
            end else begin : keeps
                always_ff @(posedge clk) rounded <= BITS'(value) <<< ADDED;
            end
            always_ff @(posedge clk) begin
                if (rounded > HIGHEST) out_data[lane*OUT_BITS+:OUT_BITS] <= HIGHEST[OUT_BITS-1:0];
                else if (rounded < LOWEST) out_data[lane*OUT_BITS+:OUT_BITS] <= LOWEST[OUT_BITS-1:0];
                else out_data[lane*OUT_BITS+:OUT_BITS] <= rounded[OUT_BITS-1:0];
            end
        end
    endgenerate
endmodule
