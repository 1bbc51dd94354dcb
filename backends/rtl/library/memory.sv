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
    logic [WIDTH-1:0] latched;
    generate
        if (STORAGE == "block") begin : block
            (* ram_style = "block" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            always_ff @(posedge clk) begin
                if (writes) stored[write_address] <= written;
                latched <= stored[read_address];
            end
        end else begin : distributed
            (* ram_style = "distributed" *) logic [WIDTH-1:0] stored[0:DEPTH-1];
            always_ff @(posedge clk) begin
                if (writes) stored[write_address] <= written;
                latched <= stored[read_address];
            end
        end
    endgenerate
    always_ff @(posedge clk) read <= latched;
endmodule
