// Copies a tensor that two stages read, each through a FIFO of its own.
module clone #(
    parameter WIDTH = 8,
    parameter LEFT_FIFO_DEPTH = 16,
    parameter LEFT_FIFO_IN = "distributed",
    parameter RIGHT_FIFO_DEPTH = 16,
    parameter RIGHT_FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [WIDTH-1:0] in_data,
    output logic left_valid,
    input logic left_ready,
    output logic [WIDTH-1:0] left_data,
    output logic right_valid,
    input logic right_ready,
    output logic [WIDTH-1:0] right_data
);
    logic left_room, right_room;
    assign in_ready = left_room && right_room;
    fifo #(
        .WIDTH(WIDTH),
        .DEPTH(LEFT_FIFO_DEPTH),
        .STORAGE(LEFT_FIFO_IN)
    ) left (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid && right_room),
        .in_ready(left_room),
        .in_data(in_data),
        .out_valid(left_valid),
        .out_ready(left_ready),
        .out_data(left_data)
    );
    fifo #(
        .WIDTH(WIDTH),
        .DEPTH(RIGHT_FIFO_DEPTH),
        .STORAGE(RIGHT_FIFO_IN)
    ) right (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid && left_room),
        .in_ready(right_room),
        .in_data(in_data),
        .out_valid(right_valid),
        .out_ready(right_ready),
        .out_data(right_data)
    );
endmodule
