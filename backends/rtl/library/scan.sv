// A window slides over an image and its padding, pixel by pixel: what is to be known of the newest pixel, in registers.
//
// The counters stand a pixel ahead, so that comparing them takes a cycle of its own. After reset comes one pixel that is
// nothing: no flag is set.
module scan #(
    parameter HEIGHT = 1,
    parameter WIDTH = 1,
    parameter KERNEL_HEIGHT = 1,
    parameter KERNEL_WIDTH = 1,
    parameter STRIDE_HEIGHT = 1,
    parameter STRIDE_WIDTH = 1,
    parameter PAD_TOP = 0,
    parameter PAD_BOTTOM = 0,
    parameter PAD_LEFT = 0,
    parameter PAD_RIGHT = 0
) (
    input logic clk,
    input logic reset,
    input logic next,                             // the pixel is done with
    output logic has_column,                      // its column is one of the image
    output logic has_pixel,                       // and so is its row
    output logic [KERNEL_HEIGHT-1:0] has_rows,    // which rows of the window are: the newest is the highest bit
    output logic ends_window,
    output logic ends_column_of_window,           // in a row that ends windows, it ends a column that belongs to some
    output logic ends_row
);
    localparam ROWS = PAD_TOP + HEIGHT + PAD_BOTTOM;
    localparam COLUMNS = PAD_LEFT + WIDTH + PAD_RIGHT;
    localparam WINDOWS = (COLUMNS - KERNEL_WIDTH) / STRIDE_WIDTH + 1;  // in a row
    localparam USED = (WINDOWS - 1) * STRIDE_WIDTH + KERNEL_WIDTH;     // columns up to the end of the last one
    localparam ROW_BITS = $clog2(ROWS + 1);
    localparam COLUMN_BITS = $clog2(COLUMNS + 1);
    localparam DOWN_BITS = $clog2(KERNEL_HEIGHT + STRIDE_HEIGHT);
    localparam ACROSS_BITS = $clog2(KERNEL_WIDTH + STRIDE_WIDTH);

    // Of the next pixel in the padded image.
    logic [ROW_BITS-1:0] row;
    logic [COLUMN_BITS-1:0] column;
    // Rows and columns until a window ends: counted, since a remainder would take a divider.
    logic [DOWN_BITS-1:0] rows_lacking;
    logic [ACROSS_BITS-1:0] columns_lacking;

    logic is_last_row, is_last_column, in_rows, in_columns;
    assign is_last_row = row == ROW_BITS'(ROWS - 1);
    assign is_last_column = column == COLUMN_BITS'(COLUMNS - 1);
    generate
        if (PAD_TOP > 0) begin : padded_rows
            assign in_rows = row >= ROW_BITS'(PAD_TOP) && row < ROW_BITS'(PAD_TOP + HEIGHT);
        end else begin : rows
            assign in_rows = row < ROW_BITS'(HEIGHT);
        end
        if (PAD_LEFT > 0) begin : padded_columns
            assign in_columns = column >= COLUMN_BITS'(PAD_LEFT) && column < COLUMN_BITS'(PAD_LEFT + WIDTH);
        end else begin : columns
            assign in_columns = column < COLUMN_BITS'(WIDTH);
        end
    endgenerate

    always_ff @(posedge clk) begin
        if (reset) begin
            row <= 0;
            column <= 0;
            rows_lacking <= DOWN_BITS'(KERNEL_HEIGHT - 1);
            columns_lacking <= ACROSS_BITS'(KERNEL_WIDTH - 1);
        end else if (next) begin
            column <= is_last_column ? 0 : column + 1;
            columns_lacking <= columns_lacking == 0 ? ACROSS_BITS'(STRIDE_WIDTH - 1) : columns_lacking - 1;
            if (is_last_column) begin
                columns_lacking <= ACROSS_BITS'(KERNEL_WIDTH - 1);
                row <= is_last_row ? 0 : row + 1;
                rows_lacking <= rows_lacking == 0 ? DOWN_BITS'(STRIDE_HEIGHT - 1) : rows_lacking - 1;
                if (is_last_row) rows_lacking <= DOWN_BITS'(KERNEL_HEIGHT - 1);
            end
        end
    end

    always_ff @(posedge clk) begin
        if (reset) begin
            has_column <= 0;
            has_pixel <= 0;
            has_rows <= 0;
            ends_window <= 0;
            ends_column_of_window <= 0;
            ends_row <= 0;
        end else if (next) begin
            has_column <= in_columns;
            has_pixel <= in_columns && in_rows;
            ends_window <= rows_lacking == 0 && columns_lacking == 0;
            ends_column_of_window <= rows_lacking == 0 && columns_lacking < ACROSS_BITS'(KERNEL_WIDTH)
                && column < COLUMN_BITS'(USED);
            ends_row <= is_last_column;
        end
        if (!reset && next && column == 0) has_rows <= KERNEL_HEIGHT'({in_rows, has_rows} >> 1);
    end
endmodule
