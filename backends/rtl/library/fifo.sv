// The FIFO that every stage ends in: in LUT RAM as it is, or in block RAM with a short one behind it.
//
// Its in_ready is a register. Words that come within a pipeline of SLACK words after it falls are still taken.
module fifo #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,                // words up to which it is ready for more
    parameter SLACK = 0,
    parameter STORAGE = "distributed"    // "distributed" (LUT RAM) or "block" (block RAM)
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [WIDTH-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [WIDTH-1:0] out_data
);
    logic writes;
    assign writes = in_valid && (in_ready || SLACK > 0);

    generate
        if (STORAGE == "block") begin : block
            localparam SIZE = DEPTH + SLACK;
            localparam ADDRESS_BITS = $clog2(SIZE);
            localparam COUNT_BITS = $clog2(SIZE + 1);
            localparam [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(SIZE - 1);

            logic [ADDRESS_BITS-1:0] write_address, read_address;
            logic [COUNT_BITS-1:0] held;  // in the block RAM
            logic has_word, reads;
            logic latched_valid, read_valid, tail_ready;
            logic [WIDTH-1:0] read;

            assign reads = has_word && tail_ready;

            memory #(
                .WIDTH(WIDTH),
                .DEPTH(SIZE),
                .STORAGE("block")
            ) long (
                .clk(clk),
                .writes(writes),
                .write_address(write_address),
                .written(in_data),
                .read_address(read_address),
                .read(read)
            );

            always_ff @(posedge clk) begin
                if (reset) begin
                    write_address <= 0;
                    read_address <= 0;
                    held <= 0;
                    has_word <= 0;
                    in_ready <= 0;
                    latched_valid <= 0;
                    read_valid <= 0;
                end else begin
                    if (writes) write_address <= write_address == LAST ? 0 : write_address + 1;
                    if (reads) read_address <= read_address == LAST ? 0 : read_address + 1;
                    if (writes != reads) held <= writes ? held + 1 : held - 1;
                    // Both look at what is held now, so that neither waits for the count.
                    has_word <= writes || (reads ? held > 1 : held != 0);
                    if (writes == reads) in_ready <= held < COUNT_BITS'(DEPTH);
                    else in_ready <= writes ? held < COUNT_BITS'(DEPTH - 1) : held <= COUNT_BITS'(DEPTH);
                    latched_valid <= reads;
                    read_valid <= latched_valid;
                end
            end

            short_fifo #(
                .WIDTH(WIDTH),
                .DEPTH(4),
                .SLACK(3)
            ) tail (
                .clk(clk),
                .reset(reset),
                .in_valid(read_valid),
                .in_ready(tail_ready),
                .in_data(read),
                .out_valid(out_valid),
                .out_ready(out_ready),
                .out_data(out_data)
            );
        end else begin : distributed
            short_fifo #(
                .WIDTH(WIDTH),
                .DEPTH(DEPTH),
                .SLACK(SLACK)
            ) whole (
                .clk(clk),
                .reset(reset),
                .in_valid(in_valid),
                .in_ready(in_ready),
                .in_data(in_data),
                .out_valid(out_valid),
                .out_ready(out_ready),
                .out_data(out_data)
            );
        end
    endgenerate

`ifndef SYNTHESIS
    // For who simulates: the words in it, and the most that there were.
    logic [31:0] filled;
    (* keep *) logic [31:0] most;
    always_ff @(posedge clk) begin
        if (reset) begin
            filled <= 0;
            most <= 0;
        end else begin
            filled <= filled + 32'(writes) - 32'(out_valid && out_ready);
            if (filled > most) most <= filled;
        end
    end
`endif
endmodule
