// A FIFO in LUT RAM. All that it puts out is a register, and so is its in_ready: no chain of them becomes a long path.
//
// A pipeline that cannot stop may feed it: SLACK words, those on their way when in_ready falls, are still taken then.
module short_fifo #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,    // words up to which it is ready for more
    parameter SLACK = 0
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
    localparam SIZE = DEPTH + SLACK;
    localparam ADDRESS_BITS = SIZE > 1 ? $clog2(SIZE) : 1;
    localparam COUNT_BITS = $clog2(SIZE + 1);
    localparam [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(SIZE - 1);

    (* ram_style = "distributed" *) logic [WIDTH-1:0] words[0:SIZE-1];
    logic [ADDRESS_BITS-1:0] write_address, read_address;
    logic [COUNT_BITS-1:0] held;  // in the memory
    logic has_word, reads, writes;

    assign writes = in_valid && (in_ready || SLACK > 0);
    assign reads = has_word && (!out_valid || out_ready);

    always_ff @(posedge clk) begin
        if (writes) words[write_address] <= in_data;
        if (reads) out_data <= words[read_address];
        if (reset) begin
            write_address <= 0;
            read_address <= 0;
            held <= 0;
            has_word <= 0;
            in_ready <= 0;
            out_valid <= 0;
        end else begin
            if (writes) write_address <= write_address == LAST ? 0 : write_address + 1;
            if (reads) read_address <= read_address == LAST ? 0 : read_address + 1;
            if (writes != reads) held <= writes ? held + 1 : held - 1;
            // Both look at what is held now, so that neither waits for the count.
            has_word <= writes || (reads ? held > 1 : held != 0);
            if (writes == reads) in_ready <= held < COUNT_BITS'(DEPTH);
            else in_ready <= writes ? held < COUNT_BITS'(DEPTH - 1) : held <= COUNT_BITS'(DEPTH);
            if (reads || out_ready) out_valid <= reads;
        end
    end
endmodule
