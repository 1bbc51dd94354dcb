// PE x SIMD products a cycle, each in a multiplier of its own, and their PE sums, 4 + $clog2(SIMD) cycles later.
//
// IN_LUTS a product is the sum of its rows, one for each bit of the weight, in two halves a cycle apart. It is written out:
// of a multiplication sign Yosys makes a DSP48E1 whatever is asked for.
module product_array #(
    parameter PE = 1,
    parameter SIMD = 1,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
    parameter IN_LUTS = 0,
    parameter PRODUCT_BITS = ACT_BITS + WEIGHT_BITS + (ACT_SIGNED ? 0 : 1),
    parameter SUM_BITS = PRODUCT_BITS + $clog2(SIMD)
) (
    input logic clk,
    input logic [SIMD*ACT_BITS-1:0] values,
    input logic [PE*SIMD*WEIGHT_BITS-1:0] factors,  // lane l of PE p at bits (p * SIMD + l) * WEIGHT_BITS
    output logic [PE*SUM_BITS-1:0] sums
);
    logic [SIMD*ACT_BITS-1:0] first;
    logic [PE*SIMD*WEIGHT_BITS-1:0] second;
    always_ff @(posedge clk) begin
        first <= values;
        second <= factors;
    end

    generate
        for (genvar pe = 0; pe < PE; pe++) begin : results
            logic [SIMD*PRODUCT_BITS-1:0] of_lanes;
            for (genvar lane = 0; lane < SIMD; lane++) begin : lanes
                logic signed [ACT_BITS:0] value;
                logic signed [WEIGHT_BITS-1:0] weight;
                logic [PRODUCT_BITS-1:0] taken;  // it keeps the long way from the multiplier out of the adders' time
                assign value = {ACT_SIGNED != 0 && first[lane*ACT_BITS+ACT_BITS-1], first[lane*ACT_BITS+:ACT_BITS]};
                assign weight = second[(pe*SIMD+lane)*WEIGHT_BITS+:WEIGHT_BITS];
                if (IN_LUTS != 0) begin : in_luts
                    localparam HALF = WEIGHT_BITS / 2;
                    logic signed [PRODUCT_BITS-1:0] lower, upper, next_lower, next_upper, product;
                    always_comb begin
                        next_lower = 0;
                        next_upper = -(weight[WEIGHT_BITS-1] ? PRODUCT_BITS'(value) <<< WEIGHT_BITS - 1 : 0);
                        for (int row = 0; row < HALF; row++)
                            next_lower = next_lower + (weight[row] ? PRODUCT_BITS'(value) <<< row : 0);
                        for (int row = HALF; row < WEIGHT_BITS - 1; row++)
                            next_upper = next_upper + (weight[row] ? PRODUCT_BITS'(value) <<< row : 0);
                    end
                    always_ff @(posedge clk) begin
                        lower <= next_lower;
                        upper <= next_upper;
                        product <= lower + upper;
                        taken <= product;
                    end
                end else begin : in_dsp
                    (* use_dsp = "yes" *) logic signed [PRODUCT_BITS-1:0] multiplied, product;
                    always_ff @(posedge clk) begin
                        multiplied <= PRODUCT_BITS'(value * weight);
                        product <= multiplied;
                        taken <= product;
                    end
                end
                assign of_lanes[lane*PRODUCT_BITS+:PRODUCT_BITS] = taken;
            end

            adder_tree #(
                .COUNT(SIMD),
                .BITS(PRODUCT_BITS)
            ) tree (
                .clk(clk),
                .terms(of_lanes),
                .sum(sums[pe*SUM_BITS+:SUM_BITS])
            );
        end
    endgenerate
endmodule
