// A memory with a port to write and a port to read: what is read comes two cycles later, through the output register of a
// block RAM. A word that is written in one cycle may be read in the next.
module memory #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter STORAGE = "block",    // "block" (block RAM) or "distributed" (LUT RAM)
    parameter ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input logic clk,
    input logic writes,
    input logic [ADDRESS_BITS-1:0] write_address,
    input logic [WIDTH-1:0] written,
    input logic [ADDRESS_BITS-1:0] read_address,
    output logic [WIDTH-1:0] read
);
    localparam LUT_WORDS = 64;    // of the deepest LUT RAM without a multiplexer
    localparam BANKS = (DEPTH + LUT_WORDS - 1) / LUT_WORDS;

    logic [WIDTH-1:0] latched;
    generate
        if (STORAGE == "block") begin : block
            (* ram_style = "block" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            always_ff @(posedge clk) begin
                if (writes) stored[write_address] <= written;
                latched <= stored[read_address];
            end
        end else if (BANKS == 1) begin : distributed
            (* ram_style = "distributed" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            always_ff @(posedge clk) begin
                if (writes) stored[write_address] <= written;
                latched <= stored[read_address];
            end
        end else begin : banks    // each behind a register of its own, before one of them is selected
            localparam PLACE_BITS = $clog2(LUT_WORDS);
            localparam BANK_BITS = ADDRESS_BITS - PLACE_BITS;
            logic [BANK_BITS-1:0] read_bank;
            logic [WIDTH-1:0] read_of[0:BANKS-1];
            for (genvar bank = 0; bank < BANKS; bank++) begin : each
                (* ram_style = "distributed" *) logic [WIDTH-1:0] stored[0:LUT_WORDS-1];
                always_ff @(posedge clk) begin
                    if (writes && write_address[ADDRESS_BITS-1:PLACE_BITS] == BANK_BITS'(bank))
                        stored[write_address[PLACE_BITS-1:0]] <= written;
                    read_of[bank] <= stored[read_address[PLACE_BITS-1:0]];
                end
            end
            always_ff @(posedge clk) read_bank <= read_address[ADDRESS_BITS-1:PLACE_BITS];
            assign latched = read_of[read_bank];
        end
    endgenerate
    always_ff @(posedge clk) read <= latched;
endmodule
