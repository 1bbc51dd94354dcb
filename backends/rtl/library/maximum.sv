// The maximum of COUNT values, which is compared in one cycle and selected in the next, pair by pair: 2 * $clog2(COUNT)
// cycles later, and never stalled.
module maximum #(
    parameter COUNT = 1,
    parameter BITS = 8,
    parameter SIGNED = 0
) (
    /* verilator lint_off UNUSEDSIGNAL */  // a single value passes no register
    input logic clk,
    /* verilator lint_on UNUSEDSIGNAL */
    input logic [COUNT*BITS-1:0] values,
    output logic [BITS-1:0] value
);
    localparam LEVELS = $clog2(COUNT);
    localparam LEAVES = 1 << LEVELS;
    localparam [BITS-1:0] LOWEST = {SIGNED != 0, {(BITS - 1) {1'b0}}};

    // The children of node n are 2n and 2n + 1; the values are the leaves, and node 1 is the maximum.
    logic [(2*LEAVES-1)*BITS-1:0] nodes;  // node n at place n - 1
    assign value = nodes[0+:BITS];

    generate
        for (genvar leaf = 0; leaf < LEAVES; leaf++) begin : leaves
            localparam AT = (LEAVES + leaf - 1) * BITS;
            if (leaf < COUNT) begin : term
                assign nodes[AT+:BITS] = values[leaf*BITS+:BITS];
            end else begin : padding
                assign nodes[AT+:BITS] = LOWEST;
            end
        end
        for (genvar node = 1; node < LEAVES; node++) begin : pairs
            logic [BITS-1:0] one, other, was_one, was_other, larger;
            logic is_other;
            assign one = nodes[(2*node-1)*BITS+:BITS];
            assign other = nodes[2*node*BITS+:BITS];
            always_ff @(posedge clk) begin
                was_one <= one;
                was_other <= other;
                is_other <= SIGNED != 0 ? $signed(other) > $signed(one) : other > one;
                larger <= is_other ? was_other : was_one;
            end
            assign nodes[(node-1)*BITS+:BITS] = larger;
        end
    endgenerate
endmodule
