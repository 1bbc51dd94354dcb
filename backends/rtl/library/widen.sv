// Collects words of IN_LANES values into words of OUT_LANES, the first values first. A cycle later, and never stalled.
// With `in_ends` a word goes out at once: what it is short of are values of the word before, and stands first.
module widen #(
    parameter IN_LANES = 1,
    parameter OUT_LANES = 1,
    parameter BITS = 8
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    /* verilator lint_off UNUSEDSIGNAL */  // every word is whole where they stay as they are
    input logic in_ends,
    /* verilator lint_on UNUSEDSIGNAL */
    input logic [IN_LANES*BITS-1:0] in_data,
    output logic out_valid,
    output logic [OUT_LANES*BITS-1:0] out_data
);
    localparam PARTS = OUT_LANES / IN_LANES;
    generate
        if (PARTS == 1) begin : as_it_is
            always_ff @(posedge clk) begin
                out_valid <= in_valid && !reset;
                out_data <= in_data;
            end
        end else begin : together
            logic [PARTS-1:0] part;  // one bit is set: which part comes next
            always_ff @(posedge clk) begin
                if (in_valid) out_data <= {in_data, out_data[OUT_LANES*BITS-1:IN_LANES*BITS]};
                out_valid <= in_valid && (in_ends || part[PARTS-1]) && !reset;
                if (reset) part <= 1;
                else if (in_valid) part <= in_ends ? 1 : {part[PARTS-2:0], part[PARTS-1]};
            end
        end
    endgenerate
endmodule
