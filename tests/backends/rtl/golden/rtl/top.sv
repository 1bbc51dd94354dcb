// small for xc7z020clg400-1 at 10 ns: 6,654 products a frame.
//
// Every stage of the network in order, and the streams between them: a word of `NAME_data` passes in each cycle in which
// `NAME_valid` and `NAME_ready` are high. Each stage ends in a FIFO, as deep as the stream simulation found that it must
// be. rtl/library says what each module does.
/* verilator lint_off DECLFILENAME */  // it is called as the network is
module layer_small (
    input logic clk,
    input logic reset,    // synchronous, a cycle or more
    // AXI4-Stream: the bytes of images, four a beat, the first in the lowest bits; an image begins with a new beat.
    input logic images_tvalid,
    output logic images_tready,
    input logic [31:0] images_tdata,
    // AXI4-Stream: 5 signed integers a frame, a beat each, in units of 2^-11; TLAST with the last.
    output logic results_tvalid,
    input logic results_tready,
    output logic [31:0] results_tdata,
    output logic [3:0] results_tkeep,
    output logic results_tlast
);
/* verilator lint_on DECLFILENAME */

    logic image_valid, image_ready;
    logic [7:0] image_data;
    axis_receive #(
        .BYTES(144), .LANES(1),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) receive_image (
        .clk(clk), .reset(reset),
        .in_valid(images_tvalid), .in_ready(images_tready), .in_data(images_tdata),
        .out_valid(image_valid), .out_ready(image_ready), .out_data(image_data)
    );

    logic image_to_conv1_valid, image_to_conv1_ready;
    logic [7:0] image_to_conv1_data;
    logic image_to_shortcut_valid, image_to_shortcut_ready;
    logic [7:0] image_to_shortcut_data;
    // conv1 and shortcut both read it.
    clone #(
        .WIDTH(8),
        .LEFT_FIFO_DEPTH(16), .LEFT_FIFO_IN("distributed"),
        .RIGHT_FIFO_DEPTH(64), .RIGHT_FIFO_IN("distributed")
    ) clone_image (
        .clk(clk), .reset(reset),
        .in_valid(image_valid), .in_ready(image_ready), .in_data(image_data),
        .left_valid(image_to_conv1_valid), .left_ready(image_to_conv1_ready), .left_data(image_to_conv1_data),
        .right_valid(image_to_shortcut_valid), .right_ready(image_to_shortcut_ready), .right_data(image_to_shortcut_data)
    );

    logic relu1_valid, relu1_ready;
    logic [15:0] relu1_data;
    // conv1: 3x3 convolution, 3 to 4 channels and ReLU; 6 products a cycle (PE x SIMD 2x3), 864 cycles a frame.
    convolution #(
        .HEIGHT(6), .WIDTH(8), .CHANNELS(3),
        .KERNEL_HEIGHT(3), .KERNEL_WIDTH(3),
        .PAD_TOP(1), .PAD_BOTTOM(1), .PAD_LEFT(1), .PAD_RIGHT(1),
        .OUTPUTS(4),
        .PE(2), .SIMD(3), .STORED(1), .TAKES(1), .PUTS(2),
        .ACT_BITS(8), .ACT_SIGNED(0), .WEIGHT_BITS(8), .ACC_BITS(19), .SHIFT(8), .OUT_BITS(8), .OUT_SIGNED(0),
        .WEIGHTS("conv1_weights.mem"), .BIASES("conv1_biases.mem"),
        .WEIGHTS_IN("distributed"), .KEPT_IN("distributed"),
        .ROWS_IN("distributed"),
        .SHARING(2),
        .WINDOW_FIFO_DEPTH(16), .WINDOW_FIFO_IN("distributed"),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) conv1 (
        .clk(clk), .reset(reset),
        .in_valid(image_to_conv1_valid), .in_ready(image_to_conv1_ready), .in_data(image_to_conv1_data),
        .out_valid(relu1_valid), .out_ready(relu1_ready), .out_data(relu1_data)
    );

    logic shortcut_valid, shortcut_ready;
    logic [15:0] shortcut_data;
    // shortcut: 1x1 convolution, 3 to 4 channels; 1 product a cycle (PE x SIMD 1x1), 576 cycles a frame.
    dense #(
        .INPUTS(3), .OUTPUTS(4),
        .PE(1), .SIMD(1), .TAKES(1), .PUTS(2),
        .ACT_BITS(8), .ACT_SIGNED(0), .WEIGHT_BITS(8), .ACC_BITS(17), .SHIFT(10), .OUT_BITS(8), .OUT_SIGNED(1),
        .WEIGHTS("shortcut_weights.mem"), .BIASES("shortcut_biases.mem"),
        .WEIGHTS_IN("distributed"), .KEPT_IN("distributed"),
        .SHARING(2),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) shortcut (
        .clk(clk), .reset(reset),
        .in_valid(image_to_shortcut_valid), .in_ready(image_to_shortcut_ready), .in_data(image_to_shortcut_data),
        .out_valid(shortcut_valid), .out_ready(shortcut_ready), .out_data(shortcut_data)
    );

    logic layer_add_valid, layer_add_ready;
    logic [15:0] layer_add_data;
    // add: relu1 + shortcut; 2 channels a cycle.
    add #(
        .LANES(2),
        .LEFT_BITS(8), .LEFT_SIGNED(0), .LEFT_SHIFT(0),
        .RIGHT_BITS(8), .RIGHT_SIGNED(1), .RIGHT_SHIFT(1),
        .SHIFT(1), .OUT_BITS(8), .OUT_SIGNED(1),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) layer_add (
        .clk(clk), .reset(reset),
        .left_valid(relu1_valid), .left_ready(relu1_ready), .left_data(relu1_data),
        .right_valid(shortcut_valid), .right_ready(shortcut_ready), .right_data(shortcut_data),
        .out_valid(layer_add_valid), .out_ready(layer_add_ready), .out_data(layer_add_data)
    );

    logic relu2_valid, relu2_ready;
    logic [15:0] relu2_data;
    // relu2: ReLU; 2 channels a cycle.
    relu #(
        .LANES(2),
        .ACT_BITS(8), .ACT_SIGNED(1), .SHIFT(-1), .OUT_BITS(8), .OUT_SIGNED(0),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) relu2 (
        .clk(clk), .reset(reset),
        .in_valid(layer_add_valid), .in_ready(layer_add_ready), .in_data(layer_add_data),
        .out_valid(relu2_valid), .out_ready(relu2_ready), .out_data(relu2_data)
    );

    logic pool_valid, pool_ready;
    logic [15:0] pool_data;
    // pool: the largest of 2x2, 6x8 to 3x4 pixels; 2 channels a cycle.
    max_pool #(
        .HEIGHT(6), .WIDTH(8), .CHANNELS(4),
        .KERNEL_HEIGHT(2), .KERNEL_WIDTH(2), .STRIDE_HEIGHT(2), .STRIDE_WIDTH(2),
        .BITS(8), .SIGNED(0), .LANES(2),
        .ROWS_IN("distributed"),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) pool (
        .clk(clk), .reset(reset),
        .in_valid(relu2_valid), .in_ready(relu2_ready), .in_data(relu2_data),
        .out_valid(pool_valid), .out_ready(pool_ready), .out_data(pool_data)
    );

    logic conv2_valid, conv2_ready;
    logic [47:0] conv2_data;
    // conv2: 3x3 convolution, strides 2x2, 4 to 6 channels; 12 products a cycle (PE x SIMD 3x4), 72 cycles a frame.
    convolution #(
        .HEIGHT(3), .WIDTH(4), .CHANNELS(4),
        .KERNEL_HEIGHT(3), .KERNEL_WIDTH(3), .STRIDE_HEIGHT(2), .STRIDE_WIDTH(2),
        .PAD_TOP(1), .PAD_BOTTOM(1), .PAD_LEFT(0), .PAD_RIGHT(1),
        .OUTPUTS(6),
        .PE(3), .SIMD(4), .STORED(2), .TAKES(2), .PUTS(6),
        .ACT_BITS(8), .ACT_SIGNED(0), .WEIGHT_BITS(8), .ACC_BITS(19), .SHIFT(7), .OUT_BITS(8), .OUT_SIGNED(1),
        .WEIGHTS("conv2_weights.mem"), .BIASES("conv2_biases.mem"),
        .WEIGHTS_IN("distributed"), .KEPT_IN("distributed"),
        .ROWS_IN("distributed"),
        .SHARING(2),
        .WINDOW_FIFO_DEPTH(16), .WINDOW_FIFO_IN("distributed"),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) conv2 (
        .clk(clk), .reset(reset),
        .in_valid(pool_valid), .in_ready(pool_ready), .in_data(pool_data),
        .out_valid(conv2_valid), .out_ready(conv2_ready), .out_data(conv2_data)
    );

    logic gap_valid, gap_ready;
    logic [47:0] gap_data;
    // gap: the average of 2x2 pixels; 6 channels a cycle.
    global_average #(
        .PIXELS(4), .CHANNELS(6), .LANES(6),
        .ACT_BITS(8), .ACT_SIGNED(1), .SHIFT(2), .OUT_BITS(8), .OUT_SIGNED(1),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) gap (
        .clk(clk), .reset(reset),
        .in_valid(conv2_valid), .in_ready(conv2_ready), .in_data(conv2_data),
        .out_valid(gap_valid), .out_ready(gap_ready), .out_data(gap_data)
    );

    logic dense_valid, dense_ready;
    logic [159:0] dense_data;
    // dense: dense, 6 to 5; 4 products a cycle (PE x SIMD 2x2), 9 cycles a frame.
    dense #(
        .INPUTS(6), .OUTPUTS(6),
        .PE(2), .SIMD(2), .TAKES(6), .PUTS(6), .SPARE(1),
        .ACT_BITS(8), .ACT_SIGNED(1), .WEIGHT_BITS(8), .ACC_BITS(16), .SHIFT(0), .OUT_BITS(32), .OUT_SIGNED(1),
        .WEIGHTS("dense_weights.mem"), .BIASES("dense_biases.mem"),
        .WEIGHTS_IN("distributed"), .KEPT_IN("distributed"),
        .SHARING(2),
        .FIFO_DEPTH(16), .FIFO_IN("distributed")
    ) dense (
        .clk(clk), .reset(reset),
        .in_valid(gap_valid), .in_ready(gap_ready), .in_data(gap_data),
        .out_valid(dense_valid), .out_ready(dense_ready), .out_data(dense_data)
    );

    axis_send #(
        .RESULTS(5), .LANES(5), .BITS(32), .SIGNED(1)
    ) send_results (
        .clk(clk), .reset(reset),
        .in_valid(dense_valid), .in_ready(dense_ready), .in_data(dense_data),
        .out_valid(results_tvalid), .out_ready(results_tready), .out_data(results_tdata),
        .out_keep(results_tkeep), .out_last(results_tlast)
    );

endmodule
