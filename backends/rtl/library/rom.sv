// Words from a file for $readmemh; what is read comes two cycles later, through the output register of a block RAM, or a
// cycle later where it is not REGISTERED.
//
// The address comes ADDRESSES times, each for its part of a word: a register is too far from the LUTs of a wide word.
module rom #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter WORDS = "words.mem",
    parameter STORAGE = "block",    // "block" (block RAM) or "distributed" (LUTs)
    parameter REGISTERED = 1,
    parameter ADDRESSES = 1,
    parameter ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input logic clk,
    input logic [ADDRESSES*ADDRESS_BITS-1:0] address,
    output logic [WIDTH-1:0] read
);
    localparam PART = (WIDTH + ADDRESSES - 1) / ADDRESSES;    // bits of a part; the last one may have fewer
    logic [WIDTH-1:0] latched;
    generate
        if (STORAGE == "block") begin : block
            (* rom_style = "block" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            initial $readmemh(WORDS, stored);
            always_ff @(posedge clk) latched <= stored[address[0+:ADDRESS_BITS]];
        end else begin : distributed
`ifdef YOSYS
            (* rom_style = "logic" *)    // its word for a ROM of LUTs
`else
            (* rom_style = "distributed" *)
`endif
            logic [WIDTH-1:0] stored[0:DEPTH-1];
            initial $readmemh(WORDS, stored);
            for (genvar part = 0; part < ADDRESSES; part++) begin : parts
                localparam AT = part * PART;
                localparam BITS = AT + PART < WIDTH ? PART : WIDTH - AT;
                always_ff @(posedge clk)
                    latched[AT+:BITS] <= stored[address[part*ADDRESS_BITS+:ADDRESS_BITS]][AT+:BITS];
            end
        end
        if (REGISTERED != 0) begin : twice
            always_ff @(posedge clk) read <= latched;
        end else begin : once
            assign read = latched;
        end
    endgenerate
endmodule
