// PE x SIMD products a cycle and their PE sums, with SHARING products in every DSP48E1: SHARING results share its multiplier,
// and two such multipliers add up in cascade before their sums are taken apart.
//
// A DSP48E1 multiplies 25 x 18 bits. The weights of SHARING results stand SHIFT bits apart in one word of 25 bits, the
// first lowest, and a value of the input is the other factor. A negative lower weight borrows one from the weight above;
// that is done before: `factors` hold what is left of each weight. A constant at the adder keeps the lower sums from
// borrowing of the upper ones. So two products take no LUT to be put right, and leave as fields of SHIFT bits:
// 2**(SHIFT-1) must be more than two products can sum to.
//
// Ports and latency, 4 + $clog2(SIMD) cycles, are those of `product_array`.
module packed_array #(
    parameter PE = 2,
    parameter SIMD = 2,
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
    parameter SHARING = 2,
    parameter SHIFT = (25 - WEIGHT_BITS) / (SHARING - 1),
    parameter SUM_BITS = ACT_BITS + WEIGHT_BITS + (ACT_SIGNED ? 0 : 1) + $clog2(SIMD)
) (
    input logic clk,
    input logic [SIMD*ACT_BITS-1:0] values,
    input logic [PE*SIMD*WEIGHT_BITS-1:0] factors,  // lane l of PE p at bits (p * SIMD + l) * WEIGHT_BITS
    output logic [PE*SUM_BITS-1:0] sums
);
    localparam PAIRS = (SIMD + 1) / 2;

    function [47:0] offsets(input integer lanes);
        offsets = 0;
        for (int lane = 0; lane < lanes - 1; lane++) offsets[(lane+1)*SHIFT-1] = 1;
    endfunction

    /* verilator lint_off UNUSEDSIGNAL */  // of an odd one out, the last, which is 0
    logic [2*PAIRS*18-1:0] inputs;
    /* verilator lint_on UNUSEDSIGNAL */
    generate
        for (genvar lane = 0; lane < 2 * PAIRS; lane++) begin : extended
            if (lane < SIMD) begin : value
                localparam AT = lane * ACT_BITS;
                assign inputs[lane*18+:18] =
                    {{(18 - ACT_BITS) {ACT_SIGNED ? values[AT+ACT_BITS-1] : 1'b0}}, values[AT+:ACT_BITS]};
            end else begin : absent
                assign inputs[lane*18+:18] = 0;
            end
        end

        for (genvar first = 0; first < PE; first = first + SHARING) begin : shared
            localparam HERE = PE - first < SHARING ? PE - first : SHARING;  // fewer share the last multipliers
            logic [HERE*PAIRS*SHIFT-1:0] fields;
            for (genvar pair = 0; pair < PAIRS; pair++) begin : pairs
                // The words of both multipliers, each weight with its sign up to the next one.
                /* verilator lint_off UNUSEDSIGNAL */  // of an odd one out, the second
                logic [49:0] words;
                /* verilator lint_on UNUSEDSIGNAL */
                for (genvar one = 0; one < 2; one++) begin : ones
                    for (genvar lane = 0; lane < HERE; lane++) begin : lanes
                        localparam AT = ((first + lane) * SIMD + 2 * pair + one) * WEIGHT_BITS;
                        localparam BITS = lane == HERE - 1 ? 25 - lane * SHIFT : SHIFT;
                        if (2 * pair + one < SIMD) begin : weight
                            assign words[one*25+lane*SHIFT+:BITS] =
                                {{(BITS - WEIGHT_BITS) {factors[AT+WEIGHT_BITS-1]}}, factors[AT+:WEIGHT_BITS]};
                        end else begin : absent
                            assign words[one*25+lane*SHIFT+:BITS] = 0;
                        end
                    end
                end

                logic [47:0] added;
                /* verilator lint_off PINCONNECTEMPTY */
                if (2 * pair + 1 < SIMD) begin : two
                    logic [47:0] cascade;
                    dsp_multiply_add #(
                        .INPUT_REGISTERS(1),
                        .ADDEND(offsets(HERE))
                    ) lower (
                        .clk(clk),
                        .a(words[0+:25]),
                        .b(inputs[2*pair*18+:18]),
                        .cascade_in(48'd0),
                        .cascade_out(cascade),
                        .sum()
                    );
                    dsp_multiply_add #(
                        .INPUT_REGISTERS(2),
                        .CASCADED(1)
                    ) upper (
                        .clk(clk),
                        .a(words[25+:25]),
                        .b(inputs[(2*pair+1)*18+:18]),
                        .cascade_in(cascade),
                        .cascade_out(),
                        .sum(added)
                    );
                end else begin : single
                    dsp_multiply_add #(
                        .INPUT_REGISTERS(SIMD == 1 ? 1 : 2),
                        .ADDEND(offsets(HERE))
                    ) only (
                        .clk(clk),
                        .a(words[0+:25]),
                        .b(inputs[2*pair*18+:18]),
                        .cascade_in(48'd0),
                        .cascade_out(),
                        .sum(added)
                    );
                end
                /* verilator lint_on PINCONNECTEMPTY */

                // A lower field is its sum and the constant, so its upper bit is the sign, inverted. The register keeps
                // the long way from the slice out of the adders' time.
                for (genvar lane = 0; lane < HERE; lane++) begin : apart
                    logic [SHIFT-1:0] field;
                    always_ff @(posedge clk)
                        field <= {added[(lane+1)*SHIFT-1] ^ (lane < HERE - 1), added[lane*SHIFT+:SHIFT-1]};
                    assign fields[(lane*PAIRS+pair)*SHIFT+:SHIFT] = field;
                end
            end

            for (genvar lane = 0; lane < HERE; lane++) begin : trees
                /* verilator lint_off UNUSEDSIGNAL */  // the sign, repeated
                logic [SHIFT+$clog2(PAIRS)-1:0] sum;
                /* verilator lint_on UNUSEDSIGNAL */
                adder_tree #(
                    .COUNT(PAIRS),
                    .BITS(SHIFT)
                ) tree (
                    .clk(clk),
                    .terms(fields[lane*PAIRS*SHIFT+:PAIRS*SHIFT]),
                    .sum(sum)
                );
                assign sums[(first+lane)*SUM_BITS+:SUM_BITS] = SUM_BITS'($signed(sum));
            end
        end
    endgenerate
endmodule
