// The largest value of every window, LANES channels a cycle.
//
// WORDS turns for every pixel of the image and of its padding, which counts as the lowest value there is.
module max_pool #(
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
    parameter SIGNED = 0,
    parameter LANES = 1,
    parameter ROWS_IN = "block",    // "block" (block RAM) or "distributed" (LUT RAM)
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
    output logic [LANES*BITS-1:0] out_data
);
    localparam OF_ROWS = 2 * $clog2(KERNEL_HEIGHT);   // cycles of the comparisons
    localparam OF_COLUMNS = 2 * $clog2(KERNEL_WIDTH);
    localparam LATENCY = 2 + OF_ROWS + OF_COLUMNS;
    localparam WORDS = CHANNELS / LANES;  // of a pixel
    localparam WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam ROW = WIDTH * WORDS;
    localparam ADDRESS_BITS = ROW > 1 ? $clog2(ROW) : 1;
    localparam WORD = LANES * BITS;
    localparam [WORD-1:0] LOWEST = {LANES{SIGNED != 0, {(BITS - 1) {1'b0}}}};

    logic next, has_column, has_pixel, ends_window, ends_row;
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
        .has_rows(),
        .ends_window(ends_window),
        .ends_column_of_window(),
        .ends_row(ends_row)
    );
    /* verilator lint_on PINCONNECTEMPTY */

    logic room, turns, starts, is_last_word;
    logic [WORD_BITS-1:0] word;
    logic [ADDRESS_BITS-1:0] address;
    assign turns = room && (!has_pixel || in_valid);
    assign in_ready = room && has_pixel;
    assign is_last_word = word == WORD_BITS'(WORDS - 1);
    // Before the first pixel comes one that is nothing, and takes a single turn.
    assign next = turns && (is_last_word || starts);
    always_ff @(posedge clk) begin
        if (reset) begin
            starts <= 1;
            word <= 0;
            address <= 0;
        end else if (turns) begin
            starts <= 0;
            word <= next ? 0 : word + 1;
            if (next && ends_row) address <= 0;
            else if (has_column) address <= address + 1;
        end
    end

    // Two cycles later the rows above are there, the oldest lowest; the newest goes along.
    logic was_turn, is_turn, was_end, is_end;
    /* verilator lint_off UNUSEDSIGNAL */  // of a pool of one row
    logic was_column, is_column;
    /* verilator lint_on UNUSEDSIGNAL */
    logic [WORD-1:0] came, newest_word;
    logic [(KERNEL_HEIGHT)*WORD-1:0] rows;
    always_ff @(posedge clk) begin
        was_turn <= turns && !starts && !reset;
        is_turn <= was_turn && !reset;
        was_column <= has_column;
        is_column <= was_column;
        was_end <= ends_window;
        is_end <= was_end;
        came <= has_pixel ? in_data : LOWEST;
        newest_word <= came;
    end
    assign rows[(KERNEL_HEIGHT-1)*WORD+:WORD] = newest_word;
    generate
        if (KERNEL_HEIGHT > 1) begin : rows_above
            logic [ADDRESS_BITS-1:0] was_address, write_address;
            logic [(KERNEL_HEIGHT-1)*WORD-1:0] read;
            always_ff @(posedge clk) begin
                was_address <= address;
                write_address <= was_address;
            end
            memory #(
                .WIDTH((KERNEL_HEIGHT - 1) * WORD),
                .DEPTH(ROW),
                .STORAGE(ROWS_IN)
            ) kept (
                .clk(clk),
                .writes(is_turn && is_column),
                .write_address(write_address),
                .written(rows[WORD+:(KERNEL_HEIGHT-1)*WORD]),
                .read_address(address),
                .read(read)
            );
            assign rows[0+:(KERNEL_HEIGHT-1)*WORD] = is_column ? read : {(KERNEL_HEIGHT - 1) {LOWEST}};
        end
    endgenerate

    // The largest of each column, then of the columns of a window, the oldest lowest.
    logic [OF_ROWS:0] has_column_value, ends;
    logic [OF_COLUMNS:0] has_result;
    assign has_column_value[0] = is_turn;
    assign ends[0] = is_turn && is_end;
    assign has_result[0] = ends[OF_ROWS];
    generate
        for (genvar cycle = 0; cycle < OF_ROWS; cycle++) begin : with_rows
            logic [1:0] flags;
            always_ff @(posedge clk) flags <= reset ? 0 : {ends[cycle], has_column_value[cycle]};
            assign {ends[cycle+1], has_column_value[cycle+1]} = flags;
        end
        for (genvar cycle = 0; cycle < OF_COLUMNS; cycle++) begin : with_columns
            logic flag;
            always_ff @(posedge clk) flag <= has_result[cycle] && !reset;
            assign has_result[cycle+1] = flag;
        end
    endgenerate
    logic [WORD-1:0] of_column, of_window;
    logic [KERNEL_WIDTH*WORD-1:0] columns;
    assign columns[(KERNEL_WIDTH-1)*WORD+:WORD] = of_column;
    generate
        for (genvar lane = 0; lane < LANES; lane++) begin : lanes
            logic [KERNEL_HEIGHT*BITS-1:0] of_rows;
            logic [KERNEL_WIDTH*BITS-1:0] of_columns;
            for (genvar row = 0; row < KERNEL_HEIGHT; row++) begin : each_row
                assign of_rows[row*BITS+:BITS] = rows[row*WORD+lane*BITS+:BITS];
            end
            for (genvar column = 0; column < KERNEL_WIDTH; column++) begin : each_column
                assign of_columns[column*BITS+:BITS] = columns[column*WORD+lane*BITS+:BITS];
            end
            maximum #(
                .COUNT(KERNEL_HEIGHT),
                .BITS(BITS),
                .SIGNED(SIGNED)
            ) in_column (
                .clk(clk),
                .values(of_rows),
                .value(of_column[lane*BITS+:BITS])
            );
            maximum #(
                .COUNT(KERNEL_WIDTH),
                .BITS(BITS),
                .SIGNED(SIGNED)
            ) in_window (
                .clk(clk),
                .values(of_columns),
                .value(of_window[lane*BITS+:BITS])
            );
        end
        if (KERNEL_WIDTH > 1) begin : columns_before
            delay #(
                .WORDS(WORDS),
                .WIDTH((KERNEL_WIDTH - 1) * WORD)
            ) kept_columns (
                .clk(clk),
                .reset(reset),
                .turns(has_column_value[OF_ROWS]),
                .written(columns[WORD+:(KERNEL_WIDTH-1)*WORD]),
                .read(columns[0+:(KERNEL_WIDTH-1)*WORD])
            );
        end
    endgenerate

    fifo #(
        .WIDTH(WORD),
        .DEPTH(FIFO_DEPTH),
        .SLACK(LATENCY + 1),
        .STORAGE(FIFO_IN)
    ) words (
        .clk(clk),
        .reset(reset),
        .in_valid(has_result[OF_COLUMNS]),
        .in_ready(room),
        .in_data(of_window),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .out_data(out_data)
    );
endmodule
