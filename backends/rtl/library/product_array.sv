// PE x SIMD products a cycle, each in a multiplier of its own, and their PE sums, 4 + $clog2(SIMD) cycles later.
module product_array #(
    parameter PE = 1,
    parameter SIMD = 1,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
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
            logic [SIMD*PRODUCT_BITS-1:0] products;
            for (genvar lane = 0; lane < SIMD; lane++) begin : lanes
                logic signed [ACT_BITS:0] value;
                logic signed [WEIGHT_BITS-1:0] weight;
                (* use_dsp = "yes" *) logic signed [PRODUCT_BITS-1:0] multiplied, product;
                logic [PRODUCT_BITS-1:0] taken;  // it keeps the long way from the slice out of the adders' time
                assign value = {ACT_SIGNED != 0 && first[lane*ACT_BITS+ACT_BITS-1], first[lane*ACT_BITS+:ACT_BITS]};
                assign weight = second[(pe*SIMD+lane)*WEIGHT_BITS+:WEIGHT_BITS];
                always_ff @(posedge clk) begin
                    multiplied <= PRODUCT_BITS'(value * weight);
                    product <= multiplied;
                    taken <= product;
                end
                assign products[lane*PRODUCT_BITS+:PRODUCT_BITS] = taken;
            end

            adder_tree #(
                .COUNT(SIMD),
                .BITS(PRODUCT_BITS)
            ) tree (
                .clk(clk),
                .terms(products),
                .sum(sums[pe*SUM_BITS+:SUM_BITS])
            );
        end
    endgenerate
endmodule
