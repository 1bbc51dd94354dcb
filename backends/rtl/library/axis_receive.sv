// From AXI4-Stream, 32 bits wide, to words of LANES bytes: a byte a cycle, the lowest of a beat first.
//
// Pixels follow each other without gaps, and so do their channels; a frame begins with a new beat. The design knows how
// long a frame is, so TLAST and TKEEP of the input are not looked at.
module axis_receive #(
    parameter BYTES = 4,    // of a frame
    parameter LANES = 1,
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [31:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [LANES*8-1:0] out_data
);
    localparam LATENCY = 1;
    localparam BYTE_BITS = $clog2(BYTES + 1);

    logic [BYTE_BITS-1:0] place;    // of the byte in the frame
    logic [23:0] waiting;           // bytes of the beat that are still to come
    logic needs_beat, room, turns, is_last;
    assign is_last = place == BYTE_BITS'(BYTES - 1);
    assign in_ready = needs_beat && room;
    assign turns = room && (!needs_beat || in_valid);
    always_ff @(posedge clk) begin
        if (reset) begin
            place <= 0;
            needs_beat <= 1;
        end else if (turns) begin
            place <= is_last ? 0 : place + 1;
            needs_beat <= is_last || place[1:0] == 3;
        end
        if (turns) waiting <= needs_beat ? in_data[31:8] : waiting >> 8;
    end

    logic has_word;
    logic [LANES*8-1:0] word;
    widen #(
        .IN_LANES(1),
        .OUT_LANES(LANES),
        .BITS(8)
    ) together (
        .clk(clk),
        .reset(reset),
        .in_valid(turns),
        .in_ends(1'b0),
        .in_data(needs_beat ? in_data[7:0] : waiting[7:0]),
        .out_valid(has_word),
        .out_data(word)
    );
    fifo #(
        .WIDTH(LANES * 8),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY / LANES + 1),
        .STORAGE(FIFO_IN)
    ) words (
        .clk(clk),
        .reset(reset),
        .in_valid(has_word),
        .in_ready(room),
        .in_data(word),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
