// To AXI4-Stream, 32 bits wide: a result a cycle, each in a beat of its own as a signed integer. TLAST goes with the last
// of the RESULTS of a frame.
module axis_send #(
    parameter RESULTS = 1,
    parameter LANES = 1,
    parameter BITS = 32,
    parameter SIGNED = 1
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [LANES*BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [31:0] out_data,
    output logic [3:0] out_keep,
    output logic out_last
);
    localparam PLACE_BITS = $clog2(RESULTS + 1);

    logic given, takes;
    logic [BITS-1:0] result;
    narrow #(
        .IN_LANES(LANES),
        .OUT_LANES(1),
        .BITS(BITS)
    ) apart (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .in_data(in_data),
        .out_valid(given),
        .out_ready(takes),
        .out_data(result)
    );

    logic [PLACE_BITS-1:0] place;
    logic is_last;
    assign out_keep = 4'b1111;
    assign takes = !out_valid || out_ready;
    assign is_last = place == PLACE_BITS'(RESULTS - 1);
    always_ff @(posedge clk) begin
        if (reset) begin
            out_valid <= 0;
            place <= 0;
        end else if (takes) begin
            out_valid <= given;
            if (given) place <= is_last ? 0 : place + 1;
        end
        if (takes) begin
            out_data <= SIGNED != 0 ? 32'($signed(result)) : 32'(result);
            out_last <= is_last;
        end
    end
endmodule
