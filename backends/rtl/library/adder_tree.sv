// The sum of COUNT signed terms, a register behind every addition: $clog2(COUNT) cycles later, and never stalled.
module adder_tree #(
    parameter COUNT = 1,
    parameter BITS = 16,
    parameter SUM_BITS = BITS + $clog2(COUNT)
) (
    /* verilator lint_off UNUSEDSIGNAL */  // a single term passes no register
    input logic clk,
    /* verilator lint_on UNUSEDSIGNAL */
    input logic [COUNT*BITS-1:0] terms,
    output logic [SUM_BITS-1:0] sum
);
    localparam LEVELS = $clog2(COUNT);
    localparam LEAVES = 1 << LEVELS;

    // The children of node n are 2n and 2n + 1; the terms are the leaves, and node 1 is the sum. Each level adds a bit.
    /* verilator lint_off UNUSEDSIGNAL */  // the sign, repeated
    logic [(2*LEAVES-1)*SUM_BITS-1:0] nodes;  // node n at place n - 1
    /* verilator lint_on UNUSEDSIGNAL */
    assign sum = nodes[0+:SUM_BITS];

    generate
        for (genvar leaf = 0; leaf < LEAVES; leaf++) begin : leaves
            localparam AT = (LEAVES + leaf - 1) * SUM_BITS;
            if (leaf < COUNT) begin : term
                assign nodes[AT+:SUM_BITS] = SUM_BITS'($signed(terms[leaf*BITS+:BITS]));
            end else begin : padding
                assign nodes[AT+:SUM_BITS] = 0;
            end
        end
        for (genvar level = 0; level < LEVELS; level++) begin : levels
            localparam WIDTH = BITS + LEVELS - level;
            for (genvar place = 0; place < 1 << level; place++) begin : additions
                localparam NODE = (1 << level) + place;
                logic signed [WIDTH-1:0] added;
                always_ff @(posedge clk)
                    added <= $signed(nodes[(2*NODE-1)*SUM_BITS+:WIDTH]) + $signed(nodes[2*NODE*SUM_BITS+:WIDTH]);
                assign nodes[(NODE-1)*SUM_BITS+:SUM_BITS] = SUM_BITS'(added);
            end
        end
    endgenerate
endmodule
