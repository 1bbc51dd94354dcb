// A convolution: windows slide over the image (`window`), and each is multiplied by the weights (`dense`).
module convolution #(
    parameter HEIGHT = 1,
    parameter WIDTH = 1,
    parameter CHANNELS = 1,
    parameter KERNEL_HEIGHT = 1,
    parameter KERNEL_WIDTH = 1,
    parameter STRIDE_HEIGHT = 1,
    parameter STRIDE_WIDTH = 1,
    parameter PAD_TOP = 0,
    parameter PAD_BOTTOM = 0,
    parameter PAD_LEFT = 0,
    parameter PAD_RIGHT = 0,
    parameter OUTPUTS = 1,
    parameter PE = 1,
    parameter SIMD = 1,
    parameter STORED = 1,
    parameter TAKES = SIMD,
    parameter PUTS = PE,
    parameter SPARE = 0,        // of these the last that are no results, where OUTPUTS were filled up to a multiple of PE
    parameter ACT_BITS = 8,
    parameter ACT_SIGNED = 0,
    parameter WEIGHT_BITS = 8,
    parameter SHARING = 1,
    parameter IN_LUTS = 0,
    parameter ACC_BITS = 24,
    parameter SHIFT = 8,
    parameter OUT_BITS = 8,
    parameter OUT_SIGNED = 0,
    parameter WEIGHTS = "weights.mem",
    parameter BIASES = "biases.mem",   // "": there are none
    parameter WEIGHTS_IN = "block",
    parameter KEPT_IN = "distributed",
    parameter ROWS_IN = "block",
    parameter STEPS = 0,               // of thresholds (`dense`)
    parameter SEARCHED = PE,
    parameter THRESHOLD_GROUPS = 1,
    parameter BELOW = 0,
    parameter FALLS = 0,
    parameter THRESHOLDS = "thresholds",
    parameter BLOCK_FROM = STEPS,
    parameter WINDOW_FIFO_DEPTH = 16,
    parameter WINDOW_FIFO_IN = "distributed",
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [TAKES*ACT_BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [(PUTS-SPARE)*OUT_BITS-1:0] out_data
);
    localparam PARTS = (KERNEL_HEIGHT * CHANNELS + SIMD - 1) / SIMD;    // of a column of a window
    localparam COLUMNS = (PAD_LEFT + WIDTH + PAD_RIGHT - KERNEL_WIDTH) / STRIDE_WIDTH + 1;
    // Words of a window that the one before did not have: those of as many columns as it moves.
    localparam NEW_COLUMNS = STRIDE_WIDTH < KERNEL_WIDTH ? STRIDE_WIDTH : KERNEL_WIDTH;
    localparam FRESH = NEW_COLUMNS * PARTS;

    logic has_part, takes_part;
    logic [SIMD*ACT_BITS-1:0] part;
    window #(
        .HEIGHT(HEIGHT),
        .WIDTH(WIDTH),
        .CHANNELS(CHANNELS),
        .KERNEL_HEIGHT(KERNEL_HEIGHT),
        .KERNEL_WIDTH(KERNEL_WIDTH),
        .STRIDE_HEIGHT(STRIDE_HEIGHT),
        .STRIDE_WIDTH(STRIDE_WIDTH),
        .PAD_TOP(PAD_TOP),
        .PAD_BOTTOM(PAD_BOTTOM),
        .PAD_LEFT(PAD_LEFT),
        .PAD_RIGHT(PAD_RIGHT),
        .BITS(ACT_BITS),
        .LANES(TAKES),
        .STORED(STORED),
        .SIMD(SIMD),
        .ROWS_IN(ROWS_IN),
        .FIFO_DEPTH(WINDOW_FIFO_DEPTH),
        .FIFO_IN(WINDOW_FIFO_IN)
    ) windows (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .in_data(in_data),
        .out_valid(has_part),
        .out_ready(takes_part),
        .out_data(part)
    );
    dense #(
        .INPUTS(KERNEL_WIDTH * PARTS * SIMD),
        .OUTPUTS(OUTPUTS),
        .PE(PE),
        .SIMD(SIMD),
        .COLUMNS(COLUMNS),
        .FRESH(FRESH),
        .PUTS(PUTS),
        .SPARE(SPARE),
        .ACT_BITS(ACT_BITS),
        .ACT_SIGNED(ACT_SIGNED),
        .WEIGHT_BITS(WEIGHT_BITS),
        .SHARING(SHARING),
        .IN_LUTS(IN_LUTS),
        .ACC_BITS(ACC_BITS),
        .SHIFT(SHIFT),
        .OUT_BITS(OUT_BITS),
        .OUT_SIGNED(OUT_SIGNED),
        .WEIGHTS(WEIGHTS),
        .BIASES(BIASES),
        .WEIGHTS_IN(WEIGHTS_IN),
        .KEPT_IN(KEPT_IN),
        .STEPS(STEPS),
        .SEARCHED(SEARCHED),
        .THRESHOLD_GROUPS(THRESHOLD_GROUPS),
        .BELOW(BELOW),
        .FALLS(FALLS),
        .THRESHOLDS(THRESHOLDS),
        .BLOCK_FROM(BLOCK_FROM),
        .FIFO_DEPTH(FIFO_DEPTH),
        .FIFO_IN(FIFO_IN)
    ) products (
        .clk(clk),
        .reset(reset),
        .in_valid(has_part),
        .in_ready(takes_part),
        .in_data(part),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
