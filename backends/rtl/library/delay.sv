// A word of every turn, in a register again WORDS turns later, when the next one takes its place.
//
// It is LUT RAM and no shift register: Yosys 0.66 loses the enable of a long shift register, and nextpnr 0.11 does not route it.
module delay #(
    parameter WORDS = 1,
    parameter WIDTH = 8
) (
    input logic clk,
    input logic reset,
    input logic turns,
    input logic [WIDTH-1:0] written,
    output logic [WIDTH-1:0] read
);
    generate
        if (WORDS == 1) begin : one
            /* verilator lint_off UNUSEDSIGNAL */
            logic unused;
            /* verilator lint_on UNUSEDSIGNAL */
            assign unused = reset;
            always_ff @(posedge clk) if (turns) read <= written;
        end else begin : several
            localparam ADDRESS_BITS = $clog2(WORDS);
            (* ram_style = "distributed" *) logic [WIDTH-1:0] words[0:WORDS-1];
            logic [ADDRESS_BITS-1:0] address, next_address;
            // The word of the next turn is read a turn ahead: what is written now comes later than that. Its address is a
            // register too, since it goes to every LUT of the memory.
            always_ff @(posedge clk) begin
                if (turns) words[address] <= written;
                if (turns) read <= words[next_address];
                if (reset) begin
                    address <= 0;
                    next_address <= 1;
                end else if (turns) begin
                    address <= next_address;
                    next_address <= next_address == ADDRESS_BITS'(WORDS - 1) ? 0 : next_address + 1;
                end
            end
        end
    endgenerate
endmodule
