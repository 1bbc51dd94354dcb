// Takes words of IN_LANES values apart into words of OUT_LANES, the first values first.
module narrow #(
    parameter IN_LANES = 1,
    parameter OUT_LANES = 1,
    parameter BITS = 8
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [IN_LANES*BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [OUT_LANES*BITS-1:0] out_data
);
    localparam PARTS = IN_LANES / OUT_LANES;
    generate
        if (PARTS == 1) begin : as_it_is
            /* verilator lint_off UNUSEDSIGNAL */
            logic [1:0] unused;
            /* verilator lint_on UNUSEDSIGNAL */
            assign unused = {clk, reset};
            assign in_ready = out_ready;
            assign out_valid = in_valid;
            assign out_data = in_data;
        end else begin : apart
            // The word in hand; a bit for each part says whether one more comes behind it. The word after it waits in
            // registers of its own, so in_ready is a register: what comes before does not wait for what comes behind.
            logic [IN_LANES*BITS-1:0] waiting, following;
            logic [PARTS-1:0] more;
            logic follows, moves;
            assign in_ready = !follows;
            assign moves = !out_valid || (out_ready && !more[0]);
            assign out_data = waiting[OUT_LANES*BITS-1:0];
            always_ff @(posedge clk) begin
                if (!follows) following <= in_data;
                if (moves) waiting <= following;
                else if (out_ready) waiting <= waiting >> (OUT_LANES * BITS);
                if (reset) begin
                    out_valid <= 0;
                    more <= 0;
                    follows <= 0;
                end else begin
                    follows <= follows ? !moves : in_valid;
                    if (moves) begin
                        out_valid <= follows;
                        more <= {PARTS{follows}} >> 1;
                    end else if (out_ready) begin
                        more <= more >> 1;
                    end
                end
            end
        end
    endgenerate
endmodule
