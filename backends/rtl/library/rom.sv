// Words from a file for $readmemh; what is read comes two cycles later, through the output register of a block RAM, or a
// cycle later where it is not REGISTERED.
module rom #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter WORDS = "words.mem",
    parameter STORAGE = "block",    // "block" (block RAM) or "distributed" (LUTs)
    parameter REGISTERED = 1,
    parameter ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input logic clk,
    input logic [ADDRESS_BITS-1:0] address,
    output logic [WIDTH-1:0] read
);
    logic [WIDTH-1:0] latched;
    generate
        if (STORAGE == "block") begin : block
            (* rom_style = "block" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            initial $readmemh(WORDS, stored);
            always_ff @(posedge clk) latched <= stored[address];
        end else begin : distributed
`ifdef YOSYS
            (* rom_style = "logic" *)    // its word for a ROM of LUTs
`else
            (* rom_style = "distributed" *)
`endif
            logic [WIDTH-1:0] stored[0:DEPTH-1];
            initial $readmemh(WORDS, stored);
            always_ff @(posedge clk) latched <= stored[address];
        end
        if (REGISTERED != 0) begin : twice
            always_ff @(posedge clk) read <= latched;
        end else begin : once
            assign read = latched;
        end
    endgenerate
endmodule
