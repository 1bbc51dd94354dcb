// The position of the newest pixel of a window that slides over an image and its padding, pixel by pixel.
#pragma once

#include "counter.h"

template <typename Layer>
struct Scan {
    static const int ROWS = Layer::PAD_TOP + Layer::HEIGHT + Layer::PAD_BOTTOM;
    static const int COLUMNS = Layer::PAD_LEFT + Layer::WIDTH + Layer::PAD_RIGHT;
    static const int DOWN = Layer::KERNEL_HEIGHT > Layer::STRIDE_HEIGHT ? Layer::KERNEL_HEIGHT : Layer::STRIDE_HEIGHT;
    static const int RIGHT = Layer::KERNEL_WIDTH > Layer::STRIDE_WIDTH ? Layer::KERNEL_WIDTH : Layer::STRIDE_WIDTH;

    // The position in the padded image.
    Counter<ROWS> row;
    Counter<COLUMNS> column;
    // How many more pixels the next window needs. They are counted, since a remainder would take a divider.
    ap_uint<bits_of(DOWN - 1)> rows_lacking = Layer::KERNEL_HEIGHT - 1;
    ap_uint<bits_of(RIGHT - 1)> columns_lacking = Layer::KERNEL_WIDTH - 1;
    // Whether row and column are in the image and not in its padding. The next turn depends on it. So it is a register
    // set one pixel ahead, and not a comparison with both ends in the turn itself.
    bool in_rows = Layer::PAD_TOP == 0, in_columns = Layer::PAD_LEFT == 0;

    bool has_column() const { return in_columns; }

    bool has_pixel() const { return in_rows && in_columns; }

    // Whether the pixel so many rows above the newest one is in the image. It is in the padded image in any case.
    bool has_pixel_above(int rows) const {
        return has_column() && row - rows >= Layer::PAD_TOP && row - rows < Layer::PAD_TOP + Layer::HEIGHT;
    }

    bool has_window() const { return rows_lacking == 0 && columns_lacking == 0; }

    // Whether a pixel ends a column of a window, in a row that completes windows: for the first pixel, and for the
    // next.
    static bool begins_with_column_of_window() { return Layer::KERNEL_HEIGHT == 1; }

    bool next_ends_column_of_window() const {
        if (column.is_last) return rows_lacking == 0 ? Layer::STRIDE_HEIGHT == 1 : rows_lacking == 1;
        const bool is_of_window =
            columns_lacking == 0 ? Layer::STRIDE_WIDTH <= Layer::KERNEL_WIDTH : columns_lacking <= Layer::KERNEL_WIDTH;
        return rows_lacking == 0 && is_of_window && column < Layer::USED - 1;
    }

    void next() {
#pragma HLS INLINE
        const bool was_whole = columns_lacking == 0;
        columns_lacking = was_whole ? Layer::STRIDE_WIDTH - 1 : int(columns_lacking) - 1;
        in_columns = column == (Layer::PAD_LEFT + COLUMNS - 1) % COLUMNS ||
                     (in_columns && column != Layer::PAD_LEFT + Layer::WIDTH - 1);
        if (column.advance()) {
            columns_lacking = Layer::KERNEL_WIDTH - 1;
            rows_lacking = rows_lacking == 0 ? Layer::STRIDE_HEIGHT - 1 : int(rows_lacking) - 1;
            in_rows = row == (Layer::PAD_TOP + ROWS - 1) % ROWS || (in_rows && row != Layer::PAD_TOP + Layer::HEIGHT - 1);
            row.advance();
        }
    }
};
