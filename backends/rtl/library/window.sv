// Windows of a convolution: rows are kept until a window is whole; then it goes out column by column, SIMD values a word.
//
// A turn is a cycle. A pixel is stored, STORED of its channels a turn; a pixel of the padding takes a turn, too. Then, in
// a row that completes windows, the column that the pixel ends is read again from top to bottom. A column that is part of
// several windows goes out once: `matrix_vector` keeps it.
//
// The last part of a column may be short of values. It is then filled up by those of the part before, which its weights
// take as zeros.
//
// Nothing is cleared between frames: padding or pixels of the next frame have replaced all old values before a window is
// whole.
module window #(
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
    parameter BITS = 8,
    parameter LANES = 1,                      // values of a word that comes
    parameter STORED = 1,                     // values of a word of the rows: it divides LANES, SIMD and CHANNELS
    parameter SIMD = 1,                       // values of a word that goes out
    parameter ROWS_IN = "block",              // "block" (block RAM) or "distributed" (LUT RAM)
    parameter FIFO_DEPTH = 16,
    parameter FIFO_IN = "distributed"
) (
    input logic clk,
    input logic reset,
    input logic in_valid,
    output logic in_ready,
    input logic [LANES*BITS-1:0] in_data,
    output logic out_valid,
    input logic out_ready,
    output logic [SIMD*BITS-1:0] out_data
);
    localparam WORDS = CHANNELS / STORED;  // of a pixel
    localparam ROW = WIDTH * WORDS;
    localparam TOTAL = KERNEL_HEIGHT * ROW;
    localparam PARTS = SIMD / STORED;
    localparam IS_SHORT = KERNEL_HEIGHT * WORDS % PARTS != 0;    // the last part of a column
    localparam LATENCY = 3;
    localparam ADDRESS_BITS = TOTAL > 1 ? $clog2(TOTAL) : 1;
    localparam WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam [ADDRESS_BITS-1:0] LAST_ROW = ADDRESS_BITS'(TOTAL - ROW);

    // Values as they are stored.
    logic given, takes;
    logic [STORED*BITS-1:0] values;
    narrow #(
        .IN_LANES(LANES),
        .OUT_LANES(STORED),
        .BITS(BITS)
    ) apart (
        .clk(clk),
        .reset(reset),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .in_data(in_data),
        .out_valid(given),
        .out_ready(takes),
        .out_data(values)
    );

    logic next, has_column, has_pixel, ends_column_of_window, ends_row;
    logic [KERNEL_HEIGHT-1:0] has_rows;
    /* verilator lint_off PINCONNECTEMPTY */
    scan #(
        .HEIGHT(HEIGHT),
        .WIDTH(WIDTH),
        .KERNEL_HEIGHT(KERNEL_HEIGHT),
        .KERNEL_WIDTH(KERNEL_WIDTH),
        .STRIDE_HEIGHT(STRIDE_HEIGHT),
        .STRIDE_WIDTH(STRIDE_WIDTH),
        .PAD_TOP(PAD_TOP),
        .PAD_BOTTOM(PAD_BOTTOM),
        .PAD_LEFT(PAD_LEFT),
        .PAD_RIGHT(PAD_RIGHT)
    ) newest (
        .clk(clk),
        .reset(reset),
        .next(next),
        .has_column(has_column),
        .has_pixel(has_pixel),
        .has_rows(has_rows),
        .ends_window(),
        .ends_column_of_window(ends_column_of_window),
        .ends_row(ends_row)
    );
    /* verilator lint_on PINCONNECTEMPTY */

    // A turn stores a word of the newest pixel, passes over padding, or reads a word of the column.
    logic reading, room, turns, is_last_word;
    logic [WORD_BITS-1:0] word;
    logic restarts;  // the words begin again with the next turn
    logic [KERNEL_HEIGHT-1:0] rows_left;  // of the column: the lowest bit is the row that is read; it says if it is padding
    logic [KERNEL_HEIGHT-1:0] row_place;  // one bit is set: which row that is
    logic ends_storing, ends_reading;
    assign takes = !reading && has_pixel;
    assign turns = reading ? room : !has_pixel || given;
    assign restarts = is_last_word || (!reading && !has_pixel);
    assign ends_storing = !reading && (!has_pixel || is_last_word);
    assign ends_reading = is_last_word && row_place[KERNEL_HEIGHT-1];
    assign next = turns && (reading ? ends_reading : ends_storing && !ends_column_of_window);

    always_ff @(posedge clk) begin
        if (reset) begin
            reading <= 0;
            word <= 0;
            is_last_word <= WORDS == 1;
            row_place <= 1;
        end else if (turns) begin
            if (ends_storing) reading <= ends_column_of_window;
            else if (ends_reading) reading <= 0;
            word <= restarts ? 0 : word + 1;
            is_last_word <= WORDS == 1 || (!restarts && word == WORD_BITS'(WORDS - 2));
            if (reading && is_last_word) row_place <= ends_reading ? 1 : row_place << 1;
        end
        if (turns) rows_left <= reading ? (is_last_word ? rows_left >> 1 : rows_left) : has_rows;
    end

    // The rows go round: the newest takes the place of that which no window needs any more.
    logic [ADDRESS_BITS-1:0] write_address, oldest, after_oldest;    // the oldest row is the next to be replaced
    logic [ADDRESS_BITS-1:0] column, read_row, next_read_row, read_address;
    logic wraps;    // the row that is read is the last one of the memory
    generate
        if (KERNEL_HEIGHT > 1) begin : go_round
            assign next_read_row = wraps ? read_row - LAST_ROW : read_row + ADDRESS_BITS'(ROW);
            always_ff @(posedge clk) begin
                if (turns && !reading) wraps <= column >= LAST_ROW;
                else if (turns && is_last_word) wraps <= !wraps && read_row >= LAST_ROW - ADDRESS_BITS'(ROW);
            end
        end else begin : one_row
            assign next_read_row = read_row;
            assign wraps = 0;
        end
    endgenerate
    always_ff @(posedge clk) begin
        if (reset) begin
            write_address <= 0;
            oldest <= KERNEL_HEIGHT > 1 ? ADDRESS_BITS'(ROW) : 0;
            after_oldest <= KERNEL_HEIGHT > 2 ? ADDRESS_BITS'(2 * ROW) : 0;
            column <= KERNEL_HEIGHT > 1 ? ADDRESS_BITS'(ROW) : 0;
        end else if (turns) begin
            if (takes) write_address <= write_address + 1;
            if (next && has_column) column <= column + ADDRESS_BITS'(WORDS);
            if (next && ends_row) begin
                write_address <= oldest;
                oldest <= after_oldest;
                after_oldest <= after_oldest == LAST_ROW ? 0 : after_oldest + ADDRESS_BITS'(ROW);
                column <= after_oldest;
            end
        end
        if (turns) begin
            if (!reading) begin
                read_row <= column;
                read_address <= column;
            end else if (is_last_word) begin
                read_row <= next_read_row;
                read_address <= next_read_row;
            end else begin
                read_address <= read_address + 1;
            end
        end
    end

    logic [STORED*BITS-1:0] stored;
    memory #(
        .WIDTH(STORED * BITS),
        .DEPTH(TOTAL),
        .STORAGE(ROWS_IN)
    ) rows (
        .clk(clk),
        .writes(turns && takes),
        .write_address(write_address),
        .written(values),
        .read_address(read_address),
        .read(stored)
    );

    // What is read comes two cycles later; padding is zero.
    logic was_read, is_read, was_pixel, is_pixel, was_end, is_end;
    always_ff @(posedge clk) begin
        was_read <= turns && reading && !reset;
        is_read <= was_read && !reset;
        was_pixel <= has_column && rows_left[0];
        is_pixel <= was_pixel;
        was_end <= IS_SHORT && ends_reading;
        is_end <= was_end;
    end

    logic has_part;
    logic [SIMD*BITS-1:0] part;
    widen #(
        .IN_LANES(STORED),
        .OUT_LANES(SIMD),
        .BITS(BITS)
    ) together (
        .clk(clk),
        .reset(reset),
        .in_valid(is_read),
        .in_ends(is_end),
        .in_data(is_pixel ? stored : {STORED * BITS{1'b0}}),
        .out_valid(has_part),
        .out_data(part)
    );
    fifo #(
        .WIDTH(SIMD * BITS),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY / PARTS + 1 + IS_SHORT),
        .STORAGE(FIFO_IN)
    ) parts (
        .clk(clk),
        .reset(reset),
        .in_valid(has_part),
        .in_ready(room),
        .in_data(part),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
